/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --volumes-from CONTAINER[:ro|rw]: another container's volumes and binds, at the same places. */
#ifndef CLOCHE_ENGINE_VOLUMES_FROM_H
#define CLOCHE_ENGINE_VOLUMES_FROM_H

#include <jansson.h>

struct engine;
struct err;

/* Add them to `mounts`, as the record has them, but where that has a mount already; the names of volumes to *volumes. */
int volumes_from(struct engine *engine, char *const *list, json_t *mounts, char ***volumes,
		 struct err *err);

#endif
