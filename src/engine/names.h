/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a container's users get their names on the host: before its first process runs, again at each exec (its passwd may have
 * changed), and until it is removed. A setting turns it off; a failure is no reason not to run. */
#ifndef CLOCHE_ENGINE_NAMES_H
#define CLOCHE_ENGINE_NAMES_H

#include <sys/types.h>

struct container_row;
struct engine;

/* init: a process that is in the container's root. */
void names_publish(struct engine *engine, const struct container_row *row, pid_t init);
void names_remove(struct engine *engine, const struct container_row *row);

#endif
