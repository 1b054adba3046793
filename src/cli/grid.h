/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table on the terminal whose columns are as wide as what stands in them; the last one is never padded. Cells are escaped: they come
 * from containers. On a terminal lines are cut to its width, as ps(1) does.
 *
 *	grid_cell(&grid, "web");             row by row, as many cells as there are columns
 *	grid_print(&grid, columns, true, stdout);
 */
#ifndef CLOCHE_CLI_GRID_H
#define CLOCHE_CLI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/str.h"

struct grid_column {
	const char *heading;
	bool right;    /* numbers */
	size_t widest; /* longer cells end with "+"; 0: no limit */
};

struct grid {
	struct buf text; /* cells, each with its NUL */
	size_t *offsets, count, room;
};
#define GRID_EMPTY ((struct grid){ 0 })

void grid_cell(struct grid *grid, const char *text);
void grid_number(struct grid *grid, unsigned long long value);
/* columns end with a NULL heading. */
void grid_print(const struct grid *grid, const struct grid_column *columns, bool headings,
		FILE *out);
void grid_clear(struct grid *grid);

#endif
