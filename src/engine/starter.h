/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who asked for the start of a container: user, login, terminal and command line. It is the second line of RUN/init while the container
 * runs, and goes with the end of each run into containers/ID/ends (the last ten, for `inspect`).
 */
#ifndef CLOCHE_ENGINE_STARTER_H
#define CLOCHE_ENGINE_STARTER_H

#include <jansson.h>

struct container_status;
struct engine;
struct record;

/* Of this process: "uid=0 login=1000 sudo=1000 tty=/dev/pts/3 command=cloche run ...", one line, at most 1 KiB. To be freed. */
char *starter_text(void);
/* {"Uid", "LoginUid", "SudoUid", "Tty", "Command"}, null where it is not known; NULL when the container does not run, or its run folder says
 * nothing. New reference. */
json_t *starter_of_run(int run);
json_t *starter_json(struct engine *engine, const char *id);

/* A run has ended. death: of death_find(), or NULL. Told twice, it stands there once. With --rm nothing is kept. */
void ends_add(struct engine *engine, const struct record *record, int run,
	      const struct container_status *status, const json_t *death);
/* The last ten, the newest last: {"StartedAt", "FinishedAt", "ExitCode", "OOMKilled", "Unknown", "StartedBy", "Death"}. New reference. An end that
 * nobody has told yet, since who releases the container is on his way, is there, too; its *death is then looked up where it is NULL. */
json_t *ends_json(struct engine *engine, const struct record *record,
		  const struct container_status *status, json_t **death);

#endif
