/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/docker_document.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* Docker 28's fields in their order (api/types/container, HostConfig), as JSON of an empty one. Where it says null, an empty
 * list of ours is null, too. */
static const char host_config_empty[] =
	"{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\",\"Config\":{}},\"NetworkMode\":\"\","
	"\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"AutoRemove\":false,"
	"\"VolumeDriver\":\"\",\"VolumesFrom\":null,\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,"
	"\"CgroupnsMode\":\"private\",\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,"
	"\"GroupAdd\":null,\"IpcMode\":\"private\",\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\","
	"\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,\"SecurityOpt\":null,"
	"\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":67108864,\"Runtime\":\"cloche\",\"Isolation\":\"\","
	"\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,\"CgroupParent\":\"\",\"BlkioWeight\":0,"
	"\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],\"BlkioDeviceWriteBps\":[],"
	"\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,\"CpuQuota\":0,"
	"\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[],"
	"\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,\"MemorySwap\":0,"
	"\"MemorySwappiness\":null,\"OomKillDisable\":false,\"PidsLimit\":null,\"Ulimits\":[],\"CpuCount\":0,"
	"\"CpuPercent\":0,\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0}";
static const char config_empty[] =
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":true,"
	"\"AttachStderr\":true,\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":[],\"Cmd\":null,"
	"\"Image\":\"\",\"Volumes\":null,\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{}}";

/* Left out when nothing was asked for (omitempty). */
static const char *const omitted[] = { "Annotations", "Init",	    "StorageOpt",
				       "Sysctls",     "Tmpfs",	    "ExposedPorts",
				       "Healthcheck", "StopSignal", "Shell" };

static bool is_empty(const json_t *value)
{
	return !value || json_is_null(value) || json_is_false(value) ||
	       (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0) ||
	       (json_is_string(value) && !*json_string_value(value));
}

static bool is_omitted(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(omitted); i++)
		if (strcmp(key, omitted[i]) == 0)
			return true;
	return false;
}

/* All keys of `empty` in their order with the values of `given`, then the others of it. */
static json_t *completed(const char *empty, const json_t *given)
{
	json_t *all = json_loads(empty, 0, NULL), *value;
	const char *key;
	void *next;

	if (!all)
		abort();
	json_object_foreach_safe(all, next, key, value)
	{
		const json_t *ours = json_object_get(given, key);

		/* Docker's null and [] stand for the same; its spelling wins */
		if (ours && !(is_empty(ours) && is_empty(value)))
			json_put(all, key, json_deep_copy(ours));
	}
	json_object_foreach((json_t *)given, key, value)
	{
		if (!json_object_get(all, key) && !(is_omitted(key) && is_empty(value)))
			json_put(all, key, json_deep_copy(value));
	}
	return all;
}

/* The target of "SOURCE:TARGET[:OPTIONS]", or of an anonymous volume "TARGET"; to be freed. */
static char *bind_target(const char *bind)
{
	const char *colon = strchr(bind, ':');
	const char *target = colon ? colon + 1 : bind;

	return str_ndup(target, strcspn(target, ":"));
}

static bool has_bind(const json_t *binds, const char *target)
{
	const json_t *bind;
	size_t i;

	json_array_foreach(binds, i, bind)
	{
		_cleanup_free_ char *at = bind_target(json_string_value(bind));

		if (strcmp(at, target) == 0)
			return true;
	}
	return false;
}

/* What --mount asked for: the mounts that no -v and no --tmpfs names. */
static json_t *asked_mounts(const json_t *config)
{
	json_t *list = json_array();
	const json_t *mount;
	size_t i;

	json_array_foreach(json_at(config, "Mounts"), i, mount)
	{
		const char *target = json_string_at(mount, "Destination", "");
		json_t *one;

		if (has_bind(json_at(config, "HostConfig.Binds"), target) ||
		    json_object_get(json_at(config, "HostConfig.Tmpfs"), target) ||
		    json_bool_at(mount, "Anonymous"))
			continue;
		one = json_object();
		json_put(one, "Type", json_text(json_string_at(mount, "Type", "")));
		json_put(one, "Source",
			 json_text(json_string_at(mount, "Name",
						  json_string_at(mount, "Source", ""))));
		json_put(one, "Target", json_text(target));
		if (!json_bool_at(mount, "RW"))
			json_put(one, "ReadOnly", json_true());
		json_push(list, one);
	}
	return list;
}

json_t *docker_host_config(const json_t *config, json_t *masked, json_t *readonly)
{
	json_t *all = completed(host_config_empty, json_at(config, "HostConfig")), *binds, *mounts;
	json_t *named = json_array();
	const json_t *bind;
	size_t i;

	/* `-v /path` is no bind: it stands in Config.Volumes */
	binds = json_object_get(all, "Binds");
	json_array_foreach(binds, i, bind)
	{
		if (strchr(json_string_value(bind), ':'))
			json_push(named, json_incref((json_t *)bind));
	}
	json_put(all, "Binds", json_array_size(named) ? json_incref(named) : json_null());
	json_decref(named);
	mounts = asked_mounts(config);
	if (json_array_size(mounts) > 0)
		json_put(all, "Mounts", json_incref(mounts));
	json_decref(mounts);
	json_put(all, "MaskedPaths", masked ? masked : json_null());
	json_put(all, "ReadonlyPaths", readonly ? readonly : json_null());
	return all;
}

json_t *docker_config(const json_t *config)
{
	json_t *all = completed(config_empty, json_at(config, "Config")), *volumes = NULL;
	const json_t *bind;
	size_t i;

	json_array_foreach(json_at(config, "HostConfig.Binds"), i, bind)
	{
		if (strchr(json_string_value(bind), ':'))
			continue;
		if (!volumes)
			volumes = json_is_object(json_object_get(all, "Volumes")) ?
					  json_deep_copy(json_object_get(all, "Volumes")) :
					  json_object();
		json_put(volumes, json_string_value(bind), json_object());
	}
	if (volumes)
		json_put(all, "Volumes", volumes);
	return all;
}

json_t *docker_mounts(const json_t *config, const json_t *mounts)
{
	json_t *list = json_array();
	const json_t *mount;
	size_t i;

	json_array_foreach(mounts, i, mount)
	{
		if (strcmp(json_string_at(mount, "Type", ""), "tmpfs") != 0 ||
		    !json_object_get(json_at(config, "HostConfig.Tmpfs"),
				     json_string_at(mount, "Destination", "")))
			json_push(list, json_incref((json_t *)mount));
	}
	return list;
}
