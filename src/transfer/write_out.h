/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The disk begins with what is written while more of it comes, so that the sync before a layer is recorded (work_sync) has the
 * less to wait for. Nothing relies on it.
 *
 *	struct write_out out = { 0 };
 *	fd_write_all(fd, ...);  write_out_add(&out, fd, length); */
#ifndef CLOCHE_TRANSFER_WRITE_OUT_H
#define CLOCHE_TRANSFER_WRITE_OUT_H

#include <fcntl.h>
#include <stddef.h>

enum { WRITE_OUT_PORTION = 8 << 20, WRITE_OUT_FILE = 256 << 10 };

struct write_out {
	size_t waiting; /* bytes since the last time */
};

/* All that is dirty of the file, without waiting for it (sync_file_range(2)). */
static inline void write_out_file(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static inline void write_out_add(struct write_out *out, int fd, size_t length)
{
	out->waiting += length;
	if (out->waiting < WRITE_OUT_PORTION)
		return;
	out->waiting = 0;
	write_out_file(fd);
}

#endif
