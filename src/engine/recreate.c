/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/recreate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/lifecycle.h"
#include "engine/record.h"
#include "engine/rename.h"
#include "engine/start.h"
#include "engine/status.h"

char *recreate_name(const struct record *old)
{
	char random[7];

	engine_random_hex(random, 6);
	return str_printf("%s.new-%s", old->row.name, random);
}

static int start_fresh(struct engine *engine, const char *id, char ***warnings, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct start_options options = { 0 };
	struct container_status status;
	int lock, client = -1, r = record_lock(engine, id, &record, &lock, err);

	if (r < 0)
		return r;
	status_get(engine, id, &status);
	if (status.status != STATUS_RUNNING) /* somebody else may have been quicker */
		r = start_container(engine, &record, &options, &client, warnings, err);
	fd_close(client);
	engine_unlock(engine, id, lock);
	return r;
}

/* Another .old, from before, was kept for a way back that is not wanted any more. */
static int old_aside(struct engine *engine, const struct record *old, const char *aside,
		     struct err *err)
{
	struct err gone = ERR_NONE;
	int r = lifecycle_remove(engine, aside, false, false, &gone);

	if (r < 0 && r != -ENOENT) {
		*err = gone;
		return err_wrap(err, "remove %s", aside);
	}
	return container_rename_to(engine, old->row.id, aside, err);
}

/* As it was. What fails on the way is told besides; the error is the one that led here. */
static void back(struct engine *engine, const struct record *old, const struct record *fresh,
		 bool ran, char ***warnings)
{
	struct err why = ERR_NONE;

	if (lifecycle_remove(engine, fresh->row.id, true, false, &why) < 0 ||
	    container_rename_to(engine, old->row.id, old->row.name, &why) < 0 ||
	    (ran && start_fresh(engine, old->row.id, warnings, &why) < 0))
		strv_add_take(warnings, str_printf("back to the old one: %s", why.words));
}

int recreate_swap(struct engine *engine, const struct record *old, struct record *fresh,
		  int64_t patience_ms, bool keep, char ***ret_warnings, struct err *err)
{
	_cleanup_free_ char *aside = str_printf("%s.old", old->row.name);
	struct container_status status;
	struct err ignored = ERR_NONE;
	bool ran, moved = false;
	int r;

	status_get(engine, old->row.id, &status);
	ran = status.status == STATUS_RUNNING || status.restarting;
	r = ran ? lifecycle_stop(engine, old->row.id, NULL, STOP_TIMEOUT_DEFAULT, err) : 0;
	engine_kill_point("recreate-stopped");
	if (r == 0)
		r = old_aside(engine, old, aside, err);
	moved = r == 0;
	engine_kill_point("recreate-aside");
	if (r == 0)
		r = container_rename_to(engine, fresh->row.id, old->row.name, err);
	if (r == 0 && ran)
		r = start_fresh(engine, fresh->row.id, ret_warnings, err);
	engine_kill_point("recreate-started");
	if (r == 0 && ran)
		r = health_wait(engine, fresh->row.id, patience_ms, err);
	if (r < 0 && moved) {
		back(engine, old, fresh, ran, ret_warnings);
	} else if (r < 0) {
		(void)lifecycle_remove(engine, fresh->row.id, true, false, &ignored);
		if (ran)
			(void)start_fresh(engine, old->row.id, ret_warnings, &ignored);
	} else if (!keep) {
		r = lifecycle_remove(engine, old->row.id, true, false, err);
	}
	return r < 0 ? err_wrap(err, "recreate %s", old->row.name) : 0;
}

int recreate_rollback(struct engine *engine, const char *name, char ***ret_warnings,
		      struct err *err)
{
	_cleanup_free_ char *aside = str_printf("%s.old", name);
	_cleanup_(record_clear) struct record old = RECORD_EMPTY;
	int r = record_find(engine, aside, &old, err);

	if (r < 0)
		return err_wrap(err, "roll back %s", name);
	r = lifecycle_remove(engine, name, true, false, err);
	if (r == -ENOENT) {
		err_clear(err);
		r = 0;
	}
	if (r == 0)
		r = container_rename_to(engine, old.row.id, name, err);
	if (r == 0)
		r = start_fresh(engine, old.row.id, ret_warnings, err);
	return r < 0 ? err_wrap(err, "roll back %s", name) : 0;
}
