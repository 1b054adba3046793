/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/spec_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/bind_map.h"
#include "engine/container_label.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/shared_namespace.h"
#include "engine/spec_build.h"
#include "runtime/mount.h"

#define HARD (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

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
void spec_mounts_system(const struct record *record, struct spec *spec, int shared_shm)
{
	bool userns = spec->uid_map_count > 0;
	uint64_t readonly = spec->privileged ? 0 : MOUNT_ATTR_RDONLY;
	_cleanup_free_ char *shm =
		str_printf("mode=1777,size=%lld",
			   (long long)json_int_at(record->config, "HostConfig.ShmSize", 64 << 20));

	if (userns && spec_mode_is_host(record, "HostConfig.PidMode"))
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
	} else if (spec_mode_is_host(record, "HostConfig.IpcMode")) {
		bind_put(spec, "/dev/shm", "/dev/shm", HARD);
		if (access("/dev/mqueue", F_OK) == 0)
			bind_put(spec, "/dev/mqueue", "/dev/mqueue", HARD);
	} else {
		mount_put(spec, SPEC_MOUNT_TMPFS, "/dev/shm", shm, HARD);
		mount_put(spec, SPEC_MOUNT_MQUEUE, "/dev/mqueue", NULL, HARD);
	}
	if (userns &&
	    (spec_mode_is_host(record, "HostConfig.NetworkMode") ||
	     str_prefix(json_string_at(record->config, "HostConfig.NetworkMode", ""), "ns:")))
		bind_put(spec, "/sys", "/sys", HARD | readonly);
	else
		mount_put(spec, SPEC_MOUNT_SYSFS, "/sys", NULL, HARD | readonly);
	/* the host's cgroup namespace cannot be mounted with less than the host's rights */
	if (userns && spec_mode_is_host(record, "HostConfig.CgroupnsMode"))
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

void spec_mounts_own(const struct record *record, struct spec *spec, const char *folder)
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
	if (container_label_volume(spec, volume, data, json_string_at(json, "Source", ""), err) < 0)
		return -err->code;
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
int spec_mounts_user(struct engine *engine, const struct record *record, struct built_spec *built,
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
