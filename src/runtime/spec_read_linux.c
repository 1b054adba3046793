/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "linux" of config.json (config-linux.md), but for its resources. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/mount_flag.h"
#include "runtime/selinux_label.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"
#include "runtime/spec_read_internal.h"

/* -- namespaces and maps ---------------------------------------------------------------------- */

static const struct spec_word namespaces[] = {
	{ "cgroup", SPEC_NS_CGROUP },	{ "ipc", SPEC_NS_IPC }, { "mount", SPEC_NS_MOUNT },
	{ "network", SPEC_NS_NETWORK }, { "pid", SPEC_NS_PID }, { "time", SPEC_NS_TIME },
	{ "user", SPEC_NS_USER },	{ "uts", SPEC_NS_UTS },
};

const char *spec_namespace_name(size_t index)
{
	return index < ARRAY_SIZE(namespaces) ? namespaces[index].name : NULL;
}

struct namespace_read {
	char *type, *path;
};

static const struct json_field namespace_table[] = {
	FIELD_STRING("type", struct namespace_read, type),
	FIELD_STRING("path", struct namespace_read, path),
	FIELD_END,
};

static int namespace_take(void *root, void *element, struct err *err)
{
	struct namespace_read *read = element;
	struct spec *spec = root;
	int64_t kind = 0;
	int r = spec_word_find(namespaces, ARRAY_SIZE(namespaces), read->type, "type", &kind, err);

	if (r < 0)
		return r;
	if (spec->namespaces[kind].mode != SPEC_NS_INHERIT)
		return err_set(err, EINVAL, "a second %s namespace", read->type);
	spec->namespaces[kind].mode = SPEC_NS_NEW;
	if (read->path && *read->path) {
		r = spec_path_check(read->path, "path", err);
		spec->namespaces[kind].mode = SPEC_NS_JOIN;
		spec->namespaces[kind].path = ptr_take(&read->path);
	}
	return r;
}

static const struct json_field map_table[] = {
	FIELD_UINT32("containerID", struct spec_id_map, container_id, 0, UINT32_MAX),
	FIELD_UINT32("hostID", struct spec_id_map, host_id, 0, UINT32_MAX),
	FIELD_UINT32("size", struct spec_id_map, size, 1, UINT32_MAX),
	FIELD_END,
};

static int uid_map_take(void *root, void *element, struct err *err)
{
	struct spec *spec = root;

	(void)err;
	spec->uid_map = spec_grow(spec->uid_map, spec->uid_map_count, sizeof(*spec->uid_map));
	spec->uid_map[spec->uid_map_count++] = *(struct spec_id_map *)element;
	return 0;
}

static int gid_map_take(void *root, void *element, struct err *err)
{
	struct spec *spec = root;

	(void)err;
	spec->gid_map = spec_grow(spec->gid_map, spec->gid_map_count, sizeof(*spec->gid_map));
	spec->gid_map[spec->gid_map_count++] = *(struct spec_id_map *)element;
	return 0;
}

static const struct json_field offset_table[] = {
	FIELD_INT("secs", struct spec_time_offset, secs, INT64_MIN, INT64_MAX),
	FIELD_UINT32("nanosecs", struct spec_time_offset, nanosecs, 0, 999999999),
	FIELD_END,
};

static int monotonic_take(void *root, void *element, struct err *err)
{
	struct spec *spec = root;

	(void)err;
	spec->monotonic = *(struct spec_time_offset *)element;
	spec->monotonic.set = true;
	return 0;
}

static int boottime_take(void *root, void *element, struct err *err)
{
	struct spec *spec = root;

	(void)err;
	spec->boottime = *(struct spec_time_offset *)element;
	spec->boottime.set = true;
	return 0;
}

static const struct json_field offsets_table[] = {
	FIELD_ONE("monotonic", struct spec_time_offset, offset_table, monotonic_take),
	FIELD_ONE("boottime", struct spec_time_offset, offset_table, boottime_take),
	FIELD_END,
};

/* -- devices ---------------------------------------------------------------------------------- */

struct device_read {
	char *type, *path;
	uint32_t major_number, minor_number, mode, uid, gid;
	bool major_set, minor_set, mode_set;
};

static const struct json_field device_table[] = {
	FIELD_STRING("type", struct device_read, type),
	FIELD_STRING("path", struct device_read, path),
	FIELD_UINT32_SET("major", struct device_read, major_number, major_set, 0, 0xfff),
	FIELD_UINT32_SET("minor", struct device_read, minor_number, minor_set, 0, 0xfffff),
	FIELD_UINT32_SET("fileMode", struct device_read, mode, mode_set, 0, UINT32_MAX),
	FIELD_UINT32("uid", struct device_read, uid, 0, UINT32_MAX - 1),
	FIELD_UINT32("gid", struct device_read, gid, 0, UINT32_MAX - 1),
	FIELD_END,
};

static int device_take(void *root, void *element, struct err *err)
{
	struct device_read *read = element;
	struct spec *spec = root;
	struct spec_device device = { 0 };
	int r = spec_path_check(read->path, "path", err);

	if (r < 0)
		return r;
	if (!read->type || strlen(read->type) != 1 || !strchr("bcup", read->type[0]))
		return err_set(err, EINVAL, "type \"%s\" is none of b, c, u and p",
			       read->type ? read->type : "");
	device.fifo = read->type[0] == 'p';
	device.block = read->type[0] == 'b';
	if (!device.fifo && (!read->major_set || !read->minor_set))
		return err_set(err, EINVAL, "major and minor are needed for type %s", read->type);
	device.path = ptr_take(&read->path);
	device.major = read->major_number;
	device.minor = read->minor_number;
	/* Go programs send the type along in the mode. */
	device.mode = read->mode_set ? read->mode & 07777 : 0666;
	device.uid = read->uid;
	device.gid = read->gid;
	spec->devices = spec_grow(spec->devices, spec->device_count, sizeof(*spec->devices));
	spec->devices[spec->device_count++] = device;
	return 0;
}

struct net_device_read {
	char *host_name, *name;
};

static const struct json_field net_device_table[] = {
	FIELD_STRING("name", struct net_device_read, name),
	FIELD_END,
};

static bool link_name_good(const char *name, bool template)
{
	const char *percent = strchr(name, '%');

	if (percent && !(template && percent[1] == 'd' && !strchr(percent + 1, '%')))
		return false;
	return *name && strlen(name) < 16 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strpbrk(name, "/: \t\n");
}

static int net_device_take(void *root, void *element, struct err *err)
{
	struct net_device_read *read = element;
	struct spec *spec = root;

	if (!link_name_good(read->host_name, false) ||
	    (read->name && !link_name_good(read->name, true)))
		return err_set(err, EINVAL, "not the name of a network device");
	spec->net_devices =
		spec_grow(spec->net_devices, spec->net_device_count, sizeof(*spec->net_devices));
	spec->net_devices[spec->net_device_count].host_name = read->host_name;
	spec->net_devices[spec->net_device_count++].name = read->name;
	*read = (struct net_device_read){ 0 };
	return 0;
}

/* -- the rest --------------------------------------------------------------------------------- */

static int sysctl_take(void *root, void *element, struct err *err)
{
	struct json_pair *pair = element;
	struct spec *spec = root;
	const char *first = strpbrk(pair->name, "./");

	if (!*pair->name || strstr(pair->name, ".."))
		return err_set(err, EINVAL, "not the name of a kernel parameter");
	/* sysctl.d(5): with a slash first, dots belong to names and slashes separate. */
	if (first && *first == '/')
		for (char *p = pair->name; *p; p++)
			*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	for (size_t i = 0; i < spec->sysctl_count; i++)
		if (strcmp(spec->sysctls[i].name, pair->name) == 0)
			return err_set(err, EINVAL, "stands there twice");
	spec_add_pair(&spec->sysctls, &spec->sysctl_count, ptr_take(&pair->name),
		      ptr_take(&pair->value));
	return 0;
}

static int propagation_take(void *root, void *element, struct err *err)
{
	struct json_pair *word = element;
	struct spec *spec = root;

	spec->rootfs_propagation = *word->value ? mount_flag_propagation(word->value) : 0;
	return *word->value && !spec->rootfs_propagation ?
		       err_set(err, EINVAL, "unknown propagation \"%s\"", word->value) :
		       0;
}

static const struct spec_word domains[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
};

struct personality_read {
	char *domain;
	char **flags;
};

static const struct json_field personality_table[] = {
	FIELD_STRING("domain", struct personality_read, domain),
	FIELD_STRV("flags", struct personality_read, flags),
	FIELD_END,
};

static int personality_take(void *root, void *element, struct err *err)
{
	struct personality_read *read = element;
	struct spec *spec = root;
	int64_t value = 0;
	int r = spec_word_find(domains, ARRAY_SIZE(domains), read->domain, "domain", &value, err);

	if (r == 0 && read->flags)
		r = err_set(err, EINVAL, "unknown flag \"%s\": the spec has none", read->flags[0]);
	spec->personality = (unsigned long)value;
	spec->personality_set = true;
	return r;
}

static const struct spec_word memory_modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE }, { "MPOL_WEIGHTED_INTERLEAVE", 6 }, /* Linux 6.9 */
	{ "MPOL_PREFERRED", MPOL_PREFERRED },	{ "MPOL_PREFERRED_MANY", 5 },	   /* Linux 5.15 */
	{ "MPOL_LOCAL", MPOL_LOCAL },
};

static const struct spec_word memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
};

struct memory_policy_read {
	char *mode, *nodes;
	char **flags;
};

static const struct json_field memory_policy_table[] = {
	FIELD_STRING("mode", struct memory_policy_read, mode),
	FIELD_STRING("nodes", struct memory_policy_read, nodes),
	FIELD_STRV("flags", struct memory_policy_read, flags),
	FIELD_END,
};

static int memory_policy_take(void *root, void *element, struct err *err)
{
	struct memory_policy_read *read = element;
	struct spec_memory_policy *policy = &((struct spec *)root)->memory_policy;
	int64_t value = 0;
	int r = spec_word_find(memory_modes, ARRAY_SIZE(memory_modes), read->mode, "mode", &value,
			       err);

	policy->mode = (int)value;
	for (size_t i = 0; r == 0 && read->flags && read->flags[i]; i++) {
		r = spec_word_find(memory_flags, ARRAY_SIZE(memory_flags), read->flags[i], "flag",
				   &value, err);
		policy->mode |= (int)value;
	}
	free(policy->nodes);
	policy->nodes = ptr_take(&read->nodes);
	policy->set = true;
	return r;
}

static int rdt_take(void *root, void *element, struct err *err)
{
	(void)root;
	(void)element;
	err_set(err, EOPNOTSUPP, "resource director technology is not supported");
	return err_hint(err, access("/sys/fs/resctrl/schemata", F_OK) < 0 ?
				     "this host has no resctrl either" :
				     "leave intelRdt out");
}

static const struct json_field nothing_table[] = { FIELD_END };

static const struct json_field listener_table[] = {
	FIELD_STRING("listenerPath", struct spec, seccomp_listener),
	FIELD_STRING("listenerMetadata", struct spec, seccomp_metadata),
	FIELD_END,
};

const struct json_field spec_linux_table[] = {
	FIELD_EACH("namespaces", struct namespace_read, namespace_table, namespace_take),
	FIELD_EACH("uidMappings", struct spec_id_map, map_table, uid_map_take),
	FIELD_EACH("gidMappings", struct spec_id_map, map_table, gid_map_take),
	FIELD_INLINE("timeOffsets", offsets_table),
	FIELD_EACH("devices", struct device_read, device_table, device_take),
	FIELD_ENTRIES("netDevices", struct net_device_read, net_device_table, net_device_take),
	FIELD_STRING("cgroupsPath", struct spec, cgroup_path),
	FIELD_OBJECT("resources", struct spec, resources, spec_resources_table),
	FIELD_ONE("intelRdt", char, nothing_table, rdt_take),
	FIELD_PAIRS("sysctl", sysctl_take),
	FIELD_SLICE("seccomp", struct spec, seccomp_text),
	FIELD_WORD("rootfsPropagation", propagation_take),
	FIELD_STRV("maskedPaths", struct spec, masked_paths),
	FIELD_STRV("readonlyPaths", struct spec, readonly_paths),
	FIELD_STRING("mountLabel", struct spec, mount_label),
	FIELD_ONE("personality", struct personality_read, personality_table, personality_take),
	FIELD_ONE("memoryPolicy", struct memory_policy_read, memory_policy_table,
		  memory_policy_take),
	FIELD_END,
};

int spec_linux_finish(struct spec *spec, struct err *err)
{
	int r = spec_resources_finish(&spec->resources, err);

	if (r == 0 && spec->seccomp_text.text) {
		spec->seccomp_json = str_ndup(spec->seccomp_text.text, spec->seccomp_text.length);
		r = json_table_read(spec->seccomp_text.text, spec->seccomp_text.length,
				    "config.json: linux.seccomp", listener_table, spec, spec, err);
		spec->seccomp_text = (struct json_slice){ 0 };
	}
	return r;
}

/* -- what must hold between fields ------------------------------------------------------------ */

/* Kernel parameters that a namespace has for itself; all others are the host's. */
static const struct {
	const char *prefix;
	enum spec_namespace_kind kind;
} sysctl_namespaces[] = {
	{ "fs.mqueue.", SPEC_NS_IPC },
	{ "kernel.msgmax", SPEC_NS_IPC },
	{ "kernel.msgmnb", SPEC_NS_IPC },
	{ "kernel.msgmni", SPEC_NS_IPC },
	{ "kernel.sem", SPEC_NS_IPC },
	{ "kernel.shmall", SPEC_NS_IPC },
	{ "kernel.shmmax", SPEC_NS_IPC },
	{ "kernel.shmmni", SPEC_NS_IPC },
	{ "kernel.shm_rmid_forced", SPEC_NS_IPC },
	{ "kernel.domainname", SPEC_NS_UTS },
	{ "net.", SPEC_NS_NETWORK },
	{ "user.", SPEC_NS_USER },
};

static bool same_as_ours(const struct spec_namespace *ns, const char *own)
{
	struct stat theirs, ours;

	return ns->mode == SPEC_NS_INHERIT ||
	       (ns->mode == SPEC_NS_JOIN && stat(ns->path, &theirs) == 0 && stat(own, &ours) == 0 &&
		theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino);
}

static int sysctl_check(const struct spec *spec, const char *name, struct err *err)
{
	static const char *const own[SPEC_NS_COUNT] = {
		[SPEC_NS_IPC] = "/proc/self/ns/ipc",
		[SPEC_NS_UTS] = "/proc/self/ns/uts",
		[SPEC_NS_NETWORK] = "/proc/self/ns/net",
		[SPEC_NS_USER] = "/proc/self/ns/user",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sysctl_namespaces); i++) {
		const char *prefix = sysctl_namespaces[i].prefix;
		enum spec_namespace_kind kind = sysctl_namespaces[i].kind;

		if (!(str_suffix(prefix, ".") ? str_prefix(name, prefix) :
						strcmp(name, prefix) == 0))
			continue;
		if (same_as_ours(&spec->namespaces[kind], own[kind]))
			return err_set(err, EINVAL,
				       "linux.sysctl.%s: would change the host: the container has "
				       "no namespace of its own for it",
				       name);
		return 0;
	}
	return err_set(err, EINVAL,
		       "linux.sysctl.%s: is not of a namespace, it would change the host", name);
}

static int namespaces_check(const struct spec *spec, struct err *err)
{
	const struct spec_namespace *ns = spec->namespaces;

	if (ns[SPEC_NS_MOUNT].mode == SPEC_NS_INHERIT)
		return err_set(err, EOPNOTSUPP,
			       "linux.namespaces: a container without a mount namespace of its own "
			       "would change the host's root");
	if (ns[SPEC_NS_USER].mode == SPEC_NS_NEW &&
	    (spec->uid_map_count == 0 || spec->gid_map_count == 0))
		return err_set(err, EINVAL,
			       "linux.uidMappings and linux.gidMappings are needed for a new user "
			       "namespace");
	if (ns[SPEC_NS_USER].mode == SPEC_NS_INHERIT &&
	    (spec->uid_map_count > 0 || spec->gid_map_count > 0))
		return err_set(err, EINVAL,
			       "linux.uidMappings: there is no user namespace in linux.namespaces");
	if ((spec->monotonic.set || spec->boottime.set) && ns[SPEC_NS_TIME].mode != SPEC_NS_NEW)
		return err_set(err, EINVAL, "linux.timeOffsets: need a new time namespace");
	if (spec->hostname && *spec->hostname &&
	    same_as_ours(&ns[SPEC_NS_UTS], "/proc/self/ns/uts"))
		return err_set(err, EINVAL,
			       "hostname: would change the host's: the container has no uts "
			       "namespace of its own");
	if (spec->domainname && *spec->domainname &&
	    same_as_ours(&ns[SPEC_NS_UTS], "/proc/self/ns/uts"))
		return err_set(err, EINVAL,
			       "domainname: would change the host's: the container has no uts "
			       "namespace of its own");
	if (spec->net_device_count > 0 && same_as_ours(&ns[SPEC_NS_NETWORK], "/proc/self/ns/net"))
		return err_set(err, EINVAL,
			       "linux.netDevices: the container has no network of its own");
	return 0;
}

int spec_check(const struct spec *spec, struct err *err)
{
	int r = namespaces_check(spec, err);

	if (r == 0 && spec->namespaces[SPEC_NS_MOUNT].mode == SPEC_NS_NEW &&
	    (!spec->rootfs_path || !*spec->rootfs_path))
		r = err_set(err, EINVAL, "root.path: is missing");
	if (r == 0)
		r = selinux_label_check("linux.mountLabel", spec->mount_label, err);
	if (r == 0 && spec->seccomp_metadata && *spec->seccomp_metadata && !spec->seccomp_listener)
		r = err_set(err, EINVAL,
			    "linux.seccomp.listenerMetadata: there is no listenerPath");
	for (size_t i = 0; r == 0 && i < spec->mount_count; i++)
		if (spec->mounts[i].own_map && spec->uid_map_count == 0)
			r = err_set(err, EINVAL,
				    "mounts[%zu].options: idmap: neither the mount nor the "
				    "container has id mappings",
				    i);
	for (size_t i = 0; r == 0 && i < spec->sysctl_count; i++)
		r = sysctl_check(spec, spec->sysctls[i].name, err);
	for (char **p = spec->masked_paths; r == 0 && p && *p; p++)
		r = spec_path_check(*p, "linux.maskedPaths", err);
	for (char **p = spec->readonly_paths; r == 0 && p && *p; p++)
		r = spec_path_check(*p, "linux.readonlyPaths", err);
	return r;
}
