/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/tree_stream.h"
#include "image/work.h"
#include "transfer/tar_reader.h"
#include "transfer/worker.h"

static const uint64_t entries_limit = 10 * 1000 * 1000;
enum { BLOCK = 64 << 10 };

/* The stream is a tree, a tar a list of paths: the folder at hand changes by leaving and entering. */
struct files {
	struct tar_reader tar;
	char folder[PATH_MAX]; /* at hand: "" or "a/b" */
	struct err *err;
};

static int leave_one(struct files *f)
{
	struct tree_entry leave = { .kind = TREE_LEAVE };
	char *slash = strrchr(f->folder, '/');

	*(slash ? slash : f->folder) = '\0';
	return tree_put(WORKER_OUT, &leave, f->err);
}

static int enter_one(struct files *f, const char *name, size_t length)
{
	struct tree_entry entry = { .kind = TREE_FOLDER, .mode = 0755, .size = TREE_ON_THE_WAY };

	memcpy(entry.name, name, length);
	(void)str_append(f->folder, sizeof(f->folder), *f->folder ? "/" : "");
	(void)str_append(f->folder, sizeof(f->folder), entry.name);
	return tree_put(WORKER_OUT, &entry, f->err);
}

/* Be in the folder that `path` is in; *ret_name: its last component. */
static int go_to(struct files *f, const char *path, const char **ret_name)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *p;
	size_t parent = name > path ? (size_t)(name - path) - 1 : 0;
	int r = 0;

	*ret_name = name;
	while (r == 0 && *f->folder) { /* leave until what is open is a part of the parent */
		size_t n = strlen(f->folder);

		if (n <= parent && strncmp(f->folder, path, n) == 0 &&
		    (n == parent || path[n] == '/'))
			break;
		r = leave_one(f);
	}
	p = path + strlen(f->folder);
	while (r == 0 && p < path + parent) {
		size_t n;

		p += *p == '/';
		n = strcspn(p, "/");
		r = enter_one(f, p, n);
		p += n;
	}
	return r;
}

static int content_put(struct files *f, int64_t size)
{
	static char block[BLOCK];
	int64_t done = 0;
	int r = 0;

	while (r == 0 && done < size) {
		size_t part = size - done < BLOCK ? (size_t)(size - done) : BLOCK;
		la_ssize_t n = archive_read_data(f->tar.archive, block, part);

		if (n <= 0)
			return tar_reader_failed(&f->tar, f->err);
		r = fd_write_all(WORKER_OUT, block, (size_t)n);
		done += n;
	}
	return r < 0 ? err_sys(f->err, r, "write the copy") : 0;
}

static int entry_put(struct files *f, struct archive_entry *tar)
{
	struct tree_entry entry = { .mode = archive_entry_perm(tar) & 07777,
				    .uid = (uint32_t)archive_entry_uid(tar),
				    .gid = (uint32_t)archive_entry_gid(tar),
				    .mtime_s = archive_entry_mtime(tar),
				    .mtime_ns = archive_entry_mtime_nsec(tar) };
	const char *name;
	int r;

	if (!*f->tar.name)
		return 0; /* "./" */
	if (archive_entry_hardlink(tar))
		return err_set(f->err, EOPNOTSUPP,
			       "hard links in an archive for cp are not possible yet");
	r = go_to(f, f->tar.name, &name);
	if (r < 0)
		return r;
	(void)str_append(entry.name, sizeof(entry.name), name);
	switch (archive_entry_filetype(tar)) {
	case AE_IFREG:
		entry.kind = TREE_FILE;
		entry.size = archive_entry_size(tar);
		if (entry.size < 0)
			return err_set(f->err, EBADMSG, "its size is negative");
		r = tree_put(WORKER_OUT, &entry, f->err);
		return r < 0 ? r : content_put(f, entry.size);
	case AE_IFDIR:
		entry.kind = TREE_FOLDER;
		(void)str_append(f->folder, sizeof(f->folder), *f->folder ? "/" : "");
		(void)str_append(f->folder, sizeof(f->folder), name);
		return tree_put(WORKER_OUT, &entry, f->err);
	case AE_IFLNK:
		entry.kind = TREE_SYMLINK;
		if (!archive_entry_symlink(tar) ||
		    !str_append(entry.target, sizeof(entry.target), archive_entry_symlink(tar)))
			return err_set(f->err, EBADMSG, "a symbolic link to nothing");
		return tree_put(WORKER_OUT, &entry, f->err);
	case AE_IFIFO:
		entry.kind = TREE_FIFO;
		return tree_put(WORKER_OUT, &entry, f->err);
	default:
		return 0; /* devices, as everywhere */
	}
}

static int files_run(struct buf *report, struct err *err)
{
	struct files f = { .tar = TAR_READER_NONE, .err = err };
	struct archive_entry *entry;
	int r = tar_reader_open(&f.tar, entries_limit, err);

	(void)report;
	while (r == 0 && (r = tar_reader_next(&f.tar, &entry, err)) > 0)
		r = entry_put(&f, entry);
	while (r == 0 && *f.folder)
		r = leave_one(&f);
	tar_reader_close(&f.tar);
	return r;
}

int files_stream(const struct work *work, int in, int out, struct err *err)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	struct worker worker = WORKER_NONE;
	int r = worker_start(&(struct worker_plan){ .kind = SANDBOX_TREE,
						    .in = in,
						    .out = out,
						    .folder = work->dir,
						    .run = files_run },
			     &worker, err);

	return r < 0 ? r : worker_end(&worker, &report, err);
}
