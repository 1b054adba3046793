/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The start of a recorded container, and its release after the end. docs/ARCHITECTURE.md tells the way of a run. */
#ifndef CLOCHE_ENGINE_START_H
#define CLOCHE_ENGINE_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct engine;
struct record;

struct start_options {
	uint32_t hello_flags; /* monitor/protocol.h: what the starting client wants */
	unsigned short rows, columns;
	bool again; /* by its restart policy, not by a user */
};

/* The caller holds the lock; the record's container is not running. *ret_client: the connected socket of the
 * starting client; the command was exec'd. On failure the container is as before, with the words kept for `inspect`; err has
 * Docker's exit status. Closes the store (a fork). *ret_warnings: a string list of the caller's. */
int start_container(struct engine *engine, struct record *record,
		    const struct start_options *options, int *ret_client, char ***ret_warnings,
		    struct err *err);

/* Release what a container that does not run any more held: cgroup, run folder; write the die event; with AutoRemove
 * everything. Repeatable. The caller holds the lock. */
int release_container(struct engine *engine, struct record *record, struct err *err);
/* Remove a container that does not run, whole. The caller holds the lock and unlocks. volumes: anonymous ones too. */
int remove_container(struct engine *engine, struct record *record, bool volumes, struct err *err);
/* Several in one transaction: result and err of each say how it went. The caller has all their locks. */
struct removal {
	struct record *record;
	bool released; /* its cgroup is gone already */
	int result;
	struct err err;
	char **anonymous; /* private */
};
void remove_containers(struct engine *engine, struct removal *removals, size_t count, bool volumes);
/* The anonymous volumes of a removed container. */
int volumes_remove(struct engine *engine, char *const *names, struct err *err);
/* End the sleeping holder of a container, by its id. */
void holder_end_id(struct engine *engine, const char *id);
/* Is there a holder: of the streams of a container whose monitor was killed, with what they still hold, and of its pidfd? */
bool holder_alive(struct engine *engine, const char *id);
/* Start a new monitor for a container that lost its own; when init has ended meanwhile, it reads what the streams hold and writes the
 * exit record. Returns when it is there with its holder. The caller holds the lock. */
int restore_monitor(struct engine *engine, struct record *record, struct err *err);

#endif
