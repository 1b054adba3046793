/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A paused container: its cgroup is frozen. RUN/paused holds the path of the cgroup, written before the freezing and removed
 * after the thawing; the kernel is asked whether it is so, so that a mark that a killed command left harms nothing. */
#ifndef CLOCHE_ENGINE_PAUSE_H
#define CLOCHE_ENGINE_PAUSE_H

#include <stdbool.h>

struct engine;
struct err;
struct record;

/* `Container x is not running`, `Container x is already paused`, `Container x is not paused` */
int container_pause(struct engine *engine, const char *reference, struct err *err);
int container_unpause(struct engine *engine, const char *reference, struct err *err);
/* run: RUN/ID. Costs one system call where it is not. */
bool pause_is(struct engine *engine, int run);
/* Freeze for a while (commit, export), unless it is not running or paused already: *ret_frozen says whether pause_end is to be
 * called. No events. The caller holds the lock. */
int pause_begin(struct engine *engine, const struct record *record, bool *ret_frozen,
		struct err *err);
/* Thaw, mark and all; nothing to do is success. For who sent a signal that must be seen. */
int pause_end(struct engine *engine, const struct record *record, struct err *err);

#endif
