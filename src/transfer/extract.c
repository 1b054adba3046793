/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/message.h"
#include "transfer/outline.h"
#include "transfer/tar_reader.h"
#include "transfer/tree.h"
#include "transfer/whiteout.h"
#include "transfer/worker.h"

/* A real system has some hundred thousand; each costs an inode. */
static const uint64_t entries_limit = 10 * 1000 * 1000;
static const size_t whiteouts_limit = 32UL << 20; /* bytes of their report */

struct extract {
	struct tar_reader tar;
	struct tree tree;
	struct extract_totals totals;
	struct buf *report;
	bool placed;
};

static int read_attributes(struct archive_entry *entry, struct attributes *ret_attributes,
			   struct err *err)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	/* -1 means "leave it" to chown(2) */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return err_set(err, EINVAL, "its owner %lld:%lld is no id of Linux", (long long)uid,
			       (long long)gid);
	*ret_attributes = (struct attributes){
		.uid = (uid_t)uid,
		.gid = (gid_t)gid,
		.mode = archive_entry_perm(entry) & 07777,
		.time = { archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) },
		.xattrs = entry,
	};
	return 0;
}

/* Only what was read as it lies there, without holes, and is found by its own name. */
static void note_place(struct extract *x, struct archive_entry *entry, int64_t begin, int64_t size)
{
	static const int64_t block = 512;
	int64_t end = begin + (size + block - 1) / block * block;

	if (x->placed && begin >= 0 && outline_wants((uint64_t)size) &&
	    archive_entry_sparse_count(entry) == 0 &&
	    archive_filter_bytes(x->tar.archive, -1) == end &&
	    tree_is_direct(&x->tree, x->tar.name))
		(void)outline_place_report(
			x->report, &(struct outline_place){ (uint64_t)begin, (uint64_t)size },
			x->tar.name);
}

static int make_file(struct extract *x, struct archive_entry *entry,
		     const struct attributes *attributes, struct err *err)
{
	_cleanup_close_ int fd = tree_file(&x->tree, x->tar.name, attributes->mode, err);
	int64_t size = archive_entry_size(entry), begin = archive_filter_bytes(x->tar.archive, -1);
	int r;

	if (fd < 0)
		return fd;
	if (size < 0)
		return err_set(err, EBADMSG, "its size is negative");
	r = tar_reader_save(&x->tar, fd, size, err);
	if (r < 0)
		return r;
	x->totals.size_bytes += (uint64_t)size;
	note_place(x, entry, begin, size);
	return tree_dress(fd, attributes, err);
}

static int make_hardlink(struct extract *x, struct archive_entry *entry, struct err *err)
{
	char target[PATH_MAX];

	if (tar_name_clean(archive_entry_hardlink(entry), target, err) < 0)
		return err_set(err, EINVAL, "a hard link to %.400s, which is outside of the layer",
			       archive_entry_hardlink(entry));
	return tree_hardlink(&x->tree, x->tar.name, target, err);
}

static int make_symlink(struct extract *x, struct archive_entry *entry,
			const struct attributes *attributes, struct err *err)
{
	const char *target = archive_entry_symlink(entry);

	if (!target || !*target)
		return err_set(err, EBADMSG, "a symbolic link to nothing");
	return tree_symlink(&x->tree, x->tar.name, target, attributes, err);
}

/* The folder is made here, where names are resolved in the sandbox; the parent gets its real path. */
static int note_whiteout(struct extract *x, const char *name, struct err *err)
{
	char folder[PATH_MAX];
	int r = tree_real_parent(&x->tree, x->tar.name, folder, err);

	if (r < 0)
		return r;
	if (x->report->length > whiteouts_limit)
		return err_set(err, EFBIG, "the layer has too many whiteouts");
	whiteout_report(x->report, folder, name);
	return 0;
}

static int make_by_type(struct extract *x, struct archive_entry *entry, struct err *err)
{
	struct attributes attributes;
	int r = read_attributes(entry, &attributes, err);

	if (r < 0)
		return r;
	if (archive_entry_hardlink(entry) && *x->tar.name)
		return make_hardlink(x, entry, err);
	if (!*x->tar.name && archive_entry_filetype(entry) != AE_IFDIR)
		return err_set(err, EINVAL, "the layer's root can only be a folder");
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return make_file(x, entry, &attributes, err);
	case AE_IFDIR:
		return tree_folder(&x->tree, x->tar.name, &attributes, err);
	case AE_IFLNK:
		return make_symlink(x, entry, &attributes, err);
	case AE_IFIFO:
		return tree_fifo(&x->tree, x->tar.name, &attributes, err);
	case AE_IFCHR: /* 0:0 would be a whiteout that no scan of the archive shows as one */
	case AE_IFBLK:
	case AE_IFSOCK:
		x->totals.skipped_devices++;
		return 0;
	default:
		return err_set(err, EBADMSG, "it is of an unknown type");
	}
}

static int make_entry(struct extract *x, struct archive_entry *entry, struct err *err)
{
	enum whiteout_kind kind;
	const char *hidden = NULL;
	int r = whiteout_parse(x->tar.name, &kind, &hidden, err);

	if (r < 0)
		return r;
	switch (kind) {
	case WHITEOUT_METADATA:
		return 0;
	case WHITEOUT_HIDE:
	case WHITEOUT_OPAQUE:
		return note_whiteout(x, hidden, err);
	case WHITEOUT_NONE:
		break;
	}
	return make_by_type(x, entry, err);
}

static int extract(struct extract *x, struct err *err)
{
	struct archive_entry *entry;
	int r;

	while ((r = tar_reader_next(&x->tar, &entry, err)) > 0) {
		r = make_entry(x, entry, err);
		if (r < 0)
			return err_wrap(err, "entry %.400s", archive_entry_pathname(entry));
	}
	return r < 0 ? r : tree_finish(&x->tree, err);
}

static int run(struct buf *report, bool placed, struct err *err)
{
	struct extract x = { .report = report, .placed = placed };
	int r;

	tree_init(&x.tree, WORKER_FOLDER);
	r = tar_reader_open(&x.tar, entries_limit, err);
	if (r == 0)
		r = extract(&x, err);
	x.totals.entries = x.tar.entries;
	x.totals.replaced = x.tree.replaced;
	if (r == 0)
		message_add(report, MESSAGE_TOTALS, &x.totals, sizeof(x.totals));
	tree_clear(&x.tree);
	tar_reader_close(&x.tar);
	return r;
}

int extract_run(struct buf *report, struct err *err)
{
	return run(report, false, err);
}

int extract_placed_run(struct buf *report, struct err *err)
{
	return run(report, true, err);
}

int extract_totals_read(const struct buf *report, struct extract_totals *ret_totals,
			struct err *err)
{
	struct message m;
	size_t at = 0;

	while (message_next(report, &at, &m) == 1) {
		if (m.kind != MESSAGE_TOTALS || m.length != sizeof(*ret_totals))
			continue;
		memcpy(ret_totals, m.data, sizeof(*ret_totals));
		return 0;
	}
	return err_set(err, EBADMSG, "the sandboxed process reported no totals");
}
