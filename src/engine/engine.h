/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An instance of Cloche: its settings, its two folders, its record. Every verb of the engine takes one.
 *
 * Invariants
 * 1. The data root and the run root's folders of containers are 0700 root; engine_open refuses others: the numbers on
 *    disk are the images' own, and only this wall keeps host users from them (design page, "Users").
 * 2. Who changes a container holds its lock: flock(2) on locks/ID below the data root, a file that exists while somebody works
 *    on the container, or was killed doing so. A finished work unlinks it. Each command looks into locks/ first and repairs
 *    what nobody holds (repair.h), so every step of the verbs may be the last one of its process.
 * 3. The lock's descriptor is inherited by the process that becomes the monitor, until its exec: a start that outlives its
 *    command is still locked.
 * 4. No store is open across a fork.
 */
#ifndef CLOCHE_ENGINE_ENGINE_H
#define CLOCHE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/settings.h"

struct buf;
struct cgroup;
struct err;
struct store;

struct engine {
	struct settings settings;
	int root;     /* data root */
	int run;      /* run root */
	char *suffix; /* "" for the default roots, else "-" and 6 hex digits: on all that the kernel's name spaces share */
	char *libexec; /* folder of cloche-monitor's companions: cloche-init, cloche-transfer */
	char *monitor; /* path of cloche-monitor */
	char *self;    /* path of cloche */
	char *death;   /* what a container died of that was released by us, in words; NULL */
	bool forked;   /* engine_store_forget() */
	bool forwarding_begun; /* we made the host forward packets, which it did not before */
	struct store *store;   /* engine_store() */
	struct cgroup *cgroup; /* engine_cgroup() */
	struct buf *secrets;   /* engine/secret.h: what was read of pipes, until the start; NULL */
	size_t secret_count;
	struct buf *events; /* engine/event.h: those that wait for event_end(); NULL */
};

/* settings are taken over (cleared in the caller's hand). */
int engine_open(struct engine **ret_engine, struct settings *settings, struct err *err);
void engine_close(struct engine *engine);
/* Opened on first use; NULL on failure. */
struct store *engine_store(struct engine *engine, struct err *err);
void engine_store_close(
	struct engine *engine); /* before a wait that may be long, and a fork whose child uses it */
/* In a forked child that is going to execute something: what it inherited is the parent's, and is neither used nor closed. */
void engine_store_forget(struct engine *engine);
struct cgroup *engine_cgroup(struct engine *engine, struct err *err);

/* containers/ID and RUN/ID. -ENOENT without words unless make. */
int engine_container_dir(struct engine *engine, const char *id, bool make, struct err *err);
int engine_run_dir(struct engine *engine, const char *id, bool make, struct err *err);
/* Exclusive lock of a container (invariant 2), waiting for whoever has it: a descriptor for engine_unlock. The container may be gone. */
int engine_lock(struct engine *engine, const char *id, struct err *err);
/* The same without waiting: -EWOULDBLOCK without words. */
int engine_try_lock(struct engine *engine, const char *id);
/* The work is whole: unlink and close. */
void engine_unlock(struct engine *engine, const char *id, int lock);
/* Names that whoever finishes a killed work must know when the container's row is gone already: its anonymous volumes. They are kept
 * in the lock's file, and go with it. The caller holds the lock. *ret_names: NULL when there are none. */
int engine_journal_write(struct engine *engine, const char *id, char *const *names,
			 struct err *err);
int engine_journal_read(struct engine *engine, const char *id, char ***ret_names, struct err *err);
/* cache/ below the data root */
int engine_cache_dir(struct engine *engine, struct err *err);

void engine_random_hex(char *out, unsigned int digits); /* and a NUL */
int64_t engine_now_ns(void);				/* CLOCK_REALTIME */

/* Points at which a build with -Dhooks=true ends the program by SIGKILL when CLOCHE_KILL_POINT names them; with
 * CLOCHE_KILL_PARENT set, its parent too: of the process that becomes the monitor, that is the command. At CLOCHE_STOP_POINT it
 * stops, until somebody sends SIGCONT. */
#ifdef CLOCHE_HOOKS
void engine_kill_point(const char *name);
#else
#define engine_kill_point(name) ((void)0)
#endif

#endif
