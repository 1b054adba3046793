/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/work.h"

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
	return 0;
}

static int blobs_open(const struct work *work, struct err *err)
{
	_cleanup_close_ int blobs = dir_open_make(work->root, "blobs", 0700, err);

	return blobs < 0 ? blobs : dir_open_make(blobs, "sha256", 0700, err);
}

static int outlines_open(const struct work *work, struct err *err)
{
	return dir_open_make(work->root, "outlines", 0700, err);
}

static int move_to(int folder, const struct work *work, const char *path, const char *digest,
		   struct err *err)
{
	if (folder < 0)
		return folder;
	if (renameat2(work->dir, path, folder, digest_hex(digest), RENAME_NOREPLACE) == 0 ||
	    errno == EEXIST ||
	    (errno == ENOENT &&
	     faccessat(folder, digest_hex(digest), F_OK, AT_SYMLINK_NOFOLLOW) == 0))
		return 0;
	return err_sys(err, errno, "store blob %s", digest);
}

int blob_move(const struct work *work, const char *path, const char *digest, struct err *err)
{
	_cleanup_close_ int folder = blobs_open(work, err);

	return move_to(folder, work, path, digest, err);
}

int outline_move(const struct work *work, const char *path, const char *digest, struct err *err)
{
	_cleanup_close_ int folder = outlines_open(work, err);

	return move_to(folder, work, path, digest, err);
}

int blob_write(const struct work *work, const char *digest, const void *bytes, size_t length,
	       struct err *err)
{
	_cleanup_close_ int folder = blobs_open(work, err);
	const char *hex = digest_hex(digest);
	int r;

	if (folder < 0)
		return folder;
	if (faccessat(folder, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = file_replace(work->dir, hex, bytes, length, 0600, false, err);
	return r < 0 ? r : 1;
}

int store_sync(const struct work *work, struct err *err)
{
	_cleanup_close_ int layers = dir_open_make(work->root, "layers", 0700, err);
	_cleanup_close_ int blobs = layers < 0 ? -1 : blobs_open(work, err);
	_cleanup_close_ int outlines = blobs < 0 ? -1 : outlines_open(work, err);

	if (outlines < 0)
		return -err->code;
	return fsync(layers) < 0 || fsync(blobs) < 0 || fsync(outlines) < 0 ?
		       err_sys(err, errno, "sync the store") :
		       0;
}
