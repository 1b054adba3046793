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
#include <linux/magic.h>
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
#include <sys/vfs.h>
#include <time.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/capability.h"
#include "runtime/cgroup.h"
#include "runtime/hook.h"
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

/* The place at path with no link on the way to it, made when it is missing: what is put there must not be led elsewhere by
 * whoever writes the root file system (CVE-2019-19921, CVE-2023-27561, CVE-2025-52565). */
static int strict_place(int root, const char *path, bool directory)
{
	struct err ignored = ERR_NONE;
	int fd = -ENOENT;

	for (int tries = 0; tries < 2; tries++) {
		fd = sys_openat2(root, path, O_PATH | O_CLOEXEC, 0,
				 RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
		if (fd >= 0 || errno != ENOENT)
			break;
		fd_close(directory ? root_make_dir(root, path, 0, 0, &ignored) :
				     root_make_file(root, path, 0, 0, &ignored));
	}
	return fd < 0 ? -errno : fd;
}

/* -- /dev ------------------------------------------------------------------------------------- */

/* In a fresh tmpfs of ours names are what we made; elsewhere a link in the place is not followed. */
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
	if (fd < 0 && errno == EEXIST)
		fd = openat(dev, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	fd_close(fd);
	return mount_attach_at(node, dev, name);
}

static bool is_device(const struct stat *st, bool block, unsigned int major_number,
		      unsigned int minor_number)
{
	return (block ? S_ISBLK(st->st_mode) : S_ISCHR(st->st_mode)) &&
	       st->st_rdev == makedev(major_number, minor_number);
}

/* A node of our own making beneath dir; one that is there and is the same device stays. */
static int node_make(int dir, const char *name, const struct spec_device *device)
{
	mode_t type = device->fifo ? S_IFIFO : device->block ? S_IFBLK : S_IFCHR;
	struct stat st;

	if (mknodat(dir, name, type | device->mode,
		    device->fifo ? 0 : makedev(device->major, device->minor)) < 0) {
		int code = errno;

		if (code != EEXIST)
			return -code;
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		return (device->fifo ?
				S_ISFIFO(st.st_mode) :
				is_device(&st, device->block, device->major, device->minor)) ?
			       0 :
			       -EEXIST;
	}
	return fchmodat(dir, name, device->mode, 0) < 0 ||
			       fchownat(dir, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) <
				       0 ?
		       -errno :
		       0;
}

/* Nodes are made where that is possible and they will work, so that they look as everywhere; else the host's are bound. */
static int standard_node(const struct init_plan *plan, int host_dev, int dev, size_t i, bool nodev)
{
	const struct spec_device device = { .major = standard_nodes[i].major,
					    .minor = standard_nodes[i].minor,
					    .mode = 0666 };
	int r = -EPERM;

	if (!nodev && !container_nodes_by_parent(plan->spec)) {
		r = node_make(dev, standard_nodes[i].name, &device);
		if (r == -EEXIST && unlinkat(dev, standard_nodes[i].name, 0) == 0)
			r = node_make(dev, standard_nodes[i].name, &device);
	}
	if (r == -EPERM)
		r = node_bind(host_dev, dev, i);
	return r;
}

/* fresh: a new file system; else the root's own folder, where an earlier start left something. */
static void dev_populate(const struct init_plan *plan, int dev, bool fresh, bool nodev)
{
	_cleanup_close_ int host_dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(standard_nodes); i++) {
		int r = standard_node(plan, host_dev, dev, i, nodev);

		if (r < 0)
			fail(plan, STEP_DEVICE, i, r);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dev_links); i++) {
		if (!fresh)
			(void)unlinkat(dev, dev_links[i].name, 0);
		if (symlinkat(dev_links[i].target, dev, dev_links[i].name) < 0 &&
		    (fresh || errno != EEXIST))
			fail(plan, STEP_DEVICE, i, errno);
	}
}

/* -- /sys/fs/cgroup --------------------------------------------------------------------------- */

/* Is this hierarchy one of ours still? It goes when nobody has it mounted and it has no folders. */
static bool cgroup_listed(const char *controllers)
{
	_cleanup_(buf_clear) struct buf lines = BUF_EMPTY;
	_cleanup_free_ char *field = str_printf(":%s:", controllers);

	return file_read(AT_FDCWD, "/proc/thread-self/cgroup", 65536, &lines) < 0 ||
	       strstr(lines.data, field) != NULL;
}

/* While a hierarchy goes away the kernel starts this call again, which fsconfig(2) answers with EBUSY for ever: with a new context. One
 * that is gone would have to be made, which is not for us (EPERM). -ENOENT: it is gone. */
static int cgroup_v1_new(const char *controllers, const char *data, unsigned int attrs)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int fd = mount_new("cgroup", "cgroup", data, attrs);

	for (int tries = 0; (fd == -EBUSY || fd == -EPERM) && tries < 100; tries++) {
		if (!cgroup_listed(controllers))
			return -ENOENT;
		(void)nanosleep(&pause, NULL);
		fd = mount_new("cgroup", "cgroup", data, attrs);
	}
	return fd;
}

/* A copy of the host's mount, which the container's mount namespace has still, of our folder: what a new mount shows in our cgroup
 * namespace, too, but for that the kernel walks all cgroups of v2 (cgroup_lock_and_drain_offline() in cgroup1_get_tree()).
 * Negative where the host's is elsewhere, or shows something else. */
static int cgroup_copy(const struct init_plan *plan, const char *controllers, unsigned int attrs)
{
	dev_t device = 0;
	_cleanup_free_ char *path =
		cgroup_path_in(plan->cgroup, plan->spec->cgroup_path, controllers, &device);
	_cleanup_close_ int fd = path ? mount_copy(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW) : -ENOENT;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_dev != device)
		return -ENOENT;
	r = mount_change(fd, attrs, MS_PRIVATE, -1, 0);
	return r < 0 ? r : fd_take(&fd);
}

/* base is a fresh tmpfs of ours. divided: to the container's systemd, where nothing is limited by it. */
static int cgroup_one(const struct init_plan *plan, int base, char *controllers, unsigned int attrs,
		      bool divided)
{
	_cleanup_close_ int fd = -1;
	const char *name = controllers;
	char data[128] = "";
	/* a namespace that was joined, or the host's, has another root than our folder */
	bool own = is_new(plan->spec, SPEC_NS_CGROUP);

	if (divided && (!*controllers || str_prefix(controllers, "name=")))
		attrs &= ~(unsigned int)MOUNT_ATTR_RDONLY;
	if (own)
		fd = cgroup_copy(plan, controllers, attrs);
	if (!*controllers) {
		name = "unified";
		if (fd < 0)
			fd = mount_new("cgroup2", "cgroup", NULL, attrs);
	} else {
		if (str_prefix(controllers, "name=")) {
			name = controllers + strlen("name=");
			(void)str_append(data, sizeof(data), "none,");
		}
		if (!str_append(data, sizeof(data), controllers))
			return -ENAMETOOLONG;
		if (fd < 0)
			fd = cgroup_v1_new(controllers, data, attrs);
		if (fd == -ENOENT)
			return 0;
	}
	if (fd < 0)
		return fd;
	return mkdirat(base, name, 0755) < 0 ? -errno : mount_attach_at(fd, base, name);
}

/* v1 and hybrid: one mount per line of /proc/self/cgroup ("4:cpu,cpuacct:/"), on a tmpfs that is closed afterwards. */
static int cgroup_v1(const struct init_plan *plan, int root, const struct spec_mount *mount,
		     bool divided)
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
		if (!*controllers && !str_prefix(line, "0:"))
			continue; /* what is left of one that goes away: its controllers are back in v2 already */
		r = cgroup_one(plan, base, controllers, attrs, divided);
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

static int cgroup_any(const struct init_plan *plan, int root, const struct spec_mount *mount,
		      bool divided)
{
	unsigned int attrs = (unsigned int)mount->attr_set | MOUNT_ATTR_NODEV;
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* A v1 hierarchy has no such file at the place where v2 alone has it. */
	if (stat("/sys/fs/cgroup/cgroup.controllers", &st) < 0)
		return cgroup_v1(plan, root, mount, divided);
	if (divided)
		attrs &= ~(unsigned int)MOUNT_ATTR_RDONLY;
	fd = mount_new("cgroup2", "cgroup", NULL, attrs);
	return fd < 0 ? fd : attach_at(root, mount->destination, fd, true);
}

/* In the host's cgroup namespace a mount would show all of the host's cgroups: make it in one of our own, in which our folder
 * is the root, and go back. In a user namespace there is no way back, and the container keeps it. */
static int cgroup_mount(const struct init_plan *plan, int root, const struct spec_mount *mount)
{
	_cleanup_close_ int back = -1;
	int r;

	if (plan->spec->namespaces[SPEC_NS_CGROUP].mode == SPEC_NS_INHERIT &&
	    plan->spec->told_exactly) {
		back = openat(plan->proc, "self/ns/cgroup", O_RDONLY | O_CLOEXEC);
		if (back < 0 || unshare(CLONE_NEWCGROUP) < 0)
			return -errno;
	}
	r = cgroup_any(plan, root, mount, plan->spec->systemd);
	if (back >= 0)
		(void)setns(back, CLONE_NEWCGROUP);
	return r;
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

static bool is_link(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Files of /proc that may be covered: they tell of resources, and lxcfs shows those of the container there. */
static bool proc_file_may_be_covered(const char *destination)
{
	static const char *const files[] = {
		"/proc/cpuinfo",
		"/proc/diskstats",
		"/proc/loadavg",
		"/proc/meminfo",
		"/proc/slabinfo",
		"/proc/stat",
		"/proc/swaps",
		"/proc/uptime",
		"/proc/sys/crypto/fips_enabled",
		"/proc/sys/kernel/ns_last_pid",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strcmp(files[i], destination) == 0)
			return true;
	return false;
}

/* Where mount i goes. */
static int mount_place(const struct init_plan *plan, int root, size_t i, bool directory)
{
	const struct spec_mount *mount = &plan->spec->mounts[i];
	struct err ignored = ERR_NONE;
	struct statfs fs;
	int target;

	if (mount->kind == SPEC_MOUNT_PROC || mount->kind == SPEC_MOUNT_SYSFS) {
		target = strict_place(root, mount->destination, true);
		if (target == -ELOOP)
			fail(plan, STEP_REAL_PROC, i, ELOOP);
		return target;
	}
	target = directory ? root_make_dir(root, mount->destination, 0, 0, &ignored) :
			     root_make_file(root, mount->destination, 0, 0, &ignored);
	if (target >= 0 && plan->spec->told_exactly && fstatfs(target, &fs) == 0 &&
	    fs.f_type == PROC_SUPER_MAGIC && !proc_file_may_be_covered(mount->destination))
		fail(plan, STEP_REAL_PROC, i, EPERM);
	return target;
}

static void mount_put(const struct init_plan *plan, int root, size_t i, int fd, bool directory)
{
	_cleanup_close_ int target = mount_place(plan, root, i, directory);
	int r = target < 0 ? target : mount_attach(fd, target);

	if (r < 0)
		fail(plan, STEP_MOUNT_TARGET, i, r);
}

static void mount_remount(const struct init_plan *plan, int root, size_t i)
{
	const struct spec_mount *mount = &plan->spec->mounts[i];
	struct err ignored = ERR_NONE;
	_cleanup_close_ int target = root_open(root, mount->destination, O_PATH, &ignored);
	int r = target < 0 ? target :
			     mount_adjust(target, mount->attr_set, mount->attr_clear,
					  mount->propagation & ~(uint64_t)MS_REC, -1, 0);

	if (r < 0)
		fail(plan, STEP_MOUNT, i, r);
}

/* "copy-symlink": the parent sent the link itself. */
static void link_copy(const struct init_plan *plan, int root, size_t i, int link)
{
	const char *destination = plan->spec->mounts[i].destination, *name;
	_cleanup_free_ char *folder = NULL;
	_cleanup_close_ int parent = -1;
	struct err ignored = ERR_NONE;
	char target[4096];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);

	name = strrchr(destination, '/') + 1;
	folder = str_ndup(destination, (size_t)(name - destination));
	parent = n < 0 ? -errno : root_make_dir(root, folder, 0, 0, &ignored);
	if (parent < 0)
		fail(plan, STEP_MOUNT_TARGET, i, parent);
	target[n] = '\0';
	if (symlinkat(target, parent, name) < 0 && errno != EEXIST)
		fail(plan, STEP_MOUNT_TARGET, i, errno);
	fd_close(link);
}

/* Whose files have no labels of their own. */
static bool mount_takes_label(const struct spec_mount *mount)
{
	return mount->kind == SPEC_MOUNT_TMPFS || mount->kind == SPEC_MOUNT_DEVPTS ||
	       mount->kind == SPEC_MOUNT_OTHER;
}

static int mount_make(const struct init_plan *plan, size_t i, unsigned int attrs)
{
	static const char *const types[] = {
		[SPEC_MOUNT_TMPFS] = "tmpfs",	[SPEC_MOUNT_PROC] = "proc",
		[SPEC_MOUNT_SYSFS] = "sysfs",	[SPEC_MOUNT_DEVPTS] = "devpts",
		[SPEC_MOUNT_MQUEUE] = "mqueue",
	};
	const struct spec_mount *mount = &plan->spec->mounts[i];
	const char *type = mount->kind == SPEC_MOUNT_OTHER ? mount->type : types[mount->kind];
	_cleanup_free_ char *data = NULL;
	const char *source = mount->source && *mount->source ? mount->source : type;
	int fd, r;

	if (mount->kind == SPEC_MOUNT_OTHER && attrs & MOUNT_ATTR_RDONLY)
		data = mount->data ? str_printf("%s,ro", mount->data) : str_dup("ro");
	fd = mount_new_labelled(type, source, data ? data : mount->data,
				mount_takes_label(mount) && plan->spec->mount_label &&
						*plan->spec->mount_label ?
					plan->spec->mount_label :
					NULL,
				attrs);
	if (fd < 0)
		return fd;
	r = mount_adjust(fd, 0, 0, mount->propagation & ~(uint64_t)MS_REC, -1, 0);
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	return fd;
}

/* One mount of the spec at its place. binds: the next descriptor that the parent made. */
static void mount_one(const struct init_plan *plan, int root, size_t i, int **binds,
		      int *ret_devpts)
{
	const struct spec_mount *mount = &plan->spec->mounts[i];
	unsigned int attrs = (unsigned int)(mount->attr_set | mount->all_set);
	bool dev = mount->kind == SPEC_MOUNT_TMPFS && strcmp(mount->destination, "/dev") == 0;
	bool read_only_later = dev && attrs & MOUNT_ATTR_RDONLY;
	int fd, r;

	if (mount->kind == SPEC_MOUNT_CGROUP) {
		r = cgroup_mount(plan, root, mount);
		if (r < 0)
			fail(plan, STEP_MOUNT, i, r);
		return;
	}
	if (mount->kind == SPEC_MOUNT_REMOUNT) {
		mount_remount(plan, root, i);
		return;
	}
	if (mount->kind != SPEC_MOUNT_DEVPTS && !dev && !plan->spec->told_exactly)
		attrs |= MOUNT_ATTR_NODEV;
	if (read_only_later)
		attrs &= ~(unsigned int)MOUNT_ATTR_RDONLY;
	fd = mount->kind == SPEC_MOUNT_BIND ? *(*binds)++ : mount_make(plan, i, attrs);
	if (fd < 0)
		fail(plan, STEP_MOUNT, i, fd);
	if (mount->kind == SPEC_MOUNT_BIND && mount->copy_link && is_link(fd)) {
		link_copy(plan, root, i, fd);
		return;
	}
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
	mount_put(plan, root, i, fd, mount->kind != SPEC_MOUNT_BIND || is_directory(fd));
	if (dev)
		dev_populate(plan, fd, true, attrs & MOUNT_ATTR_NODEV);
	if (mount->kind == SPEC_MOUNT_DEVPTS)
		*ret_devpts = fd;
	else
		fd_close(fd);
}

/* A /dev that is told to be read-only is so after nodes, terminals and mount points are in it. */
static void dev_finish(const struct init_plan *plan, int root)
{
	const struct spec *spec = plan->spec;

	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		struct err ignored = ERR_NONE;
		_cleanup_close_ int dev = -1;

		if (strcmp(mount->destination, "/dev") != 0)
			continue;
		if (mount->kind != SPEC_MOUNT_TMPFS ||
		    !((mount->attr_set | mount->all_set) & MOUNT_ATTR_RDONLY))
			continue;
		dev = root_open(root, "/dev", O_PATH | O_DIRECTORY, &ignored);
		if (dev < 0 || mount_change(dev, MOUNT_ATTR_RDONLY, 0, -1, 0) < 0)
			fail(plan, STEP_MOUNT, i, dev < 0 ? dev : errno);
	}
}

/* Without a mount at /dev the nodes go into the root file system's own folder, as every runtime does it. */
static void dev_in_root(const struct init_plan *plan, int root)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dev = -1, place = -1;

	if (!plan->spec->told_exactly)
		return;
	for (size_t i = 0; i < plan->spec->mount_count; i++)
		if (strcmp(plan->spec->mounts[i].destination, "/dev") == 0)
			return;
	place = strict_place(root, "/dev", true);
	dev = place < 0 ? place : root_open(place, ".", O_RDONLY | O_DIRECTORY, &ignored);
	if (dev < 0)
		fail(plan, STEP_DEVICE, 0, dev);
	dev_populate(plan, dev, false, false);
}

static int device_make(int root, const struct spec_device *device)
{
	const char *name = strrchr(device->path, '/') + 1;
	_cleanup_free_ char *folder = str_ndup(device->path, (size_t)(name - device->path));
	struct err ignored = ERR_NONE;
	_cleanup_close_ int parent = -1;
	int r;

	if (!*name)
		return -EINVAL;
	parent = root_make_dir(root, folder, 0, 0, &ignored);
	if (parent < 0)
		return parent;
	r = node_make(parent, name, device);
	/* what an earlier start or the image left there is another one */
	if (r == -EEXIST && unlinkat(parent, name, 0) == 0)
		r = node_make(parent, name, device);
	return r;
}

static void devices_attach(const struct init_plan *plan, int root, int *nodes)
{
	const struct spec *spec = plan->spec;
	bool sent = container_nodes_by_parent(spec);

	for (size_t i = 0; i < spec->device_count; i++) {
		int r;

		if (!sent || spec->devices[i].fifo) {
			r = device_make(root, &spec->devices[i]);
			if (r < 0)
				fail(plan, STEP_DEVICE_USER, i, r);
			continue;
		}
		r = attach_at(root, spec->devices[i].path, *nodes, false);
		if (r < 0)
			fail(plan, STEP_DEVICE_USER, i, r);
		fd_close(*nodes++);
	}
}

/* -- masks ------------------------------------------------------------------------------------ */

/* The host's own, while its root is still there: what the container has at /dev/null may be anything (CVE-2025-31133). */
static int null_copy(void)
{
	struct stat st;
	int fd = mount_copy(AT_FDCWD, "/dev/null", AT_SYMLINK_NOFOLLOW);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !is_device(&st, false, 1, 3))) {
		fd_close(fd);
		return -ENODEV;
	}
	return fd;
}

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
			cover = null_copy();
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
	_cleanup_close_ int console = -1, at = -1, bound = -1;
	struct err ignored = ERR_NONE;
	int slave;

	if (devpts < 0)
		devpts = bound = root_open(root, "/dev/pts", O_PATH | O_DIRECTORY, &ignored);
	slave = devpts < 0 ? devpts : terminal_open(devpts, &plan->spec->process, ret_master);
	if (slave < 0)
		fail(plan, STEP_TERMINAL, 0, slave);
	/* its own node, not one that a name in the container leads to (CVE-2025-52565) */
	console = open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	at = strict_place(root, "/dev/console", false);
	if (at < 0 || console < 0 || mount_attach(console, at) < 0)
		fail(plan, STEP_TERMINAL, 0, at < 0 ? at : errno);
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
	/* On an initramfs there is no pivoting: the new root is stacked on the old one already, and becomes ours by chroot. */
	if (plan->spec->no_pivot) {
		if (fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0)
			fail(plan, STEP_PIVOT, 0, errno);
		return;
	}
	/* "." twice: the old root is stacked on the new one and taken off again (pivot_root(2), NOTES). */
	if (fchdir(root) < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		fail(plan, STEP_PIVOT, 0, errno);
}

static void user_look_up(const struct init_plan *plan, int root)
{
	struct spec_process *process = &plan->spec->process;
	enum container_step step = STEP_NONE;
	size_t index = 0;
	int r = 0;

	if (process->user)
		r = user_resolve(root, process, &step, &index);
	else if (plan->spec->told_exactly)
		user_home_set(root, process);
	if (r < 0)
		fail(plan, step, index, r);
}

/* It goes with the old root. Where a folder above is closed to the container's root, hooks could not get there either. */
static void root_show(const struct spec *spec, int root)
{
	_cleanup_close_ int place =
		spec->hook_root ? open(spec->hook_root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	_cleanup_close_ int copy = place < 0 ? -1 : mount_copy(root, "", AT_RECURSIVE);

	if (copy >= 0)
		(void)mount_attach(copy, place);
}

/* Before pivot_root: paths of hooks are the host's, and what they see is the container's mounts and the host's root. */
static void hooks_of_create(const struct init_plan *plan)
{
	const struct spec_hooks *hooks = &plan->spec->hooks[SPEC_HOOK_CREATE_CONTAINER];
	_cleanup_free_ char *state = NULL;

	if (fd_pass_send(plan->sync, (char)INIT_HOOKS, NULL, 0) < 0)
		_exit(126);
	wait_for(plan, INIT_HOOKS);
	if (hooks->count > 0)
		state = plan->io->hook_state(plan->io->data, getpid(), "creating");
	for (size_t i = 0; i < hooks->count; i++) {
		int status, r = hook_run(&hooks->list[i], state, &status);

		if (r < 0)
			fail(plan, STEP_HOOK_CREATE, i, r);
	}
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

/* The mounts of the container beneath its new root, which is entered. */
static void root_set_up(const struct init_plan *plan, const int *fds, size_t bind_count,
			int *ret_slave, int *ret_master)
{
	const struct spec *spec = plan->spec;
	int *binds = (int *)fds + 1, devpts = -1, root = enter_root(plan, fds[0]), r;

	for (size_t i = 0; i < spec->mount_count; i++)
		mount_one(plan, root, i, &binds, &devpts);
	dev_in_root(plan, root);
	devices_attach(plan, root, (int *)fds + 1 + bind_count);
	user_look_up(plan, root);
	if (spec->process.terminal)
		*ret_slave = terminal_make(plan, root, devpts, ret_master);
	dev_finish(plan, root);
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
	if (hook_any_of_create(spec)) {
		root_show(spec, root);
		hooks_of_create(plan);
	}
	leave_old_root(plan, root);
	if (spec->rootfs_propagation) {
		r = mount_change(root, 0, spec->rootfs_propagation & ~(uint64_t)MS_REC, -1,
				 spec->rootfs_propagation & MS_REC ? AT_RECURSIVE : 0);
		if (r < 0)
			fail(plan, STEP_ROOT_PROPAGATION, 0, r);
	}
}

/* `start` connects to the socket, says go and learns on the same connection what comes of it. Who only looks whether we
 * still wait connects and goes away. */
static void wait_for_start(struct init_plan *plan)
{
	for (;;) {
		int connection = accept4(plan->io->start, NULL, NULL, SOCK_CLOEXEC);
		char got = 0;
		ssize_t n;

		if (connection < 0 && errno != EINTR && errno != ECONNABORTED)
			fail(plan, STEP_SYNC, 0, errno);
		if (connection < 0)
			continue;
		do
			n = recv(connection, &got, 1, 0);
		while (n < 0 && errno == EINTR);
		if (n == 1 && got == (char)INIT_GO) {
			plan->report = connection;
			break;
		}
		fd_close(connection);
	}
	fd_close(plan->io->start);
}

static void hooks_of_start(const struct init_plan *plan)
{
	const struct spec_hooks *hooks = &plan->spec->hooks[SPEC_HOOK_START_CONTAINER];
	_cleanup_free_ char *state = NULL;

	if (hooks->count > 0)
		state = plan->io->hook_state(plan->io->data, getpid(), "created");
	for (size_t i = 0; i < hooks->count; i++) {
		int status, r = hook_run(&hooks->list[i], state, &status);

		if (r < 0)
			fail(plan, STEP_HOOK_START, i, r);
	}
}

static void become_root(const struct init_plan *plan)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail(plan, STEP_BECOME_ROOT, 0, errno);
	umask(0);
}

static void names_set(const struct init_plan *plan)
{
	const struct spec *spec = plan->spec;

	if (spec->namespaces[SPEC_NS_UTS].mode == SPEC_NS_INHERIT)
		return;
	if ((spec->hostname && *spec->hostname &&
	     sethostname(spec->hostname, strlen(spec->hostname)) < 0) ||
	    (spec->domainname && *spec->domainname &&
	     setdomainname(spec->domainname, strlen(spec->domainname)) < 0))
		fail(plan, STEP_HOSTNAME, 0, errno);
}

/* Without a proc of its own the container's parameters are written through one that is made for it. */
static void sysctls_without_proc(const struct init_plan *plan)
{
	_cleanup_close_ int proc = -1;

	for (size_t i = 0; i < plan->spec->mount_count; i++)
		if (plan->spec->mounts[i].kind == SPEC_MOUNT_PROC)
			return;
	if (plan->spec->sysctl_count == 0)
		return;
	proc = mount_new("proc", "proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (proc ==
	    -EPERM) /* the pid namespace is the host's; parameters are those of who opens them, whatever the mount */
		proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		fail(plan, STEP_SYSCTL, 0, proc);
	sysctls_write(plan, proc);
}

_Noreturn void container_init(const struct init_plan *given)
{
	struct init_plan own = *given, *plan = &own;
	const struct spec *spec = plan->spec;
	size_t bind_count = 0, node_count = 0;
	int *fds, slave = -1, master = -1, r;

	for (size_t i = 0; i < spec->mount_count; i++)
		bind_count += spec->mounts[i].kind == SPEC_MOUNT_BIND;
	for (size_t i = 0; container_nodes_by_parent(spec) && i < spec->device_count; i++)
		node_count += !spec->devices[i].fifo;
	/* first of all: what is done from here on is counted and limited */
	r = cgroup_door_pass(plan->door);
	if (r < 0)
		fail(plan, STEP_CGROUP, 0, r);
	fds = mem_new((1 + bind_count + node_count) * sizeof(int));

	wait_for(plan, INIT_MAPPED);
	become_root(plan);
	if (spec->told_exactly || spec->process.apparmor_profile) {
		plan->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (plan->proc < 0)
			fail(plan, STEP_LABEL, 0, errno);
	}
	names_set(plan);
	if (is_new(spec, SPEC_NS_NETWORK))
		loopback_up(plan);
	if (!spec->no_new_keyring && sys_keyctl_join_session(NULL) < 0 && errno != ENOSYS &&
	    errno != EDQUOT)
		fail(plan, STEP_KEYRING, 0, errno);
	if (container_has_root(spec)) {
		receive_mounts(plan, fds, 1 + bind_count + node_count);
		if (is_new(spec, SPEC_NS_CGROUP) && unshare(CLONE_NEWCGROUP) < 0)
			fail(plan, STEP_CGROUP_NAMESPACE, 0, errno);
		sysctls_without_proc(plan);
		root_set_up(plan, fds, bind_count, &slave, &master);
	} else if (hook_any_of_create(spec)) {
		hooks_of_create(plan);
	}
	process_check(plan);
	/* now, since the caller of an OCI runtime reads the streams that we were given to their end */
	r = terminal_stdio(plan->io->stdio, slave);
	if (r == 0)
		r = terminal_session(slave >= 0);
	if (r < 0)
		fail(plan, STEP_STDIO, 0, r);
	if (fd_pass_send(plan->sync, (char)INIT_READY, &master, master >= 0 ? 1 : 0) < 0)
		_exit(126);
	wait_for(plan, INIT_GO);
	if (plan->io->start >= 0)
		wait_for_start(plan);
	hooks_of_start(plan);
	process_become(plan);
}
