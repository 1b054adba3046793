/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/as_options.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

enum { DEFAULT_SHM = 64 << 20, DEFAULT_PIDS = 8192, ID_SHOWN = 12 };

struct making {
	const json_t *config, *host, *image; /* Config, HostConfig, the image's config */
	const json_t *all, *own;
	const char *id;
	unsigned int flags;
	struct as_options *out;
};

/* Takes value. */
static void add(struct making *m, const char *name, char *value)
{
	struct as_options *out = m->out;

	out->list = reallocarray(out->list, out->count + 1, sizeof(*out->list));
	if (!out->list)
		abort();
	out->list[out->count++] = (struct as_option){ name, value };
}

static void add_text(struct making *m, const char *name, const char *value)
{
	if (value && *value)
		add(m, name, str_dup(value));
}

/* -- what is one value ------------------------------------------------------------------------ */

enum rule {
	TEXT,	    /* unless empty */
	NOT_IMAGES, /* unless empty, or what the image has */
	NUMBER,	    /* unless 0 */
	SWITCH,
	LIST,	/* an option each */
	OBJECT, /* name=value each */
};

static const struct {
	const char *path, *option;
	enum rule rule;
	const char *usual; /* TEXT: this is left out, too; NOT_IMAGES: with systemd as init */
} rows[] = {
	{ "Config.Domainname", "domainname", TEXT, NULL },
	{ "Config.User", "user", NOT_IMAGES, NULL },
	{ "Config.WorkingDir", "workdir", NOT_IMAGES, NULL },
	{ "Config.StopSignal", "stop-signal", NOT_IMAGES, "SIGRTMIN+3" },
	{ "Config.StopTimeout", "stop-timeout", NUMBER, NULL },
	{ "Config.Tty", "tty", SWITCH, NULL },
	{ "Config.OpenStdin", "interactive", SWITCH, NULL },
	{ "HostConfig.Privileged", "privileged", SWITCH, NULL },
	{ "HostConfig.PidMode", "pid", TEXT, NULL },
	{ "HostConfig.IpcMode", "ipc", TEXT, "private" },
	{ "HostConfig.UTSMode", "uts", TEXT, NULL },
	{ "HostConfig.CgroupParent", "cgroup-parent", TEXT, NULL },
	{ "HostConfig.AutoRemove", "rm", SWITCH, NULL },
	{ "HostConfig.ReadonlyRootfs", "read-only", SWITCH, NULL },
	{ "HostConfig.Init", "init", SWITCH, NULL },
	{ "HostConfig.GroupAdd", "group-add", LIST, NULL },
	{ "HostConfig.ExtraHosts", "add-host", LIST, NULL },
	{ "HostConfig.Dns", "dns", LIST, NULL },
	{ "HostConfig.DnsSearch", "dns-search", LIST, NULL },
	{ "HostConfig.DnsOptions", "dns-option", LIST, NULL },
	{ "HostConfig.Memory", "memory", NUMBER, NULL },
	{ "HostConfig.MemoryReservation", "memory-reservation", NUMBER, NULL },
	{ "HostConfig.CpuShares", "cpu-shares", NUMBER, NULL },
	{ "HostConfig.CpuPeriod", "cpu-period", NUMBER, NULL },
	{ "HostConfig.CpuQuota", "cpu-quota", NUMBER, NULL },
	{ "HostConfig.CpusetCpus", "cpuset-cpus", TEXT, NULL },
	{ "HostConfig.CpusetMems", "cpuset-mems", TEXT, NULL },
	{ "HostConfig.BlkioWeight", "blkio-weight", NUMBER, NULL },
	{ "HostConfig.OomScoreAdj", "oom-score-adj", NUMBER, NULL },
	{ "HostConfig.OomKillDisable", "oom-kill-disable", SWITCH, NULL },
	{ "HostConfig.Sysctls", "sysctl", OBJECT, NULL },
	{ "HostConfig.CapAdd", "cap-add", LIST, NULL },
	{ "HostConfig.CapDrop", "cap-drop", LIST, NULL },
	{ "HostConfig.SecurityOpt", "security-opt", LIST, NULL },
	{ "HostConfig.DeviceCgroupRules", "device-cgroup-rule", LIST, NULL },
	{ "HostConfig.Annotations", "annotation", OBJECT, NULL },
	{ "HostConfig.StorageOpt", "storage-opt", OBJECT, NULL },
	{ "HostConfig.VolumesFrom", "volumes-from", LIST, NULL },
	{ "HostConfig.Binds", "volume", LIST, NULL },
	{ "Cloche.Bandwidth", "bandwidth", TEXT, NULL },
	{ "Cloche.Egress", "egress", LIST, NULL },
	{ "Cloche.HooksDirs", "hooks-dir", LIST, NULL },
	{ "Cloche.NetworkDevices", "network-device", LIST, NULL },
	{ "Cloche.Routes", "route", LIST, NULL },
	{ "HostConfig.PublishAllPorts", "publish-all", SWITCH, NULL },
	{ "Cloche.TimeZone", "tz", TEXT, NULL },
	{ "Cloche.Timeout", "timeout", NUMBER, NULL },
	{ "Cloche.Systemd", "systemd", TEXT, NULL },
	{ "Cloche.Register", "register", SWITCH, NULL },
	{ "Cloche.Guard", "guard", TEXT, NULL },
	{ "Cloche.PublishMode", "publish-mode", TEXT, "kernel" },
	{ "Cloche.HealthOnFailure", "health-on-failure", TEXT, NULL },
};

static void list_add(struct making *m, const char *option, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *text = json_string_value(one);

		if (strcmp(option, "volume") == 0 && m->flags & AS_SAME_VOLUMES && text &&
		    !strchr(text, ':'))
			continue; /* one without a name: mounts_add() names it */
		add_text(m, option, text);
	}
}

static void object_add(struct making *m, const char *option, const json_t *object)
{
	_cleanup_strv_ char **names = json_names(object);

	for (size_t i = 0; names[i]; i++)
		add(m, option,
		    str_printf("%s=%s", names[i],
			       json_string_value(json_object_get(object, names[i])) ?
				       json_string_value(json_object_get(object, names[i])) :
				       ""));
}

static void row_add(struct making *m, size_t i)
{
	const json_t *value = json_at(m->all, rows[i].path);
	const char *text = json_string_value(value), *key = strchr(rows[i].path, '.') + 1;

	switch (rows[i].rule) {
	case TEXT:
		if (text && !(rows[i].usual && strcmp(text, rows[i].usual) == 0))
			add_text(m, rows[i].option, text);
		break;
	case NOT_IMAGES:
		if (text && rows[i].usual && strcmp(text, rows[i].usual) == 0 &&
		    json_bool_at(m->own, "SystemdInit"))
			break; /* it comes of --systemd */
		if (text && strcmp(text, json_string_at(m->image, key, "")) != 0)
			add_text(m, rows[i].option, text);
		break;
	case NUMBER:
		if (json_is_integer(value) && json_integer_value(value) != 0)
			add(m, rows[i].option,
			    str_printf("%lld", (long long)json_integer_value(value)));
		break;
	case SWITCH:
		if (json_is_true(value))
			add(m, rows[i].option, NULL);
		break;
	case LIST:
		list_add(m, rows[i].option, value);
		break;
	case OBJECT:
		object_add(m, rows[i].option, value);
		break;
	}
}

/* -- what needs more than a row --------------------------------------------------------------- */

static void names_add(struct making *m)
{
	const char *hostname = json_string_at(m->config, "Hostname", "");

	if (json_is_false(json_at(m->config, "AttachStdout")))
		add(m, "detach", NULL);
	if (strncmp(hostname, m->id, ID_SHOWN) != 0 &&
	    strcmp(json_string_at(m->host, "UTSMode", ""), "host") != 0 &&
	    strcmp(json_string_at(m->host, "NetworkMode", ""), "host") != 0)
		add_text(m, "hostname", hostname);
	if (!json_bool_at(m->host, "Privileged"))
		add_text(m, "userns", json_string_at(m->host, "UsernsMode", ""));
	/* of Docker it is the host's on cgroup v1, by default: only ours tells more than that */
	if (m->own && strcmp(json_string_at(m->host, "CgroupnsMode", ""), "host") == 0)
		add_text(m, "cgroupns", "host");
	if (strcmp(json_string_at(m->host, "Runtime", m->own ? "cloche" : "runc"),
		   m->own ? "cloche" : "runc") != 0)
		add_text(m, "runtime", json_string_at(m->host, "Runtime", ""));
}

static void environment_add(struct making *m)
{
	_cleanup_strv_ char **of_image = json_strv_at(m->image, "Env"),
			    **env = json_strv_at(m->config, "Env");
	const json_t *labels = json_at(m->config, "Labels"), *theirs = json_at(m->image, "Labels");
	_cleanup_strv_ char **names = json_names(labels);

	for (size_t i = 0; env && env[i]; i++) {
		bool known = false;

		for (size_t k = 0; of_image && of_image[k]; k++)
			known |= strcmp(of_image[k], env[i]) == 0;
		if (!known)
			add_text(m, "env", env[i]);
	}
	for (size_t i = 0; names[i]; i++) {
		const char *value = json_string_value(json_object_get(labels, names[i]));

		if (!str_equal(value, json_string_value(json_object_get(theirs, names[i]))))
			add(m, "label", str_printf("%s=%s", names[i], value ? value : ""));
	}
}

static void restart_add(struct making *m)
{
	const char *name = json_string_at(m->host, "RestartPolicy.Name", "");
	int64_t most = json_int_at(m->host, "RestartPolicy.MaximumRetryCount", 0);

	if (!*name || strcmp(name, "no") == 0)
		return;
	add(m, "restart", most > 0 ? str_printf("%s:%lld", name, (long long)most) : str_dup(name));
}

static void limits_add(struct making *m)
{
	int64_t memory = json_int_at(m->host, "Memory", 0),
		swap = json_int_at(m->host, "MemorySwap", 0),
		nano = json_int_at(m->host, "NanoCpus", 0),
		pids = json_int_at(m->host, "PidsLimit", 0),
		shm = json_int_at(m->host, "ShmSize", 0),
		swappiness = json_int_at(m->host, "MemorySwappiness", -1);
	const json_t *one;
	size_t i;

	if (swap != 0 && swap != 2 * memory)
		add(m, "memory-swap", str_printf("%lld", (long long)swap));
	if (swappiness >= 0)
		add(m, "memory-swappiness", str_printf("%lld", (long long)swappiness));
	if (nano > 0) {
		_cleanup_free_ char *text = str_printf("%lld.%09lld",
						       (long long)(nano / 1000000000),
						       (long long)(nano % 1000000000));
		char *end = text + strlen(text);

		while (end[-1] == '0')
			*--end = '\0';
		if (end[-1] == '.')
			end[-1] = '\0';
		add_text(m, "cpus", text);
	}
	if (pids != 0 && pids != DEFAULT_PIDS)
		add(m, "pids-limit", str_printf("%lld", (long long)pids));
	if (shm != 0 && shm != DEFAULT_SHM)
		add(m, "shm-size", str_printf("%lld", (long long)shm));
	json_array_foreach(json_at(m->host, "Ulimits"), i, one)
	{
		add(m, "ulimit",
		    str_printf("%s=%lld:%lld", json_string_at(one, "Name", ""),
			       (long long)json_int_at(one, "Soft", 0),
			       (long long)json_int_at(one, "Hard", 0)));
	}
}

static void devices_add(struct making *m)
{
	static const struct {
		const char *key, *number, *option;
	} rates[] = {
		{ "BlkioWeightDevice", "Weight", "blkio-weight-device" },
		{ "BlkioDeviceReadBps", "Rate", "device-read-bps" },
		{ "BlkioDeviceWriteBps", "Rate", "device-write-bps" },
		{ "BlkioDeviceReadIOps", "Rate", "device-read-iops" },
		{ "BlkioDeviceWriteIOps", "Rate", "device-write-iops" },
	};
	const json_t *one, *name;
	size_t i, k;

	json_array_foreach(json_at(m->host, "Devices"), i, one)
	{
		bool follow = false;

		json_array_foreach(json_object_get(m->own, "FollowDevices"), k, name)
		{
			follow |= strcmp(json_string_value(name),
					 json_string_at(one, "PathInContainer", "")) == 0;
		}
		add(m, "device",
		    str_printf("%s:%s:%s%s", json_string_at(one, "PathOnHost", ""),
			       json_string_at(one, "PathInContainer", ""),
			       json_string_at(one, "CgroupPermissions", "rwm"),
			       follow ? ",follow" : ""));
	}
	json_array_foreach(json_at(m->host, "DeviceRequests"), i, one)
	{
		if (strcmp(json_string_at(one, "Driver", ""), "cdi") != 0) {
			if (json_int_at(one, "Count", 0) == -1)
				add_text(m, "gpus", "all");
			continue;
		}
		json_array_foreach(json_at(one, "DeviceIDs"), k, name)
		{
			add_text(m, "device", json_string_value(name));
		}
	}
	for (k = 0; k < ARRAY_SIZE(rates); k++) {
		json_array_foreach(json_at(m->host, rates[k].key), i, one)
		{
			add(m, rates[k].option,
			    str_printf("%s:%lld", json_string_at(one, "Path", ""),
				       (long long)json_int_at(one, rates[k].number, 0)));
		}
	}
}

static void log_add(struct making *m)
{
	const char *driver = json_string_at(m->host, "LogConfig.Type", "");

	if (strcmp(driver, m->own ? "local" : "json-file") != 0)
		add_text(m, "log-driver", driver);
	object_add(m, "log-opt", json_at(m->host, "LogConfig.Config"));
}

static void health_add(struct making *m)
{
	static const struct {
		const char *key, *option;
	} times[] = {
		{ "Interval", "health-interval" },
		{ "Timeout", "health-timeout" },
		{ "StartPeriod", "health-start-period" },
		{ "StartInterval", "health-start-interval" },
	};
	const json_t *check = json_at(m->config, "Healthcheck");
	_cleanup_strv_ char **test = json_strv_at(check, "Test");
	_cleanup_(buf_clear) struct buf command = BUF_EMPTY;

	if (!check || json_equal((json_t *)check, (json_t *)json_at(m->image, "Healthcheck")))
		return;
	if (test && test[0] && strcmp(test[0], "NONE") == 0) {
		add(m, "no-healthcheck", NULL);
		return;
	}
	/* a list of words cannot be said on the command line: as a line for the shell it is the same */
	for (size_t i = 1; test && test[0] && test[i]; i++)
		buf_printf(&command, "%s%s", i > 1 ? " " : "", test[i]);
	add_text(m, "health-cmd", command.data);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		int64_t ns = json_int_at(check, times[i].key, 0);

		if (ns > 0)
			add(m, times[i].option,
			    ns % 1000000000 == 0 ?
				    str_printf("%llds", (long long)(ns / 1000000000)) :
				    str_printf("%lldns", (long long)ns));
	}
	if (json_int_at(check, "Retries", 0) > 0)
		add(m, "health-retries",
		    str_printf("%lld", (long long)json_int_at(check, "Retries", 0)));
}

/* -- network ---------------------------------------------------------------------------------- */

static void network_add(struct making *m, const char *name, const json_t *aliases, const char *ip4,
			const char *ip6, const char *mac, const json_t *request)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *key;
	const json_t *one;
	json_t *value;
	size_t i;

	json_array_foreach(aliases, i, one)
	{
		const char *alias = json_string_value(one);

		/* Docker's own: the container's short id */
		if (alias && strncmp(alias, m->id, ID_SHOWN) != 0)
			buf_printf(&text, ",alias=%s", alias);
	}
	if (*ip4)
		buf_printf(&text, ",ip=%s", ip4);
	if (*ip6)
		buf_printf(&text, ",ip6=%s", ip6);
	if (*mac)
		buf_printf(&text, ",mac-address=%s", mac);
	if (json_int_at(request, "GwPriority", 0))
		buf_printf(&text, ",gw-priority=%lld",
			   (long long)json_int_at(request, "GwPriority", 0));
	if (*json_string_at(request, "InterfaceName", ""))
		buf_printf(&text, ",interface-name=%s",
			   json_string_at(request, "InterfaceName", ""));
	json_object_foreach((json_t *)json_at(request, "DriverOpts"), key, value)
	{
		buf_printf(&text, ",driver-opt=%s=%s", key,
			   json_string_value(value) ? json_string_value(value) : "");
	}
	if (text.length)
		add(m, "network", str_printf("name=%s%s", name, text.data));
	else if (strcmp(name, "bridge") != 0 && strcmp(name, "default") != 0)
		add_text(m, "network", name);
}

static void networks_add(struct making *m)
{
	const char *mode = json_string_at(m->host, "NetworkMode", ""), *key;
	const json_t *ours = json_at(m->own, "Networks"), *one;
	json_t *theirs = (json_t *)json_at(m->all, "NetworkSettings.Networks"), *value;
	size_t i;

	if (json_array_size(ours) > 0) {
		bool alone = json_array_size(ours) == 1;

		json_array_foreach(ours, i, one)
		{
			const char *name = json_string_at(one, "Name", "");

			/* among several the default one has to be said */
			if (!alone && strcmp(name, "bridge") == 0 &&
			    json_array_size(json_at(one, "Aliases")) == 0)
				add_text(m, "network", name);
			else
				network_add(m, name, json_at(one, "Aliases"),
					    json_string_at(one, "IPv4Address", ""),
					    json_string_at(one, "IPv6Address", ""),
					    json_string_at(one, "MacAddress", ""), one);
		}
		return;
	}
	if (!theirs || m->own || strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0 ||
	    strncmp(mode, "container:", 10) == 0) {
		if (strcmp(mode, "bridge") != 0 && strcmp(mode, "default") != 0)
			add_text(m, "network", mode);
		return;
	}
	json_object_foreach(theirs, key, value)
	{
		network_add(m, key, json_at(value, "Aliases"),
			    json_string_at(value, "IPAMConfig.IPv4Address", ""),
			    json_string_at(value, "IPAMConfig.IPv6Address", ""), "", NULL);
	}
}

static void ports_add(struct making *m)
{
	const json_t *bindings = json_at(m->host, "PortBindings"), *one;
	const json_t *exposed = json_at(m->config, "ExposedPorts"),
		     *of_image = json_at(m->image, "ExposedPorts");
	_cleanup_strv_ char **ports = json_names(bindings), **open = json_names(exposed);
	size_t k;

	for (size_t i = 0; ports[i]; i++) {
		_cleanup_free_ char *port = str_dup(ports[i]);

		if (str_suffix(port, "/tcp"))
			port[strlen(port) - 4] = '\0';
		json_array_foreach(json_object_get(bindings, ports[i]), k, one)
		{
			const char *ip = json_string_at(one, "HostIp", ""),
				   *host = json_string_at(one, "HostPort", "");
			bool six = strchr(ip, ':') != NULL;

			if (*ip)
				add(m, "publish",
				    str_printf("%s%s%s:%s:%s", six ? "[" : "", ip, six ? "]" : "",
					       host, port));
			else if (*host)
				add(m, "publish", str_printf("%s:%s", host, port));
			else
				add_text(m, "publish", port);
		}
	}
	for (size_t i = 0; open[i]; i++)
		if (!json_object_get(of_image, open[i]) && !json_object_get(bindings, open[i]))
			add_text(m, "expose", open[i]);
}

/* -- mounts ----------------------------------------------------------------------------------- */

/* -v and --tmpfs have said it already. */
static bool mount_said(const struct making *m, const json_t *mount)
{
	const char *target = json_string_at(mount, "Destination", "");
	const json_t *one;
	size_t i;

	if (json_object_get(json_at(m->host, "Tmpfs"), target))
		return true;
	json_array_foreach(json_at(m->host, "Binds"), i, one)
	{
		const char *bind = json_string_value(one), *at = bind ? strchr(bind, ':') : NULL;
		size_t length = strlen(target);

		/* SOURCE:TARGET[:...] */
		if (at && strncmp(at + 1, target, length) == 0 &&
		    (at[1 + length] == '\0' || at[1 + length] == ':'))
			return true;
		if (bind && !at && strcmp(bind, target) == 0)
			return !(m->flags & AS_SAME_VOLUMES);
	}
	return false;
}

static void mount_add(struct making *m, const json_t *mount)
{
	const char *type = json_string_at(mount, "Type", ""),
		   *target = json_string_at(mount, "Destination", ""),
		   *name = json_string_at(mount, "Name", ""),
		   *data = json_string_at(mount, "Data", ""),
		   *propagation = json_string_at(mount, "Propagation", "");
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	bool volume = strcmp(type, "volume") == 0, bind = strcmp(type, "bind") == 0;

	if (mount_said(m, mount))
		return;
	if (volume && str_is_id(name) && !(m->flags & AS_SAME_VOLUMES)) {
		if (!json_object_get(json_at(m->image, "Volumes"), target))
			add_text(m, "volume", target);
		return;
	}
	buf_printf(&text, "type=%s", type);
	if (volume)
		buf_printf(&text, ",source=%s", name);
	else if (bind)
		buf_printf(&text, ",source=%s", json_string_at(mount, "Source", ""));
	buf_printf(&text, ",target=%s", target);
	if (json_object_get(mount, "RW") && !json_bool_at(mount, "RW"))
		buf_puts(&text, ",readonly");
	if (bind && *propagation && strcmp(propagation, "rprivate") != 0)
		buf_printf(&text, ",bind-propagation=%s", propagation);
	if (json_bool_at(mount, "Nonrecursive"))
		buf_puts(&text, ",bind-nonrecursive");
	if (*json_string_at(mount, "IdMap", ""))
		buf_printf(&text, ",idmap=%s", json_string_at(mount, "IdMap", ""));
	if (json_bool_at(mount, "SetId"))
		buf_puts(&text, ",setid=allow");
	if (*json_string_at(mount, "Subpath", ""))
		buf_printf(&text, ",volume-subpath=%s", json_string_at(mount, "Subpath", ""));
	else if (volume && json_object_get(mount, "CopyUp") && !json_bool_at(mount, "CopyUp"))
		buf_puts(&text, ",volume-nocopy");
	if (strcmp(type, "tmpfs") == 0) {
		_cleanup_strv_ char **words = strv_split(data, ',');

		for (size_t i = 0; words[i]; i++)
			if (str_prefix(words[i], "size=") || str_prefix(words[i], "mode="))
				buf_printf(&text, ",tmpfs-%s", words[i]);
	}
	add_text(m, "mount", text.data);
}

static void mounts_add(struct making *m)
{
	json_t *points = (json_t *)json_at(m->all, "MountPoints"), *value;
	const json_t *one, *tmpfs = json_at(m->host, "Tmpfs");
	_cleanup_strv_ char **targets = json_names(tmpfs);
	const char *key;
	size_t i;

	for (i = 0; targets[i]; i++) {
		const char *data = json_string_value(json_object_get(tmpfs, targets[i]));

		add(m, "tmpfs",
		    data && *data ? str_printf("%s:%s", targets[i], data) : str_dup(targets[i]));
	}
	json_array_foreach(json_at(m->all, "Mounts"), i, one)
	{
		mount_add(m, one);
	}
	json_object_foreach(points, key, value)
	{
		mount_add(m, value);
	}
}

/* -- ours ------------------------------------------------------------------------------------- */

static void own_add(struct making *m)
{
	const json_t *mask = json_at(m->own, "Umask"), *one;
	size_t i;

	if (json_is_integer(mask))
		add(m, "umask", str_printf("%04llo", (unsigned long long)json_integer_value(mask)));
	if (*json_string_at(m->own, "Rootfs", ""))
		add(m, "rootfs",
		    str_printf("%s%s", json_string_at(m->own, "Rootfs", ""),
			       json_bool_at(m->own, "RootfsInPlace") ? ":rw" : ""));
	json_array_foreach(json_at(m->own, "Requires"), i, one)
	{
		add(m, "requires",
		    str_printf("%.12s%s", json_string_at(one, "Id", ""),
			       json_bool_at(one, "Healthy") ? ":healthy" : ""));
	}
	json_array_foreach(json_at(m->own, "Secrets"), i, one)
	{
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
		static const char *const words[] = { "src", "env", "target" };

		buf_printf(&text, "id=%s", json_string_at(one, "id", ""));
		for (size_t k = 0; k < ARRAY_SIZE(words); k++)
			if (*json_string_at(one, words[k], ""))
				buf_printf(&text, ",%s=%s", words[k],
					   json_string_at(one, words[k], ""));
		if (json_object_get(one, "uid"))
			buf_printf(&text, ",uid=%lld", (long long)json_int_at(one, "uid", 0));
		if (json_object_get(one, "gid"))
			buf_printf(&text, ",gid=%lld", (long long)json_int_at(one, "gid", 0));
		if (json_object_get(one, "mode"))
			buf_printf(&text, ",mode=%llo",
				   (unsigned long long)json_int_at(one, "mode", 0));
		add_text(m, "secret", text.data);
	}
}

static bool strv_equal(char *const *a, char *const *b)
{
	size_t count = a ? strv_length(a) : 0;

	if (count != (b ? strv_length(b) : 0))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

/* An entrypoint of several words: the first as the option, the others before the command. */
static void command_add(struct making *m)
{
	_cleanup_strv_ char **entrypoint = json_strv_at(m->config, "Entrypoint"),
			    **cmd = json_strv_at(m->config, "Cmd"),
			    **their_entrypoint = json_strv_at(m->image, "Entrypoint"),
			    **their_cmd = json_strv_at(m->image, "Cmd");
	bool own_entrypoint = !strv_equal(entrypoint, their_entrypoint);

	if (own_entrypoint) {
		add(m, "entrypoint", str_dup(entrypoint && entrypoint[0] ? entrypoint[0] : ""));
		for (size_t i = 1; entrypoint && entrypoint[0] && entrypoint[i]; i++)
			strv_add(&m->out->command, entrypoint[i]);
	}
	if (own_entrypoint || !strv_equal(cmd, their_cmd))
		for (size_t i = 0; cmd && cmd[i]; i++)
			strv_add(&m->out->command, cmd[i]);
}

void as_options_make(const json_t *config, const json_t *image, const char *id, unsigned int flags,
		     struct as_options *ret_options)
{
	struct as_options out = AS_OPTIONS_NONE;
	struct making m = { .config = json_at(config, "Config"),
			    .host = json_at(config, "HostConfig"),
			    .image = image,
			    .all = config,
			    .own = json_at(config, "Cloche"),
			    .id = id,
			    .flags = flags,
			    .out = &out };

	names_add(&m);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		row_add(&m, i);
	environment_add(&m);
	restart_add(&m);
	limits_add(&m);
	devices_add(&m);
	log_add(&m);
	health_add(&m);
	networks_add(&m);
	ports_add(&m);
	mounts_add(&m);
	own_add(&m);
	command_add(&m);
	out.image = str_dup(json_string_at(m.config, "Image", ""));
	*ret_options = out;
}

void as_options_clear(struct as_options *options)
{
	for (size_t i = 0; i < options->count; i++)
		free(options->list[i].value);
	free(options->list);
	free(options->image);
	strv_clear(options->command);
	*options = AS_OPTIONS_NONE;
}

char **as_options_words(const struct as_options *options)
{
	char **words = NULL;

	for (size_t i = 0; i < options->count; i++) {
		strv_add_take(&words, str_printf("--%s", options->list[i].name));
		if (options->list[i].value)
			strv_add(&words, options->list[i].value);
	}
	strv_add(&words, *options->image ? options->image : "--");
	for (size_t i = 0; options->command && options->command[i]; i++)
		strv_add(&words, options->command[i]);
	return words;
}
