/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/container_step.h"
#include "runtime/hook.h"
#include "runtime/id_map.h"
#include "runtime/join.h"
#include "runtime/mount.h"
#include "runtime/net_device.h"
#include "runtime/process.h"
#include "runtime/spec.h"
#include "runtime/user.h"

static const uint64_t clone_flags[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = CLONE_NEWUSER, [SPEC_NS_MOUNT] = CLONE_NEWNS,
	[SPEC_NS_PID] = CLONE_NEWPID,	[SPEC_NS_NETWORK] = CLONE_NEWNET,
	[SPEC_NS_IPC] = CLONE_NEWIPC,	[SPEC_NS_UTS] = CLONE_NEWUTS,
	[SPEC_NS_CGROUP] = 0, /* by init, after it was moved: its root is then its own folder */
	[SPEC_NS_TIME] = CLONE_NEWTIME,
};

/* -- what needs the host's rights ------------------------------------------------------------- */

/* Who the process is going to be, for the maps that need it: a child with the rights of the container's root alone reads the
 * container's files (user.h), and tells two numbers. */
static int user_ask(const struct spec *spec, int root, uint32_t ret_ids[2], struct err *err)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct container_report report = { 0 };
	uint32_t ids[2];
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (!spec->process.user) {
		ret_ids[0] = spec->process.uid;
		ret_ids[1] = spec->process.gid;
		return 0;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = sys_clone3(&args);
	if (pid == 0) {
		struct spec_process process = spec->process; /* a copy since the clone */
		uint32_t uid = spec_host_id(spec->uid_map, spec->uid_map_count, 0);
		uint32_t gid = spec_host_id(spec->gid_map, spec->gid_map_count, 0);
		enum container_step step = STEP_USER_LOOKUP;
		size_t index = 0;
		int r = setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
					setresuid(uid, uid, uid) < 0 ?
				-errno :
				user_resolve(root, &process, &step, &index);

		report.step = (uint32_t)step | (uint32_t)index << 8;
		report.code = -r;
		ids[0] = process.uid;
		ids[1] = process.gid;
		/* both are eight bytes, the exit status tells them apart */
		(void)!write(ends[1], r == 0 ? (void *)ids : (void *)&report, sizeof(ids));
		_exit(r == 0 ? 0 : 1);
	}
	fd_close(ends[1]);
	n = -1;
	if (pid > 0) {
		int status = 0;

		n = read(ends[0], ids, sizeof(ids));
		(void)waitpid(pid, &status, 0);
		if (status != 0 && n == sizeof(report)) {
			fd_close(ends[0]);
			memcpy(&report, ids, sizeof(report));
			return container_explain(spec, &report, err);
		}
	}
	fd_close(ends[0]);
	if (n != sizeof(ids))
		return err_set(err, EPIPE, "look up user %s in the container", spec->process.user);
	ret_ids[0] = ids[0];
	ret_ids[1] = ids[1];
	return 0;
}

_Static_assert(sizeof(struct container_report) == 2 * sizeof(uint32_t), "user_ask tells either");

static int owner_maps(const struct spec *spec, int root, struct err *err)
{
	uint32_t ids[2] = { UINT32_MAX, UINT32_MAX };

	for (size_t i = 0; i < spec->mount_count; i++) {
		struct spec_mount *mount = &spec->mounts[i];
		int r;

		if (!mount->owner_map || mount->uid_map_count)
			continue;
		r = ids[0] == UINT32_MAX ? user_ask(spec, root, ids, err) : 0;
		if (r < 0)
			return r;
		if (ids[0] >= spec->uid_map[0].size || ids[1] >= spec->gid_map[0].size)
			return err_set(err, ERANGE,
				       "mount %s: user %u:%u is not in the container's range",
				       mount->source, ids[0], ids[1]);
		mount->uid_map = mem_new(3 * sizeof(*mount->uid_map));
		mount->gid_map = mem_new(3 * sizeof(*mount->gid_map));
		mount->uid_map_count =
			id_map_owner(mount->owner_uid, spec->uid_map, ids[0], mount->uid_map);
		mount->gid_map_count =
			id_map_owner(mount->owner_gid, spec->gid_map, ids[1], mount->gid_map);
	}
	return 0;
}

/* Attributes of a bind that is told exactly: those of the tree, then those of the mount itself. */
static int bind_told(const struct spec_mount *mount, int fd, int userns)
{
	uint64_t propagation = mount->propagation ? mount->propagation & ~(uint64_t)MS_REC :
						    MS_PRIVATE;
	bool deep = !mount->propagation || mount->propagation & MS_REC;
	int r = mount_adjust(fd, mount->all_set, mount->all_clear, 0, -1, AT_RECURSIVE);

	if (r == 0)
		r = mount_adjust(fd, mount->attr_set, mount->attr_clear, 0, userns,
				 mount->map_tree ? AT_RECURSIVE : 0);
	/* Those below are copies of the host's, whose peers they must not stay, or what the container mounts there is mounted on the
	 * host. Who asks for "shared" wants that. */
	if (r == 0 && !deep && mount->recursive && !(propagation & MS_SHARED))
		r = mount_adjust(fd, 0, 0, propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE, -1,
				 AT_RECURSIVE);
	return r < 0 ? r : mount_adjust(fd, 0, 0, propagation, -1, deep ? AT_RECURSIVE : 0);
}

static int bind_adjust(const struct spec_mount *mount, int fd, int userns)
{
	int r;

	if (mount->top_only)
		return bind_told(mount, fd, userns);
	r = mount_change(fd, mount->attr_set | MOUNT_ATTR_NODEV,
			 mount->propagation ? mount->propagation : MS_PRIVATE, userns,
			 AT_RECURSIVE);
	if (r == -EINVAL && userns >= 0 && mount->optional_map)
		r = mount_change(fd, mount->attr_set | MOUNT_ATTR_NODEV, MS_PRIVATE, -1,
				 AT_RECURSIVE);
	return r;
}

/* The user namespace whose maps the mount gets: the container's own, or one made for it, which is in *ret_made. -1: none. */
static int bind_userns(const struct spec *spec, const struct spec_mount *mount, int userns,
		       int *ret_made, struct err *err)
{
	bool own = userns >= 0 && mount->own_map;

	if (mount->uid_map_count == 0)
		return own ? userns : -1;
	if (userns >= 0 &&
	    id_map_equal(mount->uid_map, mount->uid_map_count, spec->uid_map,
			 spec->uid_map_count) &&
	    id_map_equal(mount->gid_map, mount->gid_map_count, spec->gid_map, spec->gid_map_count))
		return userns;
	*ret_made = id_map_namespace(mount->uid_map, mount->uid_map_count, mount->gid_map,
				     mount->gid_map_count, err);
	return *ret_made;
}

int container_bind_open(const struct spec *spec, const struct spec_mount *mount, int userns,
			struct err *err)
{
	unsigned int flags = mount->recursive ? AT_RECURSIVE : 0;
	_cleanup_close_ int made = -1, fd = -1;
	int r;

	if (mount->copy_link) {
		struct stat st;

		fd = open(mount->source, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_sys(err, errno, "mount %s", mount->source);
		if (S_ISLNK(st.st_mode))
			return fd_take(&fd);
		fd_close(fd_take(&fd));
	}
	fd = mount->source_is_mount ? fcntl(mount->source_fd, F_DUPFD_CLOEXEC, 3) :
	     mount->source_fd >= 0  ? mount_copy(mount->source_fd, "", flags) :
				      mount_copy(AT_FDCWD, mount->source, flags);
	if (fd < 0)
		return err_sys(err, fd, "mount %s", mount->source);
	err_clear(err);
	userns = bind_userns(spec, mount, userns, &made, err);
	if (err->code)
		return err_wrap(err, "mount %s", mount->source);
	r = bind_adjust(mount, fd, userns);
	if (r == -EINVAL && userns >= 0) {
		err_set(err, EINVAL, "mount %s: its file system has no id-mapped mounts",
			mount->source);
		return err_hint(err, "mount it read-only or with idmap=none, or run with "
				     "--userns=host");
	}
	return r < 0 ? err_sys(err, r, "mount %s", mount->source) : fd_take(&fd);
}

/* A private node of the same device, owned by the container: the host's node stays as it is (design page, "Mounts and
 * devices"). The tmpfs lives as long as the mount of the node. */
int container_device_open(const struct spec *spec, const struct spec_device *device,
			  struct err *err)
{
	uid_t uid = spec_host_id(spec->uid_map, spec->uid_map_count, device->uid);
	gid_t gid = spec_host_id(spec->gid_map, spec->gid_map_count, device->gid);
	_cleanup_close_ int fs = -1;
	int fd, r;

	fs = mount_new("tmpfs", "cloche-device", "mode=700,size=4k",
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (fs < 0)
		return err_sys(err, fs, "make device %s", device->path);
	if (mknodat(fs, "node", (device->block ? S_IFBLK : S_IFCHR) | device->mode,
		    makedev(device->major, device->minor)) < 0 ||
	    fchmodat(fs, "node", device->mode, 0) < 0 ||
	    fchownat(fs, "node", uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "make device %s", device->path);
	fd = mount_part(fs, "node");
	if (fd < 0)
		return err_sys(err, fd, "make device %s", device->path);
	r = mount_change(fd, 0, MS_PRIVATE, -1, 0);
	if (r < 0) {
		fd_close(fd);
		return err_sys(err, r, "make device %s", device->path);
	}
	return fd;
}

static int root_fs_open(const struct spec *spec, int userns, int *parts, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (spec->lower_count > 0)
		return mount_overlay(spec, userns, parts, err);
	fd = mount_copy(AT_FDCWD, spec->rootfs_path, AT_RECURSIVE);
	if (fd < 0)
		return err_sys(err, fd, "open root file system %s", spec->rootfs_path);
	/* "slave" is to get what the host mounts there (config-linux.md, "Rootfs Mount Propagation") */
	r = mount_change(fd, spec->privileged || spec->told_exactly ? 0 : MOUNT_ATTR_NODEV,
			 spec->rootfs_propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE,
			 spec->rootfs_unmapped ? -1 : userns, AT_RECURSIVE);
	if (r == -EINVAL && userns >= 0) {
		err_set(err, EINVAL, "map the ids of %s: its file system has no id-mapped mounts",
			spec->rootfs_path);
		return err_hint(err, "keep it on ext4, xfs or btrfs, or run with --userns=host");
	}
	return r < 0 ? err_sys(err, r, "open root file system %s", spec->rootfs_path) :
		       fd_take(&fd);
}

bool container_nodes_by_parent(const struct spec *spec)
{
	return !spec->told_exactly || spec->namespaces[SPEC_NS_USER].mode != SPEC_NS_INHERIT;
}

bool container_has_root(const struct spec *spec)
{
	return spec->namespaces[SPEC_NS_MOUNT].mode != SPEC_NS_JOIN;
}

static int mounts_send(const struct container *c, const struct spec *spec, int userns,
		       struct err *err)
{
	size_t room = 1 + spec->mount_count + spec->device_count, count = 0, sent = 0;
	_cleanup_free_ int *fds = mem_new(room * sizeof(int));
	_cleanup_free_ int *parts = mem_new((spec->lower_count + 1) * sizeof(int));
	int r = 0;

	for (size_t i = 0; i <= spec->lower_count; i++)
		parts[i] = -1;
	fds[count] = root_fs_open(spec, userns, parts, err);
	r = fds[count] < 0 ? fds[count] : 0;
	count += r == 0;
	if (r == 0)
		r = owner_maps(spec, fds[0], err);
	for (size_t i = 0; r == 0 && i < spec->mount_count; i++) {
		if (spec->mounts[i].kind != SPEC_MOUNT_BIND)
			continue;
		fds[count] = container_bind_open(spec, &spec->mounts[i], userns, err);
		r = fds[count] < 0 ? fds[count] : 0;
		count += r == 0;
	}
	for (size_t i = 0; r == 0 && container_nodes_by_parent(spec) && i < spec->device_count;
	     i++) {
		if (spec->devices[i].fifo)
			continue;
		fds[count] = container_device_open(spec, &spec->devices[i], err);
		r = fds[count] < 0 ? fds[count] : 0;
		count += r == 0;
	}
	while (r == 0 && sent < count) {
		size_t n = count - sent > FD_PASS_MAX ? FD_PASS_MAX : count - sent;

		r = fd_pass_send(c->sync, (char)INIT_MOUNTS, fds + sent, n);
		sent += n;
	}
	for (size_t i = 0; i < count; i++)
		fd_close(fds[i]);
	/* while init is busy attaching */
	if (spec->lower_count > 0)
		mount_parts_drop(parts, spec->lower_count + 1);
	return r;
}

/* -- the start -------------------------------------------------------------------------------- */

static int init_clone(struct container *c, const struct spec *spec, const struct container_io *io,
		      const struct seccomp_program *seccomp, struct cgroup *cgroup,
		      const struct cgroup_door *door, struct err *err)
{
	struct clone_args args = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				   .pidfd = (uintptr_t)&c->pidfd,
				   .exit_signal = SIGCHLD };
	_cleanup_close_ int sync = -1, report = -1;
	int pair[2], ends[2];
	sigset_t none;
	pid_t pid;

	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (spec->namespaces[i].mode == SPEC_NS_NEW)
			args.flags |= clone_flags[i];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "make a socket pair");
	c->sync = pair[0];
	sync = pair[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	c->report = ends[0];
	report = ends[1];
	process_forget_caller();
	if (door->folder >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)door->folder;
	}
	if (join_wanted(spec)) {
		pid = join_clone(spec, &args, &c->pidfd, err);
		if (pid < 0 && err->code)
			return -err->code;
	} else {
		pid = sys_clone3(&args);
	}
	if (pid < 0)
		return join_refused(errno, err);
	if (pid == 0) {
		struct init_plan plan = { .spec = (struct spec *)spec, /* a copy since the fork */
					  .io = io,
					  .seccomp = seccomp,
					  .cgroup = cgroup,
					  .door = door,
					  .sync = sync,
					  .report = report,
					  .proc = -1 };

		/* The parent's ends would keep this process waiting for a parent that was killed. */
		(void)close(pair[0]);
		(void)close(ends[0]);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		container_init(&plan);
	}
	c->pid = pid;
	return 0;
}

static int oom_score_set(const struct container *c, const struct spec *spec, struct err *err)
{
	char path[64], value[16];
	int r;

	if (!spec->process.oom_score_adj_set) {
		_cleanup_(buf_clear) struct buf own = BUF_EMPTY;

		/* ours may come from a service that is protected, or from a shell that is not; a config.json
		 * without it wants it unchanged (config.md, "oomScoreAdj") */
		if (spec->told_exactly ||
		    file_read(AT_FDCWD, "/proc/self/oom_score_adj", 16, &own) < 0 ||
		    strcmp(own.data, "0\n") == 0)
			return 0;
		(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)c->pid);
		(void)file_poke(AT_FDCWD, path, "0"); /* lowering it needs CAP_SYS_RESOURCE */
		return 0;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)c->pid);
	(void)snprintf(value, sizeof(value), "%d", spec->process.oom_score_adj);
	r = file_poke(AT_FDCWD, path, value);
	if (r == -EACCES && spec->process.oom_score_adj_wish)
		return 0;
	if (r == -EACCES)
		return err_set(err, EACCES,
			       "set oom_score_adj to %d: lowering it needs CAP_SYS_RESOURCE, which "
			       "this host's root does not have",
			       spec->process.oom_score_adj);
	return r < 0 ? err_sys(err, r, "set oom_score_adj") : 0;
}

/* Hooks of the runtime's side: init has its mounts and stands before pivot_root. */
static int hooks_run(const struct container *c, const struct spec *spec,
		     const struct container_io *io, struct err *err)
{
	_cleanup_free_ char *state = NULL;
	char word = (char)INIT_HOOKS;
	int n = fd_pass_receive(c->sync, word, NULL, 0), r;

	if (n < 0)
		return n;
	state = io->hook_state(io->data, c->pid, "creating");
	r = hook_run_all(&spec->hooks[SPEC_HOOK_PRESTART], "prestart", state, err);
	if (r == 0)
		r = hook_run_all(&spec->hooks[SPEC_HOOK_CREATE_RUNTIME], "createRuntime", state,
				 err);
	if (r == 0 && send(c->sync, &word, 1, MSG_NOSIGNAL) < 0)
		r = -errno;
	return r;
}

static int userns_open(const struct container *c, const struct spec *spec, struct err *err)
{
	const struct spec_namespace *ns = &spec->namespaces[SPEC_NS_USER];
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)c->pid);
	fd = open(ns->mode == SPEC_NS_JOIN ? ns->path : path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open the user namespace") : fd;
}

static int set_up(struct container *c, const struct spec *spec, const struct container_io *io,
		  struct err *err)
{
	_cleanup_close_ int userns = -1;
	char word = (char)INIT_MAPPED;
	int r = 0;

	if (spec->namespaces[SPEC_NS_USER].mode == SPEC_NS_NEW) {
		r = id_map_write(c->pid, spec->uid_map, spec->uid_map_count, spec->gid_map,
				 spec->gid_map_count, err);
		if (r < 0)
			return r;
	}
	if (spec->namespaces[SPEC_NS_USER].mode != SPEC_NS_INHERIT) {
		userns = userns_open(c, spec, err);
		if (userns < 0)
			return userns;
	}
	r = oom_score_set(c, spec, err);
	if (r == 0 && spec->net_device_count > 0)
		r = net_device_move(spec, c->pid, err);
	if (r == 0 && send(c->sync, &word, 1, MSG_NOSIGNAL) < 0)
		r = err_sys(err, errno, "talk to the container's first process");
	if (r == 0 && container_has_root(spec))
		r = mounts_send(c, spec, userns, err);
	if (r == 0 && io->meanwhile)
		r = io->meanwhile(io->data, c, err);
	if (r == 0 && hook_any_of_create(spec))
		r = hooks_run(c, spec, io, err);
	if (r == 0) {
		int n = fd_pass_receive(c->sync, (char)INIT_READY, &c->terminal, 1);

		r = n < 0 ? n : 0;
	}
	return r;
}

/* config-linux.md, "Cgroup ownership": with a cgroup namespace of its own and a writable view of it, as the user of the command. */
static bool cgroup_is_the_users(const struct spec *spec)
{
	if (!spec->told_exactly || spec->namespaces[SPEC_NS_CGROUP].mode != SPEC_NS_NEW)
		return spec->systemd;
	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];

		if (mount->kind == SPEC_MOUNT_CGROUP &&
		    strcmp(mount->destination, "/sys/fs/cgroup") == 0)
			return !((mount->attr_set | mount->all_set) & MOUNT_ATTR_RDONLY);
	}
	return false;
}

static void init_kill(const struct container *c)
{
	if (c->pid <= 0)
		return;
	(void)sys_pidfd_send_signal(c->pidfd, SIGKILL);
	(void)waitpid(c->pid, NULL, 0);
}

int container_create(struct container *ret_container, const struct spec *spec,
		     const struct container_io *io, const struct seccomp_program *seccomp,
		     struct cgroup *cgroup, struct err *err)
{
	_cleanup_(cgroup_door_close) struct cgroup_door door = CGROUP_DOOR_NONE;
	struct container c = CONTAINER_NONE;
	/* what was there before was not made here: it stays, whoever is in it */
	int r = spec->cgroup_adopted ?
			cgroup_adopt(cgroup, spec->cgroup_path, &spec->resources, err) :
			cgroup_create(cgroup, spec->cgroup_path, &spec->resources, err);

	if (r < 0)
		return r;
	if (spec->told_exactly)
		r = cgroup_fill(cgroup, spec->cgroup_path, err);
	if (r == 0 && cgroup_is_the_users(spec))
		r = cgroup_give(cgroup, spec->cgroup_path,
				spec_host_id(spec->uid_map, spec->uid_map_count, spec->process.uid),
				spec->systemd, err);
	if (r == 0 && io->cgroup_made)
		r = io->cgroup_made(io->data, cgroup, err);
	if (r == 0)
		r = cgroup_door_open(cgroup, spec->cgroup_path, &door, err);
	if (r == 0)
		r = init_clone(&c, spec, io, seccomp, cgroup, &door, err);
	if (r == 0)
		r = set_up(&c, spec, io, err);
	if (r < 0) {
		struct container_report report;
		struct err ignored = ERR_NONE;
		bool told;

		/* init may have failed first, and then its words are the cause */
		init_kill(&c);
		told = c.pid > 0 && read(c.report, &report, sizeof(report)) == sizeof(report);
		container_close(&c);
		if (told)
			r = container_explain(spec, &report, err);
		else if (err->code == 0)
			r = err_set(err, EPIPE,
				    "the container's first process was killed while "
				    "it was being set up");
		(void)cgroup_remove(cgroup, spec->cgroup_path, &ignored);
		return r;
	}
	*ret_container = c;
	return 0;
}

int container_go(struct container *c, struct err *err)
{
	char word = (char)INIT_GO;

	if (send(c->sync, &word, 1, MSG_NOSIGNAL) < 0)
		return err_sys(err, errno, "let the container's first process go");
	fd_close(c->sync);
	c->sync = -1;
	return 0;
}

int container_start(int connection, struct container_report *ret_report)
{
	char word = (char)INIT_GO;
	struct container_report report;
	ssize_t n;

	if (send(connection, &word, 1, MSG_NOSIGNAL) < 0)
		return -errno;
	do
		n = recv(connection, &report, sizeof(report), 0);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n < 0 && errno != ECONNRESET)
		return -errno;
	if (n != (ssize_t)sizeof(report))
		return n < 0 ? 0 : -EPROTO;
	*ret_report = report;
	return 1;
}

void container_close(struct container *c)
{
	fd_close(c->pidfd);
	fd_close(c->report);
	fd_close(c->terminal);
	fd_close(c->sync);
	*c = CONTAINER_NONE;
}

void container_abort(struct container *c)
{
	init_kill(c);
	container_close(c);
}
