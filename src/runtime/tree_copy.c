/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/tree_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"

enum { DEPTH_LIMIT = 512 };

struct first { /* of the names of a file with several */
	dev_t dev;
	ino_t ino;
	char *path; /* beneath the copy's top */
};

struct copy {
	int top;      /* of what is made */
	void *firsts; /* tree of struct first, tsearch(3) */
};

static int xattrs_copy(int from, int to)
{
	char names[4096], value[4096];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (const char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		ssize_t size;

		if (!str_prefix(name, "user.") && strcmp(name, "security.capability") != 0)
			continue;
		size = fgetxattr(from, name, value, sizeof(value));
		if (size >= 0 && fsetxattr(to, name, value, (size_t)size, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Owner first: chown clears set-id bits and capabilities. */
static int attributes_copy(int from, int to, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	r = xattrs_copy(from, to);
	return r < 0 ? r : futimens(to, times) < 0 ? -errno : 0;
}

static int first_compare(const void *a, const void *b)
{
	const struct first *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

static void first_free(void *p)
{
	struct first *first = p;

	free(first->path);
	free(first);
}

/* 1: name is now one more name of what was copied before. 0: st's file is seen for the first time. */
static int link_copy(struct copy *copy, const char *path, int to_dir, const char *name,
		     const struct stat *st)
{
	struct first key = { .dev = st->st_dev, .ino = st->st_ino }, *first, *const * found;
	_cleanup_close_ int folder = -1;
	struct err ignored = ERR_NONE;
	char *slash;

	if (st->st_nlink < 2)
		return 0;
	found = tfind(&key, &copy->firsts, first_compare);
	if (!found) {
		first = mem_new(sizeof(*first));
		*first = key;
		first->path = str_dup(path);
		(void)tsearch(first, &copy->firsts, first_compare);
		return 0;
	}
	first = *found;
	slash = strrchr(first->path, '/');
	*slash =
		'\0'; /* beneath the top even when somebody who has the volume too puts links there */
	folder = root_open(copy->top, first->path, O_PATH | O_DIRECTORY, &ignored);
	*slash = '/';
	if (folder < 0)
		return folder;
	return linkat(folder, slash + 1, to_dir, name, 0) < 0 ? -errno : 1;
}

static int range_copy(int from, int to, off_t start, off_t end)
{
	char chunk[65536];
	off_t in = start, out = start;
	ssize_t n = 1;

	while (in < end && n > 0)
		n = copy_file_range(from, &in, to, &out, (size_t)(end - in), 0);
	if (n < 0 && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP)
		return -errno;
	while (in < end) {
		n = pread(from, chunk, sizeof(chunk), in);
		if (n <= 0) /* 0: it became shorter meanwhile */
			return n < 0 ? -errno : 0;
		n = pwrite(to, chunk, (size_t)n, in);
		if (n < 0)
			return -errno;
		in += n;
	}
	return 0;
}

static int file_copy(int from_dir, int to_dir, const char *name)
{
	_cleanup_close_ int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	for (off_t at = 0, end; at < st.st_size; at = end) {
		/* without holes where the file system knows none */
		off_t data = lseek(from, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		at = data < 0 ? at : data;
		end = lseek(from, at, SEEK_HOLE);
		end = end < 0 ? st.st_size : end;
		r = range_copy(from, to, at, end);
		if (r < 0)
			return r;
	}
	if (ftruncate(to, st.st_size) < 0)
		return -errno;
	return attributes_copy(from, to, &st);
}

static int special_copy(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (S_ISLNK(st->st_mode)) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

		if (n < 0)
			return -errno;
		target[n] = '\0';
		if (symlinkat(target, to_dir, name) < 0)
			return -errno;
	} else if (S_ISFIFO(st->st_mode)) {
		if (mkfifoat(to_dir, name, 0600) < 0 ||
		    fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
			return -errno;
	} else {
		return 0;
	}
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int folder_copy(struct copy *copy, const char *path, int from, int to, int depth);

static int entry_copy(struct copy *copy, const char *folder, int from, int to, const char *name,
		      int depth)
{
	_cleanup_free_ char *path = str_printf("%s/%s", folder, name);
	_cleanup_close_ int sub_from = -1, sub_to = -1;
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode)) {
		int r = link_copy(copy, path, to, name, &st);

		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (S_ISREG(st.st_mode))
		return file_copy(from, to, name);
	if (!S_ISDIR(st.st_mode))
		return special_copy(from, to, name, &st);
	if (mkdirat(to, name, 0700) < 0)
		return -errno;
	sub_from = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	sub_to = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub_from < 0 || sub_to < 0)
		return -errno;
	return folder_copy(copy, path, sub_from, sub_to, depth + 1);
}

/* The contents, then the folder's own attributes (its times would change otherwise). */
static int folder_copy(struct copy *copy, const char *path, int from, int to, int depth)
{
	int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;
	struct stat st;

	if (!d) {
		r = -errno;
		fd_close(again);
		return r;
	}
	if (depth > DEPTH_LIMIT)
		r = -ELOOP;
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = entry_copy(copy, path, from, to, e->d_name, depth);
	if (r == 0 && (errno != 0 || fstat(from, &st) < 0))
		r = -errno;
	(void)closedir(d);
	return r < 0 ? r : attributes_copy(from, to, &st);
}

static bool is_empty(int folder)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	bool empty = true;

	if (!d) {
		fd_close(copy);
		return false;
	}
	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	(void)closedir(d);
	return empty;
}

int tree_copy_into_empty(int from, int to)
{
	_cleanup_close_ int folder = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	struct copy copy = { .top = folder };
	int r;

	if (folder < 0)
		return -errno;
	r = is_empty(folder) ? folder_copy(&copy, "", from, folder, 0) : 0;
	tdestroy(copy.firsts, first_free);
	return r;
}
