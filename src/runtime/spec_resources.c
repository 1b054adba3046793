/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "linux.resources" of config.json (config-linux.md, "Control groups"), which are v1's values. What struct spec_resources has no
 * field for becomes files to be written, for v1 and v2 both: the cgroup writes those of the hierarchies that are there. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"
#include "runtime/spec_read_internal.h"

/* -- devices ---------------------------------------------------------------------------------- */

struct rule_read {
	bool allow, major_set, minor_set;
	char *type, *access;
	int64_t major_number, minor_number;
};

static const struct json_field rule_table[] = {
	FIELD_BOOL("allow", struct rule_read, allow),
	FIELD_STRING("type", struct rule_read, type),
	FIELD_INT_SET("major", struct rule_read, major_number, major_set, -1, UINT32_MAX),
	FIELD_INT_SET("minor", struct rule_read, minor_number, minor_set, -1, UINT32_MAX),
	FIELD_STRING("access", struct rule_read, access),
	FIELD_END,
};

static int rule_take(struct spec_resources *resources, struct rule_read *read, struct err *err)
{
	struct spec_device_rule rule = { .allow = read->allow, .type = 'a' };
	const char *access = read->access && *read->access ? read->access : "rwm";

	if (read->type && *read->type) {
		if (strlen(read->type) != 1 || !strchr("abc", read->type[0]))
			return err_set(err, EINVAL, "type \"%s\" is none of a, b and c",
				       read->type);
		rule.type = read->type[0];
	}
	rule.major = read->major_set ? read->major_number : -1;
	rule.minor = read->minor_set ? read->minor_number : -1;
	for (const char *p = access; *p; p++) {
		char one[2] = { *p, '\0' };

		if (!strchr("rwm", *p))
			return err_set(err, EINVAL, "access \"%s\" is not of r, w and m", access);
		if (!strchr(rule.access, *p))
			(void)str_append(rule.access, sizeof(rule.access), one);
	}
	resources->devices = spec_grow(resources->devices, resources->device_count, sizeof(rule));
	resources->devices[resources->device_count++] = rule;
	return 0;
}

/* -- files ------------------------------------------------------------------------------------ */

/* controller NULL: of v2. Strings are taken. */
static void file_put(struct spec_resources *resources, const char *controller, char *file,
		     char *value)
{
	resources->files =
		spec_grow(resources->files, resources->file_count, sizeof(*resources->files));
	resources->files[resources->file_count++] =
		(struct spec_cgroup_file){ .v2 = !controller,
					   .controller = str_dup(controller),
					   .file = file,
					   .value = value };
}

struct weight_read {
	uint32_t major_number, minor_number, weight, leaf_weight;
	bool weight_set, leaf_weight_set;
};

static const struct json_field weight_table[] = {
	FIELD_UINT32("major", struct weight_read, major_number, 0, UINT32_MAX),
	FIELD_UINT32("minor", struct weight_read, minor_number, 0, UINT32_MAX),
	FIELD_UINT32_SET("weight", struct weight_read, weight, weight_set, 0, 1000),
	FIELD_UINT32_SET("leafWeight", struct weight_read, leaf_weight, leaf_weight_set, 0, 1000),
	FIELD_END,
};

/* crun's conversion of 10..1000 to io.weight's 1..10000. */
static uint64_t io_weight(uint32_t weight)
{
	return weight < 10 ? 1 : 1 + ((uint64_t)weight - 10) * 9999 / 990;
}

static int weight_take(struct spec_resources *resources, const struct weight_read *w)
{
	if (w->weight_set && w->weight) {
		file_put(resources, "blkio", str_dup("blkio.weight_device"),
			 str_printf("%u:%u %u", w->major_number, w->minor_number, w->weight));
		file_put(resources, NULL, str_dup("io.bfq.weight"),
			 str_printf("%u:%u %u", w->major_number, w->minor_number, w->weight));
	}
	if (w->leaf_weight_set && w->leaf_weight)
		file_put(resources, "blkio", str_dup("blkio.leaf_weight_device"),
			 str_printf("%u:%u %u", w->major_number, w->minor_number, w->leaf_weight));
	return 0;
}

struct rate_read {
	uint32_t major_number, minor_number;
	uint64_t rate;
};

static const struct json_field rate_table[] = {
	FIELD_UINT32("major", struct rate_read, major_number, 0, UINT32_MAX),
	FIELD_UINT32("minor", struct rate_read, minor_number, 0, UINT32_MAX),
	FIELD_UINT("rate", struct rate_read, rate, 0, UINT64_MAX),
	FIELD_END,
};

static int rate_take(struct spec_resources *resources, const struct rate_read *rate,
		     const char *v1_file, const char *v2_key)
{
	file_put(resources, "blkio", str_dup(v1_file),
		 str_printf("%u:%u %" PRIu64, rate->major_number, rate->minor_number, rate->rate));
	/* no limit is 0 for v1 and the word for v2 */
	file_put(resources, NULL, str_dup("io.max"),
		 rate->rate ? str_printf("%u:%u %s=%" PRIu64, rate->major_number,
					 rate->minor_number, v2_key, rate->rate) :
			      str_printf("%u:%u %s=max", rate->major_number, rate->minor_number,
					 v2_key));
	return 0;
}

struct hugepage_read {
	char *size;
	uint64_t limit;
};

static const struct json_field hugepage_table[] = {
	FIELD_STRING("pageSize", struct hugepage_read, size),
	FIELD_UINT("limit", struct hugepage_read, limit, 0, UINT64_MAX),
	FIELD_END,
};

static int hugepage_take(struct spec_resources *resources, const struct hugepage_read *read,
			 struct err *err)
{
	const char *unit = read->size ? read->size + strspn(read->size, "0123456789") : "";

	if (unit == read->size ||
	    (strcmp(unit, "KB") != 0 && strcmp(unit, "MB") != 0 && strcmp(unit, "GB") != 0))
		return err_set(err, EINVAL, "pageSize \"%s\" is not like 64KB, 2MB or 1GB",
			       read->size ? read->size : "");
	file_put(resources, "hugetlb", str_printf("hugetlb.%s.limit_in_bytes", read->size),
		 str_printf("%" PRIu64, read->limit));
	file_put(resources, NULL, str_printf("hugetlb.%s.max", read->size),
		 str_printf("%" PRIu64, read->limit));
	/* reservations, too, where the kernel accounts for them (config-linux.md, "Huge page limits") */
	file_put(resources, "hugetlb", str_printf("hugetlb.%s.rsvd.limit_in_bytes", read->size),
		 str_printf("%" PRIu64, read->limit));
	resources->files[resources->file_count - 1].optional = true;
	file_put(resources, NULL, str_printf("hugetlb.%s.rsvd.max", read->size),
		 str_printf("%" PRIu64, read->limit));
	resources->files[resources->file_count - 1].optional = true;
	return 0;
}

struct priority_read {
	char *name;
	uint32_t priority;
};

static const struct json_field priority_table[] = {
	FIELD_STRING("name", struct priority_read, name),
	FIELD_UINT32("priority", struct priority_read, priority, 0, UINT32_MAX),
	FIELD_END,
};

struct rdma_read {
	char *device;
	uint32_t handles, objects;
	bool handles_set, objects_set;
};

static const struct json_field rdma_table[] = {
	FIELD_UINT32_SET("hcaHandles", struct rdma_read, handles, handles_set, 0, UINT32_MAX),
	FIELD_UINT32_SET("hcaObjects", struct rdma_read, objects, objects_set, 0, UINT32_MAX),
	FIELD_END,
};

static int rdma_take(struct spec_resources *resources, const struct rdma_read *read,
		     struct err *err)
{
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;

	if (!*read->device || strpbrk(read->device, " \n"))
		return err_set(err, EINVAL, "not the name of a device");
	buf_puts(&line, read->device);
	if (read->handles_set)
		buf_printf(&line, " hca_handle=%u", read->handles);
	if (read->objects_set)
		buf_printf(&line, " hca_object=%u", read->objects);
	if (!read->handles_set && !read->objects_set)
		return err_set(err, EINVAL, "neither hcaHandles nor hcaObjects is there");
	file_put(resources, "rdma", str_dup("rdma.max"), str_dup(line.data));
	file_put(resources, NULL, str_dup("rdma.max"), str_dup(line.data));
	return 0;
}

static int unified_take(struct spec_resources *resources, struct json_pair *pair, struct err *err)
{
	if (!strchr(pair->name, '.') || strchr(pair->name, '/') || pair->name[0] == '.')
		return err_set(err, EINVAL, "not the name of a file of a cgroup");
	file_put(resources, NULL, ptr_take(&pair->name), ptr_take(&pair->value));
	resources->files[resources->file_count - 1].told = true;
	return 0;
}

/* -- tables: as a part of a config.json and alone --------------------------------------------- */

/* The same take, whether the root is a spec or the resources alone: see spec_read_resources. */
static struct spec_resources *resources_of(void *root)
{
	return &((struct spec *)root)->resources;
}

#define TAKE(name, type, call) \
	static int name(void *root, void *element, struct err *err) \
	{ \
		struct spec_resources *resources = resources_of(root); \
		type *read = element; \
		(void)err; \
		return call; \
	}
TAKE(rule_took, struct rule_read, rule_take(resources, read, err))
TAKE(weight_took, struct weight_read, weight_take(resources, read))
TAKE(read_bps_took, struct rate_read,
     rate_take(resources, read, "blkio.throttle.read_bps_device", "rbps"))
TAKE(write_bps_took, struct rate_read,
     rate_take(resources, read, "blkio.throttle.write_bps_device", "wbps"))
TAKE(read_iops_took, struct rate_read,
     rate_take(resources, read, "blkio.throttle.read_iops_device", "riops"))
TAKE(write_iops_took, struct rate_read,
     rate_take(resources, read, "blkio.throttle.write_iops_device", "wiops"))
TAKE(hugepage_took, struct hugepage_read, hugepage_take(resources, read, err))
TAKE(rdma_took, struct rdma_read, rdma_take(resources, read, err))
TAKE(unified_took, struct json_pair, unified_take(resources, read, err))

static int priority_took(void *root, void *element, struct err *err)
{
	struct priority_read *read = element;

	if (!read->name || !*read->name || strpbrk(read->name, " \n"))
		return err_set(err, EINVAL, "name is no network device's");
	file_put(resources_of(root), "net_prio", str_dup("net_prio.ifpriomap"),
		 str_printf("%s %u", read->name, read->priority));
	return 0;
}

static const struct json_field memory_table[] = {
	FIELD_INT("limit", struct spec_resources, memory_limit_bytes, -1, INT64_MAX),
	FIELD_INT("reservation", struct spec_resources, memory_reservation_bytes, -1, INT64_MAX),
	FIELD_INT("swap", struct spec_resources, memory_swap_bytes, -1, INT64_MAX),
	FIELD_INT("kernel", struct spec_resources, rest.kernel_bytes, -1, INT64_MAX),
	FIELD_INT("kernelTCP", struct spec_resources, rest.kernel_tcp_bytes, -1, INT64_MAX),
	FIELD_INT("swappiness", struct spec_resources, memory_swappiness, 0, 100),
	FIELD_BOOL("disableOOMKiller", struct spec_resources, rest.oom_killer_off),
	FIELD_BOOL("useHierarchy", struct spec_resources, rest.hierarchy),
	FIELD_BOOL("checkBeforeUpdate", struct spec_resources, rest.check_before_update),
	FIELD_END,
};

static const struct json_field cpu_table[] = {
	FIELD_UINT("shares", struct spec_resources, cpu_shares, 0, UINT64_MAX),
	FIELD_INT("quota", struct spec_resources, cpu_quota_us, INT64_MIN, INT64_MAX),
	FIELD_INT("period", struct spec_resources, cpu_period_us, 0, INT64_MAX),
	FIELD_UINT_SET("burst", struct spec_resources, rest.cpu_burst_us, rest.burst_set, 0,
		       UINT64_MAX),
	FIELD_INT("realtimeRuntime", struct spec_resources, rest.realtime_runtime_us, -1,
		  INT64_MAX),
	FIELD_UINT("realtimePeriod", struct spec_resources, rest.realtime_period_us, 0, UINT64_MAX),
	FIELD_STRING("cpus", struct spec_resources, cpuset_cpus),
	FIELD_STRING("mems", struct spec_resources, cpuset_mems),
	FIELD_INT_SET("idle", struct spec_resources, rest.cpu_idle, rest.idle_set, 0, 1),
	FIELD_END,
};

static const struct json_field pids_table[] = {
	FIELD_INT_SET("limit", struct spec_resources, pids_limit, rest.pids_set, INT64_MIN,
		      INT64_MAX),
	FIELD_END,
};

static const struct json_field block_table[] = {
	FIELD_UINT32_SET("weight", struct spec_resources, rest.weight, rest.weight_set, 0, 1000),
	FIELD_UINT32_SET("leafWeight", struct spec_resources, rest.leaf_weight,
			 rest.leaf_weight_set, 0, 1000),
	FIELD_EACH("weightDevice", struct weight_read, weight_table, weight_took),
	FIELD_EACH("throttleReadBpsDevice", struct rate_read, rate_table, read_bps_took),
	FIELD_EACH("throttleWriteBpsDevice", struct rate_read, rate_table, write_bps_took),
	FIELD_EACH("throttleReadIOPSDevice", struct rate_read, rate_table, read_iops_took),
	FIELD_EACH("throttleWriteIOPSDevice", struct rate_read, rate_table, write_iops_took),
	FIELD_END,
};

static const struct json_field network_table[] = {
	FIELD_UINT32_SET("classID", struct spec_resources, rest.class_id, rest.class_set, 0,
			 UINT32_MAX),
	FIELD_EACH("priorities", struct priority_read, priority_table, priority_took),
	FIELD_END,
};

const struct json_field spec_resources_table[] = {
	FIELD_EACH("devices", struct rule_read, rule_table, rule_took),
	FIELD_INLINE("memory", memory_table),
	FIELD_INLINE("cpu", cpu_table),
	FIELD_INLINE("pids", pids_table),
	FIELD_INLINE("blockIO", block_table),
	FIELD_EACH("hugepageLimits", struct hugepage_read, hugepage_table, hugepage_took),
	FIELD_INLINE("network", network_table),
	FIELD_ENTRIES("rdma", struct rdma_read, rdma_table, rdma_took),
	FIELD_PAIRS("unified", unified_took),
	FIELD_END,
};

int spec_resources_finish(struct spec_resources *resources, struct err *err)
{
	struct spec_resources_rest *rest = &resources->rest;

	(void)err;
	/* Kernel memory is limited with all other memory since Linux 5.4: nothing is written for it. */
	if (rest->kernel_tcp_bytes)
		file_put(resources, "memory", str_dup("memory.kmem.tcp.limit_in_bytes"),
			 str_printf("%" PRId64, rest->kernel_tcp_bytes));
	if (rest->oom_killer_off)
		file_put(resources, "memory", str_dup("memory.oom_control"), str_dup("1"));
	if (rest->realtime_period_us)
		file_put(resources, "cpu", str_dup("cpu.rt_period_us"),
			 str_printf("%" PRIu64, rest->realtime_period_us));
	if (rest->realtime_runtime_us)
		file_put(resources, "cpu", str_dup("cpu.rt_runtime_us"),
			 str_printf("%" PRId64, rest->realtime_runtime_us));
	if (rest->burst_set) {
		file_put(resources, "cpu", str_dup("cpu.cfs_burst_us"),
			 str_printf("%" PRIu64, rest->cpu_burst_us));
		file_put(resources, NULL, str_dup("cpu.max.burst"),
			 str_printf("%" PRIu64, rest->cpu_burst_us));
	}
	if (rest->idle_set) {
		file_put(resources, "cpu", str_dup("cpu.idle"),
			 str_printf("%" PRId64, rest->cpu_idle));
		file_put(resources, NULL, str_dup("cpu.idle"),
			 str_printf("%" PRId64, rest->cpu_idle));
	}
	if (rest->weight_set && rest->weight) {
		file_put(resources, "blkio", str_dup("blkio.weight"),
			 str_printf("%u", rest->weight));
		file_put(resources, NULL, str_dup("io.weight"),
			 str_printf("%" PRIu64, io_weight(rest->weight)));
	}
	if (rest->leaf_weight_set && rest->leaf_weight)
		file_put(resources, "blkio", str_dup("blkio.leaf_weight"),
			 str_printf("%u", rest->leaf_weight));
	if (rest->class_set && rest->class_id)
		file_put(resources, "net_cls", str_dup("net_cls.classid"),
			 str_printf("%u", rest->class_id));
	if (resources->pids_limit < 0)
		resources->pids_limit = -1;
	if (resources->cpu_quota_us < 0)
		resources->cpu_quota_us = -1;
	return 0;
}

int spec_read_resources(const char *text, size_t length, struct spec_resources *resources,
			struct err *err)
{
	struct spec *spec = spec_new();
	int r = json_table_read(text, length, "resources", spec_resources_table, &spec->resources,
				spec, err);

	if (r == 0)
		r = spec_resources_finish(&spec->resources, err);
	if (r == 0) {
		spec_resources_clear(resources);
		*resources = spec->resources;
		spec->resources = (struct spec_resources){ 0 };
	}
	spec_free(spec);
	return r;
}
