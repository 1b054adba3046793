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

static void cpu_put(struct buf *out, const struct cgroup_stats *s, struct cgroup *cgroup,
		    const char *path)
{
	buf_printf(out,
		   "\"cpu\":{\"usage\":{\"total\":%" PRIu64 ",\"kernel\":%" PRIu64
		   ",\"user\":%" PRIu64,
		   s->cpu_usage_ns, s->cpu_system_ns, s->cpu_user_ns);
	cpus_put(out, cgroup, path);
	buf_printf(out,
		   "},\"throttling\":{\"periods\":%" PRIu64 ",\"throttledPeriods\":%" PRIu64
		   ",\"throttledTime\":%" PRIu64 "}}",
		   s->cpu_periods, s->cpu_throttled_periods, s->cpu_throttled_ns);
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
	raw_put(out, cgroup, path);
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
	}
	buf_puts(out, "}");
}

/* -- huge pages ------------------------------------------------------------------------------- */

static uint64_t huge_number(struct cgroup *cgroup, const char *path, const char *size,
			    const char *v1, const char *v2)
{
	_cleanup_free_ char *old = str_printf("hugetlb.%s.%s", size, v1),
			    *new = str_printf("hugetlb.%s.%s", size, v2);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (cgroup_read(cgroup, path, "hugetlb", old, new, &text) < 0)
		return 0;
	return strtoull(text.data + strcspn(text.data, "0123456789"), NULL, 10);
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
	buf_puts(&out, "}}");
	(void)puts(out.data);
	(void)fflush(stdout);
}
