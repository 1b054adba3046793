/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/spec_build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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
#include "engine/create.h"
#include "engine/device_follow.h"
#include "engine/device_option.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/hooks.h"
#include "engine/host_image.h"
#include "engine/machine.h"
#include "engine/secret.h"
#include "engine/selinux.h"
#include "engine/shared_namespace.h"
#include "engine/systemd_init.h"
#include "runtime/capability.h"
#include "runtime/mount.h"
#include "runtime/seccomp.h"
#include "runtime/ulimit.h"
#include "state/uid_range.h"

#define HARD (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

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

static bool mode_is_host(const struct record *record, const char *key)
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

/* -- mounts ----------------------------------------------------------------------------------- */

static void mount_put(struct spec *spec, enum spec_mount_kind kind, const char *destination,
		      const char *data, uint64_t attrs)
{
	spec_add_mount(spec, &(struct spec_mount){ .kind = kind,
						   .source_fd = -1,
						   .destination = str_dup(destination),
						   .data = str_dup(data),
						   .attr_set = attrs });
}

static struct spec_mount *bind_put(struct spec *spec, const char *source, const char *destination,
				   uint64_t attrs)
{
	spec_add_mount(spec, &(struct spec_mount){ .kind = SPEC_MOUNT_BIND,
						   .source = str_dup(source),
						   .source_fd = -1,
						   .destination = str_dup(destination),
						   .attr_set = attrs });
	return &spec->mounts[spec->mount_count - 1];
}

/* What every container has. The host's own are bound where the kernel would not mount new ones. */
static void system_mounts(const struct record *record, struct spec *spec, int shared_shm)
{
	bool userns = spec->uid_map_count > 0;
	uint64_t readonly = spec->privileged ? 0 : MOUNT_ATTR_RDONLY;
	_cleanup_free_ char *shm =
		str_printf("mode=1777,size=%lld",
			   (long long)json_int_at(record->config, "HostConfig.ShmSize", 64 << 20));

	if (userns && mode_is_host(record, "HostConfig.PidMode"))
		bind_put(spec, "/proc", "/proc", HARD);
	else
		mount_put(spec, SPEC_MOUNT_PROC, "/proc", NULL, HARD);
	mount_put(spec, SPEC_MOUNT_TMPFS, "/dev", "mode=755,size=65536k", HARD);
	mount_put(spec, SPEC_MOUNT_DEVPTS, "/dev/pts", "mode=620,ptmxmode=666,gid=5,newinstance",
		  HARD);
	if (shared_shm >= 0) {
		struct spec_mount *mount = bind_put(spec, "/dev/shm", "/dev/shm", HARD);

		mount->source_fd = shared_shm;
		mount->source_is_mount = true;
		mount_put(spec, SPEC_MOUNT_MQUEUE, "/dev/mqueue", NULL, HARD);
	} else if (strcmp(json_string_at(record->config, "HostConfig.IpcMode", ""), "none") == 0) {
		mount_put(spec, SPEC_MOUNT_MQUEUE, "/dev/mqueue", NULL, HARD);
	} else if (mode_is_host(record, "HostConfig.IpcMode")) {
		bind_put(spec, "/dev/shm", "/dev/shm", HARD);
		if (access("/dev/mqueue", F_OK) == 0)
			bind_put(spec, "/dev/mqueue", "/dev/mqueue", HARD);
	} else {
		mount_put(spec, SPEC_MOUNT_TMPFS, "/dev/shm", shm, HARD);
		mount_put(spec, SPEC_MOUNT_MQUEUE, "/dev/mqueue", NULL, HARD);
	}
	if (userns &&
	    (mode_is_host(record, "HostConfig.NetworkMode") ||
	     str_prefix(json_string_at(record->config, "HostConfig.NetworkMode", ""), "ns:")))
		bind_put(spec, "/sys", "/sys", HARD | readonly);
	else
		mount_put(spec, SPEC_MOUNT_SYSFS, "/sys", NULL, HARD | readonly);
	/* the host's cgroup namespace cannot be mounted with less than the host's rights */
	if (userns && mode_is_host(record, "HostConfig.CgroupnsMode"))
		bind_put(spec, "/sys/fs/cgroup", "/sys/fs/cgroup", HARD | MOUNT_ATTR_RDONLY)
			->recursive = true;
	else
		mount_put(spec, SPEC_MOUNT_CGROUP, "/sys/fs/cgroup", NULL, HARD | readonly);
}

char *time_zone_file(const char *zone)
{
	if (strcmp(zone, "local") == 0)
		return str_dup("/etc/localtime");
	if (!*zone || *zone == '/' || strstr(zone, ".."))
		return NULL;
	return str_printf("/usr/share/zoneinfo/%s", zone);
}

static void own_files(const struct record *record, struct spec *spec, const char *folder)
{
	const char *zone = json_string_at(record->config, "Cloche.TimeZone", NULL);
	static const char *const files[] = { "hosts", "hostname", "resolv.conf" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *source = str_printf("%s/%s", folder, files[i]);
		_cleanup_free_ char *destination = str_printf("/etc/%s", files[i]);

		spec_mount_map(spec, bind_put(spec, source, destination, 0));
	}
	if (zone) {
		_cleanup_free_ char *file = time_zone_file(zone);
		struct spec_mount *mount;

		mount = bind_put(spec, file ? file : "", "/etc/localtime", MOUNT_ATTR_RDONLY);
		spec_mount_map(spec, mount);
		mount->optional_map = true;
	}
}

static uint64_t propagation_of(const char *word, bool *ret_recursive)
{
	*ret_recursive = word[0] == 'r';
	if (strstr(word, "shared"))
		return MS_SHARED;
	return strstr(word, "slave") ? MS_SLAVE : MS_PRIVATE;
}

/* Docker's: -v makes a folder where there is nothing, with its parents. */
static int source_make(const char *path, struct err *err)
{
	_cleanup_free_ char *copy = str_dup(path);

	for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make folder %s for the bind mount", copy);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

static int bind_fill(const json_t *json, struct built_spec *built, struct err *err)
{
	struct spec *spec = built->spec;
	const char *source = json_string_at(json, "Source", "");
	struct spec_mount *mount;
	bool recursive, refuse;
	uint64_t attrs = 0;
	int r;

	if (json_bool_at(json, "CreateSource") && (r = source_make(source, err)) < 0)
		return r;
	if (!json_bool_at(json, "RW"))
		attrs |= MOUNT_ATTR_RDONLY;
	if (json_bool_at(json, "NoExec"))
		attrs |= MOUNT_ATTR_NOEXEC;
	if (json_bool_at(json, "NoSuid"))
		attrs |= MOUNT_ATTR_NOSUID;
	mount = bind_put(spec, source, json_string_at(json, "Destination", ""), attrs);
	mount->propagation =
		propagation_of(json_string_at(json, "Propagation", "rprivate"), &recursive);
	mount->recursive = !json_bool_at(json, "Nonrecursive");
	r = bind_map(spec, mount, json_string_at(json, "IdMap", ""), &refuse, err);
	if (r < 0)
		return r;
	if (refuse && !json_bool_at(json, "SetId") && !spec->privileged) {
		_cleanup_free_ char *warning = str_printf(
			"set-id bits and file capabilities are refused in this container, since host users can reach %s; "
			"the option setid=allow of that mount lifts it",
			source);

		spec->seccomp_no_set_id = true;
		strv_add(&built->warnings, warning);
	}
	return 0;
}

static int depth_of(const char *path)
{
	int depth = 0;

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static int depth_compare(const void *a, const void *b)
{
	const struct spec_mount *x = a, *y = b;
	int difference = depth_of(x->destination) - depth_of(y->destination);

	return difference ? difference : strcmp(x->destination, y->destination);
}

/* A volume with options: a host folder like any other bind, or a file system that is mounted now and ends with the container. */
static int volume_elsewhere(const json_t *json, const json_t *options, struct built_spec *built,
			    struct err *err)
{
	static const struct {
		const char *word;
		uint64_t attrs;
	} words[] = { { "ro", MOUNT_ATTR_RDONLY },
		      { "rw", 0 },
		      { "noexec", MOUNT_ATTR_NOEXEC },
		      { "nosuid", MOUNT_ATTR_NOSUID },
		      { "nodev", 0 } };
	const char *type = json_string_at(options, "type", ""),
		   *device = json_string_at(options, "device", "");
	_cleanup_strv_ char **given = strv_split(json_string_at(options, "o", ""), ',');
	_cleanup_(buf_clear) struct buf data = BUF_EMPTY;
	uint64_t attrs = json_bool_at(json, "RW") ? 0 : MOUNT_ATTR_RDONLY;
	struct spec_mount *mount;
	bool bind = strcmp(type, "none") == 0;
	int fd;

	for (size_t i = 0; given[i]; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(words) && strcmp(words[k].word, given[i]) != 0)
			k++;
		if (k < ARRAY_SIZE(words))
			attrs |= words[k].attrs;
		else if (strcmp(given[i], "bind") == 0 || strcmp(given[i], "rbind") == 0)
			bind = true;
		else if (*given[i])
			buf_printf(&data, "%s%s", data.length ? "," : "", given[i]);
	}
	if (bind) {
		_cleanup_json_ json_t *folder = json_copy((json_t *)json);

		json_put(folder, "Source", json_text(device));
		json_put(folder, "RW", json_boolean(!(attrs & MOUNT_ATTR_RDONLY)));
		return bind_fill(folder, built, err);
	}
	fd = mount_new(type, device, data.data,
		       (unsigned int)attrs | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	if (fd < 0) {
		err_sys(err, fd, "mount volume %s: %s %s", json_string_at(json, "Name", ""), type,
			device);
		return fd == -ENODEV ? err_hint(err, "this kernel has no file system %s", type) :
				       fd;
	}
	mount = bind_put(built->spec, device, json_string_at(json, "Destination", ""), attrs);
	mount->source_fd = built_spec_keep(built, fd);
	mount->source_is_mount = true;
	spec_mount_map(built->spec, mount);
	return 0;
}

static int volume_fill(struct engine *engine, const json_t *json, struct built_spec *built,
		       struct err *err)
{
	const char *subpath = json_string_at(json, "Subpath", NULL);
	const json_t *options = json_object_get(json, "VolumeOptions");
	struct spec *spec = built->spec;
	_cleanup_free_ char *folder = str_printf("volumes/%s", json_string_at(json, "Name", ""));
	_cleanup_close_ int volumes = -1, volume = -1, data = -1;
	struct spec_mount *mount;

	if (options && !json_object_get(options, "size"))
		return volume_elsewhere(json, options, built, err);
	if (disk_limit_volume(engine, json_string_at(json, "Name", ""), options, err) < 0)
		return -err->code;
	/* made here rather than with the row, so that a killed create leaves a row and no half of a folder */
	volumes = dir_open_make(engine->root, "volumes", 0700, err);
	if (volumes < 0)
		return volumes;
	volume = dir_open_make(volumes, folder + strlen("volumes/"), 0700, err);
	data = volume < 0 ? volume : dir_open_make(volume, "_data", 0755, err);
	if (data < 0)
		return data;
	mount = bind_put(spec, json_string_at(json, "Source", ""),
			 json_string_at(json, "Destination", ""),
			 json_bool_at(json, "RW") ? 0 : MOUNT_ATTR_RDONLY);
	mount->copy_up = json_bool_at(json, "CopyUp") && json_bool_at(json, "RW");
	spec_mount_map(spec, mount);
	if (subpath) {
		/* what lies there is the containers' to make, links too */
		int fd = root_open(data, subpath, O_PATH, err);

		if (fd < 0)
			return err_wrap(err, "volume %s", json_string_at(json, "Name", ""));
		mount->source_fd = built_spec_keep(built, fd);
	}
	return 0;
}

/* Parents before children, whatever the order of the options; what the user mounts over ours replaces it. */
static int user_mounts(struct engine *engine, const struct record *record, struct built_spec *built,
		       struct err *err)
{
	const json_t *list = json_at(record->config, "Mounts"), *json;
	size_t first = built->spec->mount_count, i;

	json_array_foreach(list, i, json)
	{
		const char *type = json_string_at(json, "Type", "");
		int r = 0;

		if (strcmp(type, "bind") == 0)
			r = bind_fill(json, built, err);
		else if (strcmp(type, "volume") == 0)
			r = volume_fill(engine, json, built, err);
		else
			mount_put(built->spec, SPEC_MOUNT_TMPFS,
				  json_string_at(json, "Destination", ""),
				  json_string_at(json, "Data", "mode=1777"),
				  (json_bool_at(json, "RW") ? 0 : MOUNT_ATTR_RDONLY) |
					  (json_bool_at(json, "NoExec") ? MOUNT_ATTR_NOEXEC : 0) |
					  (json_bool_at(json, "NoSuid") ? MOUNT_ATTR_NOSUID : 0));
		if (r < 0)
			return r;
	}
	if (built->spec->mount_count > first)
		qsort(built->spec->mounts + first, built->spec->mount_count - first,
		      sizeof(*built->spec->mounts), depth_compare);
	return 0;
}

/* -- devices, resources ----------------------------------------------------------------------- */

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
static int links_check(const struct record *record, const struct spec *spec, struct err *err)
{
	return json_array_size(json_at(record->config, "Cloche.NetworkDevices")) > 0 &&
			       spec->namespaces[SPEC_NS_NETWORK].mode != SPEC_NS_NEW ?
		       err_set(err, EINVAL,
			       "--network-device needs a network namespace of the container's own") :
		       0;
}

static int devices_fill(const struct record *record, struct spec *spec, struct err *err)
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
			mode_is_host(record, modes[i].key) ? SPEC_NS_INHERIT : SPEC_NS_NEW;
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

/* z and Z of binds; only a start does it. */
static int binds_relabel(const struct record *record, struct err *err)
{
	const json_t *list = json_at(record->config, "Mounts"), *one;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, one)
	{
		const char *word = json_string_at(one, "Relabel", "");

		if (r == 0 && *word)
			r = selinux_relabel(json_string_at(one, "Source", ""),
					    *word == 'Z' ? record->row.id : NULL, err);
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
		r = device_limits(json_at(record->config, "HostConfig"), &spec->resources, err);
	if (r == 0)
		r = root_fill(engine, record, &built, err);
	if (r == 0)
		r = devices_fill(record, spec, err);
	if (r == 0)
		r = links_check(record, spec, err);
	if (r == 0 && strcmp(record->row.image_id, "host") == 0)
		r = host_image_mounts(spec, err);
	if (r == 0) {
		_cleanup_free_ char *theirs = str_printf("%s/containers/%s", engine->settings.root,
							 neighbour ? neighbour : "");

		system_mounts(record, spec, shared_shm);
		systemd_init_fill(record, spec);
		/* who shares a network has its names, as with Docker */
		own_files(record, spec, neighbour ? theirs : folder);
		r = user_mounts(engine, record, &built, err);
	}
	if (r == 0)
		r = binds_relabel(record, err);
	if (r == 0)
		r = cdi_fill(engine, record, &built, err);
	if (r == 0)
		r = hooks_fill(record, spec, err);
	if (r == 0)
		r = secret_mounts(record, &built, err);
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
		r = devices_fill(record, built.spec, err);
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
	/* the binds decide whether set-id bits are refused */
	r = user_mounts(engine, record, &built, err);
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
