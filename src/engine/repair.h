/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What killed commands and monitors left is put right by the next command, before its own work. */
#ifndef CLOCHE_ENGINE_REPAIR_H
#define CLOCHE_ENGINE_REPAIR_H

struct engine;
struct err;

/* Look into locks/: whose lock nobody holds, was left by somebody killed. Costs one getdents when all is well. */
void repair_interrupted(struct engine *engine);
/* One container, by id; the caller holds its lock: finish a removal, release what is not running, restore a monitor. */
int repair_container(struct engine *engine, const char *id, struct err *err);

#endif
