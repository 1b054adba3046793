/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The outline of a layer's plain archive: all of it but the contents of its larger files, which the unpacked layer has. It stands in
 * outlines/HEX of the data root, beside layers/HEX, where the archive itself would be a second copy of the layer in blobs/sha256/HEX:
 * HEX is both the archive's digest and the diff ID. With the layer it gives the archive again, byte for byte.
 *
 *	in the extractor   outline_place_report(report, &place, name);       for each file that may be left out
 *	in the parent      outline_write(fd, &archive, &report, err);
 *	later              fd = outline_rebuild(root, digest, &size, err);
 *
 * The file: a line that names the format, then records of a head, a name, bytes of the archive. The named file's content comes
 * behind those bytes; the last record has no name. Numbers are little-endian. */
#ifndef CLOCHE_TRANSFER_OUTLINE_H
#define CLOCHE_TRANSFER_OUTLINE_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;

struct outline_place { /* of a file's content in the archive */
	uint64_t offset, size;
};

struct outline_archive { /* in a file, length bytes from offset */
	int fd;
	uint64_t offset, length;
};

/* Is it worth it? A small file stays in the outline: to find it again would cost more than its bytes do. */
bool outline_wants(uint64_t size);
/* name: clean, and no link leads to it. false: the report has as many as it may; the file stays in the outline. */
bool outline_place_report(struct buf *report, const struct outline_place *place, const char *name);

/* Write the outline to fd, an empty file: what the report's places leave. The places are a sandboxed process's word: believed only as
 * far as they lie in the archive one after the other. */
int outline_write(int fd, const struct outline_archive *archive, const struct buf *report,
		  struct err *err);

/* Does the store have the outline and the layer? */
bool outline_there(int root, const char *digest);
/* The archive again, checked against its digest, in a file without a name. A descriptor; -ENOENT: there is no outline, or no layer;
 * -EBADMSG: a file of the layer is not what it was. */
int outline_rebuild(int root, const char *digest, uint64_t *ret_size, struct err *err);
/* The same to `out` as it is built, behind what `begin` writes: when it turns out to be another than the digest names, all of it is there
 * already. */
int outline_send(int root, const char *digest,
		 int (*begin)(void *data, uint64_t size, struct err *err), void *data, int out,
		 struct err *err);

#endif
