/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table that is printed again and again: in a terminal over the one before, elsewhere below it. */
#ifndef CLOCHE_CLI_REDRAW_H
#define CLOCHE_CLI_REDRAW_H

#include <stdbool.h>

struct redraw {
	bool terminal;
	char *before; /* the last frame */
};
#define REDRAW_NONE ((struct redraw){ 0 })

/* Clears the screen of a terminal. */
void redraw_begin(struct redraw *redraw);
/* mark: lines that were not in the frame before are shown in reverse; outside of a terminal a frame that says the same is left out.
 * -EPIPE: nobody reads any more. */
int redraw_frame(struct redraw *redraw, const char *text, bool mark);
void redraw_clear(struct redraw *redraw);

#endif
