/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Big folders go in two steps: out of sight by one rename into trash/, then away by a process of idle priority that nobody
 * waits for (creating files soon after many were deleted is up to ten times slower on ext4, so deletion must not hurry).
 *
 *	trash_put(engine, "layers", hex, err);      in the transaction that made sure that nobody needs it
 *	trash_sweep(engine);                        after the commit
 *
 * What lies in trash/ is nobody's: a sweep that was killed is made up for by the next one, or by `system check --repair`. */
#ifndef CLOCHE_ENGINE_TRASH_H
#define CLOCHE_ENGINE_TRASH_H

struct engine;
struct err;

/* folder: beneath the data root. A missing name is success. */
int trash_put(struct engine *engine, const char *folder, const char *name, struct err *err);
/* In the background. Closes the store, which must not cross a fork. */
void trash_sweep(struct engine *engine);
/* Now. How many things were removed, or -errno of what could not be. */
int trash_empty(int root);
/* How many things wait there while no sweep is at work. */
int trash_waiting(int root);

#endif
