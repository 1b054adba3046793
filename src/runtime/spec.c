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

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	for (size_t i = 0; i < spec->mount_count; i++) {
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
	free(spec->process.user);
	strv_clear(spec->process.group_names);
	free(spec->process.additional_gids);
	free(spec->process.rlimits);
	free(spec->process.cwd);
	strv_clear(spec->process.args);
	strv_clear(spec->process.env);
	free(spec->lower_fds);
	strv_clear(spec->lower_paths);
	free(spec->upper_path);
	free(spec->work_path);
	free(spec->rootfs_path);
	free(spec->resources.cpuset_cpus);
	free(spec->resources.cpuset_mems);
	free(spec->resources.devices);
	free(spec->cgroup_path);
	strv_clear(spec->masked_paths);
	strv_clear(spec->readonly_paths);
	free(spec->seccomp_profile);
	free(spec);
}

void spec_add_mount(struct spec *spec, const struct spec_mount *mount)
{
	spec->mounts = reallocarray(spec->mounts, spec->mount_count + 1, sizeof(*spec->mounts));
	if (!spec->mounts)
		abort();
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
