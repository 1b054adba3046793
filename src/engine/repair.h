/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What killed commands and monitors left is put right by the next command, before its own work. */
#ifndef CLOCHE_ENGINE_REPAIR_H
#define CLOCHE_ENGINE_REPAIR_H

#include <stdbool.h>

struct container_status;
struct engine;
struct err;

/* Look into locks/: whose lock nobody holds, was left by somebody killed. Costs one getdents when all is well. */
void repair_interrupted(struct engine *engine);
/* Release what has a run folder and does not run: all was killed at once, or /run outlived a reboot. The first command of a boot does it;
 * asks once for each container. */
void repair_ended(struct engine *engine);
/* One container, by id; the caller holds its lock: finish a removal, release what is not running, restore a monitor. */
int repair_container(struct engine *engine, const char *id, struct err *err);
/* For who waited for a lock and found that the container's row is gone: whoever removed it may have been killed before the rest was.
 * Finish that and unlock; what does not work now is the next command's. */
void repair_gone(struct engine *engine, const char *id, int lock);
/* A container that runs without its monitor, or whose restart is due and nobody waits for it, and whose lock nobody holds, gets a new one;
 * one that ended with nobody looking is released. For who has just seen that by status_get:
 * when monitor and holder were killed together, nobody has left a mark in locks/. true: it may be another status now. */
bool repair_unmonitored(struct engine *engine, const char *id,
			const struct container_status *status);
/* Wait until nobody starts, releases or removes it any more: init can be seen before its network and its monitor are there. Costs one
 * system call for a container that runs and has them; nothing for who has its lock. status: in and out. */
void repair_wait(struct engine *engine, const char *id, struct container_status *status);

#endif
