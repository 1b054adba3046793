/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user's terminal: raw while a container has it, and as it was on every way out. */
#ifndef CLOCHE_CLI_TTY_H
#define CLOCHE_CLI_TTY_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* Raw mode on fd 0, restored by tty_restore and at exit. */
int tty_raw(struct err *err);
void tty_restore(void);
bool tty_size(unsigned short *ret_rows, unsigned short *ret_columns);

/* "ctrl-p,ctrl-q" to bytes. Count, or -EINVAL with Docker's words. */
int detach_keys_parse(const char *text, unsigned char keys[16], struct err *err);
/* The same, before anything is started: 0. */
int detach_keys_check(const char *text, struct err *err);

struct detach { /* finds the keys in what is typed */
	unsigned char keys[16];
	int count, matched;
};
/* Look at length bytes of data; what may pass goes to out (room for length + 16), its length to *ret_length. true: detach now. */
bool detach_filter(struct detach *detach, const char *data, size_t length, char *out,
		   size_t *ret_length);

#endif
