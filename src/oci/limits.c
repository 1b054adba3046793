/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pause, resume, update and events: what is done to a container through its cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json_table.h"
#include "base/str.h"
#include "oci/oci.h"
#include "oci/state.h"
#include "oci/stats.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

struct open_container {
	struct state state;
	struct cgroup *cgroup;
	int pidfd;
	enum oci_status status;
};

static void open_container_clear(struct open_container *c)
{
	state_clear(&c->state);
	cgroup_close(c->cgroup);
	fd_close(c->pidfd);
}

static int container_look(const struct oci *oci, const char *id, struct open_container *c,
			  struct err *err)
{
	int r = state_read(oci, id, &c->state, err);

	if (r < 0)
		return r;
	c->cgroup = cgroup_open(err);
	if (!c->cgroup)
		return -err->code;
	c->status = state_status(&c->state, c->cgroup, &c->pidfd);
	return 0;
}
#define OPEN_CONTAINER_EMPTY ((struct open_container){ .state = STATE_EMPTY, .pidfd = -1 })

/* -- pause, resume ---------------------------------------------------------------------------- */

static int freeze(const struct oci *oci, const char *id, bool frozen, struct err *err)
{
	_cleanup_(open_container_clear) struct open_container c = OPEN_CONTAINER_EMPTY;
	int r = container_look(oci, id, &c, err);

	if (r == 0)
		r = state_lock(&c.state, err);
	if (r < 0)
		return r;
	if (frozen && c.status != OCI_RUNNING && c.status != OCI_CREATED)
		return err_set(err, EINVAL, "container not running or created: %s",
			       oci_status_name(c.status));
	if (!frozen && c.status != OCI_PAUSED)
		return err_set(err, EINVAL, "container not paused");
	return cgroup_freeze(c.cgroup, c.state.cgroup, frozen, err);
}

static int pause_run(void *cli, void *args, char **operands, struct err *err)
{
	(void)args;
	return freeze(cli, operands[0], true, err) < 0 ? 1 : 0;
}

static int resume_run(void *cli, void *args, char **operands, struct err *err)
{
	(void)args;
	return freeze(cli, operands[0], false, err) < 0 ? 1 : 0;
}

static const struct opt no_opts[] = { OPT_END };

const struct command oci_pause = {
	.program = "cloche-runtime",
	.name = "pause",
	.args = "ID",
	.summary = "stop all processes of a container",
	.opts = no_opts,
	.run = pause_run,
};

const struct command oci_resume = {
	.program = "cloche-runtime",
	.name = "resume",
	.args = "ID",
	.summary = "let the processes of a paused container go on",
	.opts = no_opts,
	.run = resume_run,
};

/* -- update ----------------------------------------------------------------------------------- */

struct update_args {
	const char *resources;
	const char *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_shares, *cpu_rt_period,
		*cpu_rt_runtime, *cpu_idle, *cpuset_cpus, *cpuset_mems, *memory, *reservation,
		*swap, *pids, *kernel, *kernel_tcp, *l3, *bandwidth;
};

static const struct opt update_opts[] = {
	OPT_STRING('r', "resources", "FILE", struct update_args, resources,
		   "read linux.resources from FILE, - for stdin"),
	OPT_STRING(0, "blkio-weight", "WEIGHT", struct update_args, blkio_weight,
		   "io weight, 10 to 1000"),
	OPT_STRING(0, "cpu-period", "US", struct update_args, cpu_period, "cpu period"),
	OPT_STRING(0, "cpu-quota", "US", struct update_args, cpu_quota,
		   "cpu time in a period, -1: any"),
	OPT_STRING(0, "cpu-burst", "US", struct update_args, cpu_burst,
		   "cpu time that may be saved up"),
	OPT_STRING(0, "cpu-share", "SHARES", struct update_args, cpu_shares, "cpu shares"),
	OPT_STRING(0, "cpu-rt-period", "US", struct update_args, cpu_rt_period,
		   "period of realtime processes"),
	OPT_STRING(0, "cpu-rt-runtime", "US", struct update_args, cpu_rt_runtime,
		   "time of realtime processes in it"),
	OPT_STRING(0, "cpu-idle", "0|1", struct update_args, cpu_idle,
		   "only when nothing else runs"),
	OPT_STRING(0, "cpuset-cpus", "LIST", struct update_args, cpuset_cpus, "CPUs"),
	OPT_STRING(0, "cpuset-mems", "LIST", struct update_args, cpuset_mems, "memory nodes"),
	OPT_STRING(0, "memory", "BYTES", struct update_args, memory, "memory, -1: any"),
	OPT_STRING(0, "memory-reservation", "BYTES", struct update_args, reservation,
		   "soft limit of memory"),
	OPT_STRING(0, "memory-swap", "BYTES", struct update_args, swap,
		   "memory and swap together, -1: any"),
	OPT_STRING(0, "pids-limit", "N", struct update_args, pids, "processes, -1: any"),
	OPT_STRING(0, "kernel-memory", "BYTES", struct update_args, kernel,
		   "passed over: the kernel has no such limit any more"),
	OPT_STRING(0, "kernel-memory-tcp", "BYTES", struct update_args, kernel_tcp,
		   "memory of TCP buffers (cgroup v1)"),
	OPT_LATER(0, "l3-cache-schema", "TEXT", "resource director technology is not supported"),
	OPT_LATER(0, "mem-bw-schema", "TEXT", "resource director technology is not supported"),
	OPT_END,
};

static int amount(const char *text, bool bytes, int64_t *ret, struct err *err)
{
	uint64_t value;
	int r;

	if (strcmp(text, "-1") == 0) {
		*ret = -1;
		return 0;
	}
	r = bytes ? str_to_bytes(text, &value) : str_to_u64(text, INT64_MAX, &value);
	if (r < 0 || value > INT64_MAX)
		return err_set(err, EINVAL, "invalid value \"%s\"", text);
	*ret = (int64_t)value;
	return 0;
}

/* The flags as the JSON that -r would have: one way in. */
static int flags_json(const struct update_args *a, struct buf *out, struct err *err)
{
	const struct {
		const char *value, *group, *key;
		bool bytes, text;
	} flags[] = {
		{ a->memory, "memory", "limit", true, false },
		{ a->reservation, "memory", "reservation", true, false },
		{ a->swap, "memory", "swap", true, false },
		{ a->kernel_tcp, "memory", "kernelTCP", true, false },
		{ a->cpu_shares, "cpu", "shares", false, false },
		{ a->cpu_quota, "cpu", "quota", false, false },
		{ a->cpu_period, "cpu", "period", false, false },
		{ a->cpu_burst, "cpu", "burst", false, false },
		{ a->cpu_rt_period, "cpu", "realtimePeriod", false, false },
		{ a->cpu_rt_runtime, "cpu", "realtimeRuntime", false, false },
		{ a->cpu_idle, "cpu", "idle", false, false },
		{ a->cpuset_cpus, "cpu", "cpus", false, true },
		{ a->cpuset_mems, "cpu", "mems", false, true },
		{ a->pids, "pids", "limit", false, false },
		{ a->blkio_weight, "blockIO", "weight", false, false },
	};
	const char *group = "";

	buf_puts(out, "{");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int64_t value = 0;
		int r;

		if (!flags[i].value)
			continue;
		if (strcmp(group, flags[i].group) != 0) {
			buf_printf(out, "%s\"%s\": {", *group ? "}, " : "", flags[i].group);
			group = flags[i].group;
		} else {
			buf_puts(out, ", ");
		}
		buf_printf(out, "\"%s\": ", flags[i].key);
		if (flags[i].text) {
			json_quote(out, flags[i].value);
			continue;
		}
		r = amount(flags[i].value, flags[i].bytes, &value, err);
		if (r < 0)
			return r;
		buf_printf(out, "%" PRId64, value);
	}
	buf_puts(out, *group ? "}}" : "}");
	return 0;
}

static int resources_file(const char *path, struct buf *text, struct err *err)
{
	_cleanup_close_ int fd = strcmp(path, "-") == 0 ?
					 fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
					 open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	r = fd_read_all(fd, SPEC_FILE_MAX, text);
	return r < 0 ? err_sys(err, r, "read %s", path) : 0;
}

static int update(const struct oci *oci, const char *id, const struct update_args *a,
		  struct err *err)
{
	_cleanup_(open_container_clear) struct open_container c = OPEN_CONTAINER_EMPTY;
	_cleanup_(spec_resources_clear) struct spec_resources resources = { .memory_swappiness =
										    -1 };
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = container_look(oci, id, &c, err);

	if (r == 0)
		r = state_lock(&c.state, err);
	if (r == 0 && c.status == OCI_STOPPED)
		r = err_set(err, EINVAL, "container \"%s\" is stopped", id);
	if (r == 0)
		r = a->resources ? resources_file(a->resources, &text, err) :
				   flags_json(a, &text, err);
	if (r == 0)
		r = spec_read_resources(text.data, text.length, &resources, err);
	if (r < 0)
		return r;
	/* Engines send the rules along that they gave at create; those are in force. */
	resources.device_count = 0;
	if (c.state.scope.unit) {
		r = scope_update(&c.state.scope,
				 &(struct scope_description){ .resources = &resources,
							      .v2 = cgroup_mode(c.cgroup) ==
								    CGROUP_V2 },
				 err);
		if (r < 0)
			return r;
	}
	return cgroup_update(c.cgroup, c.state.cgroup, &resources, err);
}

static int update_run(void *cli, void *args, char **operands, struct err *err)
{
	return update(cli, operands[0], args, err) < 0 ? 1 : 0;
}

const struct command oci_update = {
	.program = "cloche-runtime",
	.name = "update",
	.args = "ID",
	.summary = "change the limits of a container",
	.opts = update_opts,
	.args_size = sizeof(struct update_args),
	.run = update_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- events ----------------------------------------------------------------------------------- */

struct events_args {
	bool stats;
	const char *interval;
};

static const struct opt events_opts[] = {
	OPT_BOOL(0, "stats", struct events_args, stats, "print numbers once, and end"),
	OPT_STRING(0, "interval", "TIME", struct events_args, interval,
		   "print numbers every TIME (default: 5s)"),
	OPT_END,
};

static int interval_parse(const char *text, int *ret_ms, struct err *err)
{
	char *end;
	double value = strtod(text, &end);
	double unit = strcmp(end, "ms") == 0	     ? 1 :
		      strcmp(end, "s") == 0 || !*end ? 1000 :
		      strcmp(end, "m") == 0	     ? 60000 :
		      strcmp(end, "h") == 0	     ? 3600000 :
						       0;

	if (end == text || unit == 0 || !(value > 0) || value * unit > 86400000)
		return err_set(err, EINVAL, "--interval: \"%s\" is not a time like 5s", text);
	*ret_ms = value * unit < 1 ? 1 : (int)(value * unit);
	return 0;
}

/* OOM kills are looked at when the file changes (v2) and at each interval (v1, whose file tells nobody). */
static int events_follow(struct open_container *c, int interval_ms, struct err *err)
{
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_cleanup_free_ char *path = NULL;
	uint64_t kills = cgroup_oom_kills(c->cgroup, c->state.cgroup);
	struct pollfd fds[] = { { .fd = c->pidfd, .events = POLLIN },
				{ .fd = watch, .events = POLLIN } };

	if (watch < 0)
		return err_sys(err, errno, "watch a file");
	if (cgroup_oom_path(c->cgroup, c->state.cgroup, &path) == 0)
		(void)inotify_add_watch(watch, path, IN_MODIFY);
	for (;;) {
		char bytes[4096];
		uint64_t now;
		int n = poll(fds, ARRAY_SIZE(fds), interval_ms);

		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "wait");
		if (fds[1].revents)
			(void)!read(watch, bytes, sizeof(bytes));
		now = cgroup_oom_kills(c->cgroup, c->state.cgroup);
		for (; kills < now; kills++) {
			(void)printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", c->state.id);
			(void)fflush(stdout);
		}
		if (fds[0].revents)
			return 0;
		if (n == 0)
			stats_print(c->state.id, c->cgroup, c->state.cgroup);
	}
}

static int events_run(void *cli, void *args, char **operands, struct err *err)
{
	_cleanup_(open_container_clear) struct open_container c = OPEN_CONTAINER_EMPTY;
	struct events_args *a = args;
	int interval_ms = 5000;

	if (a->interval && interval_parse(a->interval, &interval_ms, err) < 0)
		return 1;
	if (container_look(cli, operands[0], &c, err) < 0)
		return 1;
	if (c.status == OCI_STOPPED) {
		(void)err_set(err, EINVAL, "container with id %s is not running", operands[0]);
		return 1;
	}
	if (!a->stats)
		return events_follow(&c, interval_ms, err) < 0 ? 1 : 0;
	stats_print(c.state.id, c.cgroup, c.state.cgroup);
	return 0;
}

const struct command oci_events = {
	.program = "cloche-runtime",
	.name = "events",
	.args = "ID",
	.summary = "print numbers and out-of-memory events of a container as JSON",
	.opts = events_opts,
	.args_size = sizeof(struct events_args),
	.run = events_run,
	.flags = COMMAND_INTERSPERSED,
};
