/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container's entry in /run/netns, so that `ip netns` and `ss -N` know it by name: a link to /proc/PID/ns/net. A bind mount,
 * as ip-netns(8) itself makes, would keep the namespace after the container and make every mount namespace of the host dearer.
 * Somebody else's entry is left alone, the container then gets NAME-ID4. RUN/ID/netns says which one it is. */
#ifndef CLOCHE_ENGINE_NETNS_NAME_H
#define CLOCHE_ENGINE_NETNS_NAME_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct engine;
struct record;

/* run: RUN/ID. Nothing is said when it cannot be made: the container needs it not. */
void netns_name_add(struct engine *engine, const struct record *record, int run, pid_t pid);
void netns_name_remove(int run);
/* false: it has none. */
bool netns_name_get(int run, char name[NAME_MAX + 1]);
/* Entries of processes that are gone, left when run folders were lost: how many there are, or were removed. */
int netns_names_stale(struct engine *engine, bool remove);

#endif
