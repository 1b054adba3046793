/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Restart policies. Whoever releases an ended container decides (restart_after_end); a cloche-monitor that does nothing but wait keeps the
 * time and becomes `cloche system restart ID`, which starts the same record again. Docker's back-off: 100 ms, doubled each time
 * up to a minute, and from the beginning again when the container ran for ten seconds.
 *
 *   DIR/restarts   "COUNT DELAY_MS\n": restarts since a user's start, and the last wait. There since the first start with a policy.
 *   DIR/restart    "PID STARTTIME BOOT-ID\n": a restart is due, and who waits for its time. Whoever starts or stops the container
 *                  removes it.
 *   DIR/stopped    a user stopped or killed it: not to be restarted
 *
 * When the waiting process is killed, the next `ps`, `inspect` or `system start` finds that, and waits anew (repair_unmonitored).
 */
#ifndef CLOCHE_ENGINE_RESTART_H
#define CLOCHE_ENGINE_RESTART_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct err;
struct record;

/* "no", "on-failure[:N]", "always", "unless-stopped" to Docker's RestartPolicy, or its words. */
int restart_policy_parse(const char *text, json_t **ret_policy, struct err *err);
/* Docker's back-off: 100 ms, twice as long after each end, a minute at most; from the beginning after a run of ten seconds. last_ms: what
 * was waited last, 0: nothing. */
unsigned int restart_delay_ms(unsigned int last_ms, int64_t ran_ns);
/* The caller holds the lock and has released the container. Marks the restart and starts who waits for its time; also when that one
 * was killed. Closes the store (a fork). */
void restart_after_end(struct engine *engine, const struct record *record);
/* A user's start begins to count anew; a restart goes on counting. The caller holds the lock. */
void restart_started(struct engine *engine, const struct record *record, bool again);
/* A user ends it: nothing is due any more. Before the signal is sent. */
void restart_cancel(struct engine *engine, const struct record *record);
/* The work of `cloche system restart ID`, when the time has come: nothing when it is not due any more. */
int restart_due(struct engine *engine, const char *id, struct err *err);
/* A policy given to a container that exists. The caller holds the lock. */
void restart_adopt(struct engine *engine, const struct record *record);
/* After a boot: start what its policy wants. Names that failed are told in *ret_failed, a string list. Count of those started. */
int restart_boot(struct engine *engine, char ***ret_failed, struct err *err);
unsigned int restart_count(struct engine *engine, const char *id);

#endif
