/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the cgroup files: a hierarchy, and what cgroup v1 and v2 do differently. A folder is a path beneath
 * the hierarchy's mount without the leading slash ("cloche/web-1a2b"); "" is the mount itself. */
#ifndef CLOCHE_RUNTIME_CGROUP_OPS_H
#define CLOCHE_RUNTIME_CGROUP_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/cgroup.h"
#include "runtime/cgroup_mounts.h"

struct buf;
struct cgroup_stats;
enum cgroup_depth;
struct err;
struct spec_resources;

enum { CGROUP_PATH_MAX = 1024, CGROUP_PATIENCE_MS = 10000 };

enum cgroup_controller { /* bits */
			 CGROUP_MEMORY = 1 << 0,
			 CGROUP_CPU = 1 << 1,
			 CGROUP_CPUACCT = 1 << 2,
			 CGROUP_CPUSET = 1 << 3,
			 CGROUP_PIDS = 1 << 4,
			 CGROUP_DEVICES = 1 << 5,
			 CGROUP_BLKIO = 1 << 6,
			 CGROUP_FREEZER = 1 << 7,
			 CGROUP_HUGETLB = 1 << 8,
			 CGROUP_RDMA = 1 << 9,
			 CGROUP_NET_CLS = 1 << 10,
			 CGROUP_NET_PRIO = 1 << 11,
			 CGROUP_MISC = 1 << 12,
};

struct cgroup_hierarchy {
	const struct cgroup_ops *ops;
	char *mount_point;
	char **other_points;  /* mounts of the same root, for when that one is covered or gone */
	dev_t device;	      /* of the mount, to notice when something else lies over it */
	bool whole;	      /* mounted from the hierarchy's root, not from a folder in it */
	unsigned controllers; /* v1: from the mount options; v2: filled by ops->controllers */
	bool named;	      /* v1: of processes alone, "name=systemd" */
	bool asked;	      /* v2: cgroup.controllers was read */
	int fd;		      /* O_PATH of mount_point, -1 until cgroup_hierarchy_open */
};

struct cgroup_ops {
	const char *oom_file; /* with a line "oom_kill N" */
	unsigned (*controllers)(struct cgroup_hierarchy *h);
	/* The folders down to `folder` were just made, to hold containers' folders. Best effort: what fails is
	 * seen, with words, when a limit or a process comes. */
	void (*prepare)(struct cgroup_hierarchy *h, const char *folder);
	/* v2: hand down what is not by itself, since few ask for it. NULL: a hierarchy has its controllers. */
	int (*enable)(struct cgroup_hierarchy *h, const char *folder, unsigned bit);
	/* Processes are refused with -ENOSPC: fill in what `folder` lacks. */
	int (*repair)(struct cgroup_hierarchy *h, const char *folder);
	/* Set those limits of the controllers in `mask`. fresh: the folder was just made. */
	int (*limit)(struct cgroup_hierarchy *h, const char *folder,
		     const struct spec_resources *resources, unsigned mask, bool fresh,
		     struct err *err);
	/* SIGKILL to all in it at once and wait until it is empty. -EOPNOTSUPP without words: it has to be done
	 * process by process. */
	int (*kill)(struct cgroup_hierarchy *h, const char *folder, struct err *err);
	/* Stop (so that nothing forks) or let go on, around a kill process by process. Best effort. */
	void (*hold)(struct cgroup_hierarchy *h, const char *folder, bool held);
	/* Fill the fields of the controllers that are here and not yet in *seen. */
	void (*stats)(struct cgroup_hierarchy *h, const char *folder, enum cgroup_depth depth,
		      struct cgroup_stats *stats, unsigned *seen);
	int (*freeze)(struct cgroup_hierarchy *h, const char *folder, bool frozen, struct err *err);
	int (*frozen)(struct cgroup_hierarchy *h, const char *folder); /* 0, 1, -errno */
};

extern const struct cgroup_ops cgroup_v1_ops, cgroup_v2_ops;

struct cgroup {
	struct cgroup_mounts mounts;
	enum cgroup_mode mode;
	struct cgroup_hierarchy
		*chief; /* has every process and kills and freezes best: v2, else v1's freezer */
};

#define FOR_EACH_HIERARCHY(h, cg) \
	for (struct cgroup_hierarchy *h = (cg)->mounts.list; \
	     h < (cg)->mounts.list + (cg)->mounts.count; h++)

/* cgroup.c: the folder that a path means, checked. NULL: refused, with words. */
const char *cgroup_folder_of(const char *path, struct err *err);

/* cgroup_limit.c: the hierarchy where a controller (a bit) is, or NULL. */
struct cgroup_hierarchy *cgroup_hierarchy_of(const struct cgroup *cg, unsigned bit);
/* Every controller that is asked for must be somewhere: told before anything is made. */
int cgroup_limits_check(const struct cgroup *cg, const struct spec_resources *resources,
			struct err *err);
/* fresh: the folder was just made. */
int cgroup_limits_set(struct cgroup *cg, const char *folder, const struct spec_resources *resources,
		      bool fresh, struct err *err);

/* cgroup_file.c: the files of a folder; 0 or -errno, no words. h->fd must be open. */
/* With words. Changes mount_point to another mount of the same where the first leads elsewhere. */
int cgroup_hierarchy_open(struct cgroup_hierarchy *h, struct err *err);
/* cgroup.c: open all. One that is mounted nowhere any more, a test's for instance, is dropped; so this comes before
 * a pointer into the list is taken. */
int cgroup_open_all(struct cgroup *cg, struct err *err);
/* "folder/file" to out; -ENAMETOOLONG. */
int cgroup_file_path(char *out, size_t size, const char *folder, const char *file);
int cgroup_file_poke(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		     const char *text);
int cgroup_file_read(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		     struct buf *buf);
bool cgroup_file_exists(const struct cgroup_hierarchy *h, const char *folder, const char *file);
/* A number; "max", "-1" and v1's "no limit" (2^63 less a page) are UINT64_MAX. */
int cgroup_file_u64(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		    uint64_t *ret_value);
/* The number behind `key` in lines of "key number". */
int cgroup_text_key(const char *text, const char *key, uint64_t *ret_value);
int cgroup_file_key(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		    const char *key, uint64_t *ret_value);
/* The sums of the numbers behind each `key` and `other_key`: "8:0 Read 4096" by "Read ", "8:0 rbytes=4096 ..." by "rbytes=". As they
 * were when there is no such file. */
void cgroup_file_sums(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		      const char *key, uint64_t *ret_sum, const char *other_key,
		      uint64_t *ret_other);
/* Write a limit; r of an earlier cgroup_file_poke put into words. what: "memory", "cpu shares". */
int cgroup_limit_explain(const struct cgroup_hierarchy *h, const char *folder, const char *file,
			 const char *text, const char *what, int r, struct err *err);
/* The length of the next longer leading part of folder after `length`: "a/b/c" gives 1, 3, 5, 0. */
size_t cgroup_folder_next(const char *folder, size_t length);
int64_t cgroup_now_ms(void); /* monotonic */

/* cgroup_tree.c: processes and nested folders of a folder in one hierarchy. */
struct cgroup_pid_list {
	pid_t *pids; /* sorted */
	size_t count, room;
};
#define CGROUP_PID_LIST_EMPTY ((struct cgroup_pid_list){ 0 })
void cgroup_pid_list_clear(struct cgroup_pid_list *list);
/* Pids in folder and below it; those outside of our pid namespace are left out. A missing folder has none. */
int cgroup_tree_pids(const struct cgroup_hierarchy *h, const char *folder,
		     struct cgroup_pid_list *ret_list);
/* Signal each process once, SIGKILL until none is left. */
int cgroup_tree_signal(struct cgroup_hierarchy *h, const char *folder, int signal_number,
		       struct err *err);
/* -EBUSY with the words for a process that SIGKILL does not end; 0 when there is none. */
int cgroup_tree_stuck(const struct cgroup_hierarchy *h, const char *folder, struct err *err);
/* Remove the folders below it, not itself. -EBUSY: processes are in one. No words. */
int cgroup_tree_prune(const struct cgroup_hierarchy *h, const char *folder);
/* Kill what is left and remove it. */
int cgroup_tree_remove(struct cgroup_hierarchy *h, const char *folder, struct err *err);

#endif
