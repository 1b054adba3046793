/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cgroup of a container on v1, hybrid and v2 hosts (cgroups(7), kernel cgroup-v2.rst). One header; v1 and v2
 * are files that nobody else includes.
 *
 *	struct cgroup *cg = cgroup_open(err);
 *	cgroup_create(cg, "/cloche/web-1a2b", &resources, err);   limits are in force
 *	cgroup_enter(cg, "/cloche/web-1a2b", pid, err);           then a process goes in
 *	...
 *	cgroup_remove(cg, "/cloche/web-1a2b", err);               kills what is left, removes the folders
 *
 * A path is absolute, without "." and "..", and lies beneath the mount of every hierarchy; "/" is refused (-EINVAL).
 * On v1 each process starts in the caller's cgroup and is moved into one folder per hierarchy before it runs
 * anything of the user's.
 */
#ifndef CLOCHE_RUNTIME_CGROUP_H
#define CLOCHE_RUNTIME_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct spec_resources;

enum cgroup_mode { CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

struct cgroup; /* the host's hierarchies, discovered once from /proc/self/mountinfo */

struct cgroup_stats {
	uint64_t memory_bytes, memory_limit_bytes; /* limit UINT64_MAX: none */
	uint64_t memory_peak_bytes;
	uint64_t memory_inactive_file_bytes; /* part of memory_bytes that is idle page cache; Docker shows the rest */
	uint64_t cpu_usage_ns;
	uint64_t pids, pids_limit; /* limit UINT64_MAX: none */
	uint64_t oom_kills;
	uint64_t block_read_bytes, block_write_bytes; /* of all devices */
	uint64_t cpu_system_ns, cpu_user_ns;
	uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	uint64_t memory_cache_bytes, memory_failures;
};

struct cgroup *cgroup_open(struct err *err); /* NULL on failure */
void cgroup_close(struct cgroup *cg);
enum cgroup_mode cgroup_mode(const struct cgroup *cg);
/* Whether a limit can be set here: "memory", "cpu", "cpuset", "pids", "devices", "blkio". */
bool cgroup_has(const struct cgroup *cg, const char *controller);

/* Make the folders (mkdir -p; an empty one left by a killed run is made anew) and set limits and device rules.
 * resources NULL: none. A limit whose controller is missing is -EOPNOTSUPP naming it, a folder with processes in
 * it -EBUSY. On failure the folders that it made are gone again, but for the parents. */
int cgroup_create(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		  struct err *err);
/* The same for a folder that a service manager made: where it is, it stays, with who is in it; elsewhere it is made. */
int cgroup_adopt(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		 struct err *err);
/* Beneath a parent that somebody else made, a cpuset of v1 may be born without processors, and then takes no process: give it
 * its parent's. */
int cgroup_fill(struct cgroup *cg, const char *path, struct err *err);
/* v2: the folder, and the files in it that the kernel names for it, become the user's, who may then divide it
 * (config-linux.md, "Cgroup ownership"; cgroups(7), "delegation"). Elsewhere nothing happens, for controllers of v1 cannot be delegated
 * safely; with `nameless`, hierarchies without controllers are given away there, v1's and the unified one. */
int cgroup_give(struct cgroup *cg, const char *path, uid_t uid, bool nameless, struct err *err);
/* Change the limits that are set in resources. Device rules, when there are any, replace all earlier ones. */
int cgroup_update(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		  struct err *err);
/* Move pid (0: the caller) into the folder of each hierarchy. */
int cgroup_enter(struct cgroup *cg, const char *path, pid_t pid, struct err *err);
/* The fast way in, for a process that is about to be cloned. Moving another process, or one by number, takes a lock of the
 * kernel that waits for a grace period when it was not used lately (12 ms measured); a thread that moves itself through
 * v1's `tasks`, and CLONE_INTO_CGROUP on v2, do not (cgroup_procs_write_start() in kernel/cgroup/cgroup.c). */
enum { CGROUP_DOOR_TASKS = 32 };
struct cgroup_door {
	int folder; /* v2: for struct clone_args; -1: none */
	int tasks[CGROUP_DOOR_TASKS];
	size_t count;
};
#define CGROUP_DOOR_NONE ((struct cgroup_door){ .folder = -1 })
int cgroup_door_open(struct cgroup *cg, const char *path, struct cgroup_door *ret_door,
		     struct err *err);
int cgroup_door_pass(
	const struct cgroup_door *door); /* in the new process; system calls only. 0 or -errno */
void cgroup_door_close(struct cgroup_door *door);

/* v2: an O_PATH descriptor for CLONE_INTO_CGROUP. -EOPNOTSUPP elsewhere (no words). */
int cgroup_open_folder(struct cgroup *cg, const char *path);
/* Signal every process in it, nested folders too. SIGKILL returns when none is left, after 10 s with -EBUSY and
 * the process that cannot be killed; other signals go out once. A missing folder is success. */
int cgroup_kill(struct cgroup *cg, const char *path, int signal_number, struct err *err);
/* Pids in it and below; *ret_pids is the caller's to free. Count or -errno. */
ssize_t cgroup_pids(struct cgroup *cg, const char *path, pid_t **ret_pids, struct err *err);
/* Kill what is left and remove the folders, children first. Missing folders are success. */
int cgroup_remove(struct cgroup *cg, const char *path, struct err *err);
/* Remove the folders where nobody is in them nor below; nobody is killed. 1: some stay. */
int cgroup_remove_empty(struct cgroup *cg, const char *path, struct err *err);
/* What no other folder has until the next boot, not even a later one of the same name: the number of its inode, which the
 * kernel does not give out again (kernfs_ino() in include/linux/kernfs.h). */
int cgroup_identity(struct cgroup *cg, const char *path, uint64_t *ret_identity, struct err *err);
/* Remove the folder of a container whose name is forgotten: parent "/cloche" + suffix, any child ending in "-" +
 * the first 12 of id (-EINVAL: id is shorter). */
int cgroup_remove_id(struct cgroup *cg, const char *suffix, const char *id, struct err *err);
/* What cannot be read here is 0. -ENOENT: no such folder. */
int cgroup_stats(struct cgroup *cg, const char *path, struct cgroup_stats *ret_stats,
		 struct err *err);
enum cgroup_depth { /* each number is a file or two, and `stats` reads those of many containers */
		    CGROUP_TIME, /* cpu_usage_ns alone */
		    CGROUP_SHOWN, /* and what `stats` shows: memory, its limit and idle cache, pids, block input and output */
		    CGROUP_WHOLE,
};
int cgroup_stats_to(struct cgroup *cg, const char *path, enum cgroup_depth depth,
		    struct cgroup_stats *ret_stats, struct err *err);
/* A file of its folder as it is, `v1` of the v1 hierarchy with the controller or `v2` of the unified one. -ENOENT: none (no words). */
struct buf;
int cgroup_read(struct cgroup *cg, const char *path, const char *controller, const char *v1,
		const char *v2, struct buf *ret_text);
/* Freeze or thaw; returns when it is so, after 10 s with -ETIMEDOUT. A signal that ends a process ends a frozen
 * one at once on v2 and hybrid hosts, and only after it was thawed on v1. */
int cgroup_freeze(struct cgroup *cg, const char *path, bool frozen, struct err *err);
/* Whether it is frozen (or about to be) by cgroup_freeze or anybody else: 0, 1 or -errno without words. */
int cgroup_frozen(struct cgroup *cg, const char *path);
/* OOM kills so far, in memory.oom_control/memory.events; 0 when it cannot be read. */
uint64_t cgroup_oom_kills(struct cgroup *cg, const char *path);
/* Host path of the file that counts OOM kills ("oom_kill N"), to be freed. -EOPNOTSUPP: no memory controller. */
int cgroup_oom_path(struct cgroup *cg, const char *path, char **ret_path);
/* Full host paths of the folder in every hierarchy (for the monitor and `inspect`): a string list. */
char **cgroup_paths(struct cgroup *cg, const char *path);
/* The one in the hierarchy with these controllers, as /proc/PID/cgroup has them ("cpu,cpuacct", "name=systemd", "" for v2), to be
 * freed, and its device. NULL: unknown here, or not mounted whole. */
char *cgroup_path_in(struct cgroup *cg, const char *path, const char *list, dev_t *ret_device);

#endif
