/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/redraw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

void redraw_begin(struct redraw *redraw)
{
	redraw->terminal = isatty(STDOUT_FILENO);
	if (redraw->terminal)
		(void)printf("\033[2J");
}

int redraw_frame(struct redraw *redraw, const char *text, bool mark)
{
	_cleanup_strv_ char **lines = strv_split(text, '\n'),
			    **before = redraw->before ? strv_split(redraw->before, '\n') : NULL;
	bool same = redraw->before && strcmp(redraw->before, text) == 0;

	free(redraw->before);
	redraw->before = str_dup(text);
	if (!redraw->terminal) {
		if (!mark || !same)
			(void)fputs(text, stdout);
		return fflush(stdout) == 0 ? 0 : -EPIPE;
	}
	/* home, each line to its end, and what was below */
	(void)printf("\033[H");
	for (size_t i = 0; lines[i] && (lines[i + 1] || *lines[i]); i++) {
		bool news = mark && before && !strv_has(before, lines[i]);

		(void)printf("%s%s%s\033[K\n", news ? "\033[7m" : "", lines[i],
			     news ? "\033[m" : "");
	}
	(void)printf("\033[J");
	return fflush(stdout) == 0 ? 0 : -EPIPE;
}

void redraw_clear(struct redraw *redraw)
{
	free(redraw->before);
	*redraw = REDRAW_NONE;
}
