/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One layer: from an archive to a folder in the work folder, checked against its diff ID, whiteouts made. The store gets
 * it later (layer_commit), when everything else of the images is right too. */
#ifndef CLOCHE_TRANSFER_LAYER_H
#define CLOCHE_TRANSFER_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "image/digest.h"

struct err;
struct work;

struct layer {
	char diff_id[DIGEST_SIZE];
	char folder[DIGEST_SIZE + 8]; /* in the work folder; "": the store has it already */
	uint64_t size_bytes;
	uint64_t skipped_devices;
	bool opaque_root; /* hides all layers below it */
	bool outlined;	  /* source.outline is written */
};

struct layer_source {
	int fd;		 /* its archive, at the start */
	uint64_t offset; /* or plain tar within a file: length bytes from here, as in stream_plan */
	uint64_t length;
	int outline; /* of those: an empty file for their outline (outline.h), when one can be made; -1: none is wanted */
};
#define LAYER_SOURCE(descriptor) (&(struct layer_source){ .fd = (descriptor), .outline = -1 })

/* diff_id NULL: whatever it is (import), and then it must end as a whole tar does.
 * -EBADMSG: it is not what diff_id names. What it unpacked stays in the work folder. */
int layer_unpack(const struct work *work, const struct layer_source *source, const char *diff_id,
		 uint64_t limit_bytes, struct layer *ret_layer, struct err *err);
/* A layer that the store has: 1 with *ret_layer filled, 0 when it has not. */
int layer_find(int root, const char *diff_id, struct layer *ret_layer, struct err *err);

#endif
