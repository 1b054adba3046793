/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/split.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "transfer/message.h"
#include "transfer/tar_reader.h"
#include "transfer/worker.h"

/* Old `docker save` writes four entries a layer: this is for thousands of images. */
static const uint64_t entries_limit = 65536;

struct place { /* of a file; first in its record */
	uint64_t offset, size;
	uint32_t number, reserved;
};

/* place, name, NUL, target, NUL; no target: empty */
static void report_file(struct buf *report, const struct place *place, const char *name,
			const char *target)
{
	_cleanup_(buf_clear) struct buf data = BUF_EMPTY;

	buf_add(&data, place, sizeof(*place));
	buf_add(&data, name, strlen(name) + 1);
	buf_add(&data, target, strlen(target) + 1);
	message_add(report, MESSAGE_FILE, data.data, data.length);
}

int split_file_read(const struct message *message, struct split_file *ret_file, struct err *err)
{
	const char *name = message->data + sizeof(struct place), *target;
	const char *end = message->data + message->length;
	struct place place;

	if (message->length < sizeof(place) + 2 || end[-1] != '\0')
		return err_set(err, EBADMSG, "the list of the archive's files is damaged");
	target = name + strlen(name) + 1;
	if (target >= end || target + strlen(target) + 1 != end)
		return err_set(err, EBADMSG, "the list of the archive's files is damaged");
	memcpy(&place, message->data, sizeof(place));
	ret_file->number = place.number;
	ret_file->offset = place.offset;
	ret_file->size = place.size;
	ret_file->name = str_dup(name);
	ret_file->target = *target ? str_dup(target) : NULL;
	return 0;
}

static int save_file(struct tar_reader *tar, struct archive_entry *entry, uint32_t number,
		     struct err *err)
{
	char path[16];
	_cleanup_close_ int fd = -1;

	(void)snprintf(path, sizeof(path), "%u", number);
	fd = openat(WORKER_FOLDER, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return err_sys(err, errno, "make file %u", number);
	return tar_reader_save(tar, fd, archive_entry_size(entry), err);
}

/* A symbolic link's target is relative to its folder: joined, without going to any file system. */
static void link_target(const char *name, const char *raw, char ret_target[PATH_MAX])
{
	char joined[2 * PATH_MAX] = "";
	const char *slash = strrchr(name, '/');
	size_t used = 0;

	ret_target[0] = '\0';
	if (*raw != '/' && slash)
		(void)snprintf(joined, sizeof(joined), "%.*s/", (int)(slash - name), name);
	if (!str_append(joined, sizeof(joined), raw))
		return;
	for (const char *s = joined; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.') {
			if (used == 0) {
				ret_target[0] = '\0'; /* out of the archive: a link to nothing */
				return;
			}
			while (used > 0 && ret_target[--used] != '/')
				;
		} else if (n > 0 && !(n == 1 && *s == '.')) {
			if (used + n + 2 > PATH_MAX) {
				ret_target[0] = '\0';
				return;
			}
			if (used > 0)
				ret_target[used++] = '/';
			memcpy(ret_target + used, s, n);
			used += n;
		}
		ret_target[used] = '\0';
		s += n + (s[n] == '/');
	}
}

/* A link that leads nowhere gets a name that no file can have, so that who asks for it hears of the link. */
static void report_link(struct buf *report, const char *name, const char *target)
{
	report_file(report, &(struct place){ 0 }, name, *target ? target : "..");
}

/* Where the entry's bytes begin: the reader has taken its header, and no more. */
static int find_place(struct tar_reader *tar, struct archive_entry *entry, struct place *ret,
		      struct err *err)
{
	int64_t offset = archive_filter_bytes(tar->archive, -1), size = archive_entry_size(entry);

	if (archive_entry_sparse_count(entry) > 0)
		return err_set(err, EXDEV, "it has holes");
	if (offset < 0 || size < 0)
		return err_set(err, EBADMSG, "its size is negative");
	*ret = (struct place){ .offset = (uint64_t)offset,
			       .size = (uint64_t)size,
			       .number = SPLIT_IN_PLACE };
	return 0;
}

/* number: of the next file; NULL: they stay in place. */
static int split_entry(struct tar_reader *tar, struct archive_entry *entry, uint32_t *number,
		       struct buf *report, struct err *err)
{
	struct place place = { 0 };
	const char *hardlink = archive_entry_hardlink(entry),
		   *symlink = archive_entry_symlink(entry);
	char target[PATH_MAX];
	int r;

	if (report->length > MESSAGES_MAX / 2)
		return err_set(err, EFBIG, "the archive's names are too long");
	if (hardlink) {
		if (tar_name_clean(hardlink, target, err) < 0)
			target[0] = '\0';
		err_clear(err);
		report_link(report, tar->name, target);
		return 0;
	}
	switch (archive_entry_filetype(entry)) {
	case AE_IFLNK:
		link_target(tar->name, symlink ? symlink : "", target);
		report_link(report, tar->name, target);
		return 0;
	case AE_IFREG:
		r = number ? save_file(tar, entry, *number, err) :
			     find_place(tar, entry, &place, err);
		if (r == 0 && number)
			place.number = (*number)++;
		if (r == 0)
			report_file(report, &place, tar->name, "");
		return r;
	default:
		return 0; /* folders; what else there may be nothing can refer to */
	}
}

static int split(uint32_t *number, struct buf *report, struct err *err)
{
	struct tar_reader tar;
	struct archive_entry *entry;
	int r = tar_reader_open(&tar, entries_limit, err);

	if (r == 0)
		while ((r = tar_reader_next(&tar, &entry, err)) > 0) {
			r = split_entry(&tar, entry, number, report, err);
			if (r < 0) {
				err_wrap(err, "entry %.400s", archive_entry_pathname(entry));
				break;
			}
		}
	tar_reader_close(&tar);
	return r;
}

int split_run(struct buf *report, struct err *err)
{
	uint32_t number = 0;

	return split(&number, report, err);
}

int split_in_place_run(struct buf *report, struct err *err)
{
	return split(NULL, report, err);
}
