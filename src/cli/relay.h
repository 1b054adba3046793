/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams between the user and a container: frames of a monitor (run, start, attach), or the pipes of an exec. */
#ifndef CLOCHE_CLI_RELAY_H
#define CLOCHE_CLI_RELAY_H

#include <stdbool.h>

struct err;
struct exec_process;

enum relay_end { RELAY_EXIT, RELAY_DETACHED, RELAY_LOST };

struct relay {
	bool input, output; /* what the user is attached to */
	bool tty;	    /* the container has a terminal */
	bool mute[3]; /* by descriptor: a stream that he is not attached to, though to the other */
	bool proxy;   /* signals go to the container's process */
	const char *detach_keys;
	int signal_pidfd;	   /* where they go */
	void (*later)(void *data); /* called once, when it takes longer than a moment; may be NULL */
	void *later_data;
};

/* Until the container ends, the user detaches or the monitor is gone. *ret_code: the exit code with RELAY_EXIT. Negative: errno. */
int relay_frames(int socket, const struct relay *relay, int *ret_code, struct err *err);
/* Until the process ends and its output is read. */
int relay_exec(const struct exec_process *process, const struct relay *relay, int *ret_code,
	       struct err *err);

#endif
