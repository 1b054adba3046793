/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every network namespace of the host, also those without a name: through the processes and threads that are in them, and the files
 * that hold them (nsfs mounts, as ip-netns(8) and Docker make). */
#ifndef CLOCHE_HOST_NET_SPACE_H
#define CLOCHE_HOST_NET_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/cgroup_owner.h"

struct process_table;

enum { NET_SPACE_NAME = 128 };

struct net_space {
	uint64_t inode;
	int fd;	   /* for setns(2); -1: not allowed */
	int owner; /* of table->owners: the container whose it is; 0: the host's, or nobody's */
	bool shared; /* processes of several owners are in it, or it is the host's with containers in it */
	pid_t pid;		   /* someone in it; 0: nobody, a file holds it */
	char name[NET_SPACE_NAME]; /* of its file: "web" in /run/netns, else the whole path; "": none */
};

struct net_spaces {
	struct net_space *list; /* the host's first */
	size_t count;
	int *of_process; /* parallel to table->list: index in list, -1: unknown */
};
#define NET_SPACES_EMPTY ((struct net_spaces){ 0 })

/* Never fails: what cannot be seen is not in it; the host's own (ours) always is. */
void net_spaces_find(struct net_spaces *spaces, const struct process_table *table);
void net_spaces_clear(struct net_spaces *spaces);

#endif
