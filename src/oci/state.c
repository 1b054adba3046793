/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json_table.h"
#include "base/str.h"
#include "base/sys.h"
#include "oci/oci.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

enum { STATE_MAX = 1 << 20 };

static const char *const status_names[] = {
	[OCI_CREATING] = "creating", [OCI_CREATED] = "created", [OCI_RUNNING] = "running",
	[OCI_PAUSED] = "paused",     [OCI_STOPPED] = "stopped",
};

const char *oci_status_name(enum oci_status status)
{
	return status_names[status];
}

static int annotation_take(void *root, void *element, struct err *err)
{
	struct state *state = root;
	struct json_pair *pair = element;

	(void)err;
	spec_add_pair(&state->annotations, &state->annotation_count, ptr_take(&pair->name),
		      ptr_take(&pair->value));
	return 0;
}

static const struct json_field state_table[] = {
	FIELD_STRING("id", struct state, id),
	FIELD_STRING("ociVersion", struct state, version),
	FIELD_STRING("bundle", struct state, bundle),
	FIELD_STRING("rootfs", struct state, rootfs),
	FIELD_STRING("created", struct state, created),
	FIELD_STRING("cgroup", struct state, cgroup),
	FIELD_STRING("owner", struct state, owner),
	FIELD_STRING("boot", struct state, boot),
	FIELD_STRING("slice", struct state, scope.slice),
	FIELD_STRING("unit", struct state, scope.unit),
	FIELD_INT32("pid", struct state, pid, 0, INT32_MAX),
	FIELD_UINT("startTime", struct state, start_time, 0, UINT64_MAX),
	FIELD_BOOL("ownPidNamespace", struct state, own_pid_namespace),
	FIELD_PAIRS("annotations", annotation_take),
	FIELD_END,
};

void state_clear(struct state *state)
{
	json_table_clear(state_table, state);
	for (size_t i = 0; i < state->annotation_count; i++) {
		free(state->annotations[i].name);
		free(state->annotations[i].value);
	}
	free(state->annotations);
	fd_close(state->dir);
	*state = STATE_EMPTY;
}

/* -- the folder ------------------------------------------------------------------------------- */

int state_id_check(const char *id, struct err *err)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";

	if (!*id || strlen(id) > 255 || id[0] == '.' || id[strspn(id, good)])
		return err_set(err, EINVAL,
			       "invalid container ID \"%s\": letters, digits and _+-. are allowed, "
			       "and no dot at the start",
			       id);
	return 0;
}

static int folders_make(const char *path)
{
	_cleanup_free_ char *copy = str_dup(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int state_root(const struct oci *oci, struct err *err)
{
	int fd = open(oci->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		int r = folders_make(oci->root);

		if (r < 0)
			return err_sys(err, r, "make folder %s", oci->root);
		fd = open(oci->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(err, errno, "open folder %s", oci->root) : fd;
}

int state_lock(const struct state *state, struct err *err)
{
	while (flock(state->dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "lock container %s", state->id);
	return 0;
}

int state_new(const struct oci *oci, const char *id, int *ret_dir, struct err *err)
{
	_cleanup_close_ int root = -1, dir = -1;
	int r = state_id_check(id, err);

	root = r < 0 ? r : state_root(oci, err);
	if (root < 0)
		return root;
	if (mkdirat(root, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_set(err, EEXIST, "container with id exists: %s", id);
		return err_sys(err, errno, "make folder %s/%s", oci->root, id);
	}
	dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fchmod(dir, 0700) < 0 || flock(dir, LOCK_EX) < 0)
		return err_sys(err, errno, "open folder %s/%s", oci->root, id);
	*ret_dir = fd_take(&dir);
	return 0;
}

void state_remove(const struct oci *oci, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int root = state_root(oci, &ignored);

	if (root >= 0)
		(void)dir_remove(root, id); /* what stays is found by the next delete */
}

/* -- state.json ------------------------------------------------------------------------------- */

static void field(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s\"%s\": ", out->length > 1 ? ", " : "", key);
	json_quote(out, value);
}

static void annotations_json(struct buf *out, const struct state *state)
{
	buf_puts(out, ", \"annotations\": {");
	for (size_t i = 0; i < state->annotation_count; i++) {
		buf_puts(out, i ? ", " : "");
		json_quote(out, state->annotations[i].name);
		buf_puts(out, ": ");
		json_quote(out, state->annotations[i].value);
	}
	buf_puts(out, "}");
}

int state_write(const struct state *state, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	buf_puts(&text, "{");
	field(&text, "ociVersion", state->version);
	field(&text, "id", state->id);
	field(&text, "bundle", state->bundle);
	field(&text, "rootfs", state->rootfs);
	field(&text, "created", state->created);
	field(&text, "cgroup", state->cgroup);
	field(&text, "owner", state->owner);
	field(&text, "boot", state->boot);
	if (state->scope.unit) {
		field(&text, "slice", state->scope.slice);
		field(&text, "unit", state->scope.unit);
	}
	buf_printf(&text, ", \"pid\": %d, \"startTime\": %llu, \"ownPidNamespace\": %s", state->pid,
		   (unsigned long long)state->start_time,
		   state->own_pid_namespace ? "true" : "false");
	annotations_json(&text, state);
	buf_puts(&text, "}\n");
	return file_replace(state->dir, "state.json", text.data, text.length, 0600, false, err);
}

int state_read(const struct oci *oci, const char *id, struct state *ret_state, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	_cleanup_free_ char *path = NULL;
	int r = state_id_check(id, err);

	if (r < 0)
		return r;
	path = str_printf("%s/%s", oci->root, id);
	state.dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (state.dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(err, ENOENT, "container \"%s\" does not exist", id);
	if (state.dir < 0)
		return err_sys(err, errno, "open folder %s", path);
	r = file_read(state.dir, "state.json", STATE_MAX, &text);
	if (r == 0)
		r = json_table_read(text.data, text.length, "state.json", state_table, &state,
				    &state, err);
	else if (r != -ENOENT)
		return err_sys(err, r, "read %s/state.json", path);
	if (r < 0 && r != -ENOENT)
		return err_wrap(err, "container \"%s\"", id);
	/* without a file: a create that was killed before it wrote one */
	if (!state.id)
		state.id = str_dup(id);
	*ret_state = state;
	state = STATE_EMPTY;
	return 0;
}

/* -- the cgroup ------------------------------------------------------------------------------- */

static char *boot_id(void)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &text) < 0)
		return str_dup("");
	text.data[strcspn(text.data, "\n")] = '\0';
	return str_dup(text.data);
}

/* The line that tells which it is; to be freed. */
static char *cgroup_line(const struct state *state, struct cgroup *cgroup, struct err *err)
{
	_cleanup_free_ char *boot = NULL;
	uint64_t identity;

	if (cgroup_identity(cgroup, state->cgroup, &identity, err) < 0)
		return NULL;
	boot = boot_id();
	return str_printf("%s %llu\n", boot, (unsigned long long)identity);
}

int state_cgroup_record(const struct state *state, struct cgroup *cgroup, struct err *err)
{
	_cleanup_free_ char *line = cgroup_line(state, cgroup, err);
	_cleanup_close_ int fd = -1;
	int r;

	if (!line)
		return -err->code;
	/* half a line, of one who was killed over it, is no record: nobody is in the cgroup then */
	fd = openat(state->dir, "cgroup", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	r = fd < 0 ? -errno : fd_write_all(fd, line, strlen(line));
	return r < 0 ? err_sys(err, r, "record the cgroup of container %s", state->id) : 0;
}

bool state_cgroup_is_ours(const struct state *state, struct cgroup *cgroup)
{
	_cleanup_(buf_clear) struct buf recorded = BUF_EMPTY;
	_cleanup_free_ char *line = NULL;
	struct err ignored = ERR_NONE;

	if (!state->cgroup || !*state->cgroup ||
	    file_read(state->dir, "cgroup", 256, &recorded) < 0)
		return false;
	line = cgroup_line(state, cgroup, &ignored);
	return line && strcmp(line, recorded.data) == 0;
}

/* -- processes -------------------------------------------------------------------------------- */

/* Start time and one-letter state of a process, behind its name, which may hold anything. */
static int stat_read(int proc, uint64_t *ret_start, char *ret_letter)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = file_read(proc, "stat", 4096, &text);
	char *p = r < 0 ? NULL : strrchr(text.data, ')');

	if (!p || p[1] != ' ')
		return r < 0 ? r : -EINVAL;
	*ret_letter = p[2];
	p += 2; /* field 3; the start time is field 22 */
	for (int i = 3; i < 22 && p; i++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return -EINVAL;
	*ret_start = strtoull(p, NULL, 10);
	return 0;
}

static int proc_open(pid_t pid)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int state_set_pid(struct state *state, pid_t pid, struct err *err)
{
	_cleanup_close_ int proc = proc_open(pid);
	char letter;
	int r = proc < 0 ? proc : stat_read(proc, &state->start_time, &letter);

	if (r < 0)
		return err_sys(err, r, "look at process %d", (int)pid);
	state->pid = pid;
	free(state->boot);
	state->boot = boot_id();
	return 0;
}

/* A pidfd of the first process as long as it lives; -1: it has ended, zombies too. */
static int alive(const struct state *state)
{
	_cleanup_close_ int proc = -1, pidfd = -1;
	_cleanup_free_ char *boot = NULL;
	uint64_t start;
	char letter;

	if (state->pid <= 0)
		return -1;
	boot = boot_id();
	if (!str_equal(boot, state->boot))
		return -1;
	/* the pidfd first: if the number still has the start time then, the pidfd is of that process */
	pidfd = sys_pidfd_open(state->pid, 0);
	proc = pidfd < 0 ? -1 : proc_open(state->pid);
	if (proc < 0 || stat_read(proc, &start, &letter) < 0 || start != state->start_time ||
	    letter == 'Z' || letter == 'X')
		return -1;
	return fd_take(&pidfd);
}

int state_connect(const struct state *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* by descriptor, since a path may be too long for a socket's address */
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/start",
		       state->dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return fd_take(&fd);
}

enum oci_status state_status(const struct state *state, struct cgroup *cgroup, int *ret_pidfd)
{
	_cleanup_close_ int pidfd = alive(state), connection = -1;
	struct stat st;

	if (ret_pidfd)
		*ret_pidfd = -1;
	if (state->pid <= 0) {
		/* somebody is at it, or was killed over it */
		bool busy = flock(state->dir, LOCK_SH | LOCK_NB) < 0;

		if (!busy)
			(void)flock(state->dir, LOCK_UN);
		return busy ? OCI_CREATING : OCI_STOPPED;
	}
	if (pidfd < 0)
		return OCI_STOPPED;
	if (ret_pidfd)
		*ret_pidfd = fd_take(&pidfd);
	if (fstatat(state->dir, "start", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		connection = state_connect(state);
		if (connection >= 0 || connection == -EAGAIN)
			return OCI_CREATED;
	}
	return cgroup && cgroup_frozen(cgroup, state->cgroup) > 0 ? OCI_PAUSED : OCI_RUNNING;
}

/* -- for others ------------------------------------------------------------------------------- */

void state_json(struct buf *out, const struct state *state, const char *status, pid_t pid)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	buf_puts(&text, "{");
	field(&text, "ociVersion", state->version);
	field(&text, "id", state->id);
	field(&text, "status", status);
	buf_printf(&text, ", \"pid\": %d", (int)pid);
	field(&text, "bundle", state->bundle);
	field(&text, "rootfs", state->rootfs);
	field(&text, "created", state->created);
	if (state->annotation_count > 0)
		annotations_json(&text, state);
	field(&text, "owner", state->owner);
	buf_puts(&text, "}");
	buf_add(out, text.data, text.length);
}

int state_spec(const struct state *state, struct spec **ret_spec, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct spec *spec;
	int r = file_read(state->dir, "config.json", SPEC_FILE_MAX, &text);

	if (r < 0)
		return err_sys(err, r, "read the config.json of container %s", state->id);
	spec = spec_new();
	r = spec_read(text.data, text.length, spec, err);
	if (r < 0) {
		spec_free(spec);
		return r;
	}
	free(spec->cgroup_path);
	spec->cgroup_path = str_dup(state->cgroup);
	*ret_spec = spec;
	return 0;
}
