/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/tree_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum { DEPTH_LIMIT = 512 };

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

static int file_copy(int from_dir, int to_dir, const char *name)
{
	_cleanup_close_ int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	struct stat st;
	ssize_t n;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		;
	if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
		char chunk[65536];

		while ((n = read(from, chunk, sizeof(chunk))) > 0) {
			int r = fd_write_all(to, chunk, (size_t)n);

			if (r < 0)
				return r;
		}
	}
	return n < 0 ? -errno : attributes_copy(from, to, &st);
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

static int folder_copy(int from, int to, int depth);

static int entry_copy(int from, int to, const char *name, int depth)
{
	_cleanup_close_ int sub_from = -1, sub_to = -1;
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
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
	return folder_copy(sub_from, sub_to, depth + 1);
}

/* The contents, then the folder's own attributes (its times would change otherwise). */
static int folder_copy(int from, int to, int depth)
{
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	struct stat st;

	if (!d) {
		r = -errno;
		fd_close(copy);
		return r;
	}
	if (depth > DEPTH_LIMIT)
		r = -ELOOP;
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = entry_copy(from, to, e->d_name, depth);
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

	if (folder < 0)
		return -errno;
	return is_empty(folder) ? folder_copy(from, folder, 0) : 0;
}
