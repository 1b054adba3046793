/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The OCI runtime spec in memory: one struct feeds the one container start, whether it came from
 * `cloche run` or from a config.json (OCI runtime spec 1.x, config.md and config-linux.md; field names are the
 * spec's, in snake case). Strings belong to the spec; spec_free releases all. */
#ifndef CLOCHE_RUNTIME_SPEC_H
#define CLOCHE_RUNTIME_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/json_table.h"

struct err;

enum spec_namespace_kind {
	SPEC_NS_USER,
	SPEC_NS_MOUNT,
	SPEC_NS_PID,
	SPEC_NS_NETWORK,
	SPEC_NS_IPC,
	SPEC_NS_UTS,
	SPEC_NS_CGROUP,
	SPEC_NS_TIME,
	SPEC_NS_COUNT
};

enum spec_namespace_mode { SPEC_NS_INHERIT, SPEC_NS_NEW, SPEC_NS_JOIN };

struct spec_namespace {
	enum spec_namespace_mode mode; /* INHERIT: the host's */
	char *path;		       /* of the namespace to join */
};

struct spec_id_map { /* "uidMappings", "gidMappings" */
	uint32_t container_id, host_id, size;
};

struct spec_rlimit {
	int resource;
	uint64_t soft, hard; /* RLIM_INFINITY is UINT64_MAX */
};

enum spec_mount_kind {
	SPEC_MOUNT_BIND,
	SPEC_MOUNT_TMPFS,
	SPEC_MOUNT_PROC,
	SPEC_MOUNT_SYSFS,
	SPEC_MOUNT_DEVPTS,
	SPEC_MOUNT_MQUEUE,
	SPEC_MOUNT_CGROUP,
	SPEC_MOUNT_OTHER,   /* by its type */
	SPEC_MOUNT_REMOUNT, /* what is at destination gets other attributes */
};

struct spec_mount {
	enum spec_mount_kind kind;
	char *type;    /* OTHER: of the file system */
	char *source;  /* BIND: a host path; OTHER: what the file system makes of it */
	int source_fd; /* BIND: an O_PATH descriptor used instead of source, or -1; the caller's */
	bool source_is_mount; /* source_fd is a detached mount, and this is it: it is not copied */
	char *destination;    /* absolute, in the container */
	char *data;	      /* file-system options, comma separated: "mode=1777,size=65536k" */
	uint64_t attr_set; /* MOUNT_ATTR_* of mount_setattr(2); NODEV is always added but for devpts */
	uint64_t attr_clear;
	uint64_t all_set,
		all_clear;    /* the same for the whole tree below ("rro"), before the two above */
	uint64_t propagation; /* MS_PRIVATE (default when 0), MS_SLAVE, MS_SHARED, MS_UNBINDABLE */
	bool top_only; /* attr_set and propagation are for the mount itself, not for those below it */
	bool own_map;	/* maps of the container's user namespace ("idmap" without maps) */
	bool map_tree;	/* maps for the mounts below, too ("ridmap") */
	bool copy_link; /* a source that is a symlink is made anew, not followed ("copy-symlink") */
	bool recursive; /* rbind: submounts come along, with the same attributes */
	bool copy_up; /* an empty source is filled with what the root file system has at destination */
	struct spec_id_map *uid_map, *gid_map; /* id-mapped bind: on disk -> host, NULL: none */
	size_t uid_map_count, gid_map_count;
	bool owner_map; /* id-mapped bind: owner_uid, owner_gid are the process's user, the container's other ids themselves */
	uint32_t owner_uid, owner_gid;
	bool optional_map; /* where the file system has no id-mapped mounts: as it is, owned by nobody */
};

struct spec_device {
	char *path;	 /* in the container */
	char *host_path; /* where it came from, NULL: made from the numbers */
	bool block, fifo;
	uint32_t major, minor;
	mode_t mode;
	uint32_t uid, gid; /* in the container */
};

struct spec_device_rule { /* linux.resources.devices; major, minor -1: any */
	bool allow;
	char type; /* 'a', 'b', 'c' */
	int64_t major, minor;
	char access[4]; /* of "rwm" */
};

struct spec_resources {			     /* linux.resources; 0 or -1 as told: not set */
	int64_t memory_limit_bytes;	     /* 0 none */
	int64_t memory_reservation_bytes;    /* 0 none */
	int64_t memory_swap_bytes;	     /* memory + swap; 0 not set, -1 unlimited */
	int64_t memory_swappiness;	     /* -1 not set */
	int64_t cpu_quota_us, cpu_period_us; /* 0 not set; quota -1 unlimited */
	uint64_t cpu_shares;		     /* 0 not set */
	char *cpuset_cpus, *cpuset_mems;     /* NULL not set */
	int64_t pids_limit;		     /* 0 not set, -1 unlimited */
	struct spec_device_rule *devices;
	size_t device_count;
	struct spec_cgroup_file *files; /* all that has no field above, ready to be written */
	size_t file_count;
	struct spec_resources_rest { /* as read, until spec_resources_finish makes files of them */
		bool burst_set, idle_set, weight_set, leaf_weight_set, class_set, pids_set,
			hierarchy;
		uint64_t cpu_burst_us, realtime_period_us;
		int64_t cpu_idle, realtime_runtime_us, kernel_bytes, kernel_tcp_bytes;
		uint32_t weight, leaf_weight, class_id;
		bool oom_killer_off, check_before_update;
	} rest;
};

struct spec_cgroup_file {
	bool v2; /* of the unified hierarchy; else of the v1 hierarchy with `controller` */
	char *controller, *file, *value;
	bool told;     /* "unified": a missing file is an error even where the kernel lacks it */
	bool optional; /* a missing file is no error */
};

struct spec_scheduler { /* sched_setattr(2) */
	bool set;
	uint32_t policy;
	int32_t nice;
	uint32_t priority;
	uint64_t flags, runtime_ns, deadline_ns, period_ns;
};

struct spec_process {
	bool terminal;
	uint64_t rows, columns; /* at most UINT16_MAX */
	char *user; /* "NAME|UID[:GROUP|GID]" for init to look up in the container's own files, or NULL: uid, gid */
	char **group_names; /* additional groups, names or numbers, looked up too */
	uint32_t uid, gid;
	bool keep_groups; /* of the caller */
	uint32_t *additional_gids;
	size_t additional_gid_count;
	char **args, **env;
	char *cwd;
	uint64_t cap_bounding, cap_effective, cap_permitted, cap_inheritable,
		cap_ambient; /* bits */
	struct spec_rlimit *rlimits;
	size_t rlimit_count;
	bool no_new_privileges;
	int oom_score_adj;
	bool oom_score_adj_set;
	bool oom_score_adj_wish; /* where the host does not allow to lower it, it stays */
	int umask;		 /* -1: 0022 */
	char *apparmor_profile, *selinux_label;
	struct spec_scheduler scheduler;
	int io_class, io_priority;	 /* ioprio_set(2); class 0: as it is */
	char *cpus_initial, *cpus_final; /* of exec: while it is made, and when it runs */
};

enum spec_hook_kind { /* config.md, "POSIX-platform Hooks"; the first two mean the same */
		      SPEC_HOOK_PRESTART,
		      SPEC_HOOK_CREATE_RUNTIME,
		      SPEC_HOOK_CREATE_CONTAINER,
		      SPEC_HOOK_START_CONTAINER,
		      SPEC_HOOK_POSTSTART,
		      SPEC_HOOK_POSTSTOP,
		      SPEC_HOOK_COUNT
};

struct spec_hook {
	char *path;
	char **args, **env; /* env NULL: the runtime's */
	int timeout_s;	    /* 0: none */
	int out, error;	    /* descriptors for its output and error stream; 0: ours */
};

struct spec_hooks {
	struct spec_hook *list;
	size_t count;
};

struct spec_memory_policy { /* set_mempolicy(2) */
	bool set;
	int mode; /* MPOL_* with MPOL_F_* */
	char *nodes;
};

struct spec_pair {
	char *name, *value;
};

struct spec {
	char *hostname, *domainname;
	struct spec_process process;

	/* Root: either lower layers (topmost first) with an upper, or a plain folder in place. */
	int *lower_fds; /* O_PATH directories, the caller's */
	size_t lower_count;
	char **lower_paths; /* the same as paths, for kernels without overlay by descriptor */
	char *upper_path, *work_path;
	bool root_volatile; /* the upper goes with the container: nothing in it is ever waited for */
	char *rootfs_path;  /* in place when lower_count is 0 */
	bool rootfs_readonly;
	bool rootfs_unmapped;	     /* in place, its ids on disk are host ids already */
	uint64_t rootfs_propagation; /* MS_* with MS_REC, at the end; 0: as it is */
	bool told_exactly; /* nothing but what is told: no NODEV added, nodes are made where they can be */

	struct spec_namespace namespaces[SPEC_NS_COUNT];
	struct spec_id_map *uid_map, *gid_map; /* of the user namespace */
	size_t uid_map_count, gid_map_count;
	struct spec_time_offset {
		bool set;
		int64_t secs;
		uint32_t nanosecs;
	} monotonic, boottime; /* of a new time namespace */

	struct spec_mount *mounts;
	size_t mount_count;
	struct spec_device *devices; /* besides the standard nodes */
	size_t device_count;
	struct spec_resources resources;
	char *cgroup_path; /* "/cloche/NAME-ID" beneath each hierarchy */
	bool cgroup_adopted; /* a service manager made the folder, and keeps it until somebody is in it */
	struct spec_pair *sysctls;
	size_t sysctl_count;
	char **masked_paths, **readonly_paths;

	bool seccomp_default;	/* the built-in list */
	bool seccomp_no_set_id; /* also refuse modes with set-id bits (see design, "Users") */
	char *seccomp_profile;	/* path of a profile in Docker's JSON, or NULL */
	struct json_slice seccomp_text; /* while it is read */
	char *seccomp_json;		/* linux.seccomp of a config.json, or NULL */
	char *seccomp_listener,
		*seccomp_metadata; /* of SCMP_ACT_NOTIFY: where the descriptor goes */
	bool init;		   /* a tiny reaper of ours as pid 1 */
	bool systemd; /* the first process gets cgroups to divide: all of v2, of v1 what limits nothing */
	bool privileged; /* all devices, nothing masked */

	/* What only a config.json says. */
	char **warnings; /* what is left out because it cannot be had here */
	char *version;	 /* "1.0.2" */
	struct spec_hooks hooks[SPEC_HOOK_COUNT];
	char *hook_root; /* a folder where createContainer hooks find the new root, in their mounts alone; NULL: nowhere */
	struct spec_pair *annotations;
	size_t annotation_count;
	bool personality_set;
	unsigned long personality; /* personality(2) */
	char *mount_label;
	struct spec_net_device { /* of the host, which goes into the container's network */
		char *host_name, *name;
	} * net_devices;
	size_t net_device_count;
	struct spec_memory_policy memory_policy;
	bool no_pivot, no_new_keyring; /* of the command line */
};

struct spec *spec_new(void);
void spec_free(struct spec *spec);

static inline bool spec_is_new(const struct spec *spec, enum spec_namespace_kind kind)
{
	return spec->namespaces[kind].mode == SPEC_NS_NEW;
}
void spec_process_clear(struct spec_process *process);	     /* to what spec_new gives */
void spec_resources_clear(struct spec_resources *resources); /* to: no limits */
/* name and value are taken. */
void spec_add_pair(struct spec_pair **pairs, size_t *count, char *name, char *value);
void *spec_grow(void *list, size_t count, size_t size); /* room for one more; never NULL */
void spec_add_mount(struct spec *spec, const struct spec_mount *mount); /* takes its strings */
/* The mount's ids become those of the container: a copy of the user namespace's maps. */
void spec_mount_map(const struct spec *spec, struct spec_mount *mount);
uint32_t spec_host_id(const struct spec_id_map *map, size_t count,
		      uint32_t container_id); /* UINT32_MAX: unmapped */

#endif
