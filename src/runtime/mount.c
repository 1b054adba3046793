/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/spec.h"

static int configure(int fs, const char *data)
{
	char copy[MOUNT_DATA_MAX], *rest = copy, *item;

	if (strlen(data) >= sizeof(copy))
		return -E2BIG;
	memcpy(copy, data, strlen(data) + 1);
	while ((item = strsep(&rest, ",")) != NULL) {
		char *value = strchr(item, '=');
		int r;

		if (!*item)
			continue;
		if (value) {
			*value++ = '\0';
			r = fsconfig(fs, FSCONFIG_SET_STRING, item, value, 0);
		} else {
			r = fsconfig(fs, FSCONFIG_SET_FLAG, item, NULL, 0);
		}
		if (r < 0)
			return -errno;
	}
	return 0;
}

int mount_new(const char *type, const char *source, const char *data, unsigned int attrs)
{
	return mount_new_labelled(type, source, data, NULL, attrs);
}

int mount_new_labelled(const char *type, const char *source, const char *data, const char *label,
		       unsigned int attrs)
{
	_cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
	int r, fd;

	if (fs < 0)
		return -errno;
	if (source && fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return -errno;
	r = data ? configure(fs, data) : 0;
	if (r == 0 && label && *label && fsconfig(fs, FSCONFIG_SET_STRING, "context", label, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	return fd < 0 ? -errno : fd;
}

int mount_copy(int dir, const char *path, unsigned int flags)
{
	int fd = open_tree(dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);

	return fd < 0 ? -errno : fd;
}

/* A child attaches it in a mount namespace of its own, where it can be copied, and sends the copy back. */
int mount_part_elsewhere(int fs, const char *name)
{
	struct mount_attr private_all = { .propagation = MS_PRIVATE };
	struct clone_args args = { .exit_signal = SIGCHLD, .flags = CLONE_NEWNS };
	int pair[2], fd = -1, n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = sys_clone3(&args);
	if (pid == 0) {
		if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private_all, sizeof(private_all)) <
			    0 ||
		    move_mount(fs, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
			_exit(1);
		fd = mount_copy(fs, name, AT_SYMLINK_NOFOLLOW);
		_exit(fd < 0 || fd_pass_send(pair[1], 'p', &fd, 1) < 0 ? 1 : 0);
	}
	n = pid < 0 ? -errno : 0;
	fd_close(pair[1]);
	if (n == 0) {
		n = fd_pass_receive(pair[0], 'p', &fd, 1);
		(void)waitpid(pid, NULL, 0);
	}
	fd_close(pair[0]);
	return n == 1 ? fd : n < 0 && n != -EPIPE ? n : -EINVAL;
}

int mount_part(int fs, const char *name)
{
	int fd = mount_copy(fs, name, AT_SYMLINK_NOFOLLOW);

	return fd == -EINVAL ? mount_part_elsewhere(fs, name) : fd;
}

int mount_change(int fd, uint64_t attrs_set, uint64_t propagation, int userns_fd,
		 unsigned int flags)
{
	return mount_adjust(fd, attrs_set, 0, propagation, userns_fd, flags);
}

int mount_adjust(int fd, uint64_t attrs_set, uint64_t attrs_clear, uint64_t propagation,
		 int userns_fd, unsigned int flags)
{
	struct mount_attr attr = { .attr_set = attrs_set,
				   .attr_clr = attrs_clear,
				   .propagation = propagation };

	if (!attrs_set && !attrs_clear && !propagation && userns_fd < 0)
		return 0;
	/* The three ways to keep access times are one field, which must be cleared to be set. */
	if (attrs_set & MOUNT_ATTR__ATIME || attrs_clear & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;

	if (userns_fd >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (__u64)(unsigned int)userns_fd;
	}
	return mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int mount_attach(int mount_fd, int target_fd)
{
	return move_mount(mount_fd, "", target_fd, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ?
		       -errno :
		       0;
}

int mount_attach_at(int mount_fd, int dir, const char *name)
{
	return move_mount(mount_fd, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* A detached, private, id-mapped copy of one layer. The kernel marks a detached mount as fit for
 * the overlay; what a container may do with it is decided by the overlay's own flags. */
static int layer_map(int dir, const char *path, int userns_fd, struct err *err)
{
	_cleanup_close_ int fd = mount_copy(dir, path, 0);
	int r;

	if (fd < 0)
		return err_sys(err, fd, "prepare layer %s", path);
	r = userns_fd < 0 ? 0 : mount_change(fd, 0, 0, userns_fd, 0);
	if (r == -EINVAL)
		return err_set(err, EINVAL,
			       "map the ids of layer %s: its file system has no id-mapped mounts; "
			       "keep the data root on ext4, xfs or btrfs, or run with "
			       "--userns=host",
			       path);
	return r < 0 ? err_sys(err, r, "map the ids of layer %s", path) : fd_take(&fd);
}

/* The detached mounts of lower layers and, last, of upper's parent go to `mounts`: closing one would dissolve it, and the overlay
 * refuses a mount that is nowhere (clone_private_mount() in fs/namespace.c). */
static int layers_map(const struct spec *spec, int userns_fd, int *mounts, struct err *err)
{
	_cleanup_free_ char *parent = NULL;

	for (size_t i = 0; i < spec->lower_count; i++) {
		mounts[i] = layer_map(spec->lower_fds[i], "", userns_fd, err);
		if (mounts[i] < 0)
			return mounts[i];
	}
	if (!spec->upper_path)
		return 0;
	/* Upper and work must be on one mount, so their parent folder is mapped and both are opened in it. */
	parent = str_ndup(spec->upper_path,
			  (size_t)(strrchr(spec->upper_path, '/') - spec->upper_path));
	mounts[spec->lower_count] = layer_map(AT_FDCWD, parent, userns_fd, err);
	return mounts[spec->lower_count] < 0 ? mounts[spec->lower_count] : 0;
}

static int overlay_configure(int fs, const struct spec *spec, const int *mounts, struct err *err)
{
	_cleanup_close_ int upper_dir = -1, work_dir = -1;

	for (size_t i = 0; i < spec->lower_count; i++)
		if (fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, mounts[i]) < 0)
			return err_sys(err, errno, "add layer %zu of %zu to the root file system",
				       i + 1, spec->lower_count);
	if (!spec->upper_path)
		return 0;
	upper_dir = openat(mounts[spec->lower_count], strrchr(spec->upper_path, '/') + 1,
			   O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	work_dir = openat(mounts[spec->lower_count], strrchr(spec->work_path, '/') + 1,
			  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper_dir < 0 || work_dir < 0)
		return err_sys(err, errno, "open the writable layer");
	if (fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, upper_dir) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, work_dir) < 0)
		return err_sys(err, errno, "add the writable layer to the root file system");
	if (spec->root_volatile && fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return err_sys(err, errno, "make the root file system volatile");
	return 0;
}

/* The overlay acts with the credentials of its mounter on the layers below, which know the container's ids only: be its root for
 * the file system, with the capabilities kept. */
static int mounter_become(const struct spec *spec)
{
	uint32_t uid = spec_host_id(spec->uid_map, spec->uid_map_count, 0);
	uint32_t gid = spec_host_id(spec->gid_map, spec->gid_map_count, 0);

	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
		return -errno;
	(void)setfsgid(gid);
	(void)setfsuid(uid);
	return 0;
}

static int overlay_create(const struct spec *spec, int fs)
{
	int r = mounter_become(spec);

	if (r < 0)
		return r;
	r = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
	(void)setfsuid(0);
	(void)setfsgid(0);
	(void)prctl(PR_SET_SECUREBITS, 0);
	return r;
}

static int overlay_by_descriptor(const struct spec *spec, const int *mounts, unsigned int attrs,
				 struct err *err)
{
	_cleanup_close_ int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int r, fd;

	if (fs < 0)
		return err_sys(err, errno, "open the overlay file system");
	if (spec->mount_label && *spec->mount_label &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "context", spec->mount_label, 0) < 0)
		return err_sys(err, errno, "label the root file system %s", spec->mount_label);
	r = overlay_configure(fs, spec, mounts, err);
	if (r < 0)
		return r;
	r = overlay_create(spec, fs);
	if (r < 0)
		return err_sys(err, r, "mount the root file system");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	return fd < 0 ? err_sys(err, errno, "mount the root file system") : fd;
}

/* "lowerdir=0:1:2,upperdir=3/upper,workdir=3/work"; SELinux takes its context out of them, commas and all. */
static char *layers_by_name(const struct spec *spec)
{
	struct buf text = BUF_EMPTY;

	for (size_t i = 0; i < spec->lower_count; i++)
		buf_printf(&text, "%s%zu", i ? ":" : "lowerdir=", i);
	if (spec->upper_path)
		buf_printf(&text, ",upperdir=%zu%s,workdir=%zu%s", spec->lower_count,
			   strrchr(spec->upper_path, '/'), spec->lower_count,
			   strrchr(spec->work_path, '/'));
	if (spec->upper_path && spec->root_volatile)
		buf_printf(&text, ",volatile");
	if (spec->mount_label && *spec->mount_label)
		buf_printf(&text, ",context=\"%s\"", spec->mount_label);
	return text.data;
}

/* In a mount namespace made for it: a tmpfs with a mount point for each layer, named by its number, and one for the overlay.
 * The names are short since all options together are a page (mount(2)). */
static int layers_attach(const struct spec *spec, const int *mounts, const char *options)
{
	struct mount_attr private_all = { .propagation = MS_PRIVATE };
	size_t count = spec->lower_count + (spec->upper_path ? 1 : 0);
	int base, r;

	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private_all, sizeof(private_all)) < 0)
		return -errno;
	base = mount_new("tmpfs", "cloche-layers", "mode=755,size=64k", 0);
	if (base < 0)
		return base;
	if (move_mount(base, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(base) < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		char name[24];

		(void)snprintf(name, sizeof(name), "%zu", i);
		if (mkdirat(base, name, 0755) < 0)
			return -errno;
		r = mount_attach_at(mounts[i], base, name);
		if (r < 0)
			return r;
	}
	if (mkdirat(base, "root", 0755) < 0)
		return -errno;
	r = mounter_become(spec);
	if (r < 0)
		return r;
	/* its layers are copies of the mounts: they outlive this namespace */
	if (mount("overlay", "root", "overlay", 0, options) < 0)
		return -errno;
	return mount_copy(base, "root", AT_SYMLINK_NOFOLLOW);
}

/* Linux 6.13 is the first that takes a layer by descriptor, and 6.15 the first that takes one that is a detached mount. Until then
 * they have paths in the mount namespace of who mounts. The child ends with the number of the error. */
static int overlay_by_path(const struct spec *spec, const int *mounts, unsigned int attrs)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .flags = CLONE_NEWNS };
	_cleanup_free_ char *options = layers_by_name(spec);
	int pair[2], fd = -1, status = 0, r;
	pid_t pid;

	if (strlen(options) >= MOUNT_DATA_MAX)
		return -E2BIG;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = sys_clone3(&args);
	if (pid == 0) {
		fd = layers_attach(spec, mounts, options);
		r = fd < 0 ? fd : mount_change(fd, attrs, MS_PRIVATE, -1, 0);
		if (r == 0)
			r = fd_pass_send(pair[1], 'o', &fd, 1);
		_exit(r < 0 ? -r : 0);
	}
	r = pid < 0 ? -errno : 0;
	fd_close(pair[1]);
	if (r == 0) {
		(void)fd_pass_receive(pair[0], 'o', &fd, 1); /* none: the status tells why */
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
	}
	fd_close(pair[0]);
	if (r < 0 || fd >= 0)
		return r < 0 ? r : fd;
	return WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EPIPE;
}

int mount_overlay(const struct spec *spec, int userns_fd, int *parts, struct err *err)
{
	unsigned int attrs = spec->privileged ? 0 : MOUNT_ATTR_NODEV;
	int fd = layers_map(spec, userns_fd, parts, err);

	if (fd < 0)
		return fd;
	fd = overlay_by_descriptor(spec, parts, attrs, err);
	/* before Linux 6.5, 6.13 (fsconfig(2) takes no O_PATH descriptor), 6.15 */
	if (fd != -EOPNOTSUPP && fd != -EBADF && fd != -EINVAL)
		return fd;
	err_clear(err);
	fd = overlay_by_path(spec, parts, attrs);
	return fd < 0 ? err_sys(err, fd, "mount the root file system") : fd;
}

/* In the process that is made for it: keep what is to be closed, and wait until nobody else has it. */
static _Noreturn void parts_keep(const int *parts, size_t count, int gate)
{
	char byte;

	fd_close_others(parts, count, gate);
	(void)!read(gate, &byte, 1);
	_exit(0);
}

void mount_parts_drop(const int *parts, size_t count)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	int gate[2];
	pid_t pid = -1;

	if (pipe2(gate, O_CLOEXEC) == 0) {
		pid = sys_clone3(&args);
		if (pid == 0) {
			(void)close(gate[1]);
			parts_keep(parts, count, gate[0]);
		}
		fd_close(gate[0]);
	}
	for (size_t i = 0; i < count; i++)
		fd_close(parts[i]);
	if (pid > 0)
		fd_close(gate[1]);
}
