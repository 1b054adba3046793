/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container under the kill guard, when one is loaded: one key from before its first process runs to its release. RUN/ID/guard, a link
 * whose text is the key, says which. */
#ifndef CLOCHE_ENGINE_GUARD_H
#define CLOCHE_ENGINE_GUARD_H

#include <sys/types.h>

struct engine;
struct record;

/* run: RUN/ID. A container in the host's pid namespace, or in another one's, is not put under it. */
void guard_add(struct engine *engine, const struct record *record, int run, pid_t init);
void guard_remove(struct engine *engine, int run);
/* This program may signal: it was perhaps installed after the guard was loaded. */
void guard_pass_self(struct engine *engine);

#endif
