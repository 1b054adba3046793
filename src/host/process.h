/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every process of the host, as ps(1) sees it, and whose it is.
 *
 *	_cleanup_(process_table_clear) struct process_table table = PROCESS_TABLE_EMPTY;
 *	process_table_read(&table, PROCESS_ARGS, err);
 *	owner_name_all(&table, store);                 names and images, from the engines' own state (host/owner.h)
 *
 * A process is read through one descriptor of its /proc folder, so that a reused number never mixes two. It belongs to a container by
 * its cgroup; one that has a pid namespace of its own and no container's cgroup, by the process that supervises its first one.
 */
#ifndef CLOCHE_HOST_PROCESS_H
#define CLOCHE_HOST_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/cgroup_owner.h"

struct err;

enum { COMM_SIZE = 64, OWNER_IMAGE = 256 };

struct process {
	pid_t pid, ppid, inner_pid; /* inner_pid: in the innermost pid namespace */
	uint32_t uid, gid;	    /* effective, the host's */
	char state, comm[COMM_SIZE];
	/* With PROCESS_SHORT tty, nice, all times and sizes of memory are 0. */
	char *args; /* words parted by blanks; "[comm]" without any; NULL unless PROCESS_ARGS */
	int tty, nice;
	unsigned int depth; /* pid namespaces it is in: 1 is the host's alone */
	long threads;
	uint64_t start_ticks, cpu_ticks;
	uint64_t vsz_kb, rss_kb, swap_kb;
	uint64_t pss_kb; /* UINT64_MAX: not asked, or not allowed */
	int owner;	 /* of table->owners; 0: the host */
};

struct owner { /* a container, or the host */
	enum host_engine engine;
	char id[OWNER_TEXT], name[OWNER_TEXT], part[OWNER_TEXT];
	char image[OWNER_IMAGE]; /* "" when it cannot be read */
	char other[COMM_SIZE];	 /* ENGINE_OTHER: what made it */
	pid_t init;		 /* its outermost process; 0: none seen */
	pid_t supervisor;	 /* parent of that one */
	size_t processes;
	uint64_t rss_kb, swap_kb;
	uint64_t memory_limit_bytes; /* UINT64_MAX: none known */
	bool own_users;		     /* its ids are not the host's */
	struct inner_users *users;   /* host/inner_users.h, when asked */
};

struct process_table {
	struct process *list; /* by pid */
	size_t count;
	struct owner *owners; /* the host first */
	size_t owner_count;
	uint64_t boot_ticks_per_second;
	bool partial; /* not root: what the kernel hides is missing */
};
#define PROCESS_TABLE_EMPTY ((struct process_table){ 0 })

enum process_flag {
	PROCESS_ARGS = 1,
	PROCESS_SHORT = 2, /* who and whose, no more: one file of each process less */
};

int process_table_read(struct process_table *table, unsigned int flags, struct err *err);
/* Only a process and its ancestors, which is all that tells whose it is, in a millisecond. -ESRCH without words: there is none. */
int process_table_read_line(struct process_table *table, pid_t pid, unsigned int flags,
			    struct err *err);
void process_table_clear(struct process_table *table);
/* NULL: none. */
const struct process *process_find(const struct process_table *table, pid_t pid);
/* PSS from smaps_rollup (proc(5)), which walks the page tables: a tenth of a millisecond and more. */
void process_read_pss(struct process *process);
/* What ps shows: the engine's word, or what made it. */
const char *owner_engine(const struct owner *owner);
/* Its name, else the first 12 of its id, else "-". */
const char *owner_title(const struct owner *owner);

#endif
