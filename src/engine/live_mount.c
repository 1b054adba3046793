/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/live_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"
#include "engine/container_label.h"
#include "engine/container_root.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/container_step.h"
#include "runtime/mount.h"

/* -- in the container's namespaces ------------------------------------------------------------ */

struct place {
	const struct record *record;
	const char *path;
	int mount_fd; /* -1: take away what is there */
	bool directory;
};

static int parent_open(int root, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = str_ndup(path, (size_t)(slash - path) + (slash == path));

	*ret_name = slash + 1;
	return root_open(root, parent, O_PATH | O_DIRECTORY, err);
}

static int attach_there(const struct place *place, int root, struct err *err)
{
	_cleanup_close_ int target = place->directory ?
					     root_make_dir(root, place->path, 0, 0, err) :
					     root_make_file(root, place->path, 0, 0, err);
	int r = target < 0 ? target : mount_attach(place->mount_fd, target);

	return target < 0 ? target : r < 0 ? err_sys(err, r, "mount at %s", place->path) : 0;
}

static int detach_there(const struct place *place, int root, struct err *err)
{
	const char *name;
	_cleanup_close_ int parent = parent_open(root, place->path, &name, err);

	if (parent < 0)
		return parent;
	if (fchdir(parent) < 0 || umount2(name, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
		return err_sys(err, errno, "unmount %s", place->path);
	return 0;
}

static void there(struct engine *engine, const struct place *place, struct err *err)
{
	const char *rest;
	int root, r = container_root_enter(engine, place->record, place->path, true, &root, &rest,
					   err);

	if (r == 0 && place->mount_fd >= 0)
		(void)attach_there(place, root, err);
	else if (r == 0)
		(void)detach_there(place, root, err);
}

/* A process goes there: it could not come back. */
static int send_there(struct engine *engine, const struct place *place, struct err *err)
{
	struct err theirs = ERR_NONE;
	ssize_t n = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(engine);
	pid = fork();
	if (pid == 0) {
		there(engine, place, &theirs);
		_exit(write(ends[1], &theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs) ? 0 : 1);
	}
	fd_close(ends[1]);
	if (pid > 0)
		n = read(ends[0], &theirs, sizeof(theirs));
	fd_close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || n != (ssize_t)sizeof(theirs))
		return err_set(err, EIO, "the process in the container was killed");
	*err = theirs;
	return -theirs.code;
}

/* -- what is mounted -------------------------------------------------------------------------- */

/* The spec of a container that has this mount alone. */
static int spec_of_one(struct engine *engine, const struct record *record, const json_t *mount,
		       struct built_spec *ret_built, struct err *err)
{
	struct record one = *record;
	int r;

	one.config = json_copy(record->config);
	json_put(one.config, "Mounts", json_pack("[O]", mount));
	r = spec_build_process(engine, &one, ret_built, err);
	json_decref(one.config);
	return r;
}

/* Is set-id refused in the container as it runs? */
static int filter_check(struct engine *engine, const struct record *record, const json_t *mount,
			const struct built_spec *wanted, struct err *err)
{
	_cleanup_(built_spec_clear) struct built_spec now = { 0 };
	int r;

	if (!wanted->spec->seccomp_no_set_id)
		return 0;
	r = spec_build_process(engine, record, &now, err);
	if (r < 0 || now.spec->seccomp_no_set_id)
		return r;
	err_set(err, EPERM,
		"host users can reach %s, and this container's filter does not refuse set-id files, which cannot be changed while it runs",
		json_string_at(mount, "Source", ""));
	return err_hint(err, "mount it read-only or with setid=allow, or stop the container first");
}

static int mount_open(const struct spec *spec, const struct spec_mount *mount, int userns,
		      struct err *err)
{
	int fd;

	if (mount->owner_map) {
		err_set(err, EOPNOTSUPP,
			"idmap=owner cannot be given to a container while it runs");
		return err_hint(err, "use idmap=container, or stop the container first");
	}
	if (mount->kind == SPEC_MOUNT_BIND)
		return container_bind_open(spec, mount, userns, err);
	{
		_cleanup_free_ char *data = str_printf(
			"%s%suid=%u,gid=%u", mount->data ? mount->data : "", mount->data ? "," : "",
			spec->uid_map_count ? spec_host_id(spec->uid_map, spec->uid_map_count, 0) :
					      0,
			spec->gid_map_count ? spec_host_id(spec->gid_map, spec->gid_map_count, 0) :
					      0);

		fd = mount_new_labelled("tmpfs", "tmpfs", data, spec->mount_label,
					(unsigned int)mount->attr_set | MOUNT_ATTR_NODEV);
	}
	return fd < 0 ? err_sys(err, fd, "make a tmpfs for %s", mount->destination) : fd;
}

static int relabel_one(const struct record *record, const json_t *mount, const struct spec *spec,
		       struct err *err)
{
	struct record one = *record;
	int r;

	one.config = json_pack("{s:[O]}", "Mounts", mount);
	r = container_label_binds(&one, spec, err);
	json_decref(one.config);
	return r;
}

int live_mount_add(struct engine *engine, const struct record *record, const json_t *mount,
		   struct err *err)
{
	_cleanup_(built_spec_clear) struct built_spec built = { 0 };
	_cleanup_close_ int userns = -1, fd = -1;
	struct container_status status;
	const struct spec_mount *one;
	struct place place = { .record = record };
	char path[64];
	struct stat st;
	int r = spec_of_one(engine, record, mount, &built, err);

	if (r == 0)
		r = filter_check(engine, record, mount, &built, err);
	if (r == 0)
		r = relabel_one(record, mount, built.spec, err);
	if (r < 0)
		return r;
	status_get(engine, record->row.id, &status);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)status.pid);
	if (built.spec->uid_map_count > 0) {
		userns = open(path, O_RDONLY | O_CLOEXEC);
		if (userns < 0)
			return err_sys(err, errno, "open the user namespace");
	}
	one = &built.spec->mounts[built.spec->mount_count - 1];
	fd = mount_open(built.spec, one, userns, err);
	if (fd < 0)
		return fd;
	place.path = one->destination;
	place.mount_fd = fd;
	place.directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	return send_there(engine, &place, err);
}

int live_mount_remove(struct engine *engine, const struct record *record, const char *target,
		      struct err *err)
{
	struct place place = { .record = record, .path = target, .mount_fd = -1 };

	return send_there(engine, &place, err);
}

int live_device_add(struct engine *engine, const struct record *record, const char *path,
		    struct err *err)
{
	_cleanup_(built_spec_clear) struct built_spec built = { 0 };
	_cleanup_close_ int fd = -1;
	struct place place = { .record = record, .path = path };
	int r = spec_build_devices(engine, record, &built, err);

	for (size_t i = 0; r == 0 && i < built.spec->device_count; i++) {
		if (strcmp(built.spec->devices[i].path, path) != 0)
			continue;
		fd = container_device_open(built.spec, &built.spec->devices[i], err);
		if (fd < 0)
			return fd;
		place.mount_fd = fd;
		return send_there(engine, &place, err);
	}
	return r < 0 ? r : err_set(err, ENOENT, "no device at %s", path);
}
