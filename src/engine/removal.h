/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `rm -f` of several containers: killed together, so that they end side by side, and deleted in one transaction. */
#ifndef CLOCHE_ENGINE_REMOVAL_H
#define CLOCHE_ENGINE_REMOVAL_H

#include <stdbool.h>
#include <stddef.h>

struct engine;

/* Remove those of the containers that run and that nobody else works on. done[i] tells which; the others, and all that fails, are
 * lifecycle_remove()'s, which has the words. */
void removal_force(struct engine *engine, char *const *references, size_t count, bool volumes,
		   bool *done);

#endif
