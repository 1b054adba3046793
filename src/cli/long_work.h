/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Long work on a terminal: a line on stderr that is drawn again and again, with what is done, for how long, and how many bytes have been
 * written by the command and its children. A process of its own draws it, so that the work need not know; it begins after half a second,
 * and the line is gone before the command's own words come. Elsewhere than on a terminal there is nothing.
 *
 *	_cleanup_(long_work_end) struct long_work work = LONG_WORK_NONE;
 *	long_work_begin(&work, "export", NULL);
 */
#ifndef CLOCHE_CLI_LONG_WORK_H
#define CLOCHE_CLI_LONG_WORK_H

#include <stdbool.h>
#include <sys/types.h>

struct command;

struct long_work {
	pid_t pid; /* 0: none */
	int fd;	   /* its end ends the drawing */
};
#define LONG_WORK_NONE ((struct long_work){ .fd = -1 })

/* Is the command one of those that take their time, from its beginning on? Those that ask first begin by themselves. */
bool long_work_is(const struct command *command);
/* Stdout is held back until the end, when it is a terminal, too. */
void long_work_begin(struct long_work *work, const char *what, const char *object);
void long_work_end(struct long_work *work);

#endif
