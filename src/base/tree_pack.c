/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/tree_stream.h"

enum { DEPTH_MAX = 1000, BLOCK = 1 << 16 };

struct pack {
	char path[PATH_MAX]; /* of what is at hand, for TREE_LAYER */
	int out;
	unsigned int flags;
	int depth;
	struct err *err;
};

static int one_pack(struct pack *pack, int dir, const char *name);

/* What the kernel keeps as version 3, for the root of a user namespace, is version 2 in an image. */
static void capability_read(int fd, struct tree_entry *entry)
{
	unsigned char value[24];
	ssize_t n = fgetxattr(fd, "security.capability", value, sizeof(value));

	if (n != 20 && n != 24)
		return;
	value[3] = 2;
	memcpy(entry->capability, value, 20);
	entry->capability_length = 20;
}

static int file_pack(struct pack *pack, int fd, struct tree_entry *entry)
{
	static char block[BLOCK];
	int64_t left = entry->size;
	int r;

	capability_read(fd, entry);
	r = tree_put(pack->out, entry, pack->err);
	while (r == 0 && left > 0) {
		size_t part = left < BLOCK ? (size_t)left : BLOCK;
		ssize_t n = read(fd, block, part);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(pack->err, errno, "read %s", entry->name);
		if (n == 0) { /* it became shorter: the rest is zeros, as tar has it */
			memset(block, 0, part);
			n = (ssize_t)part;
		}
		r = fd_write_all(pack->out, block, (size_t)n);
		if (r < 0)
			return err_sys(pack->err, r, "write the copy");
		left -= n;
	}
	return r;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is in a folder, in the order of the names: the same tree gives the same bytes. Takes fd. */
static int inside_pack(struct pack *pack, int fd)
{
	DIR *dir = fdopendir(fd);
	_cleanup_strv_ char **names = NULL;
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		fd_close(fd);
		return err_sys(pack->err, errno, "read a folder");
	}
	if (++pack->depth > DEPTH_MAX)
		r = err_set(pack->err, ELOOP, "the folders are too deep");
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strv_add(&names, entry->d_name);
	if (names)
		qsort(names, strv_length(names), sizeof(*names), name_compare);
	for (size_t i = 0; r == 0 && names && names[i]; i++) {
		size_t length = strlen(pack->path);

		(void)str_append(pack->path, sizeof(pack->path), "/");
		(void)str_append(pack->path, sizeof(pack->path), names[i]);
		r = one_pack(pack, dirfd(dir), names[i]);
		pack->path[length] = '\0';
	}
	pack->depth--;
	(void)closedir(dir);
	return r;
}

static bool folder_is_opaque(int fd)
{
	char value[4];
	ssize_t n = fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value));

	return n == 1 && value[0] == 'y';
}

static int folder_pack(struct pack *pack, int fd, const struct tree_entry *entry)
{
	struct tree_entry mark = { .kind = TREE_OPAQUE };
	int r = tree_put(pack->out, entry, pack->err);

	if (r == 0 && pack->flags & TREE_LAYER && folder_is_opaque(fd))
		r = tree_put(pack->out, &mark, pack->err);
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	r = inside_pack(pack, fd);
	mark.kind = TREE_LEAVE;
	return r < 0 ? r : tree_put(pack->out, &mark, pack->err);
}

static void attributes_fill(struct tree_entry *entry, const struct stat *st)
{
	entry->mode = st->st_mode & 07777;
	entry->uid = st->st_uid;
	entry->gid = st->st_gid;
	entry->mtime_s = st->st_mtim.tv_sec;
	entry->mtime_ns = st->st_mtim.tv_nsec;
}

bool tree_is_mount_place(const char *path)
{
	static const char *const places[] = { "/dev",	    "/proc",	     "/sys",
					      "/etc/hosts", "/etc/hostname", "/etc/resolv.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strcmp(path, places[i]) == 0)
			return true;
	return false;
}

static bool left_out(const struct pack *pack, int fd, const struct stat *st)
{
	struct dirent *entry;
	bool empty = true;
	DIR *dir;
	int copy;

	if (!(pack->flags & TREE_LAYER) || !tree_is_mount_place(pack->path))
		return false;
	if (!S_ISDIR(st->st_mode))
		return S_ISREG(st->st_mode) && st->st_size == 0;
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = copy < 0 ? NULL : fdopendir(copy);
	while (dir && empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir)
		(void)closedir(dir);
	return dir && empty;
}

static int one_pack(struct pack *pack, int dir, const char *name)
{
	struct tree_entry entry = { 0 };
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t n;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(pack->err, errno, "look at %s", name);
	(void)str_append(entry.name, sizeof(entry.name), name);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		/* NONBLOCK: it may be another thing by now */
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return errno == ENOENT || errno == ELOOP ?
				       0 :
				       err_sys(pack->err, errno, "open %s", name);
		if (fstat(fd, &st) < 0)
			return err_sys(pack->err, errno, "look at %s", name);
	}
	attributes_fill(&entry, &st);
	if (left_out(pack, fd, &st))
		return 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		if (fd < 0)
			return 0;
		entry.kind = TREE_FILE;
		entry.size = st.st_size;
		return file_pack(pack, fd, &entry);
	case S_IFDIR:
		if (fd < 0)
			return 0;
		entry.kind = TREE_FOLDER;
		return folder_pack(pack, fd_take(&fd), &entry);
	case S_IFLNK:
		n = readlinkat(dir, name, entry.target, sizeof(entry.target) - 1);
		if (n < 0)
			return errno == ENOENT || errno == EINVAL ?
				       0 :
				       err_sys(pack->err, errno, "read the link %s", name);
		entry.kind = TREE_SYMLINK;
		return tree_put(pack->out, &entry, pack->err);
	case S_IFIFO:
		entry.kind = TREE_FIFO;
		return tree_put(pack->out, &entry, pack->err);
	case S_IFCHR:
		if (!(pack->flags & TREE_LAYER) || st.st_rdev != makedev(0, 0))
			return 0; /* devices are not copied, as the extractor makes none */
		entry.kind = TREE_DELETED;
		return tree_put(pack->out, &entry, pack->err);
	default:
		return 0;
	}
}

int tree_pack_fd(int out, int fd, const char *name, unsigned int flags, struct err *err)
{
	struct pack pack = { .out = out, .flags = flags, .err = err };
	struct tree_entry entry = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "look at %s", name);
	(void)str_append(entry.name, sizeof(entry.name), name);
	attributes_fill(&entry, &st);
	if (S_ISREG(st.st_mode)) {
		entry.kind = TREE_FILE;
		entry.size = st.st_size;
		return file_pack(&pack, fd, &entry);
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(err, EINVAL, "%s is neither a file nor a folder", name);
	entry.kind = TREE_FOLDER;
	return folder_pack(&pack, fcntl(fd, F_DUPFD_CLOEXEC, 3), &entry);
}

int tree_pack(int out, int dir, const char *name, unsigned int flags, struct err *err)
{
	struct pack pack = { .out = out, .flags = flags, .err = err };

	if (flags & TREE_INSIDE) {
		int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		return fd < 0 ? err_sys(err, errno, "open %s", name) : inside_pack(&pack, fd);
	}
	return one_pack(&pack, dir, name);
}
