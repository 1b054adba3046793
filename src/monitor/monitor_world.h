/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's surroundings without a container, for tests of the real cloche-monitor: folders, fifos, and a shell as the
 * first process, under a parent that execs the monitor as the engine does.
 *	struct world w;
 *	world_start(&w, &(struct world_options){ .script = "echo hello; exit 3", .client_flags = HELLO_OUTPUT });
 *	world_ended(&w);
 *	world_clear(&w);
 */
#ifndef CLOCHE_MONITOR_WORLD_H
#define CLOCHE_MONITOR_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/protocol.h"

struct world_options {
	const char *script;    /* for sh -c */
	const char *log;       /* NULL: cri */
	const char *words;     /* more words of CLOCHE_MONITOR; NULL: none */
	const char *cleanup;   /* NULL: none */
	uint32_t client_flags; /* of the starting client; 0: none */
	bool stdin_pipe, terminal, fail, no_holder;
};

struct world {
	char path[64], id[16];
	int root, run, dir;
	pid_t monitor, init; /* monitor: 0 when it was waited for */
	int init_pidfd, client,
		stranger; /* stranger: a pipe's read end, whose write end the monitor inherited */
	struct world_options options;
};

extern const char *world_binary; /* of cloche-monitor */

void world_start(struct world *w, const struct world_options *options);
void world_restore(struct world *w);	  /* another monitor, after the first was killed */
void world_kill_monitor(struct world *w); /* once it has its holder */
void world_ended(struct world *w);	  /* wait until the monitor, or what it became, is gone */
bool world_alone(void);			  /* no process is left, or soon */
void world_clear(struct world *w);
void world_clear_all(struct world *worlds,
		     size_t count); /* ends every child of the caller, whose worlds these are */
int world_attach(struct world *w, uint32_t flags); /* a socket, its hello sent */
/* The whole text of a file beneath the world's folder, NUL-terminated, "" when missing. The caller frees. */
char *world_read(const struct world *w, const char *name, size_t *ret_length);
long world_record(const struct world *w, const char *key); /* of DIR/exit; -1: not there */
/* Poll for something, up to a minute. */
bool world_until(bool (*there)(void *), void *data);

void frame_put(int socket, enum frame_type type, const void *data, size_t length);
/* The next frame's type, its content in `data` (64 KiB), -1 at the end of the connection. */
int frame_get(int socket, void *data, size_t *ret_length);
/* Read frames up to FRAME_EXIT or the end: what they said as one text. exit may be NULL. */
char *frames_text(int socket, size_t *ret_length, struct frame_exit *exit);

#endif
