/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A layer's tar to a tree of files, as a worker's run: the one extractor for everything foreign. Device nodes are left out
 * and counted, whiteouts are reported (whiteout.h), owners are the image's own numbers. */
#ifndef CLOCHE_TRANSFER_EXTRACT_H
#define CLOCHE_TRANSFER_EXTRACT_H

#include <stdint.h>

struct buf;
struct err;

struct extract_totals {	     /* MESSAGE_TOTALS */
	uint64_t size_bytes; /* of regular files, as `ls` shows it; hard links once */
	uint64_t entries;
	uint64_t skipped_devices; /* and sockets */
	uint64_t replaced; /* things that a later entry took the place of: places are wrong then */
};

/* worker_plan.run: from WORKER_IN to WORKER_FOLDER, which is the root directory too. */
int extract_run(struct buf *report, struct err *err);
/* The same, and it reports where the files' contents lie in the archive (outline.h). */
int extract_placed_run(struct buf *report, struct err *err);
/* In the parent. -EBADMSG: it has none. */
int extract_totals_read(const struct buf *report, struct extract_totals *ret_totals,
			struct err *err);

#endif
