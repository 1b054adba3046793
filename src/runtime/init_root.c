/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/init_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_cgroup.h"
#include "runtime/container_dev.h"
#include "runtime/container_step.h"
#include "runtime/mount.h"
#include "runtime/mount_place.h"
#include "runtime/spec.h"
#include "runtime/tree_copy.h"

/* -- mounts -------------------------------------------------------------------------------------- */

void container_sysctls_write(const struct init_plan *plan, int proc)
{
	const struct spec *spec = plan->spec;

	for (size_t i = 0; i < spec->sysctl_count; i++) {
		char path[256] = "sys/";
		int r;

		if (!str_append(path, sizeof(path), spec->sysctls[i].name))
			container_fail(plan, STEP_SYSCTL, i, ENAMETOOLONG);
		for (char *p = path; *p; p++)
			if (*p == '.')
				*p = '/';
		r = file_poke(proc, path, spec->sysctls[i].value);
		if (r < 0)
			container_fail(plan, STEP_SYSCTL, i, r);
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
		target = mount_place_strict(root, mount->destination, true);
		if (target == -ELOOP)
			container_fail(plan, STEP_REAL_PROC, i, ELOOP);
		return target;
	}
	target = directory ? root_make_dir(root, mount->destination, 0, 0, &ignored) :
			     root_make_file(root, mount->destination, 0, 0, &ignored);
	if (target >= 0 && plan->spec->told_exactly && fstatfs(target, &fs) == 0 &&
	    fs.f_type == PROC_SUPER_MAGIC && !proc_file_may_be_covered(mount->destination))
		container_fail(plan, STEP_REAL_PROC, i, EPERM);
	return target;
}

static void mount_put(const struct init_plan *plan, int root, size_t i, int fd, bool directory)
{
	_cleanup_close_ int target = mount_place(plan, root, i, directory);
	int r = target < 0 ? target : mount_attach(fd, target);

	if (r < 0)
		container_fail(plan, STEP_MOUNT_TARGET, i, r);
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
		container_fail(plan, STEP_MOUNT, i, r);
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
		container_fail(plan, STEP_MOUNT_TARGET, i, parent);
	target[n] = '\0';
	if (symlinkat(target, parent, name) < 0 && errno != EEXIST)
		container_fail(plan, STEP_MOUNT_TARGET, i, errno);
	fd_close(link);
}

/* Whose files have no labels of their own. */
static bool mount_takes_label(const struct spec_mount *mount)
{
	return mount->kind == SPEC_MOUNT_TMPFS || mount->kind == SPEC_MOUNT_DEVPTS ||
	       mount->kind == SPEC_MOUNT_OTHER;
}

/* The message queues of an ipc namespace are one file system from its birth on, with labels of its own: the folder has that of the
 * namespace's maker. */
static void queues_label(const struct init_plan *plan, int mount_fd)
{
	const char *label = plan->spec->mount_label;
	_cleanup_close_ int folder = -1;

	if (!label || !*label)
		return;
	folder = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* a policy may keep them as they are: then the policy says who uses them */
	if (folder >= 0)
		(void)fsetxattr(folder, "security.selinux", label, strlen(label) + 1, 0);
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
				mount_takes_label(mount) ? plan->spec->mount_label : NULL, attrs);
	if (fd < 0)
		return fd;
	if (mount->kind == SPEC_MOUNT_MQUEUE)
		queues_label(plan, fd);
	r = mount_adjust(fd, 0, 0, mount->propagation & ~(uint64_t)MS_REC, -1, 0);
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	return fd;
}

void init_root_mount(const struct init_plan *plan, int root, size_t i, int **binds, int *ret_devpts)
{
	const struct spec_mount *mount = &plan->spec->mounts[i];
	unsigned int attrs = (unsigned int)(mount->attr_set | mount->all_set);
	bool dev = mount->kind == SPEC_MOUNT_TMPFS && strcmp(mount->destination, "/dev") == 0;
	bool read_only_later = dev && attrs & MOUNT_ATTR_RDONLY;
	int fd, r;

	if (mount->kind == SPEC_MOUNT_CGROUP) {
		r = container_cgroup_mount(plan, root, mount);
		if (r < 0)
			container_fail(plan, STEP_MOUNT, i, r);
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
		container_fail(plan, STEP_MOUNT, i, fd);
	if (mount->kind == SPEC_MOUNT_BIND && mount->copy_link && is_link(fd)) {
		link_copy(plan, root, i, fd);
		return;
	}
	if (mount->kind == SPEC_MOUNT_PROC)
		container_sysctls_write(plan, fd);
	if (mount->copy_up) {
		struct err ignored = ERR_NONE;
		_cleanup_close_ int from =
			root_open(root, mount->destination, O_RDONLY | O_DIRECTORY, &ignored);

		r = from < 0 ? (from == -ENOENT || from == -ENOTDIR ? 0 : from) :
			       tree_copy_into_empty(from, fd);
		if (r < 0)
			container_fail(plan, STEP_COPY_UP, i, r);
	}
	mount_put(plan, root, i, fd, mount->kind != SPEC_MOUNT_BIND || is_directory(fd));
	if (dev)
		container_dev_populate(plan, fd, true, attrs & MOUNT_ATTR_NODEV);
	if (mount->kind == SPEC_MOUNT_DEVPTS)
		*ret_devpts = fd;
	else
		fd_close(fd);
}

/* -- masks --------------------------------------------------------------------------------------- */

/* The host's own, while its root is still there: what the container has at /dev/null may be anything (CVE-2025-31133). */
static int null_copy(void)
{
	struct stat st;
	int fd = mount_copy(AT_FDCWD, "/dev/null", AT_SYMLINK_NOFOLLOW);

	if (fd >= 0 &&
	    (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))) {
		fd_close(fd);
		return -ENODEV;
	}
	return fd;
}

void init_root_mask(const struct init_plan *plan, int root)
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
			container_fail(plan, STEP_MASK, i, target);
		if (is_directory(target)) {
			if (empty < 0)
				empty = mount_new_labelled(
					"tmpfs", "tmpfs", "size=0,nr_inodes=1,mode=555",
					plan->spec->mount_label,
					MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
						MOUNT_ATTR_NOEXEC);
			if (empty < 0)
				container_fail(plan, STEP_MASK, i, empty);
			/* the first is used itself: a mount that is nowhere costs a grace period when it is closed */
			cover = covered++ == 0 ? fcntl(empty, F_DUPFD_CLOEXEC, 3) :
						 mount_copy(empty, "", 0);
		} else {
			cover = null_copy();
		}
		r = cover < 0 ? cover : mount_attach(cover, target);
		if (r < 0)
			container_fail(plan, STEP_MASK, i, r);
	}
}

void init_root_protect(const struct init_plan *plan, int root)
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
			container_fail(plan, STEP_READONLY, i, target);
		cover = mount_copy(target, "", AT_RECURSIVE);
		r = cover < 0 ? cover : mount_change(cover, MOUNT_ATTR_RDONLY, 0, -1, AT_RECURSIVE);
		if (r == 0)
			r = mount_attach(cover, target);
		if (r < 0)
			container_fail(plan, STEP_READONLY, i, r);
	}
}

/* -- in and out ---------------------------------------------------------------------------------- */

int init_root_enter(const struct init_plan *plan, int root)
{
	struct mount_attr private_all = { .propagation = MS_PRIVATE };

	if (!spec_is_new(plan->spec, SPEC_NS_USER) &&
	    mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private_all, sizeof(private_all)) < 0)
		container_fail(plan, STEP_PROPAGATION, 0, errno);
	if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		container_fail(plan, STEP_ROOT, 0, errno);
	return root;
}

void init_root_leave(const struct init_plan *plan, int root)
{
	/* On an initramfs there is no pivoting: the new root is stacked on the old one already, and becomes ours by chroot. */
	if (plan->spec->no_pivot) {
		if (fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0)
			container_fail(plan, STEP_PIVOT, 0, errno);
		return;
	}
	/* "." twice: the old root is stacked on the new one and taken off again (pivot_root(2), NOTES). */
	if (fchdir(root) < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		container_fail(plan, STEP_PIVOT, 0, errno);
}
