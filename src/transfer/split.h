/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An archive of images to numbered files, as a worker's run: its n-th file becomes "n" in the folder, its name
 * only a word in the report. */
#ifndef CLOCHE_TRANSFER_SPLIT_H
#define CLOCHE_TRANSFER_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct message;

struct split_file { /* MESSAGE_FILE */
	uint32_t number;
	char *name;   /* clean */
	char *target; /* the name it is a link to; NULL: a regular file */
};

/* worker_plan.run: from WORKER_IN to WORKER_FOLDER. */
int split_run(struct buf *report, struct err *err);
/* In the parent; the strings are the caller's. -EBADMSG. */
int split_file_read(const struct message *message, struct split_file *ret_file, struct err *err);

#endif
