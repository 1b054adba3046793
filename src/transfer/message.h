/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a sandboxed child tells the trusted parent: a list of records in one buffer, each a kind, a length and bytes, in the
 * machine's own byte order. The child keeps it until its input has ended, so that no pipe can fill while the other side
 * waits; the parent believes nothing of it unchecked. */
#ifndef CLOCHE_TRANSFER_MESSAGE_H
#define CLOCHE_TRANSFER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;

enum message_kind {
	MESSAGE_DONE = 1, /* the last of a child that succeeded; empty */
	MESSAGE_FAILED,	  /* int code, an errno */
	MESSAGE_WORDS,	  /* behind MESSAGE_FAILED: err.words */
	MESSAGE_FILE,	  /* split.h */
	MESSAGE_WHITEOUT, /* whiteout.h */
	MESSAGE_OPAQUE,
	MESSAGE_TOTALS, /* extract.h */
	MESSAGE_PLACE,	/* outline.h */
	MESSAGE_OPEN,	/* fetcher.h, these too */
	MESSAGE_REQUEST,
	MESSAGE_HEAD,
	MESSAGE_DATA,
};

enum { MESSAGES_MAX = 64 * 1024 * 1024 }; /* bytes of one report */

struct message {
	uint32_t kind;
	uint32_t length;
	const char *
		data; /* into the report; a NUL of the next record or of the buffer is not promised */
};

void message_add(struct buf *report, enum message_kind kind, const void *data, size_t length);
/* One record through a pipe, at once: what is said while the work goes on. */
int message_send(int fd, enum message_kind kind, const void *data, size_t length);
/* The next one, whose bytes replace what buf holds. 1; 0 at the end; -EBADMSG: cut, or longer than limit_bytes. */
int message_receive(int fd, size_t limit_bytes, struct buf *buf, uint32_t *ret_kind);
/* The record at *at, which moves on. 1; 0 at the end; -EBADMSG. */
int message_next(const struct buf *report, size_t *at, struct message *ret_message);

#endif
