/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/store.h"
#include "image/work.h"
#include "transfer/message.h"
#include "transfer/split.h"
#include "transfer/stream.h"

/* A sparse file would cost nothing to send and much to read. */
static const int64_t blob_limit = 1LL << 40;

static int read_list(const struct buf *report, struct bundle *bundle, struct err *err)
{
	struct message m;
	size_t at = 0, room = 0;

	while (message_next(report, &at, &m) == 1) {
		int r;

		if (m.kind != MESSAGE_FILE)
			continue;
		if (bundle->count == room) {
			room = room ? 2 * room : 64;
			bundle->files = reallocarray(bundle->files, room, sizeof(*bundle->files));
			if (!bundle->files)
				abort();
		}
		r = split_file_read(&m, &bundle->files[bundle->count], err);
		if (r < 0)
			return r;
		bundle->count++;
	}
	return 0;
}

int bundle_from_archive(int fd, const struct work *work, uint64_t limit_bytes,
			struct bundle *ret_bundle, struct err *err)
{
	_cleanup_(bundle_clear) struct bundle bundle = BUNDLE_NONE;
	_cleanup_close_ int empty = dir_open_make(work->dir, "empty", 0700, err);
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	struct stream_result result;
	int r;

	if (empty < 0)
		return empty;
	bundle.dir = dir_open_make(work->dir, "files", 0700, err);
	if (bundle.dir < 0)
		return bundle.dir;
	r = stream_unpack(&(struct stream_plan){ .fd = fd,
						 .empty = empty,
						 .folder = bundle.dir,
						 .run = split_run,
						 .limit_bytes = limit_bytes },
			  &result, &report, err);
	if (r == 0)
		r = read_list(&report, &bundle, err);
	if (r < 0)
		return r;
	*ret_bundle = bundle;
	bundle = BUNDLE_NONE;
	return 0;
}

void bundle_from_folder(int dir, struct bundle *ret_bundle)
{
	*ret_bundle = (struct bundle){ .dir = dir, .is_folder = true };
}

void bundle_clear(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++) {
		free(bundle->files[i].name);
		free(bundle->files[i].target);
	}
	free(bundle->files);
	fd_close(bundle->dir);
	*bundle = BUNDLE_NONE;
}

static const struct split_file *find(const struct bundle *bundle, const char *name)
{
	for (size_t i = bundle->count; i-- > 0;)
		if (strcmp(bundle->files[i].name, name) == 0)
			return &bundle->files[i];
	return NULL;
}

bool bundle_has(const struct bundle *bundle, const char *name)
{
	if (!bundle->is_folder)
		return find(bundle, name) != NULL;
	return faccessat(bundle->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A link is followed once; NULL: to nothing. */
static const struct split_file *find_file(const struct bundle *bundle, const char *name)
{
	const struct split_file *file = find(bundle, name);

	if (file && file->target)
		file = find(bundle, file->target);
	return file && !file->target ? file : NULL;
}

char *bundle_path(const struct bundle *bundle, const char *name)
{
	const struct split_file *file = bundle->is_folder ? NULL : find_file(bundle, name);

	return file ? str_printf("files/%u", file->number) : NULL;
}

static int open_numbered(const struct bundle *bundle, const char *name, struct err *err)
{
	const struct split_file *file = find_file(bundle, name);
	char path[16];
	int fd;

	if (!file && find(bundle, name))
		return err_set(err, EINVAL,
			       "%.400s is a link to something that is no file of the archive",
			       name);
	if (!file)
		return err_set(err, ENOENT, "%.400s is not in the archive", name);
	(void)snprintf(path, sizeof(path), "%u", file->number);
	fd = openat(bundle->dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open %.400s", name) : fd;
}

static int open_beneath(const struct bundle *bundle, const char *name, struct err *err)
{
	int fd = sys_openat2(bundle->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ENOENT, "%.400s is not in the folder", name);
	return fd < 0 ? err_sys(err, errno, "open %.400s", name) : fd;
}

int bundle_open(const struct bundle *bundle, const char *name, uint64_t *ret_size, struct err *err)
{
	_cleanup_close_ int fd = bundle->is_folder ? open_beneath(bundle, name, err) :
						     open_numbered(bundle, name, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > blob_limit)
		return err_set(err, EINVAL, "%.400s is no regular file, or too large", name);
	*ret_size = (uint64_t)st.st_size;
	return fd_take(&fd);
}

int bundle_read(const struct bundle *bundle, const char *name, size_t limit_bytes, struct buf *ret,
		struct err *err)
{
	uint64_t size;
	_cleanup_close_ int fd = bundle_open(bundle, name, &size, err);
	int r;

	if (fd < 0)
		return fd;
	r = fd_read_all(fd, limit_bytes, ret);
	if (r == -EFBIG)
		return err_set(err, EFBIG, "%.400s is larger than %zu bytes", name, limit_bytes);
	return r < 0 ? err_sys(err, r, "read %.400s", name) : 0;
}
