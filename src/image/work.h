/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work in progress: folders in tmp/ of the data root, each locked by the process that fills it. What is done leaves it by
 * rename; the rest goes with work_close.
 *
 * Invariant: a folder in tmp/ that nobody has locked belongs to a process that died, and whoever meets it removes it. */
#ifndef CLOCHE_IMAGE_WORK_H
#define CLOCHE_IMAGE_WORK_H

#include <stdbool.h>

struct err;
struct write_out;

/* A locked folder of our own below tmp/. The lock (flock(2)) is dir's, and ends with the last copy of that descriptor. */
struct work {
	int root; /* the data root; the caller's */
	int tmp;
	int dir;
	char name[33];
	struct write_out
		*out; /* of who writes much (src/transfer/write_out.h); the caller's, or NULL */
};
#define WORK_NONE ((struct work){ .root = -1, .tmp = -1, .dir = -1 })

/* Removes what killed programs left in tmp/, too. */
int work_open(int root, struct work *ret_work, struct err *err);
int work_sync(const struct work *work, struct err *err); /* the file system of it */
void work_close(struct work *work);
/* How many folders of dead processes there are; remove: remove them. */
int work_stale(int root, bool remove);

#endif
