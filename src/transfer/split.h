/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An archive of images taken apart, as a worker's run: its n-th file becomes "n" in the folder, or stays where it lies in the
 * archive; its name is only a word in the report. */
#ifndef CLOCHE_TRANSFER_SPLIT_H
#define CLOCHE_TRANSFER_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct message;

struct split_file {	 /* MESSAGE_FILE */
	uint32_t number; /* SPLIT_IN_PLACE: at offset bytes from where the archive begins */
	uint64_t offset, size;
	char *name;   /* clean */
	char *target; /* the name it is a link to; NULL: a regular file */
};

#define SPLIT_IN_PLACE UINT32_MAX

/* worker_plan.run: from WORKER_IN to WORKER_FOLDER. */
int split_run(struct buf *report, struct err *err);
/* worker_plan.run: WORKER_IN is a plain tar in a file; nothing is copied. -EXDEV: one of its files has holes. */
int split_in_place_run(struct buf *report, struct err *err);
/* In the parent; the strings are the caller's. -EBADMSG. */
int split_file_read(const struct message *message, struct split_file *ret_file, struct err *err);

#endif
