/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hierarchies of cgroup v1 (kernel cgroup-v1/). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_device.h"
#include "runtime/cgroup_ops.h"
#include "runtime/spec.h"

static unsigned v1_controllers(struct cgroup_hierarchy *h)
{
	return h->controllers;
}

/* -- cpuset ----------------------------------------------------------------------------------- */

/* A cpuset of v1 is born empty and then takes no process. */
static int cpuset_fill(struct cgroup_hierarchy *h, const char *parent, const char *folder,
		       const char *file)
{
	_cleanup_(buf_clear) struct buf own = BUF_EMPTY, above = BUF_EMPTY;
	int r = cgroup_file_read(h, folder, file, &own);

	if (r < 0)
		return r;
	if (own.data[0] != '\n' && own.data[0] != '\0')
		return 0;
	r = cgroup_file_read(h, parent, file, &above);
	return r < 0 ? r : cgroup_file_poke(h, folder, file, above.data);
}

static int v1_repair(struct cgroup_hierarchy *h, const char *folder)
{
	_cleanup_free_ char *parent = str_dup("");

	if (!(h->controllers & CGROUP_CPUSET))
		return 0;
	for (size_t n = 0; (n = cgroup_folder_next(folder, n)) > 0;) {
		_cleanup_free_ char *part = str_ndup(folder, n);
		int r = cpuset_fill(h, parent, part, "cpuset.cpus");

		if (r == 0)
			r = cpuset_fill(h, parent, part, "cpuset.mems");
		if (r < 0)
			return r;
		str_free(&parent);
		parent = ptr_take(&part);
	}
	return 0;
}

static void v1_prepare(struct cgroup_hierarchy *h, const char *folder)
{
	if (!(h->controllers & CGROUP_CPUSET))
		return;
	(void)v1_repair(h, folder);
	/* From now on the kernel itself copies cpus and memory nodes to folders made in this one. */
	(void)cgroup_file_poke(h, folder, "cgroup.clone_children", "1");
}

static int cpuset_limit(struct cgroup_hierarchy *h, const char *folder, const char *file,
			const char *text, const char *what, struct err *err)
{
	int r = cgroup_file_poke(h, folder, file, text);

	r = cgroup_limit_explain(h, folder, file, text, what, r, err);
	if (r == -EACCES || r == -EINVAL) {
		_cleanup_free_ char *parent = str_ndup(
			folder, (size_t)(strrchr(folder, '/') ? strrchr(folder, '/') - folder : 0));
		_cleanup_(buf_clear) struct buf possible = BUF_EMPTY;

		if (cgroup_file_read(h, parent, file, &possible) == 0) {
			possible.data[strcspn(possible.data, "\n")] = '\0';
			(void)err_hint(err, "possible here: %s", possible.data);
		}
	}
	return r;
}

/* -- limits ----------------------------------------------------------------------------------- */

static int limit_set(struct cgroup_hierarchy *h, const char *folder, const char *file,
		     int64_t value, const char *what, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, value < 0 ? -1 : value);
	return cgroup_limit_explain(h, folder, file, text, what,
				    cgroup_file_poke(h, folder, file, text), err);
}

/* Docker's --memory-swap is both together, as is the file. memory may never be above both together, so which of
 * the two has to be written first depends on whether they grow. */
static int memory_and_swap(struct cgroup_hierarchy *h, const char *folder, int64_t memory,
			   int64_t swap, struct err *err)
{
	static const char memory_file[] = "memory.limit_in_bytes",
			  swap_file[] = "memory.memsw.limit_in_bytes";
	int r;

	if (swap && !cgroup_file_exists(h, folder, swap_file)) {
		if (swap > 0) {
			err_set(err, EOPNOTSUPP,
				"limit memory and swap: this kernel does not account swap");
			return err_hint(err,
					"boot with swapaccount=1, or run without a limit of swap");
		}
		swap = 0;
	}
	r = memory ? limit_set(h, folder, memory_file, memory, "memory", err) : 0;
	if (r == -EINVAL && !swap)
		return err_hint(err, "the limit of memory and swap together must not be below it");
	if (r == -EBUSY) {
		uint64_t used = 0;

		(void)cgroup_file_u64(h, folder, "memory.usage_in_bytes", &used); /* words only */
		err_set(err, EBUSY, "limit memory to %" PRId64 ": %" PRIu64 " bytes are in use",
			memory, used);
	}
	if (!swap || (r < 0 && r != -EINVAL))
		return r;
	if (r == 0)
		return limit_set(h, folder, swap_file, swap, "memory and swap", err);
	err_clear(err);
	r = limit_set(h, folder, swap_file, swap, "memory and swap", err);
	return r < 0 ? r : limit_set(h, folder, memory_file, memory, "memory", err);
}

static int memory_limit(struct cgroup_hierarchy *h, const char *folder,
			const struct spec_resources *resources, struct err *err)
{
	int r = memory_and_swap(h, folder, resources->memory_limit_bytes,
				resources->memory_swap_bytes, err);

	if (r == 0 && resources->memory_reservation_bytes)
		r = limit_set(h, folder, "memory.soft_limit_in_bytes",
			      resources->memory_reservation_bytes, "memory reservation", err);
	if (r == 0 && resources->memory_swappiness >= 0)
		r = limit_set(h, folder, "memory.swappiness", resources->memory_swappiness,
			      "swappiness", err);
	return r;
}

static int cpu_limit(struct cgroup_hierarchy *h, const char *folder,
		     const struct spec_resources *resources, struct err *err)
{
	static const char period_file[] = "cpu.cfs_period_us", quota_file[] = "cpu.cfs_quota_us";
	int64_t quota = resources->cpu_quota_us, period = resources->cpu_period_us;
	bool again = false;
	int r = 0;

	if (resources->cpu_shares) {
		uint64_t shares = resources->cpu_shares;

		/* The kernel brings others to its bounds, 2 and 2^18, on its own. */
		r = limit_set(h, folder, "cpu.shares",
			      shares > INT64_MAX ? INT64_MAX : (int64_t)shares, "cpu shares", err);
	}
	if (r == 0 && period) {
		r = limit_set(h, folder, period_file, period, "cpu period", err);
		/* With the old quota it may be too much for the parent; with the new one not. */
		again = r == -EINVAL && quota;
		if (again)
			r = 0;
	}
	if (r == 0 && quota)
		r = limit_set(h, folder, quota_file, quota, "cpu quota", err);
	if (r == 0 && again)
		r = limit_set(h, folder, period_file, period, "cpu period", err);
	if (r == 0)
		err_clear(err);
	if (r == -EINVAL && (quota || period))
		return err_hint(err, "quota is 1000 us or more, period from 1000 to 1000000 us");
	return r;
}

static int cpuset_limits(struct cgroup_hierarchy *h, const char *folder,
			 const struct spec_resources *resources, struct err *err)
{
	int r = 0;

	if (resources->cpuset_cpus && *resources->cpuset_cpus)
		r = cpuset_limit(h, folder, "cpuset.cpus", resources->cpuset_cpus, "cpus", err);
	if (r == 0 && resources->cpuset_mems && *resources->cpuset_mems)
		r = cpuset_limit(h, folder, "cpuset.mems", resources->cpuset_mems, "memory nodes",
				 err);
	return r;
}

static int device_write(struct cgroup_hierarchy *h, const char *folder, bool allow,
			const struct cgroup_device_plan *plan, struct err *err)
{
	const char *file = allow ? "devices.allow" : "devices.deny";
	char path[CGROUP_PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r = cgroup_file_path(path, sizeof(path), folder, file);

	fd = r < 0 ? -1 : openat(h->fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(err, r < 0 ? r : errno, "open %s", file);
	/* The kernel takes one rule per write. */
	for (size_t i = 0; i < plan->count; i++) {
		char text[CGROUP_DEVICE_TEXT];

		cgroup_device_text(&plan->exceptions[i], text);
		if (write(fd, text, strlen(text)) < 0)
			return err_sys(err, errno, "device rule %s %s", allow ? "allow" : "deny",
				       text);
	}
	return 0;
}

static int devices_limit(struct cgroup_hierarchy *h, const char *folder,
			 const struct spec_resources *resources, bool fresh, struct err *err)
{
	_cleanup_(cgroup_device_plan_clear) struct cgroup_device_plan plan = { 0 };
	int r = cgroup_device_plan_make(resources->devices, resources->device_count, &plan, err);

	if (r < 0)
		return r;
	if (!plan.allow || !fresh) { /* a fresh folder allows all */
		r = cgroup_file_poke(h, folder, plan.allow ? "devices.allow" : "devices.deny", "a");
		if (r < 0)
			return err_sys(err, r, "device rule %s all", plan.allow ? "allow" : "deny");
	}
	return plan.count ? device_write(h, folder, !plan.allow, &plan, err) : 0;
}

static int v1_limit(struct cgroup_hierarchy *h, const char *folder,
		    const struct spec_resources *resources, unsigned mask, bool fresh,
		    struct err *err)
{
	int r = 0;

	if (mask & CGROUP_MEMORY)
		r = memory_limit(h, folder, resources, err);
	if (r == 0 && mask & CGROUP_CPU)
		r = cpu_limit(h, folder, resources, err);
	if (r == 0 && mask & CGROUP_CPUSET) {
		/* Only one of the two may be asked for, and the folder takes processes only with both. */
		(void)v1_repair(h, folder);
		r = cpuset_limits(h, folder, resources, err);
	}
	if (r == 0 && mask & CGROUP_PIDS) {
		if (resources->pids_limit < 0) {
			r = cgroup_file_poke(h, folder, "pids.max", "max");
			r = cgroup_limit_explain(h, folder, "pids.max", "max", "pids", r, err);
		} else {
			r = limit_set(h, folder, "pids.max", resources->pids_limit, "pids", err);
		}
	}
	if (r == 0 && mask & CGROUP_DEVICES)
		r = devices_limit(h, folder, resources, fresh, err);
	return r;
}

/* -- the rest --------------------------------------------------------------------------------- */

static int v1_kill(struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	(void)h;
	(void)folder;
	(void)err;
	return -EOPNOTSUPP;
}

static void v1_hold(struct cgroup_hierarchy *h, const char *folder, bool held)
{
	if (h->controllers & CGROUP_FREEZER)
		(void)cgroup_file_poke(h, folder, "freezer.state", held ? "FROZEN" : "THAWED");
}

static void v1_stats(struct cgroup_hierarchy *h, const char *folder, enum cgroup_depth depth,
		     struct cgroup_stats *stats, unsigned *seen)
{
	unsigned mine = h->controllers & ~*seen;
	bool whole = depth == CGROUP_WHOLE;

	*seen |= mine;
	if (mine & CGROUP_CPUACCT)
		(void)cgroup_file_u64(h, folder, "cpuacct.usage", &stats->cpu_usage_ns);
	if (depth == CGROUP_TIME)
		return;
	if (mine & CGROUP_MEMORY) {
		(void)cgroup_file_u64(h, folder, "memory.usage_in_bytes", &stats->memory_bytes);
		(void)cgroup_file_u64(h, folder, "memory.limit_in_bytes",
				      &stats->memory_limit_bytes);
		(void)cgroup_file_key(h, folder, "memory.stat", "total_inactive_file",
				      &stats->memory_inactive_file_bytes);
	}
	if (mine & CGROUP_MEMORY && whole) {
		(void)cgroup_file_u64(h, folder, "memory.max_usage_in_bytes",
				      &stats->memory_peak_bytes);
		(void)cgroup_file_key(h, folder, "memory.oom_control", "oom_kill",
				      &stats->oom_kills);
		(void)cgroup_file_key(h, folder, "memory.stat", "total_cache",
				      &stats->memory_cache_bytes);
		(void)cgroup_file_u64(h, folder, "memory.failcnt", &stats->memory_failures);
	}
	if (mine & CGROUP_CPUACCT && whole) {
		(void)cgroup_file_u64(h, folder, "cpuacct.usage_sys", &stats->cpu_system_ns);
		(void)cgroup_file_u64(h, folder, "cpuacct.usage_user", &stats->cpu_user_ns);
	}
	if (mine & CGROUP_CPU && whole) {
		(void)cgroup_file_key(h, folder, "cpu.stat", "nr_periods", &stats->cpu_periods);
		(void)cgroup_file_key(h, folder, "cpu.stat", "nr_throttled",
				      &stats->cpu_throttled_periods);
		(void)cgroup_file_key(h, folder, "cpu.stat", "throttled_time",
				      &stats->cpu_throttled_ns);
	}
	if (mine & CGROUP_PIDS) {
		(void)cgroup_file_u64(h, folder, "pids.current", &stats->pids);
		if (whole)
			(void)cgroup_file_u64(h, folder, "pids.max", &stats->pids_limit);
	}
	if (mine & CGROUP_BLKIO) {
		static const char file[] = "blkio.throttle.io_service_bytes_recursive";

		cgroup_file_sums(h, folder, file, "Read ", &stats->block_read_bytes, "Write ",
				 &stats->block_write_bytes);
	}
}

static int v1_freeze(struct cgroup_hierarchy *h, const char *folder, bool frozen, struct err *err)
{
	const char *wish = frozen ? "FROZEN" : "THAWED";
	int64_t until = cgroup_now_ms() + CGROUP_PATIENCE_MS;

	for (int wait = 0;; wait = 1) {
		_cleanup_(buf_clear) struct buf state = BUF_EMPTY;
		int r;

		(void)poll(NULL, 0, wait); /* v1 has no event for it */
		/* Written each time: what was forked meanwhile may have been missed ("FREEZING" for ever). */
		r = cgroup_file_poke(h, folder, "freezer.state", wish);
		if (r == 0)
			r = cgroup_file_read(h, folder, "freezer.state", &state);
		if (r < 0)
			return err_sys(err, r, "%s cgroup /%s", frozen ? "freeze" : "thaw", folder);
		if (str_prefix(state.data, wish))
			return 0;
		if (cgroup_now_ms() >= until) {
			(void)cgroup_file_poke(h, folder, "freezer.state",
					       "THAWED"); /* not half frozen */
			return err_set(err, ETIMEDOUT, "%s cgroup /%s: a process cannot be stopped",
				       frozen ? "freeze" : "thaw", folder);
		}
	}
}

static int v1_frozen(struct cgroup_hierarchy *h, const char *folder)
{
	_cleanup_(buf_clear) struct buf state = BUF_EMPTY;
	int r = cgroup_file_read(h, folder, "freezer.state", &state);

	return r < 0 ? r : !str_prefix(state.data, "THAWED");
}

const struct cgroup_ops cgroup_v1_ops = {
	.oom_file = "memory.oom_control",
	.controllers = v1_controllers,
	.prepare = v1_prepare,
	.repair = v1_repair,
	.limit = v1_limit,
	.kill = v1_kill,
	.hold = v1_hold,
	.stats = v1_stats,
	.freeze = v1_freeze,
	.frozen = v1_frozen,
};
