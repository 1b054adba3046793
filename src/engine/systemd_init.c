/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/systemd_init.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/create.h"
#include "runtime/spec.h"

/* Podman's names, so that what works there works here. */
static bool path_is_init(const char *path)
{
	static const char *const names[] = { "/sbin/init", "/usr/sbin/init",
					     "/usr/local/sbin/init" };
	const char *slash = strrchr(path, '/');

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return strcmp(slash ? slash + 1 : path, "systemd") == 0;
}

/* What keeps systemd from being the first process of a container; NULL: nothing. */
static const char *obstacle(const struct create_options *o, const json_t *host)
{
	const char *pid = json_string_at(host, "PidMode", "");

	if (o->init)
		return "with --init it would not be the first process";
	if (strcmp(json_string_at(host, "CgroupnsMode", ""), "host") == 0)
		return "it needs a cgroup namespace of its own, which --cgroupns host takes away";
	if (strcmp(pid, "host") == 0 || str_prefix(pid, "container:"))
		return "it needs a PID namespace of its own, which --pid takes away";
	return NULL;
}

int systemd_init_option(const struct create_options *o, const char *path, const json_t *host,
			json_t *config, json_t *own, struct err *err)
{
	const char *mode = o->systemd ? o->systemd : "true", *why = obstacle(o, host);
	bool always = strcmp(mode, "always") == 0;

	if (!always && strcmp(mode, "true") != 0 && strcmp(mode, "false") != 0)
		return err_argument(err, mode, "--systemd", "not true, false or always");
	if (o->systemd)
		json_put(own, "Systemd", json_text(mode));
	if (always && why)
		return err_set(err, EINVAL, "--systemd always: %s", why);
	if (why || (!always && (strcmp(mode, "false") == 0 || !path_is_init(path))))
		return 0;
	json_put(own, "SystemdInit", json_true());
	if (!*json_string_at(config, "StopSignal", ""))
		json_put(config, "StopSignal", json_text("SIGRTMIN+3"));
	return 0;
}

bool systemd_init_is(const struct record *record)
{
	return json_bool_at(record->config, "Cloche.SystemdInit");
}

static bool is_mounted(const struct record *record, const char *place)
{
	const json_t *list = json_at(record->config, "Mounts"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (strcmp(json_string_at(one, "Destination", ""), place) == 0)
			return true;
	}
	return false;
}

void systemd_init_fill(const struct record *record, struct spec *spec)
{
	static const struct {
		const char *path, *data;
	} places[] = {
		{ "/run", "mode=755" },
		{ "/run/lock", "mode=1777,size=5m" },
		{ "/tmp", "mode=1777" },
		{ "/var/log/journal", "mode=755" },
	};
	_cleanup_free_ char *uuid = str_printf("container_uuid=%.32s", record->row.id);

	if (!systemd_init_is(record))
		return;
	spec->systemd = true;
	if (!env_get(spec->process.env, "container"))
		strv_add(&spec->process.env, "container=cloche");
	if (!env_get(spec->process.env, "container_uuid"))
		strv_add(&spec->process.env, uuid);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (is_mounted(record, places[i].path))
			continue;
		spec_add_mount(spec, &(struct spec_mount){ .kind = SPEC_MOUNT_TMPFS,
							   .source_fd = -1,
							   .destination = str_dup(places[i].path),
							   .data = str_dup(places[i].data),
							   .copy_up = true,
							   .attr_set = MOUNT_ATTR_NOSUID });
	}
}
