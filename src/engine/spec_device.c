/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/spec_device.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/device_follow.h"
#include "engine/device_option.h"
#include "engine/record.h"
#include "engine/spec_build.h"

static void device_rule(struct spec *spec, char type, int64_t major_number, int64_t minor_number,
			const char *rights)
{
	struct spec_device_rule rule = { .allow = true,
					 .type = type,
					 .major = major_number,
					 .minor = minor_number };
	struct spec_resources *resources = &spec->resources;

	(void)str_append(rule.access, sizeof(rule.access), rights);
	resources->devices =
		reallocarray(resources->devices, resources->device_count + 1, sizeof(rule));
	if (!resources->devices)
		abort();
	resources->devices[resources->device_count++] = rule;
}

int spec_device_add(struct spec *spec, const char *host, const char *inside, const char *rights,
		    struct err *err)
{
	struct stat st;
	struct spec_device device;

	if (stat(host, &st) < 0)
		return err_sys(err, errno, "device %s", host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, ENODEV, "device %s is not a device node", host);
	device = (struct spec_device){ .path = str_dup(inside),
				       .host_path = str_dup(host),
				       .block = S_ISBLK(st.st_mode),
				       .major = major(st.st_rdev),
				       .minor = minor(st.st_rdev),
				       .mode = st.st_mode & 07777 };
	spec->devices = reallocarray(spec->devices, spec->device_count + 1, sizeof(device));
	if (!spec->devices)
		abort();
	spec->devices[spec->device_count++] = device;
	if (!spec->privileged)
		device_rule(spec, device.block ? 'b' : 'c', device.major, device.minor, rights);
	return 0;
}

/* --privileged: the nodes of the host's /dev itself; sub-folders hold what has its own mounts, or links. */
static int devices_all(struct spec *spec, const char *folder, int depth, struct err *err)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int r = 0;

	while (d && r == 0 && (e = readdir(d)) != NULL) {
		_cleanup_free_ char *path = str_printf("%s/%s", folder, e->d_name);
		struct stat st;

		if (e->d_name[0] == '.' || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 3 && strcmp(path, "/dev/pts") != 0 &&
		    strcmp(path, "/dev/shm") != 0 && strcmp(path, "/dev/mqueue") != 0)
			r = devices_all(spec, path, depth + 1, err);
		else if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) &&
			 strcmp(path, "/dev/console") != 0 && strcmp(path, "/dev/ptmx") != 0 &&
			 strcmp(path, "/dev/null") != 0 && strcmp(path, "/dev/zero") != 0 &&
			 strcmp(path, "/dev/full") != 0 && strcmp(path, "/dev/random") != 0 &&
			 strcmp(path, "/dev/urandom") != 0 && strcmp(path, "/dev/tty") != 0)
			r = spec_device_add(spec, path, path, "rwm", err);
	}
	if (d)
		(void)closedir(d);
	return r;
}

/* Links of the host go into a network of the container's own alone (engine/network_device.c moves them). */
int spec_links_check(const struct record *record, const struct spec *spec, struct err *err)
{
	return json_array_size(json_at(record->config, "Cloche.NetworkDevices")) > 0 &&
			       spec->namespaces[SPEC_NS_NETWORK].mode != SPEC_NS_NEW ?
		       err_set(err, EINVAL,
			       "--network-device needs a network namespace of the container's own") :
		       0;
}

int spec_devices_fill(const struct record *record, struct spec *spec, struct err *err)
{
	static const int standard[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 },
					   { 1, 9 }, { 5, 0 }, { 5, 2 } };
	const json_t *list = json_at(record->config, "HostConfig.Devices"), *one;
	size_t i;
	int r;

	if (spec->privileged) {
		device_rule(spec, 'a', -1, -1, "rwm");
		return devices_all(spec, "/dev", 0, err);
	}
	/* rules are applied in order, on top of a cgroup that allows all */
	device_rule(spec, 'a', -1, -1, "rwm");
	spec->resources.devices[0].allow = false;
	for (i = 0; i < ARRAY_SIZE(standard); i++)
		device_rule(spec, 'c', standard[i][0], standard[i][1], "rw");
	device_rule(spec, 'c', 136, -1, "rw"); /* terminals of devpts */
	list = json_at(record->config, "HostConfig.DeviceCgroupRules");
	json_array_foreach(list, i, one)
	{
		struct spec_device_rule rule;

		r = device_rule_parse(json_string_value(one), &rule, err);
		if (r < 0)
			return r;
		device_rule(spec, rule.type, rule.major, rule.minor, rule.access);
	}
	list = json_at(record->config, "HostConfig.Devices");
	json_array_foreach(list, i, one)
	{
		const char *host = json_string_at(one, "PathOnHost", ""),
			   *inside = json_string_at(one, "PathInContainer", "");

		if (access(host, F_OK) < 0 && device_follow_is(record, inside))
			continue; /* it is given when it comes */
		r = spec_device_add(spec, host, inside,
				    json_string_at(one, "CgroupPermissions", "rw"), err);
		if (r < 0)
			return r;
	}
	return 0;
}

void spec_resources(const struct record *record, struct spec_resources *resources)
{
	const json_t *host = json_at(record->config, "HostConfig");
	int64_t nano = json_int_at(host, "NanoCpus", 0);
	const char *text;

	resources->memory_limit_bytes = json_int_at(host, "Memory", 0);
	resources->memory_reservation_bytes = json_int_at(host, "MemoryReservation", 0);
	resources->memory_swap_bytes = json_int_at(host, "MemorySwap", 0);
	resources->memory_swappiness = json_int_at(host, "MemorySwappiness", -1);
	resources->cpu_period_us = nano ? 100000 : json_int_at(host, "CpuPeriod", 0);
	resources->cpu_quota_us = nano ? nano / 10000 : json_int_at(host, "CpuQuota", 0);
	resources->cpu_shares = (uint64_t)json_int_at(host, "CpuShares", 0);
	text = json_string_at(host, "CpusetCpus", "");
	resources->cpuset_cpus = *text ? str_dup(text) : NULL;
	text = json_string_at(host, "CpusetMems", "");
	resources->cpuset_mems = *text ? str_dup(text) : NULL;
	resources->pids_limit = json_int_at(host, "PidsLimit", 0);
}
