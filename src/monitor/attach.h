/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clients of a monitor. A client that wants output gets all of it from its hello on, in order: while one has not taken
 * what it was sent, nobody's output is read on (the container waits, as with a pipe), but a client that joined later and takes
 * nothing for ten seconds is let go. */
#ifndef CLOCHE_MONITOR_ATTACH_H
#define CLOCHE_MONITOR_ATTACH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor/protocol.h"

enum {
	CLIENTS = 8,
	FRAME_ROOM = 65536,
	FRAME_IN = sizeof(struct frame_head) + FRAME_ROOM,
	FRAME_OUT = 2 * sizeof(struct frame_head) + FRAME_ROOM,
};

struct client {
	int fd; /* -1: free */
	uint32_t flags;
	bool first; /* the command that started the container */
	bool hello;
	bool deaf; /* takes no frames any more; what it has sent still counts */
	size_t in_length,
		in_done; /* of the frame being read; done: how much of it the container has taken */
	size_t out_length, out_done; /* of what the socket did not take at once */
	int64_t waiting_since_ms;
	char *in,
		*out; /* of FRAME_IN, FRAME_OUT bytes; not in here, where each client would touch a page of its own */
};

struct attach {
	struct client clients[CLIENTS];
	int listener;
	int input;  /* the container's stdin or terminal; -1: none */
	int holder; /* a process that has stdin open too and closes it on SIGUSR1; 0: none */
	bool terminal;
};

void attach_init(struct attach *attach, int input, bool terminal);
void attach_add(struct attach *attach, int fd, bool first);
void attach_accept(struct attach *attach);
/* Fill in what to wait for: one entry a client, and one for the input when it is full. */
size_t attach_poll(const struct attach *attach, struct pollfd *polls);
void attach_serve(struct attach *attach, const struct pollfd *polls);
void attach_idle(struct attach *attach);       /* give back the memory of empty buffers */
bool attach_full(const struct attach *attach); /* somebody has to take output first */
void attach_send(struct attach *attach, enum frame_type type, const void *data, size_t length,
		 uint32_t only_flags);
/* Send the last frame to all, wait until they took it or are gone. true: one that promised to release has it. */
bool attach_finish(struct attach *attach, const struct frame_exit *end);

#endif
