/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/update.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/device_follow.h"
#include "engine/device_option.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/health.h"
#include "engine/limit_option.h"
#include "engine/live_mount.h"
#include "engine/machine.h"
#include "engine/publish_change.h"
#include "engine/restart.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/cgroup.h"

/* What an option sets. */
static const struct {
	size_t option; /* of struct create_options: const char * */
	const char *key;
} limits[] = {
	{ offsetof(struct create_options, memory), "Memory" },
	{ offsetof(struct create_options, memory_reservation), "MemoryReservation" },
	{ offsetof(struct create_options, memory_swap), "MemorySwap" },
	{ offsetof(struct create_options, cpus), "NanoCpus" },
	{ offsetof(struct create_options, cpu_shares), "CpuShares" },
	{ offsetof(struct create_options, cpu_quota), "CpuQuota" },
	{ offsetof(struct create_options, cpu_period), "CpuPeriod" },
	{ offsetof(struct create_options, cpuset_cpus), "CpusetCpus" },
	{ offsetof(struct create_options, cpuset_mems), "CpusetMems" },
	{ offsetof(struct create_options, pids_limit), "PidsLimit" },
};

static const char *option_of(const struct create_options *options, size_t i)
{
	return *(const char *const *)(const void *)((const char *)options + limits[i].option);
}

/* The numbers of a new container with these options, and only those that were asked for taken over. */
static int host_config_change(struct engine *engine, const struct create_options *options,
			      json_t *host, struct err *err)
{
	_cleanup_json_ json_t *wanted = json_object();
	struct create_options asked = *options;
	_cleanup_free_ char *memory = NULL;
	int64_t now = json_int_at(host, "Memory", 0), swap = json_int_at(host, "MemorySwap", 0);
	int r;

	if (options->memory_swap && !options->memory && now > 0) {
		memory = str_printf("%lld", (long long)now);
		asked.memory = memory;
	}
	r = limit_options(engine, &asked, wanted, err);
	if (r < 0)
		return r;
	if (options->memory && !options->memory_swap && swap > 0 &&
	    json_int_at(wanted, "Memory", 0) > swap)
		return err_set(
			err, EINVAL,
			"Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
	if (options->cpus &&
	    (json_int_at(host, "CpuQuota", 0) || json_int_at(host, "CpuPeriod", 0)))
		return err_set(
			err, EINVAL,
			"Conflicting options: Nano CPUs cannot be updated as CPU quota or period has already been set");
	if ((options->cpu_quota || options->cpu_period) && json_int_at(host, "NanoCpus", 0))
		return err_set(
			err, EINVAL,
			"Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
	if (options->restart) {
		json_t *policy;

		r = restart_policy_parse(options->restart, &policy, err);
		if (r < 0)
			return r;
		if (json_bool_at(host, "AutoRemove") && !str_equal(options->restart, "no")) {
			json_decref(policy);
			return err_set(
				err, EINVAL,
				"Restart policy cannot be updated because AutoRemove is enabled for the container");
		}
		json_put(host, "RestartPolicy", policy);
	}
	if (options->blkio_weight) {
		struct create_options weight = { .blkio_weight = options->blkio_weight };

		r = device_options(&weight, wanted, err);
		if (r < 0)
			return r;
		json_put(host, "BlkioWeight",
			 json_deep_copy(json_object_get(wanted, "BlkioWeight")));
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (option_of(options, i))
			json_put(host, limits[i].key,
				 json_deep_copy(json_object_get(wanted, limits[i].key)));
	return 0;
}

/* Of the record: the mount at a place, and what -v and --tmpfs said of it. */
static int mount_forget(struct record *record, const char *target, struct err *err)
{
	json_t *mounts = json_object_get(record->config, "Mounts"),
	       *host = json_object_get(record->config, "HostConfig"), *one;
	json_t *binds = json_object_get(host, "Binds");
	size_t i, length = strlen(target);
	bool found = false;

	for (i = json_array_size(mounts); i-- > 0;) {
		one = json_array_get(mounts, i);
		if (strcmp(json_string_at(one, "Destination", ""), target) != 0)
			continue;
		(void)json_array_remove(mounts, i);
		found = true;
	}
	if (!found)
		return err_set(err, ENOENT, "--mount-rm %s: the container has no mount there",
			       target);
	for (i = json_array_size(binds); i-- > 0;) {
		const char *text = json_string_value(json_array_get(binds, i)),
			   *at = text ? strchr(text, ':') : NULL;

		at = at ? at + 1 : text;
		if (at && strncmp(at, target, length) == 0 && (!at[length] || at[length] == ':'))
			(void)json_array_remove(binds, i);
	}
	(void)json_object_del(json_object_get(host, "Tmpfs"), target);
	return 0;
}

/* In the record, and in the container when it runs. What is taken away first makes room for what comes. */
static int mounts_change(struct engine *engine, struct record *record,
			 const struct create_options *options, bool running, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && options->mount_rm && options->mount_rm[i]; i++) {
		r = mount_forget(record, options->mount_rm[i], err);
		if (r == 0 && running)
			r = live_mount_remove(engine, record, options->mount_rm[i], err);
	}
	for (size_t i = 0; r == 0 && options->mount_add && options->mount_add[i]; i++) {
		/* the filter that runs is that of the mounts before */
		_cleanup_json_ json_t *config = json_deep_copy(record->config);
		struct record before = { .row = record->row, .config = config };
		const json_t *mount;

		r = record_mount_add(engine, record, options->mount_add[i], &mount, err);
		if (r == 0 && running)
			r = live_mount_add(engine, &before, mount, err);
		if (r < 0)
			(void)err_wrap(err, "--mount-add %s", options->mount_add[i]);
	}
	return r;
}

/* The cgroup's rules of the record's devices, for a container that runs. */
static int device_rules(struct engine *engine, const struct record *record, struct err *err)
{
	_cleanup_(built_spec_clear) struct built_spec built = { 0 };
	_cleanup_free_ char *path = spec_cgroup_path(engine, record);
	struct cgroup *cgroup = engine_cgroup(engine, err);
	int r = cgroup ? spec_build_devices(engine, record, &built, err) : -err->code;

	return r < 0 ? r : cgroup_update(cgroup, path, &built.spec->resources, err);
}

static int device_forget(json_t *devices, const char *path, struct err *err)
{
	for (size_t i = json_array_size(devices); i-- > 0;)
		if (strcmp(json_string_at(json_array_get(devices, i), "PathInContainer", ""),
			   path) == 0) {
			(void)json_array_remove(devices, i);
			return 0;
		}
	return err_set(err, ENOENT, "--device-rm %s: the container has no device there", path);
}

/* The record, the rules, the nodes; what is taken away loses its right first, what comes gets it first. */
static int devices_change(struct engine *engine, struct record *record,
			  const struct create_options *options, bool running, struct err *err)
{
	json_t *host = json_object_get(record->config, "HostConfig"), *one;
	_cleanup_json_ json_t *added = json_object();
	size_t i;
	int r = device_list_put(added, options->device_add, err);

	if (r < 0 || (!options->device_add && !options->device_rm))
		return r;
	if (!json_is_array(json_object_get(host, "Devices")))
		json_put(host, "Devices", json_array());
	for (i = 0; r == 0 && options->device_rm && options->device_rm[i]; i++)
		r = device_forget(json_object_get(host, "Devices"), options->device_rm[i], err);
	json_array_foreach(json_object_get(added, "Devices"), i, one)
		json_push(json_object_get(host, "Devices"), json_deep_copy(one));
	device_follow_put(options->device_add, json_object_get(record->config, "Cloche"));
	if (r < 0 || !running)
		return r;
	r = device_rules(engine, record, err);
	for (i = 0; r == 0 && options->device_rm && options->device_rm[i]; i++)
		r = live_mount_remove(engine, record, options->device_rm[i], err);
	json_array_foreach(json_object_get(added, "Devices"), i, one)
	{
		if (r == 0 &&
		    (access(json_string_at(one, "PathOnHost", ""), F_OK) == 0 ||
		     !device_follow_is(record, json_string_at(one, "PathInContainer", ""))))
			r = live_device_add(engine, record,
					    json_string_at(one, "PathInContainer", ""), err);
	}
	if (r == 0) {
		_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, err);

		r = run < 0 ? run : device_follow_started(engine, record, run, err);
	}
	return r;
}

static int update_locked(struct engine *engine, struct record *record,
			 const struct create_options *options, struct err *err)
{
	_cleanup_free_ char *path = spec_cgroup_path(engine, record), *text = NULL;
	struct cgroup *cgroup = engine_cgroup(engine, err);
	struct store *store = engine_store(engine, err);
	struct container_status status;
	int r = cgroup && store ? 0 : -err->code;

	if (r == 0)
		r = host_config_change(engine, options,
				       json_object_get(record->config, "HostConfig"), err);
	if (r == 0 && health_option_any(options))
		r = health_option(options, json_at(record->config, "Config.Healthcheck"),
				  json_object_get(record->config, "Config"),
				  json_object_get(record->config, "Cloche"), err);
	if (r < 0)
		return r;
	status_get(engine, record->row.id, &status);
	if (options->publish_add || options->publish_rm)
		r = publish_change(engine, record, &status, options, err);
	if (r < 0)
		return r;
	if (status.status == STATUS_RUNNING) {
		struct spec *spec = spec_new();

		spec_resources(record, &spec->resources);
		if (options->blkio_weight)
			r = device_limits(json_object_get(record->config, "HostConfig"),
					  &spec->resources, err);
		if (r == 0)
			r = cgroup_update(cgroup, path, &spec->resources, err);
		if (r == 0)
			r = machine_update(record, &spec->resources, cgroup, err);
		spec_free(spec);
		if (r < 0)
			return r;
	}
	/* The kernel first: what it refused is not recorded. A kill in between leaves limits that the record has not; `update` again,
	 * or the next start, makes them agree. */
	r = mounts_change(engine, record, options, status.status == STATUS_RUNNING, err);
	if (r == 0)
		r = devices_change(engine, record, options, status.status == STATUS_RUNNING, err);
	if (r < 0)
		return r;
	engine_kill_point("update-before-record");
	text = json_dumps(record->config, JSON_COMPACT);
	store = engine_store(engine, err); /* going into the container has closed it */
	return store ? container_set_config(store, record->row.id, text, err) : -err->code;
}

int container_update(struct engine *engine, const char *reference,
		     const struct create_options *options, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	int lock, r = record_lock(engine, reference, &record, &lock, err);

	if (r < 0)
		return r;
	r = update_locked(engine, &record, options, err);
	if (r == 0 && options->restart)
		restart_adopt(engine, &record);
	if (r == 0 && health_option_any(options))
		health_changed(engine, &record);
	if (r == 0)
		event_container(engine, &record, "update", NULL);
	engine_unlock(engine, record.row.id, lock);
	return r < 0 ? err_wrap(err, "Cannot update container %s", reference) : 0;
}
