/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The unified hierarchy (kernel cgroup-v2.rst). */
#include "runtime/cgroup_v2.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_device.h"
#include "runtime/cgroup_ops.h"
#include "runtime/spec.h"

static const struct {
	const char *name;
	unsigned bit;
} v2_names[] = {
	{ "cpu", CGROUP_CPU },	     { "cpuset", CGROUP_CPUSET }, { "io", CGROUP_BLKIO },
	{ "memory", CGROUP_MEMORY }, { "pids", CGROUP_PIDS },	  { "hugetlb", CGROUP_HUGETLB },
	{ "rdma", CGROUP_RDMA },     { "misc", CGROUP_MISC },
};

/* What every container gets; each controller more makes a cgroup dearer. */
enum { USUAL = CGROUP_CPU | CGROUP_CPUSET | CGROUP_BLKIO | CGROUP_MEMORY | CGROUP_PIDS };

/* -- conversions ------------------------------------------------------------------------------ */

uint64_t cgroup_v2_weight(uint64_t shares)
{
	uint64_t weight;

	if (shares > 1 << 18)
		shares = 1 << 18;
	weight = (shares * 100 + 512) / 1024;
	if (weight < 1)
		return 1;
	return weight > 10000 ? 10000 : weight;
}

int cgroup_v2_swap(int64_t memory, int64_t both, int64_t *ret_swap)
{
	if (both < 0)
		*ret_swap = -1;
	else if (memory <= 0 || both < memory)
		return -EINVAL;
	else
		*ret_swap = both - memory;
	return 0;
}

unsigned cgroup_v2_controllers(const char *text)
{
	_cleanup_free_ char *copy = str_dup(text);
	char *rest = copy, *word;
	unsigned bits = 0;

	while ((word = strsep(&rest, " \n")) != NULL)
		for (size_t i = 0; i < ARRAY_SIZE(v2_names); i++)
			if (strcmp(word, v2_names[i].name) == 0)
				bits |= v2_names[i].bit;
	return bits;
}

/* -- controllers ------------------------------------------------------------------------------ */

static unsigned v2_controllers(struct cgroup_hierarchy *h)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (h->asked)
		return h->controllers;
	h->asked = true;
	/* These three need no controller: cpu.stat, cgroup.freeze, and a BPF program for devices. */
	h->controllers = CGROUP_CPUACCT | CGROUP_FREEZER | CGROUP_DEVICES;
	if (cgroup_file_read(h, "", "cgroup.controllers", &text) == 0)
		h->controllers |= cgroup_v2_controllers(text.data);
	return h->controllers;
}

static int enable_in(struct cgroup_hierarchy *h, const char *folder, unsigned mask)
{
	char text[96] = "";

	for (size_t i = 0; i < ARRAY_SIZE(v2_names); i++) {
		if (!(mask & v2_names[i].bit))
			continue;
		(void)str_append(text, sizeof(text), *text ? " +" : "+"); /* all fit */
		(void)str_append(text, sizeof(text), v2_names[i].name);
	}
	return *text ? cgroup_file_poke(h, folder, "cgroup.subtree_control", text) : 0;
}

/* Let the controllers in mask reach the folders inside `folder`: each parent on the way hands them down. */
static int enable_down(struct cgroup_hierarchy *h, const char *folder, unsigned mask)
{
	int r = enable_in(h, "", mask);

	for (size_t n = 0; r == 0 && (n = cgroup_folder_next(folder, n)) > 0;) {
		_cleanup_free_ char *part = str_ndup(folder, n);

		r = enable_in(h, part, mask);
	}
	return r;
}

static void v2_prepare(struct cgroup_hierarchy *h, const char *folder)
{
	unsigned mask = v2_controllers(h) & USUAL;

	if (enable_down(h, folder, mask) == 0)
		return;
	/* One that is refused (cpu, while realtime processes exist) must not keep the others out. */
	for (size_t i = 0; i < ARRAY_SIZE(v2_names); i++)
		(void)enable_down(h, folder, mask & v2_names[i].bit);
}

static int v2_enable(struct cgroup_hierarchy *h, const char *folder, unsigned bit)
{
	const char *slash = strrchr(folder, '/');
	_cleanup_free_ char *parent = str_ndup(folder, slash ? (size_t)(slash - folder) : 0);

	return enable_down(h, parent, bit);
}

static int v2_repair(struct cgroup_hierarchy *h, const char *folder)
{
	(void)h;
	(void)folder;
	return 0;
}

/* -- limits ----------------------------------------------------------------------------------- */

/* Write a limit of one controller. The file is missing while no parent hands the controller down, which is so when
 * a run was killed between making the parent folder and preparing it. */
static int limit_set(struct cgroup_hierarchy *h, const char *folder, unsigned controller,
		     const char *file, const char *text, const char *what, struct err *err)
{
	int r = cgroup_file_poke(h, folder, file, text);

	if (r == -ENOENT && cgroup_file_exists(h, folder, "")) {
		r = v2_enable(h, folder, controller);
		if (r == -EBUSY) {
			err_set(err, EBUSY,
				"limit %s: %s has processes besides folders, so cgroup v2 enables no controller",
				what, h->mount_point);
			return err_hint(err, "move them to a folder of their own");
		}
		if (r < 0)
			return err_sys(err, r, "limit %s: enable its controller", what);
		r = cgroup_file_poke(h, folder, file, text);
	}
	return cgroup_limit_explain(h, folder, file, text, what, r, err);
}

static const char *amount(int64_t value, char out[32])
{
	if (value < 0)
		return "max";
	(void)snprintf(out, 32, "%" PRId64, value);
	return out;
}

static int swap_limit(struct cgroup_hierarchy *h, const char *folder,
		      const struct spec_resources *resources, struct err *err)
{
	int64_t memory = resources->memory_limit_bytes, both = resources->memory_swap_bytes,
		swap = 0;
	uint64_t now = UINT64_MAX;
	char text[32];
	int r;

	/* An update may change only the sum: what is in force is the other part. */
	if (memory == 0 && both > 0 && cgroup_file_u64(h, folder, "memory.max", &now) == 0 &&
	    now < INT64_MAX)
		memory = (int64_t)now;
	r = cgroup_v2_swap(memory, both, &swap);
	if (r < 0) {
		err_set(err, EINVAL,
			"limit memory and swap to %" PRId64
			": less than the limit of memory, or there is none",
			both);
		return err_hint(err, "set a limit of memory that is not above it");
	}
	r = limit_set(h, folder, CGROUP_MEMORY, "memory.swap.max", amount(swap, text), "swap", err);
	if (r != -EOPNOTSUPP)
		return r;
	if (swap < 0) {
		err_clear(err); /* nothing is to be limited */
		return 0;
	}
	err_set(err, EOPNOTSUPP, "limit memory and swap: this kernel does not account swap");
	return err_hint(err, "boot with swapaccount=1, or run without a limit of swap");
}

/* A limit below what is in use is refused by v1's kernel; v2's ends processes. */
static int memory_check(const struct cgroup_hierarchy *h, const char *folder,
			const struct spec_resources *resources, struct err *err)
{
	uint64_t used = 0;

	if (!resources->rest.check_before_update || resources->memory_limit_bytes <= 0 ||
	    cgroup_file_u64(h, folder, "memory.current", &used) < 0 ||
	    used <= (uint64_t)resources->memory_limit_bytes)
		return 0;
	err_set(err, EBUSY, "limit memory to %" PRId64 ": %" PRIu64 " bytes are in use",
		resources->memory_limit_bytes, used);
	return err_hint(err, "without checkBeforeUpdate the kernel ends processes until it fits");
}

static int memory_limit(struct cgroup_hierarchy *h, const char *folder,
			const struct spec_resources *resources, struct err *err)
{
	char text[32];
	int r;

	if (resources->memory_swappiness >= 0) {
		err_set(err, EOPNOTSUPP,
			"limit swappiness: cgroup v2 has no swappiness of a cgroup");
		return err_hint(err, "run without it; a limit of swap does the like");
	}
	r = memory_check(h, folder, resources, err);
	if (r < 0)
		return r;
	/* The limit first: swap is told as a sum with it, and an update may change both. */
	if (resources->memory_limit_bytes)
		r = limit_set(h, folder, CGROUP_MEMORY, "memory.max",
			      amount(resources->memory_limit_bytes, text), "memory", err);
	if (r == 0 && resources->memory_swap_bytes)
		r = swap_limit(h, folder, resources, err);
	if (r == 0 && resources->memory_reservation_bytes)
		r = limit_set(h, folder, CGROUP_MEMORY, "memory.low",
			      amount(resources->memory_reservation_bytes, text),
			      "memory reservation", err);
	return r;
}

static int cpu_limit(struct cgroup_hierarchy *h, const char *folder,
		     const struct spec_resources *resources, struct err *err)
{
	char text[80], quota[32];
	int r = 0;

	if (resources->cpu_shares) {
		(void)snprintf(text, sizeof(text), "%" PRIu64,
			       cgroup_v2_weight(resources->cpu_shares));
		r = limit_set(h, folder, CGROUP_CPU, "cpu.weight", text, "cpu shares", err);
	}
	if (r < 0 || (!resources->cpu_quota_us && !resources->cpu_period_us))
		return r;
	if (resources->cpu_quota_us && !resources->cpu_period_us) {
		(void)snprintf(text, sizeof(text), "%s", amount(resources->cpu_quota_us, quota));
	} else if (resources->cpu_quota_us) {
		(void)snprintf(text, sizeof(text), "%s %" PRId64,
			       amount(resources->cpu_quota_us, quota), resources->cpu_period_us);
	} else {
		_cleanup_(buf_clear) struct buf now = BUF_EMPTY;

		/* The file takes no period without a quota, so the one in force is written again. */
		if (cgroup_file_read(h, folder, "cpu.max", &now) == 0)
			now.data[strcspn(now.data, " \n")] = '\0';
		(void)snprintf(text, sizeof(text), "%.24s %" PRId64, now.length ? now.data : "max",
			       resources->cpu_period_us);
	}
	r = limit_set(h, folder, CGROUP_CPU, "cpu.max", text, "cpu quota", err);
	return r == -EINVAL ?
		       err_hint(err, "quota is 1000 us or more, period from 1000 to 1000000 us") :
		       r;
}

/* -- devices ---------------------------------------------------------------------------------- */

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static const char device_program_name[BPF_OBJ_NAME_LEN] = "cloche_device";

static int device_load(const struct bpf_insn *program, int count)
{
	static const char license[] = "LGPL-2.1-or-later"; /* it calls no helper, so any will do */
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = (uint32_t)count,
		.insns = (uintptr_t)program,
		.license = (uintptr_t)license,
	};

	memcpy(attr.prog_name, device_program_name, sizeof(attr.prog_name));
	return bpf(BPF_PROG_LOAD, &attr);
}

/* The program that we attached to the folder before, to be replaced: a descriptor, -ENOENT when there is none. A
 * service manager may have attached its own; both must agree then, and its stays. */
static int device_attached(int folder)
{
	uint32_t ids[64];
	union bpf_attr query = { .query = { .target_fd = (uint32_t)folder,
					    .attach_type = BPF_CGROUP_DEVICE,
					    .prog_ids = (uintptr_t)ids,
					    .prog_cnt = ARRAY_SIZE(ids) } };
	int r = bpf(BPF_PROG_QUERY, &query);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < query.query.prog_cnt; i++) {
		struct bpf_prog_info info = { 0 };
		union bpf_attr get = { .prog_id = ids[i] };
		_cleanup_close_ int fd = bpf(BPF_PROG_GET_FD_BY_ID, &get);
		union bpf_attr ask = { .info = { .bpf_fd = (uint32_t)fd,
						 .info_len = sizeof(info),
						 .info = (uintptr_t)&info } };

		if (fd >= 0 && bpf(BPF_OBJ_GET_INFO_BY_FD, &ask) == 0 &&
		    strncmp(info.name, device_program_name, sizeof(info.name)) == 0)
			return fd_take(&fd);
	}
	return -ENOENT;
}

static int device_attach(int folder, int program, int replaced)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)folder,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};

	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return bpf(BPF_PROG_ATTACH, &attr);
}

static int devices_limit(struct cgroup_hierarchy *h, const char *folder,
			 const struct spec_resources *resources, bool fresh, struct err *err)
{
	_cleanup_free_ struct bpf_insn *program =
		mem_new(CGROUP_DEVICE_PROGRAM_MAX * sizeof(*program));
	_cleanup_close_ int dir = -1, loaded = -1, replaced = -1;
	int count = cgroup_device_program(resources->devices, resources->device_count, program,
					  err),
	    r;

	if (count < 0)
		return count;
	dir = openat(h->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, errno, "open cgroup /%s", folder);
	loaded = device_load(program, count);
	if (loaded < 0) {
		r = err_sys(err, loaded, "load the device rules into the kernel");
		return loaded == -EPERM ?
			       err_hint(
				       err,
				       "bpf(2) needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN") :
			       r;
	}
	replaced = fresh ? -ENOENT : device_attached(dir);
	if (replaced < 0 && replaced != -ENOENT)
		return err_sys(err, replaced, "find the earlier device rules of cgroup /%s",
			       folder);
	r = device_attach(dir, loaded, replaced);
	return r < 0 ? err_sys(err, r, "put the device rules on cgroup /%s", folder) : 0;
}

static int v2_limit(struct cgroup_hierarchy *h, const char *folder,
		    const struct spec_resources *resources, unsigned mask, bool fresh,
		    struct err *err)
{
	char text[32];
	int r = 0;

	if (mask & CGROUP_MEMORY)
		r = memory_limit(h, folder, resources, err);
	if (r == 0 && mask & CGROUP_CPU)
		r = cpu_limit(h, folder, resources, err);
	if (r == 0 && mask & CGROUP_CPUSET && resources->cpuset_cpus && *resources->cpuset_cpus)
		r = limit_set(h, folder, CGROUP_CPUSET, "cpuset.cpus", resources->cpuset_cpus,
			      "cpus", err);
	if (r == 0 && mask & CGROUP_CPUSET && resources->cpuset_mems && *resources->cpuset_mems)
		r = limit_set(h, folder, CGROUP_CPUSET, "cpuset.mems", resources->cpuset_mems,
			      "memory nodes", err);
	if (r == 0 && mask & CGROUP_PIDS)
		r = limit_set(h, folder, CGROUP_PIDS, "pids.max",
			      amount(resources->pids_limit, text), "pids", err);
	if (r == 0 && mask & CGROUP_DEVICES)
		r = devices_limit(h, folder, resources, fresh, err);
	return r;
}

/* -- the rest --------------------------------------------------------------------------------- */

/* Until cgroup.events says `key` is `wanted`. 0, -ETIMEDOUT, or -errno; a folder that goes away has become empty. */
static int event_wait(struct cgroup_hierarchy *h, const char *folder, const char *key,
		      uint64_t wanted)
{
	int64_t until = cgroup_now_ms() + CGROUP_PATIENCE_MS;
	char path[CGROUP_PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r = cgroup_file_path(path, sizeof(path), folder, "cgroup.events");

	if (r < 0)
		return r;
	fd = openat(h->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	for (;;) {
		struct pollfd changed = { .fd = fd, .events = POLLPRI };
		char text[256] = "";
		uint64_t value = !wanted;
		int64_t left = until - cgroup_now_ms();

		/* The read also arms the next event (kernfs). */
		if (pread(fd, text, sizeof(text) - 1, 0) < 0)
			return errno == ENODEV ? 0 : -errno;
		r = cgroup_text_key(text, key, &value);
		if (r < 0 || value == wanted)
			return r;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&changed, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

static int v2_kill(struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	int r = cgroup_file_poke(h, folder, "cgroup.kill", "1");

	/* Absent before 5.14 (or with the folder), and a threaded cgroup has it but refuses. */
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return cgroup_file_exists(h, folder, "") ? -EOPNOTSUPP : 0;
	if (r == 0)
		r = event_wait(h, folder, "populated", 0);
	if (r == -ETIMEDOUT) {
		r = cgroup_tree_stuck(h, folder, err);
		return r < 0 ? r :
			       err_set(err, EBUSY, "a process of cgroup /%s cannot be killed",
				       folder);
	}
	return r < 0 && r != -ENODEV ? err_sys(err, r, "kill the processes of cgroup /%s", folder) :
				       0;
}

static void v2_hold(struct cgroup_hierarchy *h, const char *folder, bool held)
{
	(void)cgroup_file_poke(h, folder, "cgroup.freeze", held ? "1" : "0");
}

static void v2_stats(struct cgroup_hierarchy *h, const char *folder, enum cgroup_depth depth,
		     struct cgroup_stats *stats, unsigned *seen)
{
	unsigned mine = v2_controllers(h) & ~*seen;
	bool whole = depth == CGROUP_WHOLE;
	uint64_t usage_us;

	*seen |= mine;
	if (mine & CGROUP_CPUACCT &&
	    cgroup_file_key(h, folder, "cpu.stat", "usage_usec", &usage_us) == 0)
		stats->cpu_usage_ns = usage_us * 1000;
	if (depth == CGROUP_TIME)
		return;
	if (mine & CGROUP_MEMORY) {
		(void)cgroup_file_u64(h, folder, "memory.current", &stats->memory_bytes);
		(void)cgroup_file_u64(h, folder, "memory.max", &stats->memory_limit_bytes);
		(void)cgroup_file_key(h, folder, "memory.stat", "inactive_file",
				      &stats->memory_inactive_file_bytes);
	}
	if (mine & CGROUP_MEMORY && whole) {
		(void)cgroup_file_u64(h, folder, "memory.peak", &stats->memory_peak_bytes);
		(void)cgroup_file_key(h, folder, "memory.events", "oom_kill", &stats->oom_kills);
		(void)cgroup_file_key(h, folder, "memory.stat", "file", &stats->memory_cache_bytes);
		(void)cgroup_file_key(h, folder, "memory.events", "max", &stats->memory_failures);
	}
	if (mine & CGROUP_CPUACCT && whole) {
		(void)cgroup_file_key(h, folder, "cpu.stat", "system_usec", &stats->cpu_system_ns);
		(void)cgroup_file_key(h, folder, "cpu.stat", "user_usec", &stats->cpu_user_ns);
		stats->cpu_system_ns *= 1000;
		stats->cpu_user_ns *= 1000;
	}
	if (mine & CGROUP_CPU && whole) {
		(void)cgroup_file_key(h, folder, "cpu.stat", "nr_periods", &stats->cpu_periods);
		(void)cgroup_file_key(h, folder, "cpu.stat", "nr_throttled",
				      &stats->cpu_throttled_periods);
		(void)cgroup_file_key(h, folder, "cpu.stat", "throttled_usec",
				      &stats->cpu_throttled_ns);
		stats->cpu_throttled_ns *= 1000;
	}
	if (mine & CGROUP_PIDS) {
		(void)cgroup_file_u64(h, folder, "pids.current", &stats->pids);
		if (whole)
			(void)cgroup_file_u64(h, folder, "pids.max", &stats->pids_limit);
	}
	if (mine & CGROUP_BLKIO)
		cgroup_file_sums(h, folder, "io.stat", "rbytes=", &stats->block_read_bytes,
				 "wbytes=", &stats->block_write_bytes);
}

static int v2_freeze(struct cgroup_hierarchy *h, const char *folder, bool frozen, struct err *err)
{
	int r = cgroup_file_poke(h, folder, "cgroup.freeze", frozen ? "1" : "0");

	if (r == 0)
		r = event_wait(h, folder, "frozen", frozen);
	if (r == 0)
		return 0;
	if (frozen)
		(void)cgroup_file_poke(h, folder, "cgroup.freeze", "0"); /* not half frozen */
	return err_sys(err, r, "%s cgroup /%s", frozen ? "freeze" : "thaw", folder);
}

static int v2_frozen(struct cgroup_hierarchy *h, const char *folder)
{
	uint64_t frozen = 0;
	int r = cgroup_file_u64(h, folder, "cgroup.freeze", &frozen);

	return r < 0 ? r : frozen != 0;
}

const struct cgroup_ops cgroup_v2_ops = {
	.oom_file = "memory.events",
	.controllers = v2_controllers,
	.prepare = v2_prepare,
	.enable = v2_enable,
	.repair = v2_repair,
	.limit = v2_limit,
	.kill = v2_kill,
	.hold = v2_hold,
	.stats = v2_stats,
	.freeze = v2_freeze,
	.frozen = v2_frozen,
};
