/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

int store_root_open(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open the data folder %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		err_set(err, EPERM, "the data folder %s can be entered by others", path);
		return err_hint(err, "images hold set-uid files: chown root and chmod 0700 it");
	}
	return fd_take(&fd);
}

/* Is the locked folder still the one of this name? A cleaner may have been faster than our lock. */
static bool same_folder(int tmp, const char *name, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(tmp, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Invariant 2. What cannot be opened or removed now is tried again by the next one. */
static void remove_stale(int tmp)
{
	int copy = openat(tmp, ".", FOLDER);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (!d) {
		fd_close(copy);
		return;
	}
	while ((e = readdir(d))) {
		_cleanup_close_ int fd = -1;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		fd = openat(tmp, e->d_name, FOLDER);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)dir_remove(tmp, e->d_name);
	}
	(void)closedir(d);
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
	remove_stale(tmp);
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

int layer_exists(int root, const char *diff_id, struct err *err)
{
	_cleanup_free_ char *path = str_printf("layers/%s", digest_hex(diff_id));
	struct stat st;

	if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ?
			       1 :
			       err_set(err, ENOTDIR, "layer %s is not a folder", diff_id);
	return errno == ENOENT ? 0 : err_sys(err, errno, "look for layer %s", diff_id);
}

int layer_commit(const struct work *work, const char *name, const char *diff_id, struct err *err)
{
	_cleanup_close_ int layers = dir_open_make(work->root, "layers", 0700, err);

	if (layers < 0)
		return layers;
	if (renameat2(work->dir, name, layers, digest_hex(diff_id), RENAME_NOREPLACE) < 0 &&
	    errno != EEXIST)
		return err_sys(err, errno, "store layer %s", diff_id);
	if (fsync(layers) < 0)
		return err_sys(err, errno, "sync the folder of layers");
	return 0;
}

int blob_commit(const struct work *work, const char *digest, const void *bytes, size_t length,
		struct err *err)
{
	_cleanup_close_ int blobs = dir_open_make(work->root, "blobs", 0700, err);
	_cleanup_close_ int folder = blobs < 0 ? -1 : dir_open_make(blobs, "sha256", 0700, err);
	const char *hex = digest_hex(digest);
	int r;

	if (folder < 0)
		return -err->code;
	if (faccessat(folder, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = file_replace(work->dir, hex, bytes, length, 0600, true, err);
	if (r < 0)
		return r;
	if (renameat2(work->dir, hex, folder, hex, RENAME_NOREPLACE) < 0 && errno != EEXIST)
		return err_sys(err, errno, "store blob %s", digest);
	return fsync(folder) < 0 ? err_sys(err, errno, "sync the folder of blobs") : 0;
}
