/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever compression to plain bytes, as a worker's run: by the first bytes, never by a name or media type. gzip by
 * igzip (isa-l), zstd by libzstd, xz and bzip2 by libarchive. Damage, a missing end, and bytes behind the end are errors. */
#ifndef CLOCHE_TRANSFER_DECOMPRESS_H
#define CLOCHE_TRANSFER_DECOMPRESS_H

struct buf;
struct err;

enum { DECOMPRESS_MAGIC = 6 }; /* bytes that decide */

enum decompress_kind {
	DECOMPRESS_PLAIN,
	DECOMPRESS_GZIP,
	DECOMPRESS_ZSTD,
	DECOMPRESS_OTHER, /* xz, bzip2 */
};

enum decompress_kind decompress_kind(const unsigned char magic[DECOMPRESS_MAGIC]);

/* worker_plan.run: from WORKER_IN to WORKER_OUT. */
int decompress_run(struct buf *report, struct err *err);

#endif
