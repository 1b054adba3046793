/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Invariants
 * 1. A lock is only tried while others are held: two commands that want the same containers in another order do not wait for
 *    each other.
 * 2. RUN/ID/taken is written under the lock. It tells the monitor that the one who killed its container also releases it: no
 *    `cloche system reap`, no waiting for the disk with an exit record that is about to go. When we are killed, the lock file stays, and
 *    repair_container() releases, or takes the mark away from a container that still runs.
 */
#include "engine/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/lifecycle.h"
#include "engine/record.h"
#include "engine/repair.h"
#include "engine/reserve.h"
#include "engine/start.h"
#include "engine/status.h"

enum { BATCH = 64 };

struct doomed {
	struct record record;
	size_t index; /* of its reference */
	int lock, pidfd;
};

static void taken_mark(struct engine *engine, const char *id)
{
	char path[80] = "";

	if (str_append(path, sizeof(path), id) && str_append(path, sizeof(path), "/taken"))
		fd_close(openat(engine->run, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
				0600));
}

/* false: not one for us. */
static bool doom(struct engine *engine, const char *reference, struct doomed *ret)
{
	struct doomed d = { .lock = -1, .pidfd = -1 };
	_cleanup_free_ char *id = NULL;
	struct err ignored = ERR_NONE;
	bool killed;

	if (record_find(engine, reference, &d.record, &ignored) < 0)
		return false;
	id = str_dup(d.record.row.id);
	d.pidfd = status_pidfd(engine, id);
	d.lock = d.pidfd < 0 ? -1 : engine_try_lock(engine, id);
	if (d.lock < 0) {
		record_clear(&d.record);
		fd_close(d.pidfd);
		return false;
	}
	/* what it was may have changed before the lock was ours */
	record_clear(&d.record);
	killed = record_find(engine, id, &d.record, &ignored) == 0;
	if (killed) {
		taken_mark(engine, id);
		engine_kill_point("rm-taken");
		killed = lifecycle_kill_all(engine, &d.record, d.pidfd, &ignored) == 0;
		if (killed && d.pidfd >= 0)
			event_container(engine, &d.record, "kill",
					(const char *const[]){ "signal", "9", NULL });
		engine_kill_point("rm-killed");
	}
	if (!killed) {
		record_clear(&d.record);
		fd_close(d.pidfd);
		fd_close(d.lock); /* its file stays: the next look repairs */
		return false;
	}
	*ret = d;
	return true;
}

/* true: what is left of it is the row and the files. */
static bool released(struct engine *engine, struct doomed *d, bool *ret_gone)
{
	struct record again = RECORD_EMPTY;
	struct err ignored = ERR_NONE;
	int r;

	(void)lifecycle_ended(d->pidfd, KILL_PATIENCE_MS);
	lifecycle_settle(engine, d->record.row.id);
	/* a folder stays when it was started again, before the lock was ours */
	if (release_container(engine, &d->record, &ignored) < 0 ||
	    faccessat(engine->run, d->record.row.id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return false;
	r = record_find(engine, d->record.row.id, &again, &ignored);
	record_clear(&again);
	*ret_gone = r == -ENOENT; /* --rm */
	return r == 0;
}

static void batch_remove(struct engine *engine, struct doomed *doomed, size_t count, bool volumes,
			 bool *done)
{
	struct removal removals[BATCH];
	struct doomed *of[BATCH];
	size_t ready = 0;

	for (size_t i = 0; i < count; i++) {
		bool gone = false;

		if (released(engine, &doomed[i], &gone)) {
			removals[ready] = (struct removal){ .record = &doomed[i].record };
			of[ready++] = &doomed[i];
		} else if (gone) {
			repair_gone(engine, doomed[i].record.row.id, doomed[i].lock);
			doomed[i].lock = -1;
			done[doomed[i].index] = true;
		}
	}
	(void)reserve_spend(engine);
	if (ready > 0)
		remove_containers(engine, removals, ready, volumes);
	for (size_t i = 0; i < ready; i++) {
		if (removals[i].result < 0)
			continue;
		engine_unlock(engine, of[i]->record.row.id, of[i]->lock);
		of[i]->lock = -1;
		done[of[i]->index] = true;
	}
	for (size_t i = 0; i < count; i++) {
		fd_close(doomed[i].lock);
		fd_close(doomed[i].pidfd);
		record_clear(&doomed[i].record);
	}
}

void removal_force(struct engine *engine, char *const *references, size_t count, bool volumes,
		   bool *done)
{
	for (size_t from = 0; from < count; from += BATCH) {
		size_t end = count - from < BATCH ? count : from + BATCH, n = 0;
		struct doomed doomed[BATCH];

		for (size_t i = from; i < end; i++)
			if (doom(engine, references[i], &doomed[n]))
				doomed[n++].index = i;
		batch_remove(engine, doomed, n, volumes, done);
	}
	reserve_keep(engine);
}
