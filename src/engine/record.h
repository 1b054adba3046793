/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of a container: its row in the database and its configuration, parsed. */
#ifndef CLOCHE_ENGINE_RECORD_H
#define CLOCHE_ENGINE_RECORD_H

#include <jansson.h>

#include "state/store.h"

struct engine;
struct err;

struct record {
	struct container_row row;
	json_t *config;
};
#define RECORD_EMPTY ((struct record){ 0 })
void record_clear(struct record *record);

/* Find by name, id or prefix, config parsed. `No such container: x`, exit status 1. */
int record_find(struct engine *engine, const char *reference, struct record *ret_record,
		struct err *err);
/* The same, and take its lock for engine_unlock. The record is as it is now, not as it was before a wait. */
int record_lock(struct engine *engine, const char *reference, struct record *ret_record,
		int *ret_lock, struct err *err);
/* Its id alone, for who wants to know whether it is there: the record is long. The caller frees. */
int record_id(struct engine *engine, const char *reference, char **ret_id, struct err *err);

#endif
