/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/stats.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/cgroup.h"

static void number(struct buf *out, const char *key, uint64_t value)
{
	buf_printf(out, "\"%s\":%" PRIu64, key, value);
}

/* The first number of a file; "max" is the largest. -ENOENT: it is not here. */
static int file_number(struct cgroup *cgroup, const char *path, const char *controller,
		       const char *v1, const char *v2, uint64_t *ret_value)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = cgroup_read(cgroup, path, controller, v1, v2, &text);

	if (r < 0)
		return r;
	*ret_value = str_prefix(text.data, "max\n") ?
			     UINT64_MAX :
			     strtoull(text.data + strcspn(text.data, "0123456789"), NULL, 10);
	return 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and "full ..." (kernel, psi.rst); of v2 alone. */
static void pressure_put(struct buf *out, struct cgroup *cgroup, const char *path,
			 const char *controller, const char *file)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *line;
	size_t count = 0;

	if (cgroup_read(cgroup, path, controller, NULL, file, &text) < 0)
		return; /* the kernel has it not, or not switched on */
	buf_puts(out, ",\"psi\":{");
	for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
		double avg10, avg60, avg300;
		unsigned long long total;
		char kind[8];

		if (sscanf(line, "%7[a-z] avg10=%lf avg60=%lf avg300=%lf total=%llu", kind, &avg10,
			   &avg60, &avg300, &total) == 5)
			buf_printf(out,
				   "%s\"%s\":{\"avg10\":%.2f,\"avg60\":%.2f,\"avg300\":%.2f,"
				   "\"total\":%llu}",
				   count++ ? "," : "", kind, avg10, avg60, avg300, total);
	}
	buf_puts(out, "}");
}

/* -- cpu -------------------------------------------------------------------------------------- */

/* v1 alone counts them apart: "12 34 ". */
static void cpus_put(struct buf *out, struct cgroup *cgroup, const char *path)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *word;
	size_t count = 0;

	if (cgroup_read(cgroup, path, "cpuacct", "cpuacct.usage_percpu", NULL, &text) < 0)
		return;
	buf_puts(out, ",\"percpu\":[");
	for (rest = text.data; (word = strsep(&rest, " \n")) != NULL;)
		if (*word)
			buf_printf(out, "%s%" PRIu64, count++ ? "," : "",
				   (uint64_t)strtoull(word, NULL, 10));
	buf_puts(out, "]");
}

/* "cpu user system", then a line for each: column 1 or 2. */
static void cpus_column_put(struct buf *out, const char *text, const char *key, int column)
{
	size_t count = 0;

	buf_printf(out, ",\"%s\":[", key);
	for (const char *line = strchr(text, '\n'); line && line[1];
	     line = strchr(line + 1, '\n')) {
		unsigned long long columns[3];

		if (sscanf(line, " %llu %llu %llu", &columns[0], &columns[1], &columns[2]) == 3)
			buf_printf(out, "%s%llu", count++ ? "," : "", columns[column]);
	}
	buf_puts(out, "]");
}

static void cpus_of_each_put(struct buf *out, struct cgroup *cgroup, const char *path)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (cgroup_read(cgroup, path, "cpuacct", "cpuacct.usage_all", NULL, &text) < 0)
		return;
	cpus_column_put(out, text.data, "percpu_kernel", 2);
	cpus_column_put(out, text.data, "percpu_user", 1);
}

static void cpu_put(struct buf *out, const struct cgroup_stats *s, struct cgroup *cgroup,
		    const char *path)
{
	buf_printf(out,
		   "\"cpu\":{\"usage\":{\"total\":%" PRIu64 ",\"kernel\":%" PRIu64
		   ",\"user\":%" PRIu64,
		   s->cpu_usage_ns, s->cpu_system_ns, s->cpu_user_ns);
	cpus_put(out, cgroup, path);
	cpus_of_each_put(out, cgroup, path);
	buf_printf(out,
		   "},\"throttling\":{\"periods\":%" PRIu64 ",\"throttledPeriods\":%" PRIu64
		   ",\"throttledTime\":%" PRIu64 "}",
		   s->cpu_periods, s->cpu_throttled_periods, s->cpu_throttled_ns);
	pressure_put(out, cgroup, path, "cpu", "cpu.pressure");
	buf_puts(out, "}");
}

/* "0-2,7" as [0,1,2,7] */
static void list_put(struct buf *out, const char *key, const char *text)
{
	size_t count = 0;

	buf_printf(out, "\"%s\":[", key);
	while (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && last < 65536; first++)
			buf_printf(out, "%s%lu", count++ ? "," : "", first);
		text = *end == ',' ? end + 1 : end;
	}
	buf_puts(out, "]");
}

/* v1 alone has them. */
static void cpuset_put(struct buf *out, struct cgroup *cgroup, const char *path)
{
	static const char *const lists[] = { "cpus", "mems" }, *const numbers[] = {
		"cpu_exclusive",   "mem_hardwall",	 "mem_exclusive",
		"memory_migrate",  "memory_spread_page", "memory_spread_slab",
		"memory_pressure", "sched_load_balance", "sched_relax_domain_level"
	};
	size_t count = 0;

	buf_puts(out, "\"cpuset\":{");
	for (size_t i = 0; i < ARRAY_SIZE(lists) + ARRAY_SIZE(numbers); i++) {
		bool list = i < ARRAY_SIZE(lists);
		const char *key = list ? lists[i] : numbers[i - ARRAY_SIZE(lists)];
		_cleanup_free_ char *file = str_printf("cpuset.%s", key);
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		if (cgroup_read(cgroup, path, "cpuset", file, NULL, &text) < 0)
			continue;
		buf_puts(out, count++ ? "," : "");
		if (list)
			list_put(out, key, text.data);
		else
			buf_printf(out, "\"%s\":%lld", key, strtoll(text.data, NULL, 10));
	}
	buf_puts(out, "}");
}

/* -- memory ----------------------------------------------------------------------------------- */

/* Lines of "key number". */
static void raw_put(struct buf *out, struct cgroup *cgroup, const char *path)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *line;
	size_t count = 0;

	buf_puts(out, ",\"raw\":{");
	if (cgroup_read(cgroup, path, "memory", "memory.stat", "memory.stat", &text) == 0) {
		for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
			char *value = strchr(line, ' ');

			if (!value)
				continue;
			*value++ = '\0';
			buf_puts(out, count++ ? "," : "");
			number(out, line, strtoull(value, NULL, 10));
		}
	}
	buf_puts(out, "}");
}

/* What v1 counts apart; of v2, swap alone, told together with the memory as v1 does. */
static void memory_part_put(struct buf *out, const struct cgroup_stats *s, struct cgroup *cgroup,
			    const char *path, const char *key, const char *prefix)
{
	static const char *const keys[] = { "limit", "usage", "max", "failcnt" },
				 *const files[] = { "limit_in_bytes", "usage_in_bytes",
						    "max_usage_in_bytes", "failcnt" },
				 *const v2[] = { "memory.swap.max", "memory.swap.current",
						 "memory.swap.peak", NULL };
	const uint64_t with[] = { s->memory_limit_bytes, s->memory_bytes, 0, 0 };
	bool swap = strcmp(key, "swap") == 0, both = swap && cgroup_mode(cgroup) == CGROUP_V2;
	size_t count = 0;

	buf_printf(out, ",\"%s\":{", key);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_free_ char *file = str_printf("memory.%s.%s", prefix, files[i]);
		uint64_t value;

		if (file_number(cgroup, path, "memory", file, swap ? v2[i] : NULL, &value) < 0)
			continue;
		if (both && value != UINT64_MAX)
			value = with[i] == UINT64_MAX ? UINT64_MAX : value + with[i];
		buf_puts(out, count++ ? "," : "");
		number(out, keys[i], value);
	}
	buf_puts(out, "}");
}

static void memory_put(struct buf *out, const struct cgroup_stats *s, struct cgroup *cgroup,
		       const char *path)
{
	buf_puts(out, "\"memory\":{");
	number(out, "cache", s->memory_cache_bytes);
	buf_puts(out, ",\"usage\":{");
	number(out, "limit", s->memory_limit_bytes);
	buf_puts(out, ",");
	number(out, "usage", s->memory_bytes);
	buf_puts(out, ",");
	number(out, "max", s->memory_peak_bytes);
	buf_puts(out, ",");
	number(out, "failcnt", s->memory_failures);
	buf_puts(out, "}");
	memory_part_put(out, s, cgroup, path, "swap", "memsw");
	memory_part_put(out, s, cgroup, path, "kernel", "kmem");
	memory_part_put(out, s, cgroup, path, "kernelTCP", "kmem.tcp");
	raw_put(out, cgroup, path);
	pressure_put(out, cgroup, path, "memory", "memory.pressure");
	buf_puts(out, "}");
}

/* -- block devices ---------------------------------------------------------------------------- */

static void io_entry(struct buf *out, size_t *count, unsigned int major_number,
		     unsigned int minor_number, const char *op, uint64_t value)
{
	buf_printf(out, "%s{\"major\":%u,\"minor\":%u,\"op\":\"%s\",\"value\":%" PRIu64 "}",
		   (*count)++ ? "," : "", major_number, minor_number, op, value);
}

/* "8:0 rbytes=1 wbytes=2 rios=3 ..." */
static void io_line_v2(struct buf *out, size_t *count, char *line, unsigned int major_number,
		       unsigned int minor_number, const char *const keys[2])
{
	char *word;

	while ((word = strsep(&line, " ")) != NULL)
		for (int i = 0; i < 2; i++)
			if (str_prefix(word, keys[i]))
				io_entry(out, count, major_number, minor_number,
					 i == 0 ? "Read" : "Write",
					 strtoull(word + strlen(keys[i]), NULL, 10));
}

/* v1: "8:0 Read 4096"; both begin with the device. */
static void io_put(struct buf *out, const char *name, const char *text, const char *const keys[2])
{
	_cleanup_free_ char *copy = str_dup(text ? text : "");
	char *rest = copy, *line;
	size_t count = 0;

	buf_printf(out, "\"%s\":[", name);
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *colon, *end, op[16];
		unsigned int major_number = (unsigned int)strtoul(line, &colon, 10), minor_number;
		unsigned long long value;

		if (colon == line || *colon != ':')
			continue; /* "Total 4096" */
		minor_number = (unsigned int)strtoul(colon + 1, &end, 10);
		if (*end != ' ')
			continue;
		if (sscanf(end, " %15[A-Za-z] %llu", op, &value) == 2)
			io_entry(out, &count, major_number, minor_number, op, value);
		else
			io_line_v2(out, &count, end + 1, major_number, minor_number, keys);
	}
	buf_puts(out, "]");
}

/* Of v1's scheduler with weights, where it has counters. */
static void io_more_put(struct buf *out, struct cgroup *cgroup, const char *path)
{
	static const char *const lists[][2] = {
		{ "ioQueueRecursive", "blkio.bfq.io_queued_recursive" },
		{ "ioServiceTimeRecursive", "blkio.bfq.io_service_time_recursive" },
		{ "ioWaitTimeRecursive", "blkio.bfq.io_wait_time_recursive" },
		{ "ioMergedRecursive", "blkio.bfq.io_merged_recursive" },
		{ "ioTimeRecursive", "blkio.bfq.time_recursive" },
		{ "sectorsRecursive", "blkio.bfq.sectors_recursive" },
	};
	static const char *const none[] = { "?", "?" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		if (cgroup_read(cgroup, path, "blkio", lists[i][1], NULL, &text) < 0)
			continue;
		buf_puts(out, ",");
		io_put(out, lists[i][0], text.data, none);
	}
}

static void blkio_put(struct buf *out, struct cgroup *cgroup, const char *path)
{
	static const char *const bytes[] = { "rbytes=", "wbytes=" }, *const times[] = { "rios=",
											"wios=" };
	_cleanup_(buf_clear) struct buf moved = BUF_EMPTY, served = BUF_EMPTY;

	buf_puts(out, "\"blkio\":{");
	if (cgroup_read(cgroup, path, "blkio", "blkio.throttle.io_service_bytes_recursive",
			"io.stat", &moved) == 0 &&
	    cgroup_read(cgroup, path, "blkio", "blkio.throttle.io_serviced_recursive", "io.stat",
			&served) == 0) {
		io_put(out, "ioServiceBytesRecursive", moved.data, bytes);
		buf_puts(out, ",");
		io_put(out, "ioServicedRecursive", served.data, times);
		io_more_put(out, cgroup, path);
		pressure_put(out, cgroup, path, "blkio", "io.pressure");
	}
	buf_puts(out, "}");
}

/* -- huge pages ------------------------------------------------------------------------------- */

static uint64_t huge_number(struct cgroup *cgroup, const char *path, const char *size,
			    const char *v1, const char *v2)
{
	_cleanup_free_ char *old = str_printf("hugetlb.%s.%s", size, v1),
			    *new = str_printf("hugetlb.%s.%s", size, v2);
	uint64_t value = 0; /* where it cannot be read */

	(void)file_number(cgroup, path, "hugetlb", old, new, &value);
	return value;
}

/* Of each size of the host: "hugepages-2048kB" is 2MB in the names of files. */
static void hugetlb_put(struct buf *out, struct cgroup *cgroup, const char *path)
{
	DIR *d = cgroup_has(cgroup, "hugetlb") ? opendir("/sys/kernel/mm/hugepages") : NULL;
	struct dirent *e;
	size_t count = 0;

	buf_puts(out, "\"hugetlb\":{");
	while (d && (e = readdir(d)) != NULL) {
		unsigned long kilobytes;
		char size[32];

		if (!str_prefix(e->d_name, "hugepages-"))
			continue;
		kilobytes = strtoul(e->d_name + strlen("hugepages-"), NULL, 10);
		(void)snprintf(size, sizeof(size), "%lu%s",
			       kilobytes >= 1 << 20 ? kilobytes >> 20 :
			       kilobytes >= 1 << 10 ? kilobytes >> 10 :
						      kilobytes,
			       kilobytes >= 1 << 20 ? "GB" :
			       kilobytes >= 1 << 10 ? "MB" :
						      "KB");
		buf_printf(out,
			   "%s\"%s\":{\"usage\":%" PRIu64 ",\"max\":%" PRIu64
			   ",\"failcnt\":%" PRIu64 "}",
			   count++ ? "," : "", size,
			   huge_number(cgroup, path, size, "usage_in_bytes", "current"),
			   huge_number(cgroup, path, size, "max_usage_in_bytes", "current"),
			   huge_number(cgroup, path, size, "failcnt", "events"));
	}
	if (d)
		(void)closedir(d);
	buf_puts(out, "}");
}

/* -- the whole -------------------------------------------------------------------------------- */

void stats_print(const char *id, struct cgroup *cgroup, const char *path)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	struct err ignored = ERR_NONE;
	struct cgroup_stats s = { 0 };

	if (cgroup_stats(cgroup, path, &s, &ignored) < 0)
		return;
	buf_printf(&out, "{\"type\":\"stats\",\"id\":\"%s\",\"data\":{", id);
	cpu_put(&out, &s, cgroup, path);
	buf_puts(&out, ",");
	cpuset_put(&out, cgroup, path);
	buf_puts(&out, ",");
	memory_put(&out, &s, cgroup, path);
	buf_puts(&out, ",\"pids\":{");
	number(&out, "current", s.pids);
	if (s.pids_limit != UINT64_MAX) {
		buf_puts(&out, ",");
		number(&out, "limit", s.pids_limit);
	}
	buf_puts(&out, "},");
	blkio_put(&out, cgroup, path);
	buf_puts(&out, ",");
	hugetlb_put(&out, cgroup, path);
	/* no group of resctrl is made, and links are the caller's: as runc without either */
	buf_puts(&out, ",\"intel_rdt\":{},\"network_interfaces\":null}}");
	(void)puts(out.data);
	(void)fflush(stdout);
}
