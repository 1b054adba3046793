/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs on existing containers. Each finds the container by reference, takes its lock where it changes something,
 * and leaves Docker's words in err. */
#ifndef CLOCHE_ENGINE_LIFECYCLE_H
#define CLOCHE_ENGINE_LIFECYCLE_H

#include <stdbool.h>

struct engine;
struct err;
struct record;

/* stop: signal, grace, KILL. timeout_s below 0: wait for ever; signal NULL and timeout_s -2: the container's own, else the settings'.
 * A container that does not run is success. Returns when it has ended and was released. */
enum { STOP_TIMEOUT_DEFAULT = -2 };
int lifecycle_stop(struct engine *engine, const char *reference, const char *signal_name,
		   long timeout_s, struct err *err);
/* Stop it when it runs, then start it, under one lock: with --rm it stays. */
int lifecycle_restart(struct engine *engine, const char *reference, const char *signal_name,
		      long timeout_s, char ***ret_warnings, struct err *err);
int lifecycle_kill(struct engine *engine, const char *reference, const char *signal_name,
		   struct err *err);
int lifecycle_remove(struct engine *engine, const char *reference, bool force, bool volumes,
		     struct err *err);
/* Wait for the end: its exit code. */
int lifecycle_wait(struct engine *engine, const char *reference, int *ret_code, struct err *err);
/* What the monitor (and the attached command) do at the end: take the lock, release. */
int lifecycle_reap(struct engine *engine, const char *id, struct err *err);
/* Wait until the monitor of a container whose init has ended has written the exit record and is a monitor no more. */
void lifecycle_settle(struct engine *engine, const char *id);
/* SIGKILL to everything of a running container at once. */
int lifecycle_kill_all(struct engine *engine, const struct record *record, int pidfd,
		       struct err *err);
/* true: the process ended in time. timeout_ms -1: for ever. */
enum {
	KILL_PATIENCE_MS = 10000
}; /* who does not end after KILL hangs in the kernel, and nobody waits longer */
bool lifecycle_ended(int pidfd, int timeout_ms);

#endif
