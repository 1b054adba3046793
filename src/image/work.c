/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* Is the locked folder still the one of this name? A cleaner may have been faster than our lock. */
static bool same_folder(int tmp, const char *name, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(tmp, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The invariant. What cannot be opened or removed now is tried again by the next one. */
static int find_stale(int tmp, bool remove)
{
	int copy = openat(tmp, ".", FOLDER), count = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (!d) {
		fd_close(copy);
		return 0;
	}
	while ((e = readdir(d))) {
		_cleanup_close_ int fd = -1;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		fd = openat(tmp, e->d_name, FOLDER);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		count++;
		if (remove)
			(void)dir_remove(tmp, e->d_name);
	}
	(void)closedir(d);
	return count;
}

int work_stale(int root, bool remove)
{
	_cleanup_close_ int tmp = openat(root, "tmp", FOLDER);

	return tmp < 0 ? 0 : find_stale(tmp, remove);
}

static int random_name(char name[33], struct err *err)
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(err, errno, "get random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(name + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

int work_open(int root, struct work *ret_work, struct err *err)
{
	_cleanup_close_ int tmp = dir_open_make(root, "tmp", 0700, err);
	char name[33];

	if (tmp < 0)
		return tmp;
	(void)find_stale(tmp, true);
	for (int tries = 0; tries < 100; tries++) {
		_cleanup_close_ int dir = -1;
		int r = random_name(name, err);

		if (r < 0)
			return r;
		if (mkdirat(tmp, name, 0700) < 0)
			return err_sys(err, errno, "make a folder in tmp");
		dir = openat(tmp, name, FOLDER);
		if (dir < 0 && errno != ENOENT)
			return err_sys(err, errno, "open a folder in tmp");
		if (dir < 0 || flock(dir, LOCK_EX | LOCK_NB) < 0 || !same_folder(tmp, name, dir))
			continue; /* a cleaner took it between mkdir and lock */
		*ret_work =
			(struct work){ .root = root, .tmp = fd_take(&tmp), .dir = fd_take(&dir) };
		memcpy(ret_work->name, name, sizeof(name));
		return 0;
	}
	return err_set(err, EAGAIN, "make a folder in tmp: others keep removing it");
}

int work_sync(const struct work *work, struct err *err)
{
	return syncfs(work->dir) < 0 ? err_sys(err, errno, "sync the data folder") : 0;
}

void work_close(struct work *work)
{
	if (work->dir >= 0)
		(void)dir_remove(work->tmp,
				 work->name); /* what stays is stale, and removed by the next */
	fd_close(work->dir);
	fd_close(work->tmp);
	*work = WORK_NONE;
}
