/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Init of a container, from its birth in new namespaces to the execve of the user's command.
 *
 * It runs in a copy of a program with one thread, so the C library is whole, but it prints nothing and
 * reports a failure as a number: the parent has the words. Order that must hold:
 *  1. proc and sysfs are made while the host's are still visible: the kernel wants to see one unmasked
 *     (mount_too_revealing() in fs/namespace.c) and the old root goes away with pivot_root.
 *  2. Every target is resolved beneath the new root's descriptor, before and after pivot alike.
 *  3. The cgroup namespace is made after the parent moved us, so that its root is our folder.
 *  4. The seccomp filter is loaded while we may (CAP_SYS_ADMIN), or last when no_new_privs is set.
 */
#include "runtime/container_step.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/capability.h"
#include "runtime/cgroup.h"
#include "runtime/fd_pass.h"
#include "runtime/mount.h"
#include "runtime/process.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"
#include "runtime/terminal.h"
#include "runtime/tree_copy.h"
#include "runtime/user.h"

static const struct {
	const char *name;
	unsigned int major, minor;
} standard_nodes[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },	 { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
} dev_links[] = {
	{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },	 { "ptmx", "pts/ptmx" },
};

static _Noreturn void fail(const struct init_plan *plan, enum container_step step, size_t index,
			   int code)
{
	struct container_report report = { .step = (uint32_t)step | (uint32_t)index << 8,
					   .code = code < 0 ? -code : code };

	if (write(plan->report, &report, sizeof(report)) < 0)
		_exit(126); /* the parent is gone: nobody is left to tell */
	_exit(report.code == ENOENT && step == STEP_EXEC ? 127 : 126);
}

static void wait_for(const struct init_plan *plan, enum init_word word)
{
	char got;
	ssize_t n;

	do
		n = recv(plan->sync, &got, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n != 1 || got != (char)word)
		_exit(126); /* the parent was killed: a start that never happened */
}

static bool is_new(const struct spec *spec, enum spec_namespace_kind kind)
{
	return spec->namespaces[kind].mode == SPEC_NS_NEW;
}

/* Attach a mount at path beneath root, making the place. `directory` says which kind of place. */
static int attach_at(int root, const char *path, int mount_fd, bool directory)
{
	struct err ignored = ERR_NONE; /* the number is what travels */
	_cleanup_close_ int target = directory ? root_make_dir(root, path, 0, 0, &ignored) :
						 root_make_file(root, path, 0, 0, &ignored);

	return target < 0 ? target : mount_attach(mount_fd, target);
}

/* -- /dev ------------------------------------------------------------------------------------- */

/* dev is a fresh tmpfs of ours, so names in it are what we made. */
static int node_bind(int host_dev, int dev, size_t i)
{
	const char *name = standard_nodes[i].name;
	_cleanup_close_ int node = mount_copy(host_dev, name, AT_SYMLINK_NOFOLLOW);
	struct stat st;
	int fd;

	if (node < 0)
		return node;
	if (fstat(node, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(standard_nodes[i].major, standard_nodes[i].minor))
		return -ENODEV;
	fd = openat(dev, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return -errno;
	fd_close(fd);
	return mount_attach_at(node, dev, name);
}

static void dev_populate(const struct init_plan *plan, int dev)
{
	_cleanup_close_ int host_dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(standard_nodes); i++) {
		int r = node_bind(host_dev, dev, i);

		if (r < 0)
			fail(plan, STEP_DEVICE, i, r);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dev_links); i++)
		if (symlinkat(dev_links[i].target, dev, dev_links[i].name) < 0)
			fail(plan, STEP_DEVICE, i, errno);
}

/* -- /sys/fs/cgroup --------------------------------------------------------------------------- */

/* base is a fresh tmpfs of ours. */
static int cgroup_one(int base, char *controllers, unsigned int attrs)
{
	_cleanup_close_ int fd = -1;
	const char *name = controllers;
	char data[128] = "";

	if (!*controllers) {
		name = "unified";
		fd = mount_new("cgroup2", "cgroup", NULL, attrs);
	} else {
		if (str_prefix(controllers, "name=")) {
			name = controllers + strlen("name=");
			(void)str_append(data, sizeof(data), "none,");
		}
		if (!str_append(data, sizeof(data), controllers))
			return -ENAMETOOLONG;
		fd = mount_new("cgroup", "cgroup", data, attrs);
	}
	if (fd < 0)
		return fd;
	return mkdirat(base, name, 0755) < 0 ? -errno : mount_attach_at(fd, base, name);
}

/* v1 and hybrid: one mount per line of /proc/self/cgroup ("4:cpu,cpuacct:/"), on a tmpfs that is closed afterwards. */
static int cgroup_v1(int root, const struct spec_mount *mount)
{
	unsigned int attrs = (unsigned int)mount->attr_set | MOUNT_ATTR_NODEV;
	_cleanup_(buf_clear) struct buf lines = BUF_EMPTY;
	_cleanup_close_ int base = -1, cgroups = -1;
	char *rest, *line;
	int r = file_read(AT_FDCWD, "/proc/thread-self/cgroup", 65536, &lines);

	if (r < 0)
		return r;
	base = mount_new("tmpfs", "tmpfs", "mode=755,size=64k",
			 attrs & ~(unsigned int)MOUNT_ATTR_RDONLY);
	if (base < 0)
		return base;
	r = attach_at(root, mount->destination, base, true);
	for (rest = lines.data; r == 0 && (line = strsep(&rest, "\n")) != NULL;) {
		char *controllers = strchr(line, ':'), *end;

		if (!controllers || !(end = strchr(++controllers, ':')))
			continue;
		*end = '\0';
		r = cgroup_one(base, controllers, attrs);
		for (char *comma; r == 0 && (comma = strrchr(controllers, ',')) != NULL;) {
			char target[128] = "";

			/* cpu and cpuacct are links to cpu,cpuacct, as on every host */
			*comma = '\0';
			(void)str_append(target, sizeof(target), controllers);
			(void)str_append(target, sizeof(target), ",");
			(void)str_append(target, sizeof(target), comma + 1);
			if (symlinkat(target, base, comma + 1) < 0 ||
			    (!strchr(controllers, ',') && symlinkat(target, base, controllers) < 0))
				r = -errno;
			if (strchr(controllers, ','))
				break; /* three and more do not exist */
		}
	}
	if (r == 0 && mount->attr_set & MOUNT_ATTR_RDONLY)
		r = mount_change(base, MOUNT_ATTR_RDONLY, 0, -1, 0);
	return r;
}

static int cgroup_mount(int root, const struct spec_mount *mount)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* A v1 hierarchy has no such file at the place where v2 alone has it. */
	if (stat("/sys/fs/cgroup/cgroup.controllers", &st) < 0)
		return cgroup_v1(root, mount);
	fd = mount_new("cgroup2", "cgroup", NULL, (unsigned int)mount->attr_set | MOUNT_ATTR_NODEV);
	return fd < 0 ? fd : attach_at(root, mount->destination, fd, true);
}

/* -- mounts ----------------------------------------------------------------------------------- */

static void sysctls_write(const struct init_plan *plan, int proc)
{
	const struct spec *spec = plan->spec;

	for (size_t i = 0; i < spec->sysctl_count; i++) {
		char path[256] = "sys/";
		int r;

		if (!str_append(path, sizeof(path), spec->sysctls[i].name))
			fail(plan, STEP_SYSCTL, i, ENAMETOOLONG);
		for (char *p = path; *p; p++)
			if (*p == '.')
				*p = '/';
		r = file_poke(proc, path, spec->sysctls[i].value);
		if (r < 0)
			fail(plan, STEP_SYSCTL, i, r);
	}
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One mount of the spec at its place. binds: the next descriptor that the parent made. */
static void mount_one(const struct init_plan *plan, int root, size_t i, int **binds,
		      int *ret_devpts)
{
	static const char *const types[] = {
		[SPEC_MOUNT_TMPFS] = "tmpfs",	[SPEC_MOUNT_PROC] = "proc",
		[SPEC_MOUNT_SYSFS] = "sysfs",	[SPEC_MOUNT_DEVPTS] = "devpts",
		[SPEC_MOUNT_MQUEUE] = "mqueue",
	};
	const struct spec_mount *mount = &plan->spec->mounts[i];
	unsigned int attrs = (unsigned int)mount->attr_set;
	bool dev = mount->kind == SPEC_MOUNT_TMPFS && strcmp(mount->destination, "/dev") == 0;
	int fd, r;

	if (mount->kind == SPEC_MOUNT_CGROUP) {
		r = cgroup_mount(root, mount);
		if (r < 0)
			fail(plan, STEP_MOUNT, i, r);
		return;
	}
	if (mount->kind != SPEC_MOUNT_DEVPTS && !dev)
		attrs |= MOUNT_ATTR_NODEV;
	fd = mount->kind == SPEC_MOUNT_BIND ?
		     *(*binds)++ :
		     mount_new(types[mount->kind], types[mount->kind], mount->data, attrs);
	if (fd < 0)
		fail(plan, STEP_MOUNT, i, fd);
	if (mount->kind == SPEC_MOUNT_PROC)
		sysctls_write(plan, fd);
	if (mount->copy_up) {
		struct err ignored = ERR_NONE;
		_cleanup_close_ int from =
			root_open(root, mount->destination, O_RDONLY | O_DIRECTORY, &ignored);

		r = from < 0 ? (from == -ENOENT || from == -ENOTDIR ? 0 : from) :
			       tree_copy_into_empty(from, fd);
		if (r < 0)
			fail(plan, STEP_COPY_UP, i, r);
	}
	r = attach_at(root, mount->destination, fd,
		      mount->kind != SPEC_MOUNT_BIND || is_directory(fd));
	if (r < 0)
		fail(plan, STEP_MOUNT_TARGET, i, r);
	if (dev)
		dev_populate(plan, fd);
	if (mount->kind == SPEC_MOUNT_DEVPTS)
		*ret_devpts = fd;
	else
		fd_close(fd);
}

static void devices_attach(const struct init_plan *plan, int root, int *nodes)
{
	const struct spec *spec = plan->spec;

	for (size_t i = 0; i < spec->device_count; i++) {
		int r = attach_at(root, spec->devices[i].path, nodes[i], false);

		if (r < 0)
			fail(plan, STEP_DEVICE_USER, i, r);
		fd_close(nodes[i]);
	}
}

/* -- masks ------------------------------------------------------------------------------------ */

static void mask_paths(const struct init_plan *plan, int root)
{
	_cleanup_close_ int empty = -1;
	size_t covered = 0;

	for (size_t i = 0; plan->spec->masked_paths && plan->spec->masked_paths[i]; i++) {
		struct err ignored = ERR_NONE;
		_cleanup_close_ int target =
			root_open(root, plan->spec->masked_paths[i], O_PATH, &ignored);
		_cleanup_close_ int cover = -1;
		int r;

		if (target == -ENOENT || target == -ENOTDIR)
			continue;
		if (target < 0)
			fail(plan, STEP_MASK, i, target);
		if (is_directory(target)) {
			if (empty < 0)
				empty = mount_new("tmpfs", "tmpfs", "size=0,nr_inodes=1,mode=555",
						  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV |
							  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
			if (empty < 0)
				fail(plan, STEP_MASK, i, empty);
			/* the first is used itself: a mount that is nowhere costs a grace period when it is closed */
			cover = covered++ == 0 ? fcntl(empty, F_DUPFD_CLOEXEC, 3) :
						 mount_copy(empty, "", 0);
		} else {
			cover = mount_copy(root, "dev/null", AT_SYMLINK_NOFOLLOW);
		}
		r = cover < 0 ? cover : mount_attach(cover, target);
		if (r < 0)
			fail(plan, STEP_MASK, i, r);
	}
}

static void readonly_paths(const struct init_plan *plan, int root)
{
	for (size_t i = 0; plan->spec->readonly_paths && plan->spec->readonly_paths[i]; i++) {
		struct err ignored = ERR_NONE;
		_cleanup_close_ int target =
			root_open(root, plan->spec->readonly_paths[i], O_PATH, &ignored);
		_cleanup_close_ int cover = -1;
		int r;

		if (target == -ENOENT || target == -ENOTDIR)
			continue;
		if (target < 0)
			fail(plan, STEP_READONLY, i, target);
		cover = mount_copy(target, "", AT_RECURSIVE);
		r = cover < 0 ? cover : mount_change(cover, MOUNT_ATTR_RDONLY, 0, -1, AT_RECURSIVE);
		if (r == 0)
			r = mount_attach(cover, target);
		if (r < 0)
			fail(plan, STEP_READONLY, i, r);
	}
}

/* -- streams ---------------------------------------------------------------------------------- */

static int terminal_make(const struct init_plan *plan, int root, int devpts, int *ret_master)
{
	_cleanup_close_ int console = -1, at = -1;
	struct err ignored = ERR_NONE;
	int slave = terminal_open(devpts, &plan->spec->process, ret_master);

	if (slave < 0)
		fail(plan, STEP_TERMINAL, 0, slave);
	at = root_make_file(root, "/dev/console", 0, 0, &ignored);
	console = mount_copy(devpts, "0", AT_SYMLINK_NOFOLLOW);
	if (at < 0 || console < 0 || mount_attach(console, at) < 0)
		fail(plan, STEP_TERMINAL, 0, at < 0 ? at : console < 0 ? console : errno);
	return slave;
}

static void loopback_up(const struct init_plan *plan)
{
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &request) < 0)
		fail(plan, STEP_NETWORK, 0, errno);
}

/* -- the whole -------------------------------------------------------------------------------- */

static int enter_root(const struct init_plan *plan, int root)
{
	struct mount_attr private_all = { .propagation = MS_PRIVATE };

	if (!is_new(plan->spec, SPEC_NS_USER) &&
	    mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private_all, sizeof(private_all)) < 0)
		fail(plan, STEP_PROPAGATION, 0, errno);
	if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		fail(plan, STEP_ROOT, 0, errno);
	return root;
}

static void leave_old_root(const struct init_plan *plan, int root)
{
	/* "." twice: the old root is stacked on the new one and taken off again (pivot_root(2), NOTES). */
	if (fchdir(root) < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		fail(plan, STEP_PIVOT, 0, errno);
}

static void receive_mounts(const struct init_plan *plan, int *fds, size_t count)
{
	for (size_t got = 0; got < count;) {
		int n = fd_pass_receive(plan->sync, (char)INIT_MOUNTS, fds + got, count - got);

		if (n <= 0)
			_exit(126); /* the parent was killed or gave up, and has the words */
		got += (size_t)n;
	}
}

_Noreturn void container_init(const struct init_plan *plan)
{
	const struct spec *spec = plan->spec;
	size_t bind_count = 0;
	int *fds, *binds, devpts = -1, slave = -1, master = -1, root, r;

	for (size_t i = 0; i < spec->mount_count; i++)
		bind_count += spec->mounts[i].kind == SPEC_MOUNT_BIND;
	/* first of all: what is done from here on is counted and limited */
	r = cgroup_door_pass(plan->door);
	if (r < 0)
		fail(plan, STEP_CGROUP, 0, r);
	fds = mem_new((1 + bind_count + spec->device_count) * sizeof(int));

	wait_for(plan, INIT_MAPPED);
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail(plan, STEP_BECOME_ROOT, 0, errno);
	umask(0);
	if (is_new(spec, SPEC_NS_UTS)) {
		if ((spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0) ||
		    (spec->domainname &&
		     setdomainname(spec->domainname, strlen(spec->domainname)) < 0))
			fail(plan, STEP_HOSTNAME, 0, errno);
	}
	if (is_new(spec, SPEC_NS_NETWORK))
		loopback_up(plan);
	if (sys_keyctl_join_session(NULL) < 0 && errno != ENOSYS && errno != EDQUOT)
		fail(plan, STEP_KEYRING, 0, errno);

	receive_mounts(plan, fds, 1 + bind_count + spec->device_count);
	if (is_new(spec, SPEC_NS_CGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		fail(plan, STEP_CGROUP_NAMESPACE, 0, errno);
	root = enter_root(plan, fds[0]);
	binds = fds + 1;
	for (size_t i = 0; i < spec->mount_count; i++)
		mount_one(plan, root, i, &binds, &devpts);
	devices_attach(plan, root, fds + 1 + bind_count);
	if (spec->process.user) {
		enum container_step step = STEP_NONE;
		size_t index = 0;

		r = user_resolve(root, &plan->spec->process, &step, &index);
		if (r < 0)
			fail(plan, step, index, r);
	}
	if (spec->process.terminal)
		slave = terminal_make(plan, root, devpts, &master);
	mask_paths(plan, root);
	readonly_paths(plan, root);
	if (spec->process.cwd) {
		struct err ignored = ERR_NONE;
		/* Docker makes a missing working folder; when it cannot be made, chdir says why. */
		fd_close(root_make_dir(root, spec->process.cwd, 0, 0, &ignored));
	}
	if (spec->rootfs_readonly) {
		r = mount_change(root, MOUNT_ATTR_RDONLY, 0, -1, 0);
		if (r < 0)
			fail(plan, STEP_ROOT, 0, r);
	}
	leave_old_root(plan, root);

	if (fd_pass_send(plan->sync, (char)INIT_READY, &master, master >= 0 ? 1 : 0) < 0)
		_exit(126);
	wait_for(plan, INIT_GO);
	r = terminal_stdio(plan->io->stdio, slave);
	if (r < 0)
		fail(plan, STEP_STDIO, 0, r);
	process_become(plan);
}
