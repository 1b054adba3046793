/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "transfer/worker.h"

enum { CHUNK = 256 * 1024 };

int tar_reader_failed(struct tar_reader *tar, struct err *err)
{
	const char *words = archive_error_string(tar->archive);

	if (tar->entries == 0 && words && str_prefix(words, "Unrecognized"))
		return err_set(err, EBADMSG,
			       "it is no tar archive, plain or packed by gzip, zstd, xz or "
			       "bzip2, or its first header is damaged");
	return err_set(err, EBADMSG, "the tar archive is damaged: %s",
		       words ? words : "it ended early");
}

int tar_reader_open(struct tar_reader *tar, uint64_t limit_entries, struct err *err)
{
	*tar = (struct tar_reader){ .archive = archive_read_new(), .limit_entries = limit_entries };
	if (!tar->archive)
		return err_set(err, ENOMEM, "start libarchive");
	if (archive_read_support_format_tar(tar->archive) != ARCHIVE_OK ||
	    archive_read_open_fd(tar->archive, WORKER_IN, CHUNK) != ARCHIVE_OK)
		return tar_reader_failed(tar, err);
	return 0;
}

/* The one harmless warning: a name that is not ASCII was taken bytewise, which is what we want. Other warnings tell of
 * records that were skipped: the entry would not be what its author meant. */
static bool only_bytewise(struct tar_reader *tar)
{
	const char *words = archive_error_string(tar->archive);

	return words && strstr(words, "can't be converted from");
}

/* Bytes behind the end-of-archive mark belong to the digest, not to the archive. */
static int drain(struct err *err)
{
	_cleanup_free_ char *chunk = mem_new(CHUNK);
	ssize_t n;

	do
		n = read(WORKER_IN, chunk, CHUNK);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? err_sys(err, errno, "read") : 0;
}

int tar_reader_next(struct tar_reader *tar, struct archive_entry **ret_entry, struct err *err)
{
	int got = archive_read_next_header(tar->archive, ret_entry), r;
	const char *raw;

	if (got == ARCHIVE_EOF)
		return drain(err);
	raw = got == ARCHIVE_FATAL ? NULL : archive_entry_pathname(*ret_entry);
	if (got != ARCHIVE_OK && !(got == ARCHIVE_WARN && only_bytewise(tar))) {
		r = tar_reader_failed(tar, err);
		return raw ? err_wrap(err, "entry %.400s", raw) : r;
	}
	if (++tar->entries > tar->limit_entries)
		return err_set(err, EFBIG, "the archive has more than %llu entries",
			       (unsigned long long)tar->limit_entries);
	if (!raw || !*raw)
		return err_set(err, EBADMSG, "entry %llu has no name",
			       (unsigned long long)tar->entries);
	r = tar_name_clean(raw, tar->name, err);
	return r < 0 ? err_wrap(err, "entry %.400s", raw) : 1;
}

static int write_at(int fd, const char *bytes, size_t length, int64_t offset, struct err *err)
{
	while (length > 0) {
		ssize_t n = pwrite(fd, bytes, length, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "write");
		bytes += n;
		length -= (size_t)n;
		offset += n;
	}
	return 0;
}

int tar_reader_save(struct tar_reader *tar, int fd, int64_t size, struct err *err)
{
	int64_t end = 0;

	for (;;) {
		const void *bytes;
		size_t length;
		la_int64_t offset;
		int got = archive_read_data_block(tar->archive, &bytes, &length, &offset), r;

		if (got == ARCHIVE_EOF)
			break;
		if (got != ARCHIVE_OK)
			return tar_reader_failed(tar, err);
		r = write_at(fd, bytes, length, offset, err);
		if (r < 0)
			return r;
		if (length > 0)
			end = offset + (int64_t)length;
	}
	if (size > end && ftruncate(fd, size) < 0) /* it ends with a hole */
		return err_sys(err, errno, "make it %lld bytes long", (long long)size);
	return 0;
}

void tar_reader_close(struct tar_reader *tar)
{
	(void)archive_read_free(tar->archive);
	tar->archive = NULL;
}

int tar_name_clean(const char *raw, char ret_name[PATH_MAX], struct err *err)
{
	size_t used = 0, depth = 0;

	for (const char *s = raw; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.')
			return err_set(err, EINVAL, "its name has a \"..\" component");
		if (n > NAME_MAX)
			return err_set(err, ENAMETOOLONG, "its name has a component over %d bytes",
				       NAME_MAX);
		if (n > 0 && !(n == 1 && s[0] == '.')) {
			if (used + (used > 0) + n >= PATH_MAX || ++depth > TAR_DEPTH)
				return err_set(err, ENAMETOOLONG,
					       "its name has more than %d bytes or %d components",
					       PATH_MAX - 1, TAR_DEPTH);
			if (used > 0)
				ret_name[used++] = '/';
			memcpy(ret_name + used, s, n);
			used += n;
		}
		s += n + (s[n] == '/');
	}
	ret_name[used] = '\0';
	return 0;
}
