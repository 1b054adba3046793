/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/foreign_runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/securebits.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "engine/foreign_config.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/container_step.h"
#include "runtime/id_map.h"
#include "runtime/mount.h"
#include "runtime/spec.h"
#include "runtime/tree_copy.h"
#include "runtime/user.h"

enum { ID_SHOWN = 12, LOG_LIMIT_BYTES = 1 << 20, CONSOLE_PATIENCE_MS = 10000 };

struct making {	       /* one create */
	bool v1_alone; /* crun knows v1 and v2, but no host that has both */
	struct engine *engine;
	const struct record *record;
	struct spec *spec;
	const struct container_io *io;
	char *program, *state, *bundle, *log, *pid_file, *console;
};

static void making_clear(struct making *m)
{
	free(m->program);
	free(m->state);
	free(m->bundle);
	free(m->log);
	free(m->pid_file);
	free(m->console);
}

static char *program_find(const char *name, struct err *err)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					       "/usr/bin",	  "/sbin",	    "/bin" };

	if (*name == '/' && access(name, X_OK) == 0)
		return str_dup(name);
	for (size_t i = 0; !strchr(name, '/') && *name && i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = str_printf("%s/%s", folders[i], name);

		if (access(path, X_OK) == 0)
			return ptr_take(&path);
	}
	err_set(err, ENOENT, "unknown or invalid runtime name: %s", name);
	err_hint(err, "it is the name of a program in /usr/bin and its kin, or an absolute path");
	return NULL;
}

static const char *name_of(const struct record *record)
{
	return json_string_at(record->config, "HostConfig.Runtime", "cloche");
}

static int making_fill(struct making *m, struct engine *engine, const struct record *record,
		       struct err *err)
{
	struct cgroup *cgroup = engine_cgroup(engine, err);
	const char *run = engine->settings.run_root;

	m->engine = engine;
	m->record = record;
	m->state = str_printf("%s/oci", run);
	m->bundle = str_printf("%s/%s", run, record->row.id);
	m->log = str_printf("%s/%.*s.log", m->state, ID_SHOWN, record->row.id);
	m->pid_file = str_printf("%s/%.*s.pid", m->state, ID_SHOWN, record->row.id);
	m->console = str_printf("%s/%.*s.sock", m->state, ID_SHOWN, record->row.id);
	m->program = program_find(name_of(record), err);
	m->v1_alone = cgroup && m->program && cgroup_mode(cgroup) == CGROUP_HYBRID &&
		      str_suffix(m->program, "/crun");
	return cgroup && m->program ? 0 : -err->code;
}

/* -- option ----------------------------------------------------------------------------------- */

int foreign_runtime_option(const struct create_options *o, json_t *host, struct err *err)
{
	static const char *const shared[] = { "PidMode", "IpcMode", "UTSMode", "NetworkMode" };
	const char *name = o->runtime && *o->runtime ? o->runtime : "cloche";
	_cleanup_free_ char *path = NULL;

	json_put(host, "Runtime", json_text(name));
	if (strcmp(name, "cloche") == 0)
		return 0;
	path = program_find(name, err);
	if (!path)
		return -err->code;
	if (json_bool_at(host, "Init"))
		return err_set(err, EOPNOTSUPP,
			       "--runtime %s: --init is possible with Cloche's own alone", name);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (str_prefix(json_string_at(host, shared[i], ""), "container:"))
			return err_set(
				err, EOPNOTSUPP,
				"--runtime %s: namespaces of other containers are possible with Cloche's own alone",
				name);
	return 0;
}

bool foreign_runtime_is(const struct record *record)
{
	return strcmp(name_of(record), "cloche") != 0;
}

/* -- the bundle ------------------------------------------------------------------------------- */

static int attach(int dir, const char *name, int fd, struct err *err)
{
	struct stat st;
	int r = 0, file = -1;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "look at a mount");
	if (S_ISDIR(st.st_mode)) {
		r = mkdirat(dir, name, 0755);
	} else {
		file = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		r = file < 0 ? -1 : 0;
		fd_close(file);
	}
	if (r == 0)
		r = mount_attach_at(fd, dir, name);
	else
		r = -errno;
	return r < 0 ? err_sys(err, r, "attach %s in the bundle", name) : 0;
}

static int root_make(const struct making *m, int userns, struct err *err)
{
	const struct spec *spec = m->spec;
	_cleanup_free_ int *parts = NULL;
	int fd, r;

	if (spec->lower_count > 0) {
		parts = mem_new((spec->lower_count + 1) * sizeof(*parts));
		for (size_t i = 0; i <= spec->lower_count; i++)
			parts[i] = -1;
		return mount_overlay(spec, userns, parts, err); /* the parts end with us */
	}
	fd = mount_copy(AT_FDCWD, spec->rootfs_path, AT_RECURSIVE);
	if (fd < 0)
		return err_sys(err, fd, "mount %s", spec->rootfs_path);
	r = mount_change(fd, MOUNT_ATTR_NODEV, MS_PRIVATE, userns, AT_RECURSIVE);
	if (r < 0) {
		fd_close(fd);
		return err_sys(err, r, "mount %s", spec->rootfs_path);
	}
	return fd;
}

/* "idmap=owner": as the container's own start does it, when the user is known. */
static void owner_maps(struct spec *spec)
{
	for (size_t i = 0; i < spec->mount_count; i++) {
		struct spec_mount *mount = &spec->mounts[i];

		if (!mount->owner_map || mount->uid_map_count)
			continue;
		mount->uid_map = mem_new(3 * sizeof(*mount->uid_map));
		mount->gid_map = mem_new(3 * sizeof(*mount->gid_map));
		mount->uid_map_count = id_map_owner(mount->owner_uid, spec->uid_map,
						    spec->process.uid, mount->uid_map);
		mount->gid_map_count = id_map_owner(mount->owner_gid, spec->gid_map,
						    spec->process.gid, mount->gid_map);
	}
}

/* What is made in an id-mapped mount belongs to somebody whom it maps: the container's root, for file systems, with our capabilities. */
static int volume_fill(const struct spec *spec, int root, const struct spec_mount *mount, int fd)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int from =
		root_open(root, mount->destination, O_RDONLY | O_DIRECTORY, &ignored);
	int bits = prctl(PR_GET_SECUREBITS), r;

	if (from < 0)
		return 0;
	if (bits < 0 || prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP) < 0)
		return -errno;
	(void)setfsgid(spec->gid_map_count ? spec_host_id(spec->gid_map, spec->gid_map_count, 0) :
					     0);
	(void)setfsuid(spec->uid_map_count ? spec_host_id(spec->uid_map, spec->uid_map_count, 0) :
					     0);
	r = tree_copy_into_empty(from, fd);
	(void)setfsuid(0);
	(void)setfsgid(0);
	return prctl(PR_SET_SECUREBITS, bits) < 0 ? -errno : r;
}

/* One after the other into fds, of which there is room. */
static int binds_open(const struct making *m, int root, int userns, int *fds, struct err *err)
{
	const struct spec *spec = m->spec;
	size_t count = 0;

	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		int fd, r = 0;

		if (mount->kind != SPEC_MOUNT_BIND)
			continue;
		fd = container_bind_open(spec, mount, userns, err);
		if (fd < 0)
			return fd;
		fds[count++] = fd; /* they end with this process */
		if (mount->copy_up)
			r = volume_fill(spec, root, mount, fd);
		if (r < 0)
			return err_sys(err, r, "fill the volume at %s", mount->destination);
	}
	return (int)count;
}

static int binds_attach(const struct making *m, int bundle, const int *fds, int count,
			char ***ret_binds, struct err *err)
{
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *name = str_printf("bind%d", i);
		int r = attach(bundle, name, fds[i], err);

		if (r < 0)
			return r;
		strv_add_take(ret_binds, str_printf("%s/%s", m->bundle, name));
	}
	return 0;
}

static int user_find(struct spec *spec, int root, struct err *err)
{
	struct container_report report = { 0 };
	enum container_step step = STEP_NONE;
	size_t index = 0;
	int r = spec->process.user ? user_resolve(root, &spec->process, &step, &index) : 0;

	if (r == 0)
		return 0;
	report.step = (uint32_t)step | (uint32_t)index << 8;
	report.code = -r;
	return container_explain(spec, &report, err);
}

/* A mount namespace of the runtime's own. */
static int own_mounts(const struct making *m)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -errno;
	if (m->v1_alone)
		(void)umount2("/sys/fs/cgroup/unified", MNT_DETACH | UMOUNT_NOFOLLOW);
	return 0;
}

/* In the process that becomes the runtime. What is a copy of the host's mounts is made first: from another mount namespace the
 * kernel copies none. */
static int bundle_make(const struct making *m, struct err *err)
{
	_cleanup_close_ int bundle = -1, userns = -1, root = -1;
	_cleanup_free_ char *path = str_printf("%s/rootfs", m->bundle), *text = NULL;
	_cleanup_free_ int *fds = mem_new((m->spec->mount_count + 1) * sizeof(*fds));
	_cleanup_strv_ char **binds = NULL;
	_cleanup_json_ json_t *config = NULL;
	struct spec *spec = m->spec;
	int count, r;

	if (spec->uid_map_count > 0) {
		userns = id_map_namespace(spec->uid_map, spec->uid_map_count, spec->gid_map,
					  spec->gid_map_count, err);
		if (userns < 0)
			return userns;
	}
	root = root_make(m, userns, err);
	r = root < 0 ? root : user_find(spec, root, err);
	if (r < 0)
		return r;
	owner_maps(spec);
	count = binds_open(m, root, userns, fds, err);
	if (count < 0)
		return count;
	r = own_mounts(m);
	if (r < 0)
		return err_sys(err, r, "make a mount namespace");
	/* the container's root goes through here, when it has users of its own */
	if (mount("tmpfs", m->bundle, "tmpfs", MS_NOSUID | MS_NODEV, "mode=711") < 0)
		return err_sys(err, errno, "mount a tmpfs for the bundle");
	bundle = open(m->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (bundle < 0)
		return err_sys(err, errno, "open the bundle");
	r = binds_attach(m, bundle, fds, count, &binds, err);
	if (r == 0)
		r = attach(bundle, "rootfs", root, err);
	config = r < 0 ? NULL : foreign_config(spec, path, binds, err);
	if (!config)
		return -err->code;
	text = json_dumps(config, JSON_COMPACT);
	return file_replace(bundle, "config.json", text, strlen(text), 0600, false, err);
}

/* -- the program ------------------------------------------------------------------------------ */

/* What it told of its failure: the last line of its log. */
static int log_explain(const struct making *m, const char *verb, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_free_ char *words = NULL;
	char *rest, *line;

	if (file_read(AT_FDCWD, m->log, LOG_LIMIT_BYTES, &text) == 0)
		for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
			_cleanup_json_ json_t *json = json_loads(line, 0, NULL);

			if (!json_string_at(json, "msg", NULL))
				continue;
			free(words);
			words = str_dup(json_string_at(json, "msg", ""));
		}
	err_set(err, ECANCELED, "%s %s: %s", name_of(m->record), verb,
		words ? words : "it failed and told nothing");
	/* as Docker tells them apart, by the runtime's words */
	if (strstr(err->words, "executable file not found") ||
	    strstr(err->words, "o such file or directory"))
		err->exit_status = 127;
	else if (strstr(err->words, "ermission denied") || strstr(err->words, "not executable"))
		err->exit_status = 126;
	return -err->code;
}

static _Noreturn void become_runtime(const struct making *m, int report)
{
	char *argv[20] = { m->program, (char *)"--root",       m->state,      (char *)"--log",
			   m->log,     (char *)"--log-format", (char *)"json" };
	size_t count = 7;
	char *const env[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL
	};
	struct err why = ERR_NONE;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	argv[count++] = (char *)"create";
	argv[count++] = (char *)"--bundle";
	argv[count++] = m->bundle;
	argv[count++] = (char *)"--pid-file";
	argv[count++] = m->pid_file;
	if (m->spec->process.terminal) {
		argv[count++] = (char *)"--console-socket";
		argv[count++] = m->console;
	}
	argv[count] = m->record->row.id;
	if (bundle_make(m, &why) == 0) {
		for (int i = 0; i < 3; i++)
			(void)dup2(m->spec->process.terminal ? null : m->io->stdio[i], i);
		(void)execve(m->program, argv, env);
		(void)err_sys(&why, errno, "execute %s", m->program);
	}
	(void)!write(report, &why, sizeof(why));
	_exit(127);
}

static int program_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* `start` and `delete`, without words of its own on our streams. */
static int program_run(const struct making *m, const char *verb, const char *option)
{
	char *argv[] = { m->program,
			 (char *)"--root",
			 m->state,
			 (char *)"--log",
			 m->log,
			 (char *)"--log-format",
			 (char *)"json",
			 (char *)verb,
			 (char *)option,
			 m->record->row.id,
			 NULL };
	char *const env[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL
	};
	pid_t pid;

	if (!option) {
		argv[8] = m->record->row.id;
		argv[9] = NULL;
	}
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int i = 0; i < 3; i++)
			(void)dup2(null, i);
		if (!m->v1_alone || own_mounts(m) == 0)
			(void)execve(m->program, argv, env);
		_exit(127);
	}
	return pid < 0 ? 128 : program_wait(pid);
}

/* -- the terminal ----------------------------------------------------------------------------- */

static int console_listen(const struct making *m, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unlink(m->console);
	if (!str_append(address.sun_path, sizeof(address.sun_path), m->console)) {
		fd_close(s);
		return err_set(err, ENAMETOOLONG, "the path of the run root is too long");
	}
	if (s < 0 || bind(s, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(s, 1) < 0) {
		int code = errno;

		fd_close(s);
		return err_sys(err, code, "listen at %s", m->console);
	}
	return s;
}

/* The runtime has ended well: what it sent is there. */
static int console_take(int listener, struct err *err)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte[256];
	struct iovec part = { byte, sizeof(byte) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	const struct cmsghdr *found;
	int connection = poll(&ready, 1, CONSOLE_PATIENCE_MS) == 1 ?
				 accept4(listener, NULL, NULL, SOCK_CLOEXEC) :
				 -1;
	ssize_t n = connection < 0 ? -1 : recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	int fd = -1;

	fd_close(connection);
	found = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (found && found->cmsg_type == SCM_RIGHTS && found->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(found), sizeof(fd));
	return fd < 0 ? err_set(err, EPROTO, "the runtime has sent no terminal") : fd;
}

/* -- the three -------------------------------------------------------------------------------- */

static int possible(const struct spec *spec, const struct record *record, struct err *err)
{
	if (spec->resources.file_count > 0)
		return err_set(err, EOPNOTSUPP,
			       "--runtime %s: limits of block devices and --oom-kill-disable are "
			       "possible with Cloche's own alone",
			       name_of(record));
	if (spec->net_device_count > 0)
		return err_set(err, EOPNOTSUPP,
			       "--runtime %s: --network-device is possible with Cloche's own alone",
			       name_of(record));
	return 0;
}

static int pid_read(const struct making *m, struct container *c, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	uint64_t pid = 0;
	int ends[2];

	if (file_read(AT_FDCWD, m->pid_file, 64, &text) == 0) {
		text.data[strcspn(text.data, "\n")] = '\0';
		(void)str_to_u64(text.data, INT32_MAX, &pid);
	}
	c->pid = (pid_t)pid;
	c->pidfd = pid ? sys_pidfd_open(c->pid, 0) : -1;
	if (c->pidfd < 0)
		return err_set(err, ESRCH, "%s create: it names no process", name_of(m->record));
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	fd_close(ends[1]); /* at its end: the command runs when `start` is through */
	c->report = ends[0];
	return 0;
}

static int create(const struct making *m, struct container *c, struct err *err)
{
	_cleanup_close_ int listener = -1, told = -1;
	struct err theirs = ERR_NONE;
	int ends[2], r = 0;
	ssize_t n;
	pid_t pid;

	if (m->spec->process.terminal)
		listener = console_listen(m, err);
	if (m->spec->process.terminal && listener < 0)
		return listener;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	told = ends[0];
	pid = fork();
	if (pid == 0)
		become_runtime(m, ends[1]);
	fd_close(ends[1]);
	if (pid < 0)
		return err_sys(err, errno, "fork");
	n = read(told, &theirs, sizeof(theirs));
	if (program_wait(pid) != 0 || n == (ssize_t)sizeof(theirs)) {
		if (n != (ssize_t)sizeof(theirs))
			return log_explain(m, "create", err);
		*err = theirs;
		return -theirs.code;
	}
	r = pid_read(m, c, err);
	if (r == 0 && listener >= 0) {
		c->terminal = console_take(listener, err);
		r = c->terminal < 0 ? c->terminal : 0;
	}
	return r;
}

int foreign_runtime_create(struct engine *engine, const struct record *record, struct spec *spec,
			   const struct container_io *io, struct container *ret_container,
			   struct err *err)
{
	_cleanup_(making_clear) struct making m = { .spec = spec, .io = io };
	struct container c = CONTAINER_NONE;
	struct cgroup *cgroup = engine_cgroup(engine, err);
	struct err ignored = ERR_NONE;
	int state, r = cgroup ? possible(spec, record, err) : -err->code;

	if (r < 0)
		return r;
	if (making_fill(&m, engine, record, err) < 0)
		return -err->code;
	state = dir_open_make(engine->run, "oci", 0711, err);
	if (state < 0)
		return state;
	fd_close(state);
	(void)program_run(&m, "delete", "--force"); /* what one that was killed has left */
	(void)unlink(m.log);
	/* in every hierarchy, of which the runtime may know fewer */
	r = cgroup_create(cgroup, spec->cgroup_path, &spec->resources, err);
	if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		r = err_sys(err, errno, "become the subreaper");
	if (r == 0)
		r = create(&m, &c, err);
	if (r == 0)
		r = cgroup_enter(cgroup, spec->cgroup_path, c.pid, err);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	(void)unlink(m.pid_file);
	(void)unlink(m.console);
	if (r < 0) {
		container_abort(&c);
		(void)program_run(&m, "delete", "--force");
		(void)unlink(m.log);
		(void)cgroup_remove(cgroup, spec->cgroup_path, &ignored);
		return r;
	}
	*ret_container = c;
	return 0;
}

int foreign_runtime_start(struct engine *engine, const struct record *record,
			  struct container *container, struct err *err)
{
	_cleanup_(making_clear) struct making m = { 0 };
	int r = 0;

	(void)container;
	if (making_fill(&m, engine, record, err) < 0)
		return -err->code;
	if (program_run(&m, "start", NULL) != 0)
		r = log_explain(&m, "start", err);
	if (r < 0)
		(void)program_run(&m, "delete", "--force");
	(void)unlink(m.log);
	return r;
}

void foreign_runtime_delete(struct engine *engine, const struct record *record)
{
	_cleanup_(making_clear) struct making m = { 0 };
	_cleanup_free_ char *path = str_printf("oci/%s", record->row.id);
	struct err ignored = ERR_NONE;

	if (!foreign_runtime_is(record))
		return;
	if (making_fill(&m, engine, record, &ignored) == 0)
		(void)program_run(&m, "delete", "--force");
	(void)unlink(m.log);
	(void)dir_remove(engine->run, path);
}
