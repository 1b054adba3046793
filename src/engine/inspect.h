/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `inspect`, `ps` and `info` know, in Docker's JSON structure. New objects of the caller's. */
#ifndef CLOCHE_ENGINE_INSPECT_H
#define CLOCHE_ENGINE_INSPECT_H

#include <jansson.h>
#include <stdint.h>

struct container_status;
struct engine;
struct err;
struct record;

json_t *inspect_container(struct engine *engine, const struct record *record);
json_t *inspect_volume(struct engine *engine, const char *name,
		       struct err *err); /* NULL: `get x: no such volume` */
json_t *inspect_info(struct engine *engine, struct err *err);
/* "2026-11-24T12:00:00.123456789Z"; 0 gives Docker's zero time. To be freed. */
char *time_text(int64_t ns);
/* "Up 5 minutes", "Exited (0) 3 minutes ago", "Created": to be freed */
char *status_text(const struct container_status *status);
/* "5 minutes", "About an hour": Docker's HumanDuration. To be freed. */
char *duration_text(int64_t seconds);

#endif
