/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The disk begins with what is written while more of it comes, so that the sync before a layer is recorded (work_sync) has the
 * less to wait for. A thread of its own calls syncfs(2) whenever so much was written since the last time: asking for single
 * files (sync_file_range(2)) would make who writes them wait for a slow disk's queue, and does nothing for small ones. Nothing
 * relies on it, and work_sync still sees each error: it has another open file.
 *
 *	out = write_out_new(work.dir);
 *	write_out_add(out, length);      from any thread, after each write
 *	write_out_free(out);             ends the thread
 */
#ifndef CLOCHE_TRANSFER_WRITE_OUT_H
#define CLOCHE_TRANSFER_WRITE_OUT_H

#include <stddef.h>

struct write_out;

/* dir: any folder of the file system; the caller's. NULL, and nothing is done early: it cannot be opened. */
struct write_out *write_out_new(int dir);
void write_out_add(struct write_out *out, size_t bytes); /* NULL: nothing */
void write_out_free(struct write_out *out);

#endif
