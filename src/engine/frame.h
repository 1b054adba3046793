/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of monitor/protocol.h: whole frames over a stream socket. */
#ifndef CLOCHE_ENGINE_FRAME_H
#define CLOCHE_ENGINE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/protocol.h"

enum { FRAME_LIMIT = 65536 };

struct frame {
	uint8_t type;
	uint32_t length;
	char data[FRAME_LIMIT];
};

/* 0 or -errno; -EPIPE when the monitor is gone. */
int frame_send(int socket, enum frame_type type, const void *data, size_t length);
int frame_receive(int socket, struct frame *frame);
int frame_hello(int socket, uint32_t flags);
/* A new client of the monitor whose run folder this is: its socket, or -errno. */
int frame_connect(int run);

#endif
