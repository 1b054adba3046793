/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much files hold: sizes as Docker counts them (bytes of files, one with several names once). */
#ifndef CLOCHE_ENGINE_DISK_USE_H
#define CLOCHE_ENGINE_DISK_USE_H

#include <jansson.h>
#include <stdint.h>

struct engine;
struct err;

/* Of a tree beneath dir; a missing one is 0. */
int64_t disk_use_tree(int dir, const char *path);
/* What a container's own layer holds. */
int64_t disk_use_container(struct engine *engine, const char *id);
int64_t disk_use_volume(struct engine *engine, const char *name);
/* `system df`: {"Images": [{ID, Repository, Tag, Size, SharedSize, UniqueSize, Containers, CreatedNs}], "Containers": [...],
 * "Volumes": [...], "LayersSize": n}. A new object; NULL with words. */
json_t *disk_use_report(struct engine *engine, struct err *err);

#endif
