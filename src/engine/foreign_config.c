/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/foreign_config.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/capability.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_describe.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

/* -- process ---------------------------------------------------------------------------------- */

static json_t *capabilities_json(uint64_t set)
{
	json_t *list = json_array();

	for (unsigned int bit = 0; capability_name(bit); bit++)
		if (set & UINT64_C(1) << bit)
			json_push(list, json_text(capability_name(bit)));
	return list;
}

static json_t *rlimits_json(const struct spec_process *process)
{
	static const struct {
		int resource;
		const char *name;
	} names[] = {
		{ RLIMIT_AS, "RLIMIT_AS" },	      { RLIMIT_CORE, "RLIMIT_CORE" },
		{ RLIMIT_CPU, "RLIMIT_CPU" },	      { RLIMIT_DATA, "RLIMIT_DATA" },
		{ RLIMIT_FSIZE, "RLIMIT_FSIZE" },     { RLIMIT_LOCKS, "RLIMIT_LOCKS" },
		{ RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK" }, { RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE" },
		{ RLIMIT_NICE, "RLIMIT_NICE" },	      { RLIMIT_NOFILE, "RLIMIT_NOFILE" },
		{ RLIMIT_NPROC, "RLIMIT_NPROC" },     { RLIMIT_RSS, "RLIMIT_RSS" },
		{ RLIMIT_RTPRIO, "RLIMIT_RTPRIO" },   { RLIMIT_RTTIME, "RLIMIT_RTTIME" },
		{ RLIMIT_STACK, "RLIMIT_STACK" },     { RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < process->rlimit_count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			/* no limit is 2^64 - 1, for which jansson has no number: it is left as it is */
			if (names[k].resource == process->rlimits[i].resource &&
			    process->rlimits[i].hard <= INT64_MAX)
				json_push(list,
					  json_pack("{s:s,s:I,s:I}", "type", names[k].name, "soft",
						    (json_int_t)process->rlimits[i].soft, "hard",
						    (json_int_t)process->rlimits[i].hard));
	return list;
}

static json_t *process_json(const struct spec_process *process)
{
	json_t *json = json_object(), *user = json_object(), *groups = json_array(),
	       *caps = json_object();

	json_put(json, "terminal", json_boolean(process->terminal));
	if (process->terminal && process->rows)
		json_put(json, "consoleSize",
			 json_pack("{s:I,s:I}", "height", (json_int_t)process->rows, "width",
				   (json_int_t)process->columns));
	json_put(user, "uid", json_integer(process->uid));
	json_put(user, "gid", json_integer(process->gid));
	for (size_t i = 0; i < process->additional_gid_count; i++)
		json_push(groups, json_integer(process->additional_gids[i]));
	json_put(user, "additionalGids", groups);
	json_put(user, "umask", json_integer(process->umask >= 0 ? process->umask : 022));
	json_put(json, "user", user);
	json_put(json, "args", json_from_strv(process->args));
	json_put(json, "env", json_from_strv(process->env));
	json_put(json, "cwd", json_text(process->cwd));
	json_put(caps, "bounding", capabilities_json(process->cap_bounding));
	json_put(caps, "effective", capabilities_json(process->cap_effective));
	json_put(caps, "permitted", capabilities_json(process->cap_permitted));
	json_put(json, "capabilities", caps);
	json_put(json, "rlimits", rlimits_json(process));
	json_put(json, "noNewPrivileges", json_boolean(process->no_new_privileges));
	if (process->oom_score_adj_set)
		json_put(json, "oomScoreAdj", json_integer(process->oom_score_adj));
	if (process->apparmor_profile)
		json_put(json, "apparmorProfile", json_text(process->apparmor_profile));
	if (process->selinux_label)
		json_put(json, "selinuxLabel", json_text(process->selinux_label));
	return json;
}

/* -- mounts ----------------------------------------------------------------------------------- */

static void options_put(json_t *options, const struct spec_mount *mount)
{
	static const struct {
		uint64_t attr;
		const char *word;
	} words[] = { { MOUNT_ATTR_RDONLY, "ro" },
		      { MOUNT_ATTR_NOSUID, "nosuid" },
		      { MOUNT_ATTR_NOEXEC, "noexec" } };
	_cleanup_strv_ char **data = strv_split(mount->data ? mount->data : "", ',');

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (mount->attr_set & words[i].attr)
			json_push(options, json_text(words[i].word));
	if (mount->kind != SPEC_MOUNT_DEVPTS)
		json_push(options, json_text("nodev"));
	for (size_t i = 0; data[i]; i++)
		if (*data[i])
			json_push(options, json_text(data[i]));
}

static json_t *mounts_json(const struct spec *spec, char *const *binds)
{
	static const char *const types[] = {
		[SPEC_MOUNT_TMPFS] = "tmpfs",	[SPEC_MOUNT_PROC] = "proc",
		[SPEC_MOUNT_SYSFS] = "sysfs",	[SPEC_MOUNT_DEVPTS] = "devpts",
		[SPEC_MOUNT_MQUEUE] = "mqueue", [SPEC_MOUNT_CGROUP] = "cgroup",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		json_t *one = json_object(), *options = json_array();
		bool bind = mount->kind == SPEC_MOUNT_BIND;
		const char *type = bind				  ? "bind" :
				   mount->type			  ? mount->type :
				   mount->kind < SPEC_MOUNT_OTHER ? types[mount->kind] :
								    "none";

		json_put(one, "destination", json_text(mount->destination));
		json_put(one, "type", json_text(type));
		json_put(one, "source", json_text(bind ? *binds++ : type));
		if (bind)
			json_push(options, json_text("rbind"));
		options_put(options, mount);
		json_put(one, "options", options);
		json_push(list, one);
	}
	return list;
}

/* -- linux ------------------------------------------------------------------------------------ */

static json_t *namespaces_json(const struct spec *spec)
{
	static const char *const names[SPEC_NS_COUNT] = {
		[SPEC_NS_USER] = "user",       [SPEC_NS_MOUNT] = "mount", [SPEC_NS_PID] = "pid",
		[SPEC_NS_NETWORK] = "network", [SPEC_NS_IPC] = "ipc",	  [SPEC_NS_UTS] = "uts",
		[SPEC_NS_CGROUP] = "cgroup",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		if (names[i] && spec->namespaces[i].mode == SPEC_NS_NEW &&
		    (i != SPEC_NS_USER || spec->uid_map_count > 0))
			json_push(list, json_pack("{s:s}", "type", names[i]));
	return list;
}

static json_t *map_json(const struct spec_id_map *map, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_push(list,
			  json_pack("{s:I,s:I,s:I}", "containerID", (json_int_t)map[i].container_id,
				    "hostID", (json_int_t)map[i].host_id, "size",
				    (json_int_t)map[i].size));
	return list;
}

static json_t *device_rules_json(const struct spec_resources *resources)
{
	json_t *list = json_array();

	for (size_t i = 0; i < resources->device_count; i++) {
		const struct spec_device_rule *rule = &resources->devices[i];
		char type[2] = { rule->type, '\0' };
		json_t *one = json_pack("{s:b,s:s,s:s}", "allow", rule->allow, "type", type,
					"access", rule->access);

		if (rule->major >= 0)
			json_put(one, "major", json_integer(rule->major));
		if (rule->minor >= 0)
			json_put(one, "minor", json_integer(rule->minor));
		json_push(list, one);
	}
	return list;
}

static void number_put(json_t *json, const char *key, int64_t value, int64_t none)
{
	if (value != none)
		json_put(json, key, json_integer(value));
}

static json_t *resources_json(const struct spec_resources *resources)
{
	json_t *json = json_object(), *memory = json_object(), *cpu = json_object();

	number_put(memory, "limit", resources->memory_limit_bytes, 0);
	number_put(memory, "reservation", resources->memory_reservation_bytes, 0);
	number_put(memory, "swap", resources->memory_swap_bytes, 0);
	number_put(memory, "swappiness", resources->memory_swappiness, -1);
	number_put(cpu, "quota", resources->cpu_quota_us, 0);
	number_put(cpu, "period", resources->cpu_period_us, 0);
	number_put(cpu, "shares", (int64_t)resources->cpu_shares, 0);
	if (resources->cpuset_cpus)
		json_put(cpu, "cpus", json_text(resources->cpuset_cpus));
	if (resources->cpuset_mems)
		json_put(cpu, "mems", json_text(resources->cpuset_mems));
	json_put(json, "memory", memory);
	json_put(json, "cpu", cpu);
	if (resources->pids_limit)
		json_put(json, "pids",
			 json_pack("{s:I}", "limit", (json_int_t)resources->pids_limit));
	json_put(json, "devices", device_rules_json(resources));
	return json;
}

static json_t *devices_json(const struct spec *spec)
{
	json_t *list = json_array();

	for (size_t i = 0; i < spec->device_count; i++) {
		const struct spec_device *device = &spec->devices[i];

		json_push(list,
			  json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "path", device->path, "type",
				    device->block ? "b" : "c", "major", (json_int_t)device->major,
				    "minor", (json_int_t)device->minor, "fileMode",
				    (json_int_t)device->mode, "uid", (json_int_t)device->uid, "gid",
				    (json_int_t)device->gid));
	}
	return list;
}

static int seccomp_put(const struct spec *spec, json_t *linux_part, struct err *err)
{
	struct seccomp_policy policy = { .profile_path = spec->seccomp_profile,
					 .capabilities = spec->process.cap_bounding,
					 .no_set_id = spec->seccomp_no_set_id };
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	json_t *json;
	int r;

	if (!spec->seccomp_default)
		return 0;
	r = seccomp_describe(&policy, &text, err);
	json = r < 0 ? NULL : json_loadb(text.data, text.length, 0, NULL);
	if (!json)
		return r < 0 ? r : err_set(err, EBADMSG, "seccomp: numbers that JSON has not");
	json_put(linux_part, "seccomp", json);
	return 0;
}

static json_t *linux_json(const struct spec *spec, struct err *err)
{
	_cleanup_json_ json_t *json = json_object();
	json_t *sysctls = json_object();

	json_put(json, "namespaces", namespaces_json(spec));
	if (spec->uid_map_count) {
		json_put(json, "uidMappings", map_json(spec->uid_map, spec->uid_map_count));
		json_put(json, "gidMappings", map_json(spec->gid_map, spec->gid_map_count));
	}
	json_put(json, "cgroupsPath", json_text(spec->cgroup_path));
	json_put(json, "resources", resources_json(&spec->resources));
	json_put(json, "devices", devices_json(spec));
	json_put(json, "maskedPaths", json_from_strv(spec->masked_paths));
	json_put(json, "readonlyPaths", json_from_strv(spec->readonly_paths));
	if (spec->mount_label)
		json_put(json, "mountLabel", json_text(spec->mount_label));
	for (size_t i = 0; i < spec->sysctl_count; i++)
		json_put(sysctls, spec->sysctls[i].name, json_text(spec->sysctls[i].value));
	json_put(json, "sysctl", sysctls);
	return seccomp_put(spec, json, err) < 0 ? NULL : json_incref(json);
}

/* The two last kinds are run by us. */
static json_t *hooks_json(const struct spec *spec)
{
	json_t *json = json_object();

	for (size_t kind = 0; kind < SPEC_HOOK_POSTSTART; kind++) {
		const struct spec_hooks *hooks = &spec->hooks[kind];
		json_t *list = json_array();

		json_put(json, spec_hook_name(kind), list);
		for (size_t i = 0; i < hooks->count; i++) {
			json_t *one = json_pack("{s:s}", "path", hooks->list[i].path);

			if (hooks->list[i].args)
				json_put(one, "args", json_from_strv(hooks->list[i].args));
			if (hooks->list[i].env)
				json_put(one, "env", json_from_strv(hooks->list[i].env));
			if (hooks->list[i].timeout_s)
				json_put(one, "timeout", json_integer(hooks->list[i].timeout_s));
			json_push(list, one);
		}
	}
	return json;
}

json_t *foreign_config(const struct spec *spec, const char *root, char *const *binds,
		       struct err *err)
{
	json_t *json, *part = linux_json(spec, err);

	if (!part)
		return NULL;
	json = json_object();
	json_put(json, "ociVersion", json_text("1.0.2"));
	json_put(json, "process", process_json(&spec->process));
	json_put(json, "root",
		 json_pack("{s:s,s:b}", "path", root, "readonly", spec->rootfs_readonly));
	if (spec->hostname && spec->namespaces[SPEC_NS_UTS].mode == SPEC_NS_NEW)
		json_put(json, "hostname", json_text(spec->hostname));
	json_put(json, "mounts", mounts_json(spec, binds));
	json_put(json, "hooks", hooks_json(spec));
	json_put(json, "linux", part);
	return json;
}
