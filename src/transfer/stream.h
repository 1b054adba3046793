/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tar stream on its way through the trusted parent: from a file, or from a worker that decompresses it, to the worker
 * that reads it. Here it is counted, against bombs, and hashed: what the digest names is what the reader got, and no
 * reader that was taken over can say otherwise.
 *
 *	file -> [decompressor ->] here -> reader -> files in a folder, and a report
 */
#ifndef CLOCHE_TRANSFER_STREAM_H
#define CLOCHE_TRANSFER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "image/digest.h"

struct buf;
struct err;
struct write_out;

struct stream_plan {
	int fd;		 /* a file at its start, or a pipe; the caller's */
	uint64_t offset; /* of plain tar within a file, which is not moved: length bytes from here; with length 0 all of fd */
	uint64_t length;
	int empty;  /* an empty folder, the decompressor's root */
	int folder; /* where the reader writes */
	int (*run)(struct buf *report, struct err *err); /* the reader */
	uint64_t limit_bytes;				 /* more than this, unpacked, is -EFBIG */
	struct write_out *disk;				 /* or NULL */
};

struct stream_result {
	bool whole;	/* all of it was seen: the rest is valid, even when the reader failed */
	uint64_t bytes; /* unpacked */
	uint64_t zeros; /* how many NULs it ends with: a whole tar ends with 512 at least */
	char digest[DIGEST_SIZE];
};

/* A plain tar in a file, at its offset, needs no process to copy it. */
bool stream_is_plain(int fd, uint64_t offset);

/* *ret_result is set in any case. The error is the first cause: what the decompressor says of damaged data, not what the
 * reader says of the end that is missing then. */
int stream_unpack(const struct stream_plan *plan, struct stream_result *ret_result,
		  struct buf *ret_report, struct err *err);

#endif
