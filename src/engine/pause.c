/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/pause.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/cgroup.h"

static const char mark[] = "paused";

bool pause_is(struct engine *engine, int run)
{
	_cleanup_(buf_clear) struct buf path = BUF_EMPTY;
	struct err ignored = ERR_NONE;
	struct cgroup *cgroup;

	if (file_read(run, mark, 4096, &path) < 0 || !path.length)
		return false;
	cgroup = engine_cgroup(engine, &ignored);
	return cgroup && cgroup_frozen(cgroup, path.data) == 1;
}

/* KILL has been sent, or has done its work. */
static bool is_killed(pid_t pid)
{
	static const char *const sets[] = { "\nSigPnd:", "\nShdPnd:" };
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char path[32];
	bool killed;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	killed = file_read(AT_FDCWD, path, 1 << 16, &text) < 0 || strstr(text.data, "\nState:\tZ");
	for (size_t i = 0; !killed && i < ARRAY_SIZE(sets); i++) {
		const char *set = strstr(text.data, sets[i]);

		killed = set && strtoull(set + strlen(sets[i]), NULL, 16) & 1u << (SIGKILL - 1);
	}
	return killed;
}

/* Who ends a container does not wait for our lock: it sends its signal, then takes the mark away and thaws. */
static int freeze(struct engine *engine, const struct record *record, int run, pid_t pid,
		  struct err *err)
{
	_cleanup_free_ char *path = spec_cgroup_path(engine, record);
	struct cgroup *cgroup = engine_cgroup(engine, err);
	int r = cgroup ? file_replace(run, mark, path, strlen(path), 0600, false, err) : -err->code;

	if (r < 0)
		return r;
	engine_kill_point("pause-marked");
	r = cgroup_freeze(cgroup, path, true, err);
	if (faccessat(run, mark, F_OK, AT_SYMLINK_NOFOLLOW) < 0 || is_killed(pid)) {
		struct err ignored = ERR_NONE;

		(void)cgroup_freeze(cgroup, path, false, &ignored);
		err_clear(err);
		r = err_set(err, ESRCH, "Container %s is not running", record->row.id);
	}
	if (r < 0)
		(void)unlinkat(run, mark, 0);
	return r;
}

int pause_end(struct engine *engine, const struct record *record, struct err *err)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, &ignored);
	_cleanup_(buf_clear) struct buf path = BUF_EMPTY;
	struct cgroup *cgroup;
	int r = 0;

	if (run < 0 || file_read(run, mark, 4096, &path) < 0)
		return 0;
	cgroup = engine_cgroup(engine, err);
	if (!cgroup)
		return -err->code;
	if (path.length)
		r = cgroup_freeze(cgroup, path.data, false, err);
	if (r == 0 || r == -ENOENT) {
		(void)unlinkat(run, mark, 0);
		r = 0;
	}
	return r;
}

int pause_begin(struct engine *engine, const struct record *record, bool *ret_frozen,
		struct err *err)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, &ignored);
	struct container_status status;
	int r;

	*ret_frozen = false;
	status_get(engine, record->row.id, &status);
	if (run < 0 || status.status != STATUS_RUNNING || status.paused)
		return 0;
	r = freeze(engine, record, run, status.pid, err);
	*ret_frozen = r == 0;
	if (r == -ESRCH) {
		err_clear(err);
		r = 0;
	}
	return r;
}

static int change(struct engine *engine, const struct record *record, bool paused, struct err *err)
{
	_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, err);
	struct container_status status;

	status_get(engine, record->row.id, &status);
	if (run < 0 || status.status != STATUS_RUNNING)
		return err_set(err, ESRCH, "Container %s is not running", record->row.id);
	if (status.paused == paused)
		return err_set(err, EALREADY,
			       paused ? "Container %s is already paused" :
					"Container %s is not paused",
			       record->row.id);
	return paused ? freeze(engine, record, run, status.pid, err) :
			pause_end(engine, record, err);
}

static int pause_set(struct engine *engine, const char *reference, bool paused, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	int lock, r = record_lock(engine, reference, &record, &lock, err);

	if (r < 0)
		return r;
	r = change(engine, &record, paused, err);
	if (r == 0)
		event_container(engine, &record, paused ? "pause" : "unpause", NULL);
	engine_unlock(engine, record.row.id, lock);
	return r;
}

int container_pause(struct engine *engine, const char *reference, struct err *err)
{
	return pause_set(engine, reference, true, err);
}

int container_unpause(struct engine *engine, const char *reference, struct err *err)
{
	return pause_set(engine, reference, false, err);
}
