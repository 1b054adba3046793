/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits: which controllers they need, and where each is written. */
#include "runtime/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/cgroup_ops.h"
#include "runtime/spec.h"

/* What may be limited, and how a host without it gets it. */
static const struct controller {
	const char *name;
	unsigned bit;
	const char *remedy;
} controllers[] = {
	{ "memory", CGROUP_MEMORY, "boot the kernel with cgroup_enable=memory" },
	{ "cpu", CGROUP_CPU, "mount it, or boot without cgroup_disable=cpu" },
	{ "cpuacct", CGROUP_CPUACCT, "mount it, or boot without cgroup_disable=cpuacct" },
	{ "cpuset", CGROUP_CPUSET, "mount it, or boot without cgroup_disable=cpuset" },
	{ "pids", CGROUP_PIDS, "mount it, or boot without cgroup_disable=pids" },
	{ "devices", CGROUP_DEVICES,
	  "mount it, or mount cgroup v2, which needs no controller for it" },
	{ "blkio", CGROUP_BLKIO, "mount it, or boot without cgroup_disable=io" },
	{ "io", CGROUP_BLKIO, "mount it, or boot without cgroup_disable=io" },
	{ "hugetlb", CGROUP_HUGETLB, "mount it, or boot without cgroup_disable=hugetlb" },
	{ "rdma", CGROUP_RDMA, "mount it, or load the driver of the device" },
	{ "net_cls", CGROUP_NET_CLS, "mount it: mount -t cgroup -o net_cls net_cls DIR" },
	{ "net_prio", CGROUP_NET_PRIO, "mount it: mount -t cgroup -o net_prio net_prio DIR" },
	{ "misc", CGROUP_MISC, "use a host with cgroup v2" },
	{ "freezer", CGROUP_FREEZER,
	  "mount it, or mount cgroup v2, which needs no controller for it" },
};

/* v1 is asked first: what it has, v2 does not have, and its answer costs no
 * system call. */
struct cgroup_hierarchy *cgroup_hierarchy_of(const struct cgroup *cg, unsigned bit)
{
	struct err ignored = ERR_NONE;

	FOR_EACH_HIERARCHY(h, cg)
	if (h->ops == &cgroup_v1_ops && h->controllers & bit)
		return h;
	FOR_EACH_HIERARCHY(h, cg)
	if (h->ops == &cgroup_v2_ops && cgroup_hierarchy_open(h, &ignored) == 0 &&
	    h->ops->controllers(h) & bit)
		return h;
	return NULL;
}

bool cgroup_has(const struct cgroup *cg, const char *controller)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i].name, controller) == 0)
			return cgroup_hierarchy_of(cg, controllers[i].bit) != NULL;
	return false;
}

static unsigned bits_asked(const struct spec_resources *r)
{
	unsigned bits = 0;

	if (r->memory_limit_bytes || r->memory_reservation_bytes || r->memory_swap_bytes ||
	    r->memory_swappiness >= 0)
		bits |= CGROUP_MEMORY;
	if (r->cpu_quota_us || r->cpu_period_us || r->cpu_shares)
		bits |= CGROUP_CPU;
	if ((r->cpuset_cpus && *r->cpuset_cpus) || (r->cpuset_mems && *r->cpuset_mems))
		bits |= CGROUP_CPUSET;
	if (r->pids_limit)
		bits |= CGROUP_PIDS;
	if (r->device_count)
		bits |= CGROUP_DEVICES;
	return bits;
}

int cgroup_limits_check(const struct cgroup *cg, const struct spec_resources *resources,
			struct err *err)
{
	unsigned bits = bits_asked(resources);

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		const struct controller *c = &controllers[i];

		if (!(bits & c->bit) || cgroup_hierarchy_of(cg, c->bit))
			continue;
		err_set(err, EOPNOTSUPP, "limit %s: this host has no cgroup controller %s", c->name,
			c->name);
		return err_hint(err, "%s", c->remedy);
	}
	return 0;
}

static unsigned bits_here(const struct cgroup *cg, const struct cgroup_hierarchy *h, unsigned bits)
{
	unsigned here = 0;

	for (unsigned bit = 1; bit <= bits; bit <<= 1)
		if (bits & bit && cgroup_hierarchy_of(cg, bit) == h)
			here |= bit;
	return here;
}

static int values_set(struct cgroup *cg, const char *folder, const struct spec_resources *resources,
		      unsigned bits, bool fresh, struct err *err)
{
	FOR_EACH_HIERARCHY(h, cg)
	{
		unsigned here = bits_here(cg, h, bits);
		int r = here ? cgroup_hierarchy_open(h, err) : 0;

		if (r == 0 && here)
			r = h->ops->limit(h, folder, resources, here, fresh, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where a file that is asked for is to be written. NULL: nowhere here, and r says whether that is an error. */
static struct cgroup_hierarchy *hierarchy_of_file(const struct cgroup *cg,
						  const struct spec_cgroup_file *file,
						  unsigned *ret_bit, int *r, struct err *err)
{
	_cleanup_free_ char *name = str_ndup(file->file, strcspn(file->file, "."));
	const char *controller = file->v2 ? name : file->controller;
	const struct cgroup_ops *ops = file->v2 ? &cgroup_v2_ops : &cgroup_v1_ops;
	struct cgroup_hierarchy *h;
	unsigned bit = 0;

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i].name, controller) == 0)
			bit = controllers[i].bit;
	h = bit ? cgroup_hierarchy_of(cg, bit) : NULL;
	*ret_bit = bit;
	if (h && h->ops == ops)
		return h;
	/* most limits are asked for in both spellings, and one of them is not for this host */
	if (file->told || !h)
		*r = err_set(err, EOPNOTSUPP, "limit %s: this host has no cgroup controller %s",
			     file->file, controller);
	return NULL;
}

/* The kernel calls a weight by its scheduler's name where only that one has weights. */
static const char *other_name(const char *file)
{
	static const char *const names[][2] = {
		{ "blkio.weight", "blkio.bfq.weight" },
		{ "blkio.weight_device", "blkio.bfq.weight_device" },
		{ "io.weight", "io.bfq.weight" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(file, names[i][0]) == 0)
			return names[i][1];
	return NULL;
}

static int files_write(struct cgroup *cg, const char *folder,
		       const struct spec_resources *resources, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < resources->file_count; i++) {
		const struct spec_cgroup_file *file = &resources->files[i];
		unsigned bit;
		struct cgroup_hierarchy *h = hierarchy_of_file(cg, file, &bit, &r, err);
		const char *other = other_name(file->file);

		if (h)
			r = cgroup_hierarchy_open(h, err);
		if (!h || r < 0)
			continue;
		r = cgroup_file_poke(h, folder, file->file, file->value);
		if (r == -ENOENT && h->ops->enable && h->ops->enable(h, folder, bit) == 0)
			r = cgroup_file_poke(h, folder, file->file, file->value);
		if (r == -ENOENT && other)
			r = cgroup_file_poke(h, folder, other, file->value);
		if (r == -ENOENT && file->optional)
			r = 0;
		r = cgroup_limit_explain(h, folder, file->file, file->value, file->file, r, err);
	}
	return r;
}

int cgroup_limits_set(struct cgroup *cg, const char *folder, const struct spec_resources *resources,
		      bool fresh, struct err *err)
{
	unsigned bits = bits_asked(resources);
	int r = bits ? values_set(cg, folder, resources, bits, fresh, err) : 0;

	return r < 0 ? r : files_write(cg, folder, resources, err);
}

int cgroup_update(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		  struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	int r = folder ? cgroup_limits_check(cg, resources, err) : -EINVAL;

	return r < 0 ? r : cgroup_limits_set(cg, folder, resources, false, err);
}

int cgroup_read(struct cgroup *cg, const char *path, const char *controller, const char *v1,
		const char *v2, struct buf *ret_text)
{
	struct err ignored = ERR_NONE;
	const char *folder = cgroup_folder_of(path, &ignored), *file;
	struct cgroup_hierarchy *h = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i].name, controller) == 0)
			h = cgroup_hierarchy_of(cg, controllers[i].bit);
	file = h && h->ops == &cgroup_v2_ops ? v2 : v1;
	if (!folder || !h || !file || cgroup_hierarchy_open(h, &ignored) < 0)
		return -ENOENT;
	return cgroup_file_read(h, folder, file, ret_text);
}
