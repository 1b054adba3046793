/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "runtime/cgroup.h"

/* Lines of "NAME: RX-BYTES packets errs drop fifo frame compressed multicast TX-BYTES ..." */
static void net_read(pid_t pid, struct usage *usage)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char path[40], *rest, *line;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	if (file_read(AT_FDCWD, path, 1 << 20, &text) < 0)
		return;
	for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
		char *colon = strchr(line, ':');
		unsigned long long in, out;

		if (!colon || strncmp(line + strspn(line, " "), "lo:", 3) == 0)
			continue;
		if (sscanf(colon + 1, "%llu %*u %*u %*u %*u %*u %*u %*u %llu", &in, &out) == 2) {
			usage->net_in_bytes += in;
			usage->net_out_bytes += out;
		}
	}
}

static int counters_read(struct engine *engine, const struct record *record,
			 enum cgroup_depth depth, struct usage *ret_usage,
			 struct cgroup_stats *ret_stats, struct err *err)
{
	_cleanup_free_ char *path = spec_cgroup_path(engine, record);
	struct cgroup *cgroup = engine_cgroup(engine, err);
	struct timespec now;
	int r = cgroup ? cgroup_stats_to(cgroup, path, depth, ret_stats, err) : -err->code;

	if (r < 0)
		return r;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	*ret_usage = (struct usage){ .at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
				     .cpu_ns = ret_stats->cpu_usage_ns };
	return 0;
}

int usage_read_time(struct engine *engine, const struct record *record, struct usage *ret_usage,
		    struct err *err)
{
	struct cgroup_stats stats;

	return counters_read(engine, record, CGROUP_TIME, ret_usage, &stats, err);
}

int usage_read(struct engine *engine, const struct record *record, pid_t pid,
	       struct usage *ret_usage, struct err *err)
{
	struct cgroup_stats stats;
	struct usage usage;
	struct sysinfo host;
	uint64_t total;
	int r = counters_read(engine, record, CGROUP_SHOWN, &usage, &stats, err);

	if (r < 0)
		return r;
	(void)sysinfo(&host);
	total = (uint64_t)host.totalram * host.mem_unit;
	usage.memory_bytes = stats.memory_bytes > stats.memory_inactive_file_bytes ?
				     stats.memory_bytes - stats.memory_inactive_file_bytes :
				     0;
	usage.memory_limit_bytes = stats.memory_limit_bytes < total ? stats.memory_limit_bytes :
								      total;
	usage.pids = stats.pids;
	usage.block_read_bytes = stats.block_read_bytes;
	usage.block_write_bytes = stats.block_write_bytes;
	if (strcmp(json_string_at(record->config, "HostConfig.NetworkMode", ""), "host") != 0)
		net_read(pid, &usage);
	*ret_usage = usage;
	return 0;
}

double usage_cpu_percent(const struct usage *before, const struct usage *after)
{
	int64_t wall = after->at_ns - before->at_ns;

	if (wall <= 0 || after->cpu_ns < before->cpu_ns)
		return 0;
	return 100.0 * (double)(after->cpu_ns - before->cpu_ns) / (double)wall;
}
