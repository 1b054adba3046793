/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One container in the place of another, and back.
 *
 * Steps, each of which may be the last: the new one is made under a name of its own (recreate_name); the old one is stopped; it is
 * renamed to NAME.old; the new one to NAME; the new one is started; when it is healthy, the old one is removed. Killed in between,
 * both are there, and recreate_rollback() leads back.
 */
#ifndef CLOCHE_ENGINE_RECREATE_H
#define CLOCHE_ENGINE_RECREATE_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct err;
struct record;

char *recreate_name(const struct record *old);
/* On failure the old one runs again under its name when it ran before, and the new one is gone. keep: NAME.old stays. */
int recreate_swap(struct engine *engine, const struct record *old, struct record *fresh,
		  int64_t patience_ms, bool keep, char ***ret_warnings, struct err *err);
/* Remove NAME, which may be missing, and start NAME.old as NAME. */
int recreate_rollback(struct engine *engine, const char *name, char ***ret_warnings,
		      struct err *err);

#endif
