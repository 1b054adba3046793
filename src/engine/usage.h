/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a running container uses at this moment, for `stats`. */
#ifndef CLOCHE_ENGINE_USAGE_H
#define CLOCHE_ENGINE_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct engine;
struct err;
struct record;

struct usage {
	int64_t at_ns; /* monotonic */
	uint64_t cpu_ns;
	uint64_t memory_bytes,
		memory_limit_bytes; /* without idle page cache, as Docker counts; the host's when there is none */
	uint64_t pids;
	uint64_t net_in_bytes,
		net_out_bytes; /* of all interfaces but lo; 0 with the host's network */
	uint64_t block_read_bytes, block_write_bytes;
};

/* pid: of its first process. -ENOENT: it is over. */
int usage_read(struct engine *engine, const struct record *record, pid_t pid,
	       struct usage *ret_usage, struct err *err);
/* at_ns and cpu_ns alone, the rest is 0: the first of two readings. */
int usage_read_time(struct engine *engine, const struct record *record, struct usage *ret_usage,
		    struct err *err);
/* Percent of one processor between two readings. */
double usage_cpu_percent(const struct usage *before, const struct usage *after);

#endif
