/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A blob on its way: parts/HEX of the data root, with as many of its bytes as have come. Locked by who fetches it, so that two
 * pulls of one layer meet: the second waits, and finds it done. What a killed pull leaves is gone on with by the next.
 *
 *	part_open(root, digest, &part, err);       waits
 *	... part.size bytes are there; write at its end ...
 *	part_keep(&part, err);                     it is whole and right: to blobs/sha256/HEX, after a sync
 *	part_close(&part);
 */
#ifndef CLOCHE_TRANSFER_PART_H
#define CLOCHE_TRANSFER_PART_H

#include <stdint.h>

#include "image/digest.h"

struct err;

struct part_file {
	int root; /* the caller's */
	int fd;	  /* locked; -1: none */
	char digest[DIGEST_SIZE];
	uint64_t size;
};
#define PART_FILE_NONE ((struct part_file){ .root = -1, .fd = -1 })

/* waiting: called once when somebody else has it. */
int part_open(int root, const char *digest, void (*waiting)(void *data), void *data,
	      struct part_file *ret_part, struct err *err);
/* It is not what it should be: the next begins anew. */
void part_drop(struct part_file *part);
int part_keep(struct part_file *part, struct err *err);
void part_close(struct part_file *part);

#endif
