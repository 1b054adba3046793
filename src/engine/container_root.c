/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/container_root.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container_files.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/mount.h"

/* The container's pid namespace is not joined: nobody in it can see this process, so nobody can trace it. */
static int running_enter(const struct record *record, int init, int *ret_root, struct err *err)
{
	int kinds = CLONE_NEWNS | (record->row.uid_base ? CLONE_NEWUSER : 0);

	if (setns(init, kinds) < 0)
		return err_sys(err, errno, "enter container %s", record->row.name);
	if (record->row.uid_base &&
	    (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return err_sys(err, errno, "become root in container %s", record->row.name);
	*ret_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_root < 0 ? err_sys(err, errno, "open the root of %s", record->row.name) : 0;
}

/* A detached overlay; it dissolves with its descriptor. */
enum view { VIEW_WRITE, VIEW_WHOLE, VIEW_BELOW };

static int overlay_open(struct engine *engine, const struct record *record, enum view view,
			struct err *err)
{
	_cleanup_(built_spec_clear) struct built_spec built = { 0 };
	_cleanup_close_ int dir =
		engine_container_dir(engine, record->row.id, view == VIEW_WRITE, err);
	_cleanup_free_ char *upper = NULL;
	_cleanup_free_ int *parts = NULL;
	struct stat st;
	int fd, r = spec_build_root(engine, record, &built, err);

	if (r < 0)
		return r;
	if (built.spec->rootfs_path) { /* in place: there are no layers */
		fd = open(built.spec->rootfs_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_sys(err, errno, "open %s", built.spec->rootfs_path) : fd;
	}
	if (view == VIEW_WRITE) {
		if (dir < 0)
			return dir;
		r = container_folders_make(engine, record, err);
		if (r < 0)
			return r;
		container_root_settle(engine, record);
	} else {
		/* what it wrote is one more layer, the topmost */
		upper = ptr_take(&built.spec->upper_path);
		if (view == VIEW_WHOLE && stat(upper, &st) == 0)
			r = spec_layer_on_top(&built, upper, err);
		if (r < 0)
			return r;
		if (built.spec->lower_count == 1) /* the kernel wants two layers, or an upper */
			return fcntl(built.spec->lower_fds[0], F_DUPFD_CLOEXEC, 3);
	}
	parts = mem_new((built.spec->lower_count + 1) * sizeof(*parts));
	for (size_t i = 0; i <= built.spec->lower_count; i++)
		parts[i] = -1;
	fd = mount_overlay(built.spec, -1, parts, err);
	for (size_t i = 0; i <= built.spec->lower_count; i++)
		fd_close(parts[i]);
	return fd;
}

int container_root_snapshot(struct engine *engine, const struct record *record, struct err *err)
{
	return overlay_open(engine, record, VIEW_WHOLE, err);
}

int container_root_below(struct engine *engine, const struct record *record, struct err *err)
{
	return overlay_open(engine, record, VIEW_BELOW, err);
}

/* The volume or bind that path lies in: its source's descriptor and the rest; -ENOENT: in none. */
static int mount_open(struct engine *engine, const struct record *record, const char *path,
		      const char **ret_path, struct err *err)
{
	const json_t *mount, *best = NULL;
	size_t i, length = 0;
	const char *source;
	int fd;

	json_array_foreach(json_at(record->config, "Mounts"), i, mount)
	{
		const char *at = json_string_at(mount, "Destination", "");
		size_t n = strlen(at);

		if (n > length && strncmp(path, at, n) == 0 && (path[n] == '/' || !path[n]) &&
		    strcmp(json_string_at(mount, "Type", ""), "tmpfs") != 0) {
			best = mount;
			length = n;
		}
	}
	if (!best)
		return -ENOENT;
	if (disk_limit_volume(engine, json_string_at(best, "Name", ""),
			      json_at(best, "VolumeOptions"), err) < 0)
		return -err->code;
	source = json_string_at(best, "Source", "");
	fd = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && json_at(best, "Name")) {
		/* made and filled by the first start: a file that lay there before would keep it from being filled */
		err_set(err, EBUSY, "volume %s has no files yet", json_string_at(best, "Name", ""));
		return err_hint(err, "they come with the first start of container %s",
				record->row.name);
	}
	if (fd < 0)
		return err_sys(err, errno == ENOENT ? ENXIO : errno, "open %s", source);
	*ret_path = path[length] ? path + length : "/";
	return fd;
}

int container_root_enter(struct engine *engine, const struct record *record, const char *path,
			 bool write, int *ret_root, const char **ret_path, struct err *err)
{
	_cleanup_close_ int init = status_pidfd(engine, record->row.id);
	int r;

	(void)umask(0);
	*ret_path = path;
	if (init >= 0) {
		engine_kill_point("root-entering");
		r = running_enter(record, init, ret_root, err);
		if (r != -ESRCH)
			return r;
		err_clear(err); /* it ended since we looked */
	}
	r = mount_open(engine, record, path, ret_path, err);
	if (r == -ENOENT)
		r = overlay_open(engine, record, write ? VIEW_WRITE : VIEW_WHOLE, err);
	if (r < 0)
		return r;
	*ret_root = r;
	return 0;
}
