/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/spec_build.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/apparmor.h"
#include "engine/bind_map.h"
#include "engine/cdi.h"
#include "engine/container_label.h"
#include "engine/device_option.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/hooks.h"
#include "engine/host_image.h"
#include "engine/machine.h"
#include "engine/record.h"
#include "engine/secret.h"
#include "engine/shared_namespace.h"
#include "engine/spec_device.h"
#include "engine/spec_mount.h"
#include "engine/systemd_init.h"
#include "runtime/capability.h"
#include "runtime/mount.h"
#include "runtime/seccomp.h"
#include "runtime/ulimit.h"
#include "state/uid_range.h"

void built_spec_clear(struct built_spec *built)
{
	for (size_t i = 0; i < built->fd_count; i++)
		fd_close(built->fds[i]);
	free(built->fds);
	strv_clear(built->warnings);
	spec_free(built->spec);
	*built = (struct built_spec){ 0 };
}

int built_spec_keep(struct built_spec *built, int fd)
{
	built->fds = reallocarray(built->fds, built->fd_count + 1, sizeof(int));
	if (!built->fds)
		abort();
	built->fds[built->fd_count++] = fd;
	return fd;
}

char *spec_cgroup_path(struct engine *engine, const struct record *record)
{
	if (machine_wanted(record))
		return machine_cgroup_path(record);
	/* with a parent of the user's, too, the name of ours says to the host whose it is; that of the start, when it was
	 * renamed since */
	return str_printf("%s/cloche%s/%s-%.12s",
			  json_string_at(record->config, "HostConfig.CgroupParent", ""),
			  engine->suffix,
			  json_string_at(record->config, "Cloche.CgroupName", record->row.name),
			  record->row.id);
}

bool spec_mode_is_host(const struct record *record, const char *key)
{
	return strcmp(json_string_at(record->config, key, ""), "host") == 0;
}

/* -- process ---------------------------------------------------------------------------------- */

static void env_default(char ***env, const char *name, const char *value)
{
	_cleanup_free_ char *assignment = NULL;

	if (env_get(*env, name))
		return;
	assignment = str_printf("%s=%s", name, value);
	strv_add(env, assignment);
}

static void process_env(const struct record *record, struct spec_process *process)
{
	_cleanup_strv_ char **given = json_strv_at(record->config, "Config.Env");
	const char *hostname = json_string_at(record->config, "Config.Hostname", "");

	/* Docker's order: ours first, so that what the user said comes last and wins. */
	env_default(&process->env, "PATH",
		    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (*hostname)
		env_default(&process->env, "HOSTNAME", hostname);
	if (process->terminal)
		env_default(&process->env, "TERM", "xterm");
	for (size_t i = 0; given && given[i]; i++)
		env_set(&process->env, given[i]);
}

static int capabilities(const struct record *record, struct spec_process *process,
			bool set_id_refused, bool privileged, struct err *err)
{
	_cleanup_strv_ char **add = json_strv_at(record->config, "HostConfig.CapAdd");
	_cleanup_strv_ char **drop = json_strv_at(record->config, "HostConfig.CapDrop");
	uint64_t set;
	int r = capability_resolve(add, drop, &set, err);

	if (r < 0)
		return r;
	if (privileged)
		set = capability_host_bounding();
	if (set_id_refused)
		set &= ~(UINT64_C(1)
			 << 31); /* CAP_SETFCAP: setxattr's value cannot be seen by a filter */
	process->cap_bounding = process->cap_permitted = process->cap_effective = set;
	return 0;
}

static void rlimits(const struct record *record, struct spec_process *process)
{
	const json_t *list = json_at(record->config, "HostConfig.Ulimits"), *one;
	bool core = false;
	size_t i;

	process->rlimits = mem_new((json_array_size(list) + 1) * sizeof(*process->rlimits));
	json_array_foreach(list, i, one)
	{
		int resource = ulimit_resource(json_string_at(one, "Name", ""));

		core |= resource == RLIMIT_CORE;
		process->rlimits[process->rlimit_count++] = (struct spec_rlimit){
			.resource = resource,
			.soft = (uint64_t)json_int_at(one, "Soft", 0),
			.hard = (uint64_t)json_int_at(one, "Hard", 0),
		};
	}
	if (!core) {
		struct rlimit now;

		/* The core pattern is the host's: a container's dump would be handled there. The hard limit stays. */
		if (getrlimit(RLIMIT_CORE, &now) == 0)
			process->rlimits[process->rlimit_count++] =
				(struct spec_rlimit){ .resource = RLIMIT_CORE,
						      .soft = 0,
						      .hard = now.rlim_max };
	}
}

static void process_fill(const struct record *record, struct spec *spec)
{
	struct spec_process *process = &spec->process;
	const char *cwd = json_string_at(record->config, "Config.WorkingDir", "");

	process->terminal = json_bool_at(record->config, "Config.Tty");
	process->user = str_dup(json_string_at(record->config, "Config.User", ""));
	process->group_names = json_strv_at(record->config, "HostConfig.GroupAdd");
	process->cwd = str_dup(*cwd ? cwd : "/");
	strv_add(&process->args, json_string_at(record->config, "Cloche.Path", ""));
	{
		_cleanup_strv_ char **rest = json_strv_at(record->config, "Cloche.Args");

		for (size_t i = 0; rest && rest[i]; i++)
			strv_add(&process->args, rest[i]);
	}
	process_env(record, process);
	process->umask = (int)json_int_at(record->config, "Cloche.Umask", -1);
	rlimits(record, process);
	process->oom_score_adj = (int)json_int_at(record->config, "HostConfig.OomScoreAdj", 0);
	process->oom_score_adj_set = process->oom_score_adj != 0;
}

/* -- security --------------------------------------------------------------------------------- */

static const char *const masked[] = {
	"/proc/acpi",		"/proc/asound",	       "/proc/interrupts",
	"/proc/kcore",		"/proc/keys",	       "/proc/latency_stats",
	"/proc/sched_debug",	"/proc/scsi",	       "/proc/timer_list",
	"/proc/timer_stats",	"/sys/dev/block",      "/sys/devices/virtual/powercap",
	"/sys/firmware",	"/sys/fs/selinux",     "/sys/kernel/debug",
	"/sys/kernel/security", "/sys/kernel/tracing",
};
static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					 "/proc/sysrq-trigger" };

static json_t *paths_json(const struct record *record, const char *const *paths, size_t count)
{
	json_t *list;

	if (json_bool_at(record->config, "HostConfig.Privileged"))
		return NULL;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_push(list, json_text(paths[i]));
	return list;
}

json_t *spec_masked_json(const struct record *record)
{
	return paths_json(record, masked, ARRAY_SIZE(masked));
}

json_t *spec_readonly_json(const struct record *record)
{
	return paths_json(record, read_only, ARRAY_SIZE(read_only));
}

static void paths_fill(struct spec *spec)
{
	glob_t found;

	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		strv_add(&spec->masked_paths, masked[i]);
	/* Timing of the CPU's own throttling tells neighbours' work (Docker 28 masks it too). */
	if (access("/sys/devices/system/cpu/cpu0/thermal_throttle", F_OK) == 0 &&
	    glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			strv_add(&spec->masked_paths, found.gl_pathv[i]);
		globfree(&found);
	}
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++)
		strv_add(&spec->readonly_paths, read_only[i]);
}

static void security_fill(const struct record *record, struct spec *spec)
{
	_cleanup_strv_ char **opts = json_strv_at(record->config, "HostConfig.SecurityOpt");
	bool paths = !spec->privileged;

	spec->seccomp_default = !spec->privileged;
	for (size_t i = 0; opts && opts[i]; i++) {
		const char *value = strpbrk(opts[i], "=:");

		if (str_prefix(opts[i], "no-new-privileges"))
			spec->process.no_new_privileges = !value || strcmp(value + 1, "true") == 0;
		else if (str_prefix(opts[i], "seccomp") && value) {
			spec->seccomp_default = strcmp(value + 1, "unconfined") != 0;
			if (spec->seccomp_default && strcmp(value + 1, "builtin") != 0)
				spec->seccomp_profile = str_dup(value + 1);
		} else if (strcmp(opts[i], "systempaths=unconfined") == 0)
			paths = false;
	}
	if (paths)
		paths_fill(spec);
}

static void sysctl_add(struct spec *spec, const char *name, const char *value)
{
	for (size_t i = 0; i < spec->sysctl_count; i++)
		if (strcmp(spec->sysctls[i].name, name) == 0)
			return;
	spec->sysctls = reallocarray(spec->sysctls, spec->sysctl_count + 1, sizeof(*spec->sysctls));
	if (!spec->sysctls)
		abort();
	spec->sysctls[spec->sysctl_count++] = (struct spec_pair){ str_dup(name), str_dup(value) };
}

static void sysctls_fill(const struct record *record, struct spec *spec)
{
	const json_t *given = json_at(record->config, "HostConfig.Sysctls");
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)given, name, value)
		sysctl_add(spec, name, json_string_value(value));
	if (spec->namespaces[SPEC_NS_NETWORK].mode == SPEC_NS_NEW) {
		sysctl_add(spec, "net.ipv4.ip_unprivileged_port_start", "0");
		sysctl_add(spec, "net.ipv4.ping_group_range",
			   spec->uid_map_count ? "0 65535" : "0 2147483647");
	}
}

/* -- root, namespaces ------------------------------------------------------------------------- */

static void namespaces_fill(const struct record *record, struct spec *spec)
{
	static const struct {
		enum spec_namespace_kind kind;
		const char *key;
	} modes[] = {
		{ SPEC_NS_USER, "HostConfig.UsernsMode" },
		{ SPEC_NS_PID, "HostConfig.PidMode" },
		{ SPEC_NS_NETWORK, "HostConfig.NetworkMode" },
		{ SPEC_NS_IPC, "HostConfig.IpcMode" },
		{ SPEC_NS_UTS, "HostConfig.UTSMode" },
		{ SPEC_NS_CGROUP, "HostConfig.CgroupnsMode" },
	};

	spec->namespaces[SPEC_NS_MOUNT].mode = SPEC_NS_NEW;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		spec->namespaces[modes[i].kind].mode =
			spec_mode_is_host(record, modes[i].key) ? SPEC_NS_INHERIT : SPEC_NS_NEW;
	if (record->row.uid_base) {
		struct spec_id_map map = { 0, record->row.uid_base, UID_RANGE_SIZE };

		spec->uid_map = mem_new(sizeof(map));
		spec->gid_map = mem_new(sizeof(map));
		*spec->uid_map = *spec->gid_map = map;
		spec->uid_map_count = spec->gid_map_count = 1;
	}
}

static int lower_add(struct built_spec *built, const char *path, struct err *err)
{
	struct spec *spec = built->spec;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open layer %s", path);
	spec->lower_fds = reallocarray(spec->lower_fds, spec->lower_count + 1, sizeof(int));
	if (!spec->lower_fds)
		abort();
	spec->lower_fds[spec->lower_count++] = built_spec_keep(built, fd);
	strv_add(&spec->lower_paths, path);
	return 0;
}

static int root_fill(struct engine *engine, const struct record *record, struct built_spec *built,
		     struct err *err)
{
	_cleanup_free_ char *folder = disk_limit_folder(record);
	const json_t *layers = json_at(record->config, "Cloche.Layers");
	const char *rootfs = json_string_at(record->config, "Cloche.Rootfs", NULL);
	struct spec *spec = built->spec;
	int r = 0;

	spec->rootfs_readonly = json_bool_at(record->config, "HostConfig.ReadonlyRootfs");
	if (rootfs && json_bool_at(record->config, "Cloche.RootfsInPlace")) {
		if (bind_reachable(rootfs)) {
			err_set(err, EPERM,
				"root file system %s:rw is within reach of host users, who could run the container's set-uid files",
				rootfs);
			return err_hint(
				err,
				"close a folder above it with chmod 0700, or leave :rw away to write to a layer of the container's own");
		}
		spec->rootfs_path = str_dup(rootfs);
		return 0;
	}
	if (rootfs) {
		r = lower_add(built, rootfs, err);
	} else if (strcmp(record->row.image_id, "host") == 0) {
		_cleanup_free_ char *layer = host_image_layer(engine, err);

		r = layer ? lower_add(built, layer, err) : -err->code;
	} else {
		for (size_t i = json_array_size(layers); r == 0 && i-- > 0;) {
			const char *diff_id = json_string_value(json_array_get(layers, i));
			_cleanup_free_ char *path = str_printf(
				"%s/layers/%s", engine->settings.root,
				diff_id && str_prefix(diff_id, "sha256:") ? diff_id + 7 : "?");

			r = lower_add(built, path, err);
		}
		if (r == 0 && spec->lower_count == 0)
			r = err_set(err, EINVAL, "the image has no layers");
	}
	if (r == 0)
		r = disk_limit_container(engine, record, err);
	spec->upper_path = str_printf("%s/%s/upper", engine->settings.root, folder);
	spec->work_path = str_printf("%s/%s/work", engine->settings.root, folder);
	/* the end of an overlay syncs the whole file system below it, and so long the end of its last process takes */
	spec->root_volatile = json_bool_at(record->config, "HostConfig.AutoRemove");
	return r;
}

int spec_build_root(struct engine *engine, const struct record *record,
		    struct built_spec *ret_built, struct err *err)
{
	struct built_spec built = { .spec = spec_new() };
	int r = root_fill(engine, record, &built, err);

	if (r < 0)
		built_spec_clear(&built);
	else
		*ret_built = built;
	return r;
}

int spec_layer_on_top(struct built_spec *built, const char *path, struct err *err)
{
	struct spec *spec = built->spec;
	int r = lower_add(built, path, err);

	for (size_t i = spec->lower_count; r == 0 && i-- > 1;) {
		int fd = spec->lower_fds[i];
		char *name = spec->lower_paths[i];

		spec->lower_fds[i] = spec->lower_fds[i - 1];
		spec->lower_fds[i - 1] = fd;
		spec->lower_paths[i] = spec->lower_paths[i - 1];
		spec->lower_paths[i - 1] = name;
	}
	return r;
}

static void basics_fill(struct engine *engine, const struct record *record, struct spec *spec)
{
	const char *hostname = json_string_at(record->config, "Config.Hostname", "");
	const char *domainname = json_string_at(record->config, "Config.Domainname", "");

	spec->privileged = json_bool_at(record->config, "HostConfig.Privileged");
	spec->init = json_bool_at(record->config, "HostConfig.Init");
	spec->hostname = *hostname ? str_dup(hostname) : NULL;
	spec->domainname = *domainname ? str_dup(domainname) : NULL;
	spec->cgroup_path = spec_cgroup_path(engine, record);
	namespaces_fill(record, spec);
	process_fill(record, spec);
	security_fill(record, spec);
}

char *spec_apparmor_profile(const struct record *record)
{
	_cleanup_strv_ char **opts = json_strv_at(record->config, "HostConfig.SecurityOpt");
	const char *found = json_bool_at(record->config, "HostConfig.Privileged") ? "unconfined" :
										    NULL;

	for (size_t i = 0; opts && opts[i]; i++)
		if (str_prefix(opts[i], "apparmor=") || str_prefix(opts[i], "apparmor:"))
			found = opts[i] + strlen("apparmor=");
	return found ? str_dup(found) : NULL;
}

static int rights_fill(const struct record *record, struct spec *spec, struct err *err)
{
	_cleanup_free_ char *profile = spec_apparmor_profile(record);
	int r = apparmor_apply(spec, profile, err);

	if (r < 0)
		return r;
	if (spec->seccomp_no_set_id && !spec->seccomp_default) {
		err_set(err, EINVAL,
			"a writable bind that host users can reach needs the seccomp filter, which is unconfined");
		return err_hint(
			err,
			"mount it with the option setid=allow, read-only, or leave seccomp on");
	}
	return capabilities(record, &spec->process, spec->seccomp_no_set_id, spec->privileged, err);
}

static int cdi_fill(struct engine *engine, const struct record *record, struct built_spec *built,
		    struct err *err)
{
	const json_t *requests = json_at(record->config, "HostConfig.DeviceRequests"), *one;
	size_t i;
	int r = 0;

	json_array_foreach(requests, i, one)
	{
		_cleanup_strv_ char **names = json_strv_at(one, "DeviceIDs");

		r = cdi_apply(engine->settings.cdi_dirs, names, built, err);
		if (r < 0)
			break;
	}
	return r;
}

int spec_build(struct engine *engine, const struct record *record, struct built_spec *ret_built,
	       struct err *err)
{
	struct built_spec built = { .spec = spec_new() };
	_cleanup_free_ char *folder =
		str_printf("%s/containers/%s", engine->settings.root, record->row.id);
	struct spec *spec = built.spec;
	_cleanup_free_ char *neighbour = NULL;
	int r, shared_shm;

	basics_fill(engine, record, spec);
	r = shared_namespace_fill(engine, record, &built, &shared_shm, &neighbour, err);
	sysctls_fill(record, spec);
	spec_resources(record, &spec->resources);
	if (r == 0)
		r = container_label_apply(engine, record, spec, err);
	if (r == 0)
		r = device_limits(json_at(record->config, "HostConfig"), &spec->resources, err);
	if (r == 0)
		r = root_fill(engine, record, &built, err);
	if (r == 0)
		r = spec_devices_fill(record, spec, err);
	if (r == 0)
		r = spec_links_check(record, spec, err);
	if (r == 0 && strcmp(record->row.image_id, "host") == 0)
		r = host_image_mounts(spec, err);
	if (r == 0) {
		_cleanup_free_ char *theirs = str_printf("%s/containers/%s", engine->settings.root,
							 neighbour ? neighbour : "");

		spec_mounts_system(record, spec, shared_shm);
		systemd_init_fill(record, spec);
		/* who shares a network has its names, as with Docker */
		spec_mounts_own(record, spec, neighbour ? theirs : folder);
		r = container_label_files(spec, neighbour ? theirs : folder, neighbour != NULL,
					  err);
		if (r == 0)
			r = spec_mounts_user(engine, record, &built, err);
	}
	if (r == 0)
		r = container_label_binds(record, spec, err);
	if (r == 0)
		r = cdi_fill(engine, record, &built, err);
	if (r == 0)
		r = hooks_fill(record, spec, err);
	if (r == 0)
		r = secret_mounts(engine, record, &built, err);
	if (r == 0)
		r = rights_fill(record, spec, err);
	if (r < 0) {
		built_spec_clear(&built);
		return r;
	}
	*ret_built = built;
	return 0;
}

int spec_build_devices(struct engine *engine, const struct record *record,
		       struct built_spec *ret_built, struct err *err)
{
	struct built_spec built = { .spec = spec_new() };
	int r;

	basics_fill(engine, record, built.spec);
	spec_resources(record, &built.spec->resources);
	r = device_limits(json_at(record->config, "HostConfig"), &built.spec->resources, err);
	if (r == 0)
		r = spec_devices_fill(record, built.spec, err);
	if (r == 0)
		r = cdi_fill(engine, record, &built, err);
	if (r < 0) {
		built_spec_clear(&built);
		return r;
	}
	*ret_built = built;
	return 0;
}

int spec_build_process(struct engine *engine, const struct record *record,
		       struct built_spec *ret_built, struct err *err)
{
	struct built_spec built = { .spec = spec_new() };
	int r;

	basics_fill(engine, record, built.spec);
	r = container_label_apply(engine, record, built.spec, err);
	/* the binds decide whether set-id bits are refused */
	if (r == 0)
		r = spec_mounts_user(engine, record, &built, err);
	if (r == 0)
		r = rights_fill(record, built.spec, err);
	if (r < 0) {
		built_spec_clear(&built);
		return r;
	}
	*ret_built = built;
	return 0;
}

int seccomp_for_spec(struct engine *engine, const struct spec *spec,
		     struct seccomp_program *program, struct err *err)
{
	struct seccomp_policy policy = { .profile_path = spec->seccomp_profile,
					 .capabilities = spec->process.cap_bounding,
					 .no_set_id = spec->seccomp_no_set_id };
	_cleanup_close_ int cache = engine_cache_dir(engine, err);

	return cache < 0 ? cache : seccomp_compile(&policy, cache, program, err);
}
