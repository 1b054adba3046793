/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's files, for a process made to look at them: of a running one in its own user and mount namespaces, with its
 * ids; of one that does not run on an overlay of its layers that is mounted nowhere, with the numbers that the image has, which
 * are the same ones. Volumes and binds are seen in both.
 */
#ifndef CLOCHE_ENGINE_CONTAINER_ROOT_H
#define CLOCHE_ENGINE_CONTAINER_ROOT_H

#include <stdbool.h>

struct engine;
struct err;
struct record;

/* In the process that does the work, and that has nothing else to do: it cannot come back from where this goes. The root of the
 * path to use, and the rest of the path beneath it (within `path`): a stopped container's volume is a root of its own. */
int container_root_enter(struct engine *engine, const struct record *record, const char *path,
			 bool write, int *ret_root, const char **ret_path, struct err *err);
/* The merged tree without volumes, read-only, in any process: for export and diff. Numbers are the image's. */
int container_root_snapshot(struct engine *engine, const struct record *record, struct err *err);
/* The same without what the container wrote: its image. */
int container_root_below(struct engine *engine, const struct record *record, struct err *err);

#endif
