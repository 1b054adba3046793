/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the files of images come from: an archive (docker save, OCI) that was split into numbered files of our own, or an
 * OCI layout folder of the user's. The files of a plain tar in a file stay where
 * they lie in it. Names in it are keys: those of an archive are never paths on the host.
 *
 *	bundle_from_archive(fd, &work, limit_bytes, &bundle, err);   or  bundle_from_folder(fd, &bundle)
 *	bundle_read(&bundle, "manifest.json", DOCUMENT_SIZE, &buf, err);
 *	bundle_open(&bundle, "blobs/sha256/...", &file, err);
 *	bundle_file_close(&file);
 */
#ifndef CLOCHE_TRANSFER_BUNDLE_H
#define CLOCHE_TRANSFER_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct work;
struct split_file;

struct bundle {
	int dir;
	int archive; /* whose files stay in place; -1 */
	uint64_t begin;
	bool is_folder;
	struct split_file *files; /* of an archive, in its order: the last of a name is the one */
	size_t count;
};
#define BUNDLE_NONE ((struct bundle){ .dir = -1, .archive = -1 })

int bundle_from_archive(int fd, const struct work *work, uint64_t limit_bytes,
			struct bundle *ret_bundle, struct err *err);
void bundle_from_folder(int dir, struct bundle *ret_bundle); /* dir is taken */
void bundle_clear(struct bundle *bundle);

bool bundle_has(const struct bundle *bundle, const char *name);
struct bundle_file { /* size bytes of fd, from offset */
	int fd;
	uint64_t offset, size;
};
#define BUNDLE_FILE_NONE ((struct bundle_file){ .fd = -1 })
void bundle_file_close(struct bundle_file *file);

/* A regular file. -ENOENT. A link in an archive to another of its files is followed once, among the names
 * (old `docker save` has them for layers it wrote already); in a folder links are refused. */
int bundle_open(const struct bundle *bundle, const char *name, struct bundle_file *ret_file,
		struct err *err);
/* Its path in the work folder, of an archive's file; NULL: it lies in the user's folder, or file. */
char *bundle_path(const struct bundle *bundle, const char *name);
int bundle_read(const struct bundle *bundle, const char *name, size_t limit_bytes, struct buf *ret,
		struct err *err);

#endif
