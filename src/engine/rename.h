/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's new name. The cgroup of one that runs keeps the old name until the next start (it cannot be renamed on v2):
 * `.Cloche.CgroupName` of the record remembers it. */
#ifndef CLOCHE_ENGINE_RENAME_H
#define CLOCHE_ENGINE_RENAME_H

struct engine;
struct err;
struct record;

/* Docker's words for a bad name, the same one, one that is taken. */
int container_rename_to(struct engine *engine, const char *reference, const char *name,
			struct err *err);
/* At a start: the new name counts everywhere. Costs nothing when it was not renamed. */
int rename_settle(struct engine *engine, struct record *record, struct err *err);

#endif
