/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/apparmor.h"
#include "engine/bind_map.h"
#include "engine/cni.h"
#include "engine/death.h"
#include "engine/disk_limit.h"
#include "engine/docker_document.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/repair.h"
#include "engine/restart.h"
#include "engine/spec_build.h"
#include "engine/starter.h"
#include "engine/status.h"
#include "guard/guard_map.h"
#include "runtime/cgroup.h"
#include "runtime/selinux_label.h"
#include "state/uid_range.h"

char *time_text(int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char day[32];

	if (ns == 0)
		return str_dup("0001-01-01T00:00:00Z");
	if (!gmtime_r(&seconds, &tm) || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return str_dup("");
	return str_printf("%s.%09lldZ", day, (long long)(ns % 1000000000));
}

char *duration_text(int64_t s)
{
	if (s < 1)
		return str_dup("Less than a second");
	if (s == 1)
		return str_dup("1 second");
	if (s < 60)
		return str_printf("%lld seconds", (long long)s);
	if (s < 120)
		return str_dup("About a minute");
	if (s < 3600)
		return str_printf("%lld minutes", (long long)(s / 60));
	/* hours are rounded, as Docker does */
	s = (s + 1800) / 3600;
	if (s == 1)
		return str_dup("About an hour");
	if (s < 48)
		return str_printf("%lld hours", (long long)s);
	if (s < 24 * 7 * 2)
		return str_printf("%lld days", (long long)(s / 24));
	if (s < 24 * 30 * 2)
		return str_printf("%lld weeks", (long long)(s / 24 / 7));
	if (s < 24 * 365 * 2)
		return str_printf("%lld months", (long long)(s / 24 / 30));
	return str_printf("%lld years", (long long)(s / 24 / 365));
}

char *status_text(const struct container_status *status)
{
	int64_t now = engine_now_ns();
	_cleanup_free_ char *text = NULL;

	switch (status->status) {
	case STATUS_RUNNING:
		text = duration_text((now - status->started_ns) / 1000000000);
		return str_printf("Up %s%s", text, status->paused ? " (Paused)" : "");
	case STATUS_EXITED:
		text = duration_text((now - status->finished_ns) / 1000000000);
		if (status->restarting)
			return str_printf("Restarting (%d) %s ago", status->exit_code, text);
		if (!status->finished_ns)
			return str_printf("Exited (%d)", status->exit_code);
		return str_printf("Exited (%d) %s ago%s", status->exit_code, text,
				  status->oom ? " (out of memory)" : "");
	case STATUS_CREATED:
		break;
	}
	return str_dup("Created");
}

/* -- containers ------------------------------------------------------------------------------- */

static json_t *state_json(const struct container_status *status)
{
	_cleanup_free_ char *started = time_text(status->started_ns);
	_cleanup_free_ char *finished = time_text(status->finished_ns);
	json_t *state = json_object();
	bool running = status->status == STATUS_RUNNING;
	bool restarting = status->restarting;

	json_put(state, "Status", json_text(status_word(status)));
	json_put(state, "Running", json_boolean(running || restarting));
	json_put(state, "Paused", json_boolean(status->paused));
	json_put(state, "Restarting", json_boolean(restarting));
	json_put(state, "OOMKilled", json_boolean(status->oom));
	json_put(state, "Dead", json_false());
	json_put(state, "Pid", json_integer(running ? status->pid : 0));
	json_put(state, "ExitCode", json_integer(status->exit_code));
	json_put(state, "Error", json_text(status->error));
	json_put(state, "StartedAt", json_text(started));
	json_put(state, "FinishedAt", json_text(finished));
	return state;
}

/* Docker's keys; how we came to them is ours. */
static json_t *mounts_json(const json_t *recorded)
{
	static const char *const keys[] = { "Type",   "Name", "Source", "Destination",
					    "Driver", "Mode", "RW",	"Propagation" };
	json_t *all = json_array(), *value;
	const json_t *mount;
	size_t i;

	json_array_foreach(recorded, i, mount)
	{
		json_t *one = json_object();

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			if ((value = json_object_get(mount, keys[k])) != NULL)
				json_put(one, keys[k], json_incref(value));
		if (!json_object_get(one, "Source"))
			json_put(one, "Source", json_text(""));
		json_push(all, one);
	}
	return all;
}

/* Whose the files of a host path are inside, and why. What is gone now has no answer. */
static json_t *binds_json(const struct record *record)
{
	json_t *all = json_array();
	const json_t *mount;
	size_t i;

	json_array_foreach(json_at(record->config, "Mounts"), i, mount)
	{
		struct err ignored = ERR_NONE;
		struct bind_choice choice;
		json_t *one;

		if (strcmp(json_string_at(mount, "Type", ""), "bind") != 0 ||
		    bind_choose(json_string_at(mount, "Source", ""),
				json_string_at(mount, "IdMap", ""), !json_bool_at(mount, "RW"),
				record->row.uid_base != 0, &choice, &ignored) < 0)
			continue;
		one = json_object();
		json_put(one, "Destination", json_text(json_string_at(mount, "Destination", "")));
		json_put(one, "IdMap", json_text(choice.map));
		json_put(one, "Reason", json_text(choice.reason));
		json_put(one, "SetIdRefused",
			 json_boolean(choice.refuse && !json_bool_at(mount, "SetId")));
		json_push(all, one);
	}
	return all;
}

static json_t *own_json(struct engine *engine, const struct record *record,
			const struct container_status *status)
{
	_cleanup_free_ char *cgroup = spec_cgroup_path(engine, record);
	json_t *own = json_object(), *death, *starter, *ends;

	if (record->row.uid_base)
		json_put(own, "UidRange",
			 json_pack("{s:I,s:i}", "First", (json_int_t)record->row.uid_base, "Size",
				   UID_RANGE_SIZE));
	else
		json_put(own, "UidRange", json_null());
	json_put(own, "CgroupPath", json_text(cgroup));
	json_put(own, "ExitUnknown", json_boolean(status->unknown));
	json_put(own, "Monitored", json_boolean(status->monitored));
	json_put(own, "OOM", json_boolean(status->oom));
	death = status->status == STATUS_EXITED ? death_read(engine, record->row.id) : NULL;
	ends = ends_json(engine, record, status, &death);
	json_put(own, "Death", death ? death : json_null());
	starter = status->status == STATUS_RUNNING ? starter_json(engine, record->row.id) : NULL;
	json_put(own, "StartedBy", starter ? starter : json_null());
	json_put(own, "Ends", ends);
	json_put(own, "Isolation", json_text("namespaces"));
	json_put(own, "Binds", binds_json(record));
	return own;
}

static json_t *endpoint_json(const struct endpoint *endpoint, bool gateway)
{
	char text[ADDRESS_TEXT];
	json_t *one = json_object(), *ipam = json_object();
	const char *want4 = json_string_at(endpoint->request, "IPv4Address", ""),
		   *want6 = json_string_at(endpoint->request, "IPv6Address", "");
	const json_t *aliases = json_at(endpoint->request, "Aliases"),
		     *options = json_at(endpoint->request, "DriverOpts");

	if (*want4)
		json_put(ipam, "IPv4Address", json_text(want4));
	if (*want6)
		json_put(ipam, "IPv6Address", json_text(want6));
	json_put(one, "IPAMConfig", json_object_size(ipam) ? json_incref(ipam) : json_null());
	json_decref(ipam);
	json_put(one, "Links", json_null());
	json_put(one, "Aliases", json_array_size(aliases) ? json_deep_copy(aliases) : json_null());
	json_put(one, "MacAddress", json_text(endpoint->row.mac));
	json_put(one, "DriverOpts",
		 json_object_size(options) ? json_deep_copy(options) : json_null());
	json_put(one, "GwPriority", json_integer(json_int_at(endpoint->request, "GwPriority", 0)));
	json_put(one, "NetworkID", json_text(endpoint->network.row.id));
	json_put(one, "EndpointID", json_text(""));
	json_put(one, "Gateway",
		 json_text(gateway ? address_text(&endpoint->network.subnet4.address, text) : ""));
	json_put(one, "IPAddress", json_text(endpoint->row.ip4));
	json_put(one, "IPPrefixLen", json_integer(endpoint->network.subnet4.prefix));
	json_put(one, "IPv6Gateway",
		 json_text(gateway ? address_text(&endpoint->network.subnet6.address, text) : ""));
	json_put(one, "GlobalIPv6Address", json_text(endpoint->row.ip6));
	json_put(one, "GlobalIPv6PrefixLen", json_integer(endpoint->network.subnet6.prefix));
	json_put(one, "DNSNames", json_null());
	return one;
}

/* As Docker has it: what is not running has its networks without addresses. */
static void endpoint_hide(json_t *one)
{
	static const char *const texts[] = { "Gateway", "IPAddress", "IPv6Gateway",
					     "GlobalIPv6Address", "MacAddress" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_put(one, texts[i], json_text(""));
	json_put(one, "IPPrefixLen", json_integer(0));
	json_put(one, "GlobalIPv6PrefixLen", json_integer(0));
}

/* What the plugins gave: the first address of each family. */
static void cni_put(struct engine *engine, const struct record *record, json_t *one)
{
	_cleanup_json_ json_t *result = cni_result(engine, record);
	const json_t *ip;
	size_t i;

	json_array_foreach(json_object_get(result, "ips"), i, ip)
	{
		const char *address = json_string_at(ip, "address", ""),
			   *slash = strchr(address, '/');
		bool v6 = strchr(address, ':') != NULL;
		_cleanup_free_ char *text = NULL;

		if (!slash)
			continue;
		text = str_ndup(address, (size_t)(slash - address));
		json_put(one, v6 ? "GlobalIPv6Address" : "IPAddress", json_text(text));
		json_put(one, v6 ? "GlobalIPv6PrefixLen" : "IPPrefixLen",
			 json_integer(strtol(slash + 1, NULL, 10)));
		json_put(one, v6 ? "IPv6Gateway" : "Gateway",
			 json_text(json_string_at(ip, "gateway", "")));
	}
}

static json_t *network_json(struct engine *engine, const struct record *record,
			    const struct container_status *status)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	const char *mode = json_string_at(record->config, "HostConfig.NetworkMode", "none");
	_cleanup_free_ char *key = str_printf("/proc/%d/ns/net", (int)status->pid);
	json_t *network = json_object(), *networks = json_object(), *first = NULL;
	static const char *const same[] = { "EndpointID",	   "Gateway",	"GlobalIPv6Address",
					    "GlobalIPv6PrefixLen", "IPAddress", "IPPrefixLen",
					    "IPv6Gateway",	   "MacAddress" };
	bool running = status->status == STATUS_RUNNING;
	struct err ignored = ERR_NONE;

	(void)endpoints_load(engine, record, &endpoints, &ignored);
	json_put(network, "Bridge", json_text(""));
	json_put(network, "SandboxID", json_text(running ? record->row.id : ""));
	json_put(network, "HairpinMode", json_false());
	json_put(network, "LinkLocalIPv6Address", json_text(""));
	json_put(network, "LinkLocalIPv6PrefixLen", json_integer(0));
	json_put(network, "SecondaryIPAddresses", json_null());
	json_put(network, "SecondaryIPv6Addresses", json_null());
	json_put(network, "SandboxKey", json_text(running && strcmp(mode, "host") != 0 ? key : ""));
	json_put(network, "Ports", publish_json(engine, record, running));
	for (size_t i = 0; i < endpoints.count; i++) {
		const struct endpoint *one = &endpoints.list[i];
		json_t *object = endpoint_json(one, one == endpoints_gateway(&endpoints));

		if (!running)
			endpoint_hide(object);
		if (strcmp(one->network.row.name, "bridge") == 0)
			first = object;
		json_put(networks, one->network.row.name, object);
	}
	/* the old fields are those of the default network */
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		json_t *value = first ? json_object_get(first, same[i]) : NULL;

		json_put(network, same[i],
			 value				  ? json_incref(value) :
			 str_suffix(same[i], "PrefixLen") ? json_integer(0) :
							    json_text(""));
	}
	if (endpoints.count == 0) {
		struct endpoint none = { 0 };
		json_t *object = endpoint_json(&none, false);

		endpoint_hide(object);
		if (running && cni_wanted(record))
			cni_put(engine, record, object);
		json_put(networks, mode, object);
	}
	json_put(network, "Networks", networks);
	return network;
}

/* Files of its own that are mounted into it: there from the first start on. */
static void files_put(json_t *all, const struct record *record,
		      const struct container_status *status, const char *folder)
{
	static const char *const files[][2] = { { "ResolvConfPath", "resolv.conf" },
						{ "HostnamePath", "hostname" },
						{ "HostsPath", "hosts" },
						{ "LogPath", "log" } };
	bool no_log = strcmp(json_string_at(record->config, "HostConfig.LogConfig.Type", ""),
			     "none") == 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = str_printf("%s/%s", folder, files[i][1]);
		bool log = i + 1 == ARRAY_SIZE(files);

		json_put(all, files[i][0],
			 json_text((log ? no_log : status->status == STATUS_CREATED) ? "" : path));
	}
}

/* MergedDir: the tree as the container sees it, while it runs. */
static json_t *apparmor_json(const struct record *record)
{
	_cleanup_free_ char *profile = spec_apparmor_profile(record);

	return json_text(!apparmor_enabled() ? "" : profile ? profile : APPARMOR_DEFAULT);
}

static json_t *graph_json(struct engine *engine, const struct record *record,
			  const struct container_status *status)
{
	const json_t *layers = json_at(record->config, "Cloche.Layers");
	_cleanup_free_ char *folder = disk_limit_folder(record),
			    *upper = str_printf("%s/%s/upper", engine->settings.root, folder),
			    *work = str_printf("%s/%s/work", engine->settings.root, folder),
			    *merged = str_printf("/proc/%d/root", (int)status->pid);
	_cleanup_(buf_clear) struct buf lower = BUF_EMPTY;
	json_t *graph = json_object(), *data = json_object();

	for (size_t i = json_array_size(layers); i-- > 0;)
		buf_printf(&lower, "%s%s/layers/%s", lower.length ? ":" : "", engine->settings.root,
			   json_string_value(json_array_get(layers, i)) + strlen("sha256:"));
	json_put(data, "LowerDir", json_text(lower.data));
	json_put(data, "MergedDir", json_text(status->status == STATUS_RUNNING ? merged : ""));
	json_put(data, "UpperDir", json_text(upper));
	json_put(data, "WorkDir", json_text(work));
	json_put(graph, "Data", data);
	json_put(graph, "Name", json_text("overlay"));
	return graph;
}

json_t *inspect_container(struct engine *engine, const struct record *record)
{
	_cleanup_free_ char *created = time_text(record->row.created_ns);
	_cleanup_free_ char *name = str_printf("/%s", record->row.name);
	_cleanup_free_ char *folder =
		str_printf("%s/containers/%s", engine->settings.root, record->row.id);
	_cleanup_json_ json_t *health = health_json(engine, record);
	struct container_status status;
	json_t *all = json_object(), *mounts;
	const char *key;
	json_t *value;

	status_get(engine, record->row.id, &status);
	if (repair_unmonitored(engine, record->row.id, &status))
		status_get(engine, record->row.id, &status);
	json_put(all, "Id", json_text(record->row.id));
	json_put(all, "Created", json_text(created));
	json_put(all, "Path", json_text(json_string_at(record->config, "Cloche.Path", "")));
	json_put(all, "Args", json_deep_copy(json_at(record->config, "Cloche.Args")));
	json_put(all, "State", state_json(&status));
	if (health)
		json_put(json_object_get(all, "State"), "Health", json_incref(health));
	json_put(all, "Image", json_text(record->row.image_id));
	files_put(all, record, &status, folder);
	json_put(all, "Name", json_text(name));
	json_put(all, "RestartCount", json_integer(restart_count(engine, record->row.id)));
	json_put(all, "Driver", json_text("overlay"));
	json_put(all, "Platform", json_text("linux"));
	json_put(all, "MountLabel", json_text(json_string_at(record->config, "MountLabel", "")));
	json_put(all, "ProcessLabel",
		 json_text(json_string_at(record->config, "ProcessLabel", "")));
	json_put(all, "AppArmorProfile", apparmor_json(record));
	json_put(all, "ExecIDs", json_null());
	json_put(all, "HostConfig",
		 docker_host_config(record->config, spec_masked_json(record),
				    spec_readonly_json(record)));
	json_put(all, "GraphDriver", graph_json(engine, record, &status));
	mounts = mounts_json(json_at(record->config, "Mounts"));
	json_put(all, "Mounts", docker_mounts(record->config, mounts));
	json_decref(mounts);
	json_put(all, "Config", docker_config(record->config));
	json_object_foreach(record->config, key,
			    value) if (strcmp(key, "Cloche") != 0 && !json_object_get(all, key))
		json_put(all, key, json_deep_copy(value));
	json_put(all, "NetworkSettings", network_json(engine, record, &status));
	json_put(all, "Cloche", own_json(engine, record, &status));
	return all;
}

/* -- volumes, info ---------------------------------------------------------------------------- */

json_t *inspect_volume(struct engine *engine, const char *name, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct volume_row row = { 0 };
	_cleanup_free_ char *created = NULL, *path = NULL;
	json_t *all;
	int r = store ? volume_find(store, name, &row, err) : -err->code;

	if (r == -ENOENT)
		err_set(err, ENOENT, "get %s: no such volume", name);
	if (r < 0)
		return NULL;
	created = time_text(row.created_ns);
	path = str_printf("%s/volumes/%s/_data", engine->settings.root, name);
	all = json_object();
	json_put(all, "CreatedAt", json_text(created));
	json_put(all, "Driver", json_text("local"));
	json_put(all, "Labels", row.labels ? json_loads(row.labels, 0, NULL) : json_object());
	json_put(all, "Mountpoint", json_text(path));
	json_put(all, "Name", json_text(name));
	json_put(all, "Options", row.options ? json_loads(row.options, 0, NULL) : json_null());
	json_put(all, "Scope", json_text("local"));
	volume_row_clear(&row);
	return all;
}

static void counts_put(struct engine *engine, json_t *all, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	struct image_row *images = NULL;
	int count = store ? container_list(store, false, &rows, err) : 0, running = 0;
	int paused = 0, image_count = store ? image_list(store, false, &images, err) : 0;

	for (int i = 0; i < count; i++) {
		struct container_status status;

		status_get(engine, rows[i].id, &status);
		paused += status.paused;
		running += status.status == STATUS_RUNNING && !status.paused;
	}
	json_put(all, "Containers", json_integer(count > 0 ? count : 0));
	json_put(all, "ContainersRunning", json_integer(running));
	json_put(all, "ContainersPaused", json_integer(paused));
	json_put(all, "ContainersStopped",
		 json_integer(count > running + paused ? count - running - paused : 0));
	json_put(all, "Images", json_integer(image_count > 0 ? image_count : 0));
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	if (image_count > 0)
		image_rows_free(images, (size_t)image_count);
}

/* Each setting with where it comes from. */
static json_t *settings_json(const struct settings *settings)
{
	json_t *all = json_object();

	for (size_t i = 0; settings_table[i].key; i++) {
		const struct setting_source *told = &settings->sources[i];
		_cleanup_free_ char *name =
			str_printf("%s.%s", settings_table[i].section, settings_table[i].key);

		json_put(all, name,
			 json_pack("{s:s,s:s}", "Value",
				   told->source ? told->value : settings_table[i].default_value,
				   "Source", told->source ? told->source : "built in"));
	}
	return all;
}

/* PRETTY_NAME of os-release(5). */
static char *system_name(void)
{
	static const char key[] = "PRETTY_NAME=";
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *at;

	if (file_read(AT_FDCWD, "/etc/os-release", 64 << 10, &text) < 0 &&
	    file_read(AT_FDCWD, "/usr/lib/os-release", 64 << 10, &text) < 0)
		return str_dup("Linux");
	at = str_prefix(text.data, key) ? text.data : strstr(text.data, "\nPRETTY_NAME=");
	if (!at)
		return str_dup("Linux");
	at = strchr(at, '=') + 1;
	at += *at == '"' || *at == '\'';
	return str_ndup(at, strcspn(at, "\"'\n"));
}

/* What Docker's daemon says of itself, as tools read it. */
static void daemon_put(struct engine *engine, json_t *all)
{
	_cleanup_free_ char *name = system_name();

	json_put(all, "ID",
		 json_text(engine->suffix && *engine->suffix ? engine->suffix + 1 : "cloche"));
	json_put(all, "OperatingSystem", json_text(name));
	json_put(all, "DefaultRuntime", json_text("cloche"));
	json_put(all, "Runtimes", json_pack("{s:{s:s}}", "cloche", "path", "cloche-runtime"));
	json_put(all, "InitBinary", json_text("cloche-init"));
	json_put(all, "IndexServerAddress", json_text("https://index.docker.io/v1/"));
	json_put(all, "Plugins",
		 json_pack("{s:[s],s:[s,s,s,s,s,s,s],s:n,s:[s,s,s,s,s]}", "Volume", "local",
			   "Network", "bridge", "host", "ipvlan", "lan", "macvlan", "null", "cni",
			   "Authorization", "Log", "journald", "json-file", "local", "none",
			   "syslog"));
	json_put(all, "Warnings", json_array());
}

/* What the kernel can limit, and what Docker's client adds. There is no proxy of a daemon, no debug mode, no label of a host. */
static void abilities_put(struct cgroup *cgroup, json_t *all)
{
	static const struct {
		const char *key, *controller;
	} limits[] = {
		{ "MemoryLimit", "memory" }, { "CpuCfsPeriod", "cpu" }, { "CpuCfsQuota", "cpu" },
		{ "CPUShares", "cpu" },	     { "CPUSet", "cpuset" },	{ "PidsLimit", "pids" },
	};
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		json_put(all, limits[i].key,
			 json_boolean(cgroup_has(cgroup, limits[i].controller)));
	json_put(all, "OomKillDisable",
		 json_boolean(cgroup_has(cgroup, "memory") && cgroup_mode(cgroup) != CGROUP_V2));
	json_put(all, "IPv4Forwarding",
		 json_boolean(file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 16, &text) ==
				      0 &&
			      text.data[0] == '1'));
	json_put(all, "Debug", json_false());
	json_put(all, "ExperimentalBuild", json_false());
	json_put(all, "Labels", json_array());
	json_put(all, "ClientInfo",
		 json_pack("{s:b,s:s,s:s,s:[],s:n}", "Debug", 0, "Version", CLOCHE_VERSION,
			   "Context", "default", "Plugins", "Warnings"));
}

json_t *inspect_info(struct engine *engine, struct err *err)
{
	static const char *const modes[] = { "1", "hybrid", "2" };
	struct cgroup *cgroup = engine_cgroup(engine, err);
	json_t *all = json_object();
	struct utsname host;
	struct sysinfo memory;

	if (!cgroup) {
		json_decref(all);
		return NULL;
	}
	(void)uname(&host);
	(void)sysinfo(&memory);
	counts_put(engine, all, err);
	json_put(all, "ServerVersion", json_text(CLOCHE_VERSION));
	json_put(all, "Driver", json_text("overlay"));
	json_put(all, "CgroupDriver", json_text("cgroupfs"));
	json_put(all, "CgroupVersion", json_text(modes[cgroup_mode(cgroup)]));
	json_put(all, "LoggingDriver", json_text(engine->settings.log_driver));
	json_put(all, "SecurityOptions",
		 json_pack("[s,s,s*,s*]", "name=seccomp,profile=builtin", "name=userns",
			   apparmor_enabled() ? "name=apparmor" : NULL,
			   engine->settings.selinux && selinux_enabled() ? "name=selinux" : NULL));
	json_put(all, "KillGuard", json_text(guard_level(engine->suffix)));
	json_put(all, "KernelVersion", json_text(host.release));
	json_put(all, "OSType", json_text("linux"));
	json_put(all, "Architecture", json_text(host.machine));
	json_put(all, "NCPU", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_put(all, "MemTotal", json_integer((json_int_t)memory.totalram * memory.mem_unit));
	json_put(all, "DockerRootDir", json_text(engine->settings.root));
	json_put(all, "RunRoot", json_text(engine->settings.run_root));
	json_put(all, "Name", json_text(host.nodename));
	json_put(all, "LiveRestoreEnabled", json_true());
	json_put(all, "Settings", settings_json(&engine->settings));
	daemon_put(engine, all);
	json_put(all, "Swarm", json_pack("{s:s}", "LocalNodeState", "inactive"));
	abilities_put(cgroup, all);
	return all;
}
