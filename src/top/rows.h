/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each container of the host takes at the moment, and the host itself: sums over the processes, whatever engine they are of.
 *
 *	struct top_rows rows = { 0 };
 *	top_rows_read(&rows, engine, err);		now and again: the time between two readings is what CPU% is of
 *	top_rows_sort(&rows, TOP_SORT_CPU, "");
 */
#ifndef CLOCHE_TOP_ROWS_H
#define CLOCHE_TOP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/process.h"

struct engine;
struct err;

enum { TOP_KEY = 2 * OWNER_TEXT };

struct top_row {
	char key[TOP_KEY]; /* engine and id: the same container in two readings */
	char engine[COMM_SIZE], id[OWNER_TEXT], name[OWNER_TEXT], image[OWNER_IMAGE];
	double cpu_percent; /* of one processor; an average that forgets, so that lines do not jump */
	uint64_t memory_kb, swap_kb, limit_kb; /* limit 0: none */
	size_t processes;
	bool host;
};

struct top_rows {
	struct top_row *list;
	size_t count, all; /* all: also those that the filter hides, behind count */
	size_t containers;
	struct process_table before; /* the last reading */
	int64_t before_ns;
};

enum top_sort { TOP_SORT_CPU, TOP_SORT_MEMORY, TOP_SORT_PROCESSES, TOP_SORT_NAME, TOP_SORT_ENGINE };

int top_rows_read(struct top_rows *rows, struct engine *engine, struct err *err);
/* Largest first, names by alphabet. filter: part of name, image or engine; "": all. */
void top_rows_sort(struct top_rows *rows, enum top_sort sort, const char *filter);
enum top_sort top_sort_next(enum top_sort sort, int step);
const char *top_sort_word(enum top_sort sort);
void top_rows_clear(struct top_rows *rows);

#endif
