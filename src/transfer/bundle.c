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
#include "transfer/worker.h"

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

/* The archive is read once here, by its headers, and its layers once more, each by its own pipeline. */
static int list_in_place(int fd, int empty, uint64_t begin, struct bundle *bundle,
			 struct buf *report, struct err *err)
{
	struct worker worker = WORKER_NONE;
	int r = worker_start(&(struct worker_plan){ .kind = SANDBOX_TREE,
						    .in = fd,
						    .out = -1,
						    .folder = empty,
						    .run = split_in_place_run },
			     &worker, err);

	if (r == 0)
		r = worker_end(&worker, report, err);
	if (r < 0)
		return r;
	bundle->begin = begin;
	bundle->archive = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return bundle->archive < 0 ? err_sys(err, errno, "copy a descriptor") : 0;
}

static int split_archive(int fd, int empty, const struct work *work, uint64_t limit_bytes,
			 struct bundle *bundle, struct buf *report, struct err *err)
{
	struct stream_result result;

	bundle->dir = dir_open_make(work->dir, "files", 0700, err);
	if (bundle->dir < 0)
		return bundle->dir;
	return stream_unpack(&(struct stream_plan){ .fd = fd,
						    .empty = empty,
						    .folder = bundle->dir,
						    .run = split_run,
						    .limit_bytes = limit_bytes },
			     &result, report, err);
}

int bundle_from_archive(int fd, const struct work *work, uint64_t limit_bytes,
			struct bundle *ret_bundle, struct err *err)
{
	_cleanup_(bundle_clear) struct bundle bundle = BUNDLE_NONE;
	_cleanup_close_ int empty = dir_open_make(work->dir, "empty", 0700, err);
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	off_t begin = lseek(fd, 0, SEEK_CUR);
	int r = -EXDEV;

	if (empty < 0)
		return empty;
	if (begin >= 0 && stream_is_plain(fd, (uint64_t)begin))
		r = list_in_place(fd, empty, (uint64_t)begin, &bundle, &report, err);
	if (r == -EXDEV) {
		err_clear(err);
		buf_clear(&report);
		report = BUF_EMPTY;
		if (begin >= 0 && lseek(fd, begin, SEEK_SET) < 0)
			return err_sys(err, errno, "seek");
		r = split_archive(fd, empty, work, limit_bytes, &bundle, &report, err);
	}
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
	*ret_bundle = (struct bundle){ .dir = dir, .archive = -1, .is_folder = true };
}

void bundle_clear(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++) {
		free(bundle->files[i].name);
		free(bundle->files[i].target);
	}
	free(bundle->files);
	fd_close(bundle->dir);
	fd_close(bundle->archive);
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

	return file && bundle->archive < 0 ? str_printf("files/%u", file->number) : NULL;
}

void bundle_file_close(struct bundle_file *file)
{
	fd_close(file->fd);
	*file = BUNDLE_FILE_NONE;
}

static int open_in_place(const struct bundle *bundle, const struct split_file *file,
			 const char *name, struct bundle_file *ret, struct err *err)
{
	struct stat st;
	int fd;

	if (fstat(bundle->archive, &st) < 0)
		return err_sys(err, errno, "stat the archive");
	if (file->size > (uint64_t)blob_limit || file->offset > INT64_MAX / 2 ||
	    bundle->begin + file->offset + file->size > (uint64_t)st.st_size)
		return err_set(err, EBADMSG, "%.400s ends behind the archive's end", name);
	fd = fcntl(bundle->archive, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "copy a descriptor");
	*ret = (struct bundle_file){ fd, bundle->begin + file->offset, file->size };
	return 0;
}

static int open_listed(const struct bundle *bundle, const char *name, struct bundle_file *ret,
		       struct err *err)
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
	if (bundle->archive >= 0)
		return open_in_place(bundle, file, name, ret, err);
	(void)snprintf(path, sizeof(path), "%u", file->number);
	fd = openat(bundle->dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open %.400s", name);
	*ret = (struct bundle_file){ .fd = fd };
	return 0;
}

static int open_beneath(const struct bundle *bundle, const char *name, struct bundle_file *ret,
			struct err *err)
{
	int fd = sys_openat2(bundle->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ENOENT, "%.400s is not in the folder", name);
	if (fd < 0)
		return err_sys(err, errno, "open %.400s", name);
	*ret = (struct bundle_file){ .fd = fd };
	return 0;
}

int bundle_open(const struct bundle *bundle, const char *name, struct bundle_file *ret_file,
		struct err *err)
{
	_cleanup_(bundle_file_close) struct bundle_file file = BUNDLE_FILE_NONE;
	struct stat st;
	int r = bundle->is_folder ? open_beneath(bundle, name, &file, err) :
				    open_listed(bundle, name, &file, err);

	if (r < 0)
		return r;
	if (fstat(file.fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > blob_limit)
		return err_set(err, EINVAL, "%.400s is no regular file, or too large", name);
	if (bundle->archive < 0)
		file.size = (uint64_t)st.st_size;
	*ret_file = file;
	file = BUNDLE_FILE_NONE;
	return 0;
}

int bundle_read(const struct bundle *bundle, const char *name, size_t limit_bytes, struct buf *ret,
		struct err *err)
{
	_cleanup_(bundle_file_close) struct bundle_file file = BUNDLE_FILE_NONE;
	_cleanup_free_ char *bytes = NULL;
	int r = bundle_open(bundle, name, &file, err);

	if (r < 0)
		return r;
	if (file.size > limit_bytes)
		return err_set(err, EFBIG, "%.400s is larger than %zu bytes", name, limit_bytes);
	bytes = mem_new((size_t)file.size + 1);
	for (uint64_t done = 0; done < file.size;) {
		ssize_t n = pread(file.fd, bytes + done, (size_t)(file.size - done),
				  (off_t)(file.offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "read %.400s", name);
		done += (uint64_t)n;
	}
	buf_add(ret, bytes, (size_t)file.size);
	return 0;
}
