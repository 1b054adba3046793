/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Space that is kept back in the data root, in the file `reserve`, so that something can be removed on a full disk: a row
 * that goes takes room in the database's log first, and so does the exit record of what is stopped.
 */
#ifndef CLOCHE_ENGINE_RESERVE_H
#define CLOCHE_ENGINE_RESERVE_H

#include <stdbool.h>

struct engine;

/* Before a removal: give it away where nothing else is free. true: there is some room now that was not there. */
bool reserve_spend(struct engine *engine);
/* Afterwards, and when an image has come: keep it again, if there is plenty of room. */
void reserve_keep(struct engine *engine);

#endif
