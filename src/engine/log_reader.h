/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `logs`: the files that log_writer of the monitor made, back to stdout and stderr. */
#ifndef CLOCHE_ENGINE_LOG_READER_H
#define CLOCHE_ENGINE_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct err;

struct log_query {
	int64_t since_ns, until_ns; /* 0: open */
	long tail;		    /* -1: all */
	bool follow, timestamps, json;
	const char *details; /* in front of each line, behind its time; NULL: nothing */
};

/* follow: until the container has ended. A closed stdout is the end, not an error. */
int log_read(struct engine *engine, const char *id, const struct log_query *query, struct err *err);

#endif
