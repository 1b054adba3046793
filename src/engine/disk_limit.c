/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/disk_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/quota.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/create.h"
#include "engine/engine.h"

/* QCMD() of project quotas: its shift is one of a signed number, and old headers have no PRJQUOTA */
#define PROJECT(command) ((unsigned int)(command) << SUBCMDSHIFT | 2U)

struct limited { /* one folder */
	struct engine *engine;
	const char *kind, *name; /* "container", ID */
	const char *what;	 /* for the words */
	char *folder;		 /* beneath the data root */
	uint64_t bytes;
};

static void limited_clear(struct limited *l)
{
	free(l->folder);
}

/* -- options ---------------------------------------------------------------------------------- */

int disk_limit_parse(const char *what, const char *text, uint64_t *ret_bytes, struct err *err)
{
	if (!text || str_to_bytes(text, ret_bytes) < 0 || *ret_bytes > INT64_MAX)
		return err_set(err, EINVAL, "%s: invalid size: '%s'", what, text ? text : "");
	if (*ret_bytes < DISK_LIMIT_SMALLEST)
		return err_set(err, EINVAL, "%s: a size below 8m leaves no room for files", what);
	return 0;
}

int disk_limit_option(const struct create_options *o, json_t *host, struct err *err)
{
	json_t *object;

	if (!o->storage_opt)
		return 0;
	object = json_object();
	json_put(host, "StorageOpt", object);
	for (size_t i = 0; o->storage_opt[i]; i++) {
		const char *value = strchr(o->storage_opt[i], '=');
		uint64_t bytes;

		if (!value || !str_prefix(o->storage_opt[i], "size="))
			return err_set(err, EINVAL,
				       "invalid storage option '%s': only size= is possible",
				       o->storage_opt[i]);
		if (disk_limit_parse("--storage-opt", value + 1, &bytes, err) < 0)
			return -err->code;
		json_put(object, "size", json_text(value + 1));
	}
	if (o->rootfs && str_suffix(o->rootfs, ":rw"))
		return err_set(
			err, EINVAL,
			"--storage-opt: a root file system that is written in place has no limit");
	return 0;
}

/* -- project quota ---------------------------------------------------------------------------- */

static int quota_call(int fd, unsigned int command, uint32_t project, struct if_dqblk *block)
{
	return syscall(SYS_quotactl_fd, fd, PROJECT(command), project, block) < 0 ? -errno : 0;
}

static uint32_t project_of(int fd)
{
	struct fsxattr attr;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0 || !(attr.fsx_xflags & FS_XFLAG_PROJINHERIT))
		return 0;
	return attr.fsx_projid;
}

/* The first that nobody has, from a number on that folders of one file system do not share as long as they live. */
static uint32_t project_choose(int fd, uint32_t from)
{
	for (uint32_t project = from ? from : 1, tries = 0; tries < 1000; project++, tries++) {
		struct if_dqblk block = { 0 };
		int r = project ? quota_call(fd, Q_GETQUOTA, project, &block) : -EINVAL;

		if (r == -ENOENT || r == -ESRCH ||
		    (r == 0 && !block.dqb_bhardlimit && !block.dqb_curspace))
			return project;
	}
	return 0;
}

/* -EOPNOTSUPP: the file system has no project quota that is in force. No words. */
static int quota_begin(int fd, uint64_t bytes)
{
	struct if_dqblk block = { .dqb_bhardlimit = bytes / 1024, .dqb_valid = QIF_BLIMITS };
	struct if_dqinfo info = { 0 };
	struct fsxattr attr;
	struct stat st;
	uint32_t project;

	/* it answers only where quotas are on */
	if (syscall(SYS_quotactl_fd, fd, PROJECT(Q_GETINFO), 0, &info) < 0 || fstat(fd, &st) < 0 ||
	    ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0)
		return -EOPNOTSUPP;
	project = project_choose(fd, (uint32_t)st.st_ino);
	if (!project || quota_call(fd, Q_SETQUOTA, project, &block) < 0)
		return -EOPNOTSUPP;
	attr.fsx_projid = project;
	attr.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &attr) < 0 ? -EOPNOTSUPP : 0;
}

static void quota_end(int fd, uint32_t project)
{
	struct if_dqblk block = { .dqb_valid = QIF_BLIMITS };

	(void)quota_call(fd, Q_SETQUOTA, project, &block); /* an entry more or less */
}

/* -- an image --------------------------------------------------------------------------------- */

static int format(int disks, const char *name, struct err *err)
{
	char number[32];
	char *const argv[] = { (char *)"mke2fs",	 (char *)"-q", (char *)"-F", (char *)"-t",
			       (char *)"ext4",		 (char *)"-m", (char *)"0",  (char *)"-E",
			       (char *)"root_owner=0:0", number,       NULL };
	char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	_cleanup_close_ int file = openat(disks, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int status = 0;
	pid_t pid;

	if (file < 0)
		return err_sys(err, errno, "open disk image %s", name);
	(void)snprintf(number, sizeof(number), "/proc/self/fd/%d", file);
	pid = fork();
	if (pid == 0) {
		(void)fcntl(file, F_SETFD, 0);
		(void)execvpe(argv[0], argv, env);
		_exit(127);
	}
	if (pid < 0)
		return err_sys(err, errno, "fork");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		err_set(err, ENOENT,
			"limit of disk space: this file system has no project quota, and there is no mke2fs for an image");
		return err_hint(err, "install e2fsprogs");
	}
	if (status != 0)
		return err_set(err, EIO, "make a file system in disk image %s: mke2fs failed",
			       name);
	return fsync(file) < 0 ? err_sys(err, errno, "write disk image %s", name) : 0;
}

static int image_make(int disks, const char *name, uint64_t bytes, struct err *err)
{
	_cleanup_free_ char *new = str_printf("%s.new", name);
	_cleanup_close_ int file =
		openat(disks, new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (file < 0 || ftruncate(file, (off_t)bytes) < 0)
		return err_sys(err, errno, "make disk image %s", name);
	r = format(disks, new, err);
	if (r == 0 && renameat(disks, new, disks, name) < 0)
		r = err_sys(err, errno, "make disk image %s", name);
	if (r == 0)
		(void)fsync(disks);
	else
		(void)unlinkat(disks, new, 0);
	return r;
}

/* A loop device that goes with its last user. */
static int loop_open(int file, char path[32], struct err *err)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (control < 0)
		return err_sys(err, errno, "open /dev/loop-control");
	for (int tries = 0; tries < 100; tries++) {
		struct loop_config config = { .fd = (uint32_t)file,
					      .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
		int number = ioctl(control, LOOP_CTL_GET_FREE), loop;

		if (number < 0)
			return err_sys(err, errno, "find a free loop device");
		(void)snprintf(path, 32, "/dev/loop%d", number);
		/* where no udev makes it */
		if (mknod(path, S_IFBLK | 0660, makedev(7, (unsigned int)number)) < 0 &&
		    errno != EEXIST)
			return err_sys(err, errno, "make %s", path);
		loop = open(path, O_RDWR | O_CLOEXEC);
		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			return loop;
		fd_close(loop);
		if (loop >= 0 && errno != EBUSY) /* EBUSY: somebody was faster */
			return err_sys(err, errno, "set up %s", path);
	}
	return err_set(err, EBUSY, "find a free loop device: others take them all");
}

static bool is_mount(int fd)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int image_mount(const struct limited *l, int disks, const char *name, struct err *err)
{
	_cleanup_free_ char *target = str_printf("%s/%s", l->engine->settings.root, l->folder);
	_cleanup_close_ int file = openat(disks, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW), loop = -1;
	char device[32];

	if (file < 0)
		return err_sys(err, errno, "open disk image %s", name);
	loop = loop_open(file, device, err);
	if (loop < 0)
		return loop;
	if (mount(device, target, "ext4", MS_NODEV, "discard") < 0)
		return err_sys(err, errno, "mount disk image %s at %s", name, target);
	(void)chmod(target, 0700);
	return 0;
}

/* -- both ------------------------------------------------------------------------------------- */

static int folder_make(const struct limited *l, struct err *err)
{
	_cleanup_strv_ char **parts = strv_split(l->folder, '/');
	int fd = fcntl(l->engine->root, F_DUPFD_CLOEXEC, 3);

	for (size_t i = 0; fd >= 0 && parts[i]; i++) {
		int below = dir_open_make(fd, parts[i], 0700, err);

		fd_close(fd);
		fd = below;
	}
	return fd;
}

static int limit_make(const struct limited *l, struct err *err)
{
	_cleanup_free_ char *name = str_printf("%s-%s", l->kind, l->name);
	_cleanup_close_ int folder = folder_make(l, err), disks = -1, again = -1;
	struct stat st;
	int r;

	if (folder < 0)
		return folder;
	if (is_mount(folder) || project_of(folder))
		return 0;
	disks = dir_open_make(l->engine->root, "disks", 0700, err);
	if (disks < 0)
		return disks;
	if (flock(disks, LOCK_EX) < 0)
		return err_sys(err, errno, "lock the disk images");
	again = folder_make(l, err); /* it may have been mounted meanwhile */
	if (again < 0 || is_mount(again))
		return again < 0 ? again : 0;
	if (fstatat(disks, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (quota_begin(folder, l->bytes) == 0)
			return 0;
		r = image_make(disks, name, l->bytes, err);
		if (r < 0)
			return r;
		engine_kill_point("disk-image-made");
	}
	return image_mount(l, disks, name, err);
}

static int limit_release(const struct limited *l, struct err *err)
{
	_cleanup_free_ char *name = str_printf("disks/%s-%s", l->kind, l->name),
			    *new = str_printf("%s.new", name),
			    *target = str_printf("%s/%s", l->engine->settings.root, l->folder);
	_cleanup_close_ int folder =
		openat(l->engine->root, l->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	uint32_t project = folder < 0 ? 0 : project_of(folder);

	/* an image of ours, and nothing that somebody else has put there */
	if (folder >= 0 && is_mount(folder) && umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_sys(err, errno, "unmount %s", target);
	if (project)
		quota_end(folder, project);
	if (unlinkat(l->engine->root, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove disk image %s", name);
	(void)unlinkat(l->engine->root, new, 0);
	return 0;
}

/* -- containers and volumes ------------------------------------------------------------------- */

static const char *size_of(const struct record *record)
{
	return json_string_at(record->config, "HostConfig.StorageOpt.size", NULL);
}

char *disk_limit_folder(const struct record *record)
{
	return str_printf("containers/%s%s", record->row.id, size_of(record) ? "/disk" : "");
}

int disk_limit_container(struct engine *engine, const struct record *record, struct err *err)
{
	_cleanup_(limited_clear) struct limited l = { .engine = engine,
						      .kind = "container",
						      .name = record->row.id };
	int r;

	if (!size_of(record))
		return 0;
	l.folder = disk_limit_folder(record);
	r = disk_limit_parse("--storage-opt", size_of(record), &l.bytes, err);
	return r < 0 ? r : limit_make(&l, err);
}

int disk_limit_container_release(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_(limited_clear) struct limited l = { .engine = engine,
						      .kind = "container",
						      .name = id,
						      .folder = str_printf("containers/%s/disk",
									   id) };

	return limit_release(&l, err);
}

int disk_limit_volume(struct engine *engine, const char *name, const json_t *options,
		      struct err *err)
{
	const char *size = json_string_at(options, "size", NULL);
	_cleanup_(limited_clear) struct limited l = { .engine = engine,
						      .kind = "volume",
						      .name = name };
	int r;

	if (!size)
		return 0;
	l.folder = str_printf("volumes/%s", name);
	r = disk_limit_parse("volume option size", size, &l.bytes, err);
	return r < 0 ? r : limit_make(&l, err);
}

int disk_limit_volume_release(struct engine *engine, const char *name, struct err *err)
{
	_cleanup_(limited_clear) struct limited l = { .engine = engine,
						      .kind = "volume",
						      .name = name,
						      .folder = str_printf("volumes/%s", name) };

	return limit_release(&l, err);
}
