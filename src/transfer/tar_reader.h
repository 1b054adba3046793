/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libarchive's tar reader on a worker's input, with one opinion about its warnings. It stays in the "C" locale, where names
 * come byte by byte as they are in the archive; in a UTF-8 locale libarchive would normalize them.
 *
 *	_cleanup_(tar_reader_close) struct tar_reader tar = TAR_READER_NONE;
 *	tar_reader_open(&tar, err);
 *	while ((r = tar_reader_next(&tar, &entry, err)) > 0)
 *		...
 */
#ifndef CLOCHE_TRANSFER_TAR_READER_H
#define CLOCHE_TRANSFER_TAR_READER_H

#include <limits.h>
#include <stdint.h>

struct archive;
struct archive_entry;
struct err;

enum {
	TAR_DEPTH = 512
}; /* components of a name: whoever removes a tree holds a descriptor for each level */

struct tar_reader {
	struct archive *archive;
	uint64_t entries, limit_entries;
	char name[PATH_MAX]; /* of the current entry, clean; "" is the root */
};
#define TAR_READER_NONE ((struct tar_reader){ 0 })

int tar_reader_open(struct tar_reader *tar, uint64_t limit_entries, struct err *err);
/* 1, 0 at the archive's end; then the rest of the input has been read too, so that its writer sees no broken pipe. */
int tar_reader_next(struct tar_reader *tar, struct archive_entry **ret_entry, struct err *err);
/* Write the current entry's bytes to a new file, holes as holes. */
int tar_reader_save(struct tar_reader *tar, int fd, int64_t size, struct err *err);
/* What libarchive refused in it. -EBADMSG. */
int tar_reader_failed(struct tar_reader *tar, struct err *err);
void tar_reader_close(struct tar_reader *tar);

/* A name without leading "/", "./", doubled and trailing slashes. -EINVAL: it has a ".." component; -ENAMETOOLONG: over 4,095
 * bytes, 255 in a component, or TAR_DEPTH components. */
int tar_name_clean(const char *raw, char ret_name[PATH_MAX], struct err *err);

#endif
