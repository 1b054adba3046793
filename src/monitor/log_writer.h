/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log of a container: what a stream said, as lines with time and stream name, in rotated files.
 *   cri   "TIME stdout F text\n"; P instead of F: the line goes on in the next one of its stream
 *   json  {"log":"text\n","stream":"stdout","time":"TIME"}; bytes that are no UTF-8 become U+FFFD, as with Docker. In front of the
 *	   time stands what RUN/log-attrs has, where it is: "attrs":{"NAME":"VALUE"}, with the comma.
 * A file is at most max_bytes long, but holds at least one line. Half a line that a killed writer left is cut off: its text is
 * still in the fifo.
 * A log that cannot be written never stops the container: the bytes are counted, and a line tells of them when
 * writing works again. */
#ifndef CLOCHE_MONITOR_LOG_WRITER_H
#define CLOCHE_MONITOR_LOG_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum log_format { LOG_CRI, LOG_JSON, LOG_NONE };

struct log_writer {
	struct {
		size_t length;
		char bytes[3];
	} rest[2]; /* json: the begin of a character whose end has not come yet */
	enum log_format format;
	int dir, fd;
	uint64_t size, max_bytes, dropped_bytes;
	unsigned int max_files;
	size_t attrs_length;
};

void log_open(struct log_writer *log, int dir, enum log_format format, uint64_t max_bytes,
	      unsigned int max_files);
/* With json, after log_open. run: the run folder. */
void log_attrs_read(struct log_writer *log, int run);
/* stream: 1 or 2 */
void log_write(struct log_writer *log, int stream, const char *data, size_t length);
/* No more will come: write what was kept back. */
void log_end(struct log_writer *log);
void log_idle(void); /* give back the memory of the buffer */

#endif
