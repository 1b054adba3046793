/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/spec.h"

#include <stdlib.h>

#include "base/str.h"

struct spec *spec_new(void)
{
	struct spec *spec = mem_new(sizeof(*spec));

	spec->resources.memory_swappiness = -1;
	spec->process.umask = -1;
	return spec;
}

void spec_resources_clear(struct spec_resources *resources)
{
	for (size_t i = 0; i < resources->file_count; i++) {
		free(resources->files[i].controller);
		free(resources->files[i].file);
		free(resources->files[i].value);
	}
	free(resources->files);
	free(resources->cpuset_cpus);
	free(resources->cpuset_mems);
	free(resources->devices);
	*resources = (struct spec_resources){ .memory_swappiness = -1 };
}

void spec_process_clear(struct spec_process *process)
{
	free(process->user);
	strv_clear(process->group_names);
	free(process->additional_gids);
	free(process->rlimits);
	free(process->cwd);
	strv_clear(process->args);
	strv_clear(process->env);
	free(process->apparmor_profile);
	free(process->selinux_label);
	free(process->cpus_initial);
	free(process->cpus_final);
	*process = (struct spec_process){ .umask = -1 };
}

static void hooks_clear(struct spec_hooks *hooks)
{
	for (size_t i = 0; i < hooks->count; i++) {
		free(hooks->list[i].path);
		strv_clear(hooks->list[i].args);
		strv_clear(hooks->list[i].env);
	}
	free(hooks->list);
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	for (size_t i = 0; i < spec->mount_count; i++) {
		free(spec->mounts[i].type);
		free(spec->mounts[i].source);
		free(spec->mounts[i].destination);
		free(spec->mounts[i].data);
		free(spec->mounts[i].uid_map);
		free(spec->mounts[i].gid_map);
	}
	for (size_t i = 0; i < spec->device_count; i++) {
		free(spec->devices[i].path);
		free(spec->devices[i].host_path);
	}
	for (size_t i = 0; i < spec->sysctl_count; i++) {
		free(spec->sysctls[i].name);
		free(spec->sysctls[i].value);
	}
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		free(spec->namespaces[i].path);
	free(spec->mounts);
	free(spec->devices);
	free(spec->sysctls);
	free(spec->uid_map);
	free(spec->gid_map);
	free(spec->hostname);
	free(spec->domainname);
	spec_process_clear(&spec->process);
	free(spec->lower_fds);
	strv_clear(spec->lower_paths);
	free(spec->upper_path);
	free(spec->work_path);
	free(spec->rootfs_path);
	spec_resources_clear(&spec->resources);
	free(spec->cgroup_path);
	strv_clear(spec->masked_paths);
	strv_clear(spec->readonly_paths);
	free(spec->seccomp_profile);
	free(spec->seccomp_json);
	free(spec->seccomp_listener);
	free(spec->seccomp_metadata);
	free(spec->version);
	for (int i = 0; i < SPEC_HOOK_COUNT; i++)
		hooks_clear(&spec->hooks[i]);
	free(spec->hook_root);
	for (size_t i = 0; i < spec->annotation_count; i++) {
		free(spec->annotations[i].name);
		free(spec->annotations[i].value);
	}
	free(spec->annotations);
	strv_clear(spec->warnings);
	free(spec->mount_label);
	for (size_t i = 0; i < spec->net_device_count; i++) {
		free(spec->net_devices[i].host_name);
		free(spec->net_devices[i].name);
	}
	free(spec->net_devices);
	free(spec->memory_policy.nodes);
	free(spec);
}

void *spec_grow(void *list, size_t count, size_t size)
{
	list = reallocarray(list, count + 1, size);
	if (!list)
		abort();
	return list;
}

void spec_add_pair(struct spec_pair **pairs, size_t *count, char *name, char *value)
{
	*pairs = spec_grow(*pairs, *count, sizeof(**pairs));
	(*pairs)[*count].name = name;
	(*pairs)[(*count)++].value = value;
}

void spec_add_mount(struct spec *spec, const struct spec_mount *mount)
{
	spec->mounts = spec_grow(spec->mounts, spec->mount_count, sizeof(*spec->mounts));
	spec->mounts[spec->mount_count++] = *mount;
}

uint32_t spec_host_id(const struct spec_id_map *map, size_t count, uint32_t container_id)
{
	if (count == 0)
		return container_id;
	for (size_t i = 0; i < count; i++)
		if (container_id >= map[i].container_id &&
		    container_id - map[i].container_id < map[i].size)
			return map[i].host_id + (container_id - map[i].container_id);
	return UINT32_MAX;
}

static struct spec_id_map *map_copy(const struct spec_id_map *map, size_t count)
{
	struct spec_id_map *copy = mem_new((count + 1) * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = map[i];
	return copy;
}

void spec_mount_map(const struct spec *spec, struct spec_mount *mount)
{
	mount->uid_map = map_copy(spec->uid_map, spec->uid_map_count);
	mount->gid_map = map_copy(spec->gid_map, spec->gid_map_count);
	mount->uid_map_count = spec->uid_map_count;
	mount->gid_map_count = spec->gid_map_count;
}
