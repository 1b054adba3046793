/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/signal_name.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/guard.h"
#include "engine/pause.h"
#include "engine/record.h"
#include "engine/repair.h"
#include "engine/reserve.h"
#include "engine/restart.h"
#include "engine/spec_build.h"
#include "engine/start.h"
#include "engine/status.h"
#include "runtime/cgroup.h"

bool lifecycle_ended(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	return r > 0;
}

enum { GLANCE_FIRST_NS = 200000, GLANCE_LAST_NS = 5000000 };

/* Wait until a name is gone from a folder, a process has ended (-1: none), or patience. true: it was the process. inotify(7) would tell of the
 * name, and take ten milliseconds to be closed: the kernel waits for a grace period. */
static bool gone_wait(int folder, const char *name, int process, int patience_ms)
{
	int64_t end = engine_now_ns() + (int64_t)patience_ms * 1000000;
	struct timespec step = { .tv_nsec = GLANCE_FIRST_NS };

	while (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && engine_now_ns() < end) {
		struct pollfd p = { .fd = process, .events = POLLIN };

		if (ppoll(&p, 1, &step, NULL) < 0 && errno != EINTR)
			return false;
		if (p.revents)
			return true;
		if (step.tv_nsec < GLANCE_LAST_NS)
			step.tv_nsec *= 2;
	}
	return false;
}

/* Not the end of its process: it may have become `cloche system reap`, which waits for the lock that our caller has. As a monitor it
 * is gone when its file is, a millisecond later. */
void lifecycle_settle(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);
	_cleanup_close_ int fd = -1, again = -1;
	pid_t pid;

	if (run < 0)
		return;
	again = status_process(run, "init", &pid,
			       NULL); /* somebody else has started it meanwhile */
	fd = again >= 0 ? -1 : status_process(run, "monitor", &pid, NULL);
	if (fd >= 0)
		(void)gone_wait(run, "monitor", fd, KILL_PATIENCE_MS);
}

/* The state after which nothing changes by itself: neither about to be written down nor half ended. */
static void settled_status(struct engine *engine, const char *id, struct container_status *status)
{
	status_get(engine, id, status);
	if (repair_unmonitored(engine, id, status))
		status_get(engine, id, status);
	if (!status->ending)
		return;
	lifecycle_settle(engine, id);
	status_get(engine, id, status);
}

int lifecycle_reap(struct engine *engine, const char *id, struct err *err)
{
	struct record record = RECORD_EMPTY;
	int lock = engine_lock(engine, id, err);
	int r;

	if (lock < 0)
		return lock;
	r = record_find(engine, id, &record, err);
	if (r == 0)
		r = release_container(engine, &record, err);
	if (r == 0)
		restart_after_end(engine, &record);
	record_clear(&record);
	if (r == -ENOENT) { /* somebody removed it meanwhile, or was killed at it */
		err_clear(err);
		repair_gone(engine, id, lock);
		return 0;
	}
	if (r == 0)
		engine_unlock(engine, id, lock);
	else
		fd_close(lock); /* the file stays: the next command tries again */
	return r;
}

static int signal_send(struct engine *engine, int pidfd, int number, struct err *err)
{
	guard_pass_self(engine);
	if (sys_pidfd_send_signal(pidfd, number) < 0 && errno != ESRCH)
		return err_sys(err, errno, "signal the container's first process");
	return 0;
}

int lifecycle_kill(struct engine *engine, const char *reference, const char *signal_name,
		   struct err *err)
{
	int number = signal_parse(signal_name ? signal_name : "KILL"), r;
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_close_ int pidfd = -1;
	struct container_status status;
	char text[12];

	if (number < 0)
		return err_set(err, EINVAL, "invalid signal: %s", signal_name);
	r = record_find(engine, reference, &record, err);
	if (r < 0)
		return r;
	pidfd = status_pidfd(engine, record.row.id);
	if (pidfd >= 0 && number != SIGKILL) {
		/* an init that waits for its word to go would not hear it */
		status_get(engine, record.row.id, &status);
		repair_wait(engine, record.row.id, &status);
	}
	if (pidfd < 0)
		return err_set(err, ESRCH, "cannot kill container: %s: container %s is not running",
			       reference, record.row.id);
	if (number == SIGKILL ||
	    number == signal_parse(json_string_at(record.config, "Config.StopSignal", "TERM")))
		restart_cancel(engine, &record);
	r = signal_send(engine, pidfd, number, err);
	/* One that is to end it must be seen; others wait until it is unpaused, as with Docker. */
	if (r == 0 &&
	    (number == SIGKILL ||
	     number == signal_parse(json_string_at(record.config, "Config.StopSignal", "TERM"))))
		r = pause_end(engine, &record, err);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%d", number);
	event_container(engine, &record, "kill", (const char *const[]){ "signal", text, NULL });
	if (number == SIGKILL && lifecycle_ended(pidfd, KILL_PATIENCE_MS))
		lifecycle_settle(engine, record.row.id);
	return 0;
}

/* With the host's pid namespace, init's end does not end the others. */
int lifecycle_kill_all(struct engine *engine, const struct record *record, int pidfd,
		       struct err *err)
{
	_cleanup_free_ char *path = spec_cgroup_path(engine, record);
	struct cgroup *cgroup = engine_cgroup(engine, err);
	int r = signal_send(engine, pidfd, SIGKILL, err);

	if (r == 0)
		r = pause_end(engine, record, err);
	if (r == 0 && !cgroup)
		r = -err->code;
	/* init's end ends the others only where it is the first of its pid namespace */
	if (r == 0 && *json_string_at(record->config, "HostConfig.PidMode", ""))
		r = cgroup_kill(cgroup, path, SIGKILL, err);
	return r;
}

/* Signal, grace, KILL. 1: it ran, 0: it did not. */
static int end(struct engine *engine, const struct record *record, const char *signal_name,
	       long timeout_s, struct err *err)
{
	_cleanup_close_ int pidfd = -1;
	struct container_status status;
	char text[12];
	int number, r;

	if (!signal_name)
		signal_name = json_string_at(record->config, "Config.StopSignal", "TERM");
	number = signal_parse(signal_name);
	if (number < 0)
		return err_set(err, EINVAL, "invalid signal: %s", signal_name);
	if (timeout_s == STOP_TIMEOUT_DEFAULT)
		timeout_s = (long)json_int_at(record->config, "Config.StopTimeout",
					      (int64_t)engine->settings.stop_timeout_s);
	settled_status(engine, record->row.id, &status);
	pidfd = status_pidfd(engine, record->row.id);
	if (pidfd < 0)
		return 0;
	r = signal_send(engine, pidfd, number, err);
	engine_kill_point("stop-signalled");
	(void)snprintf(text, sizeof(text), "%d", number);
	if (r == 0)
		event_container(engine, record, "kill",
				(const char *const[]){ "signal", text, NULL });
	if (r == 0)
		r = pause_end(engine, record, err);
	if (timeout_s > INT_MAX / 1000)
		timeout_s = INT_MAX / 1000;
	if (r == 0 && !lifecycle_ended(pidfd, timeout_s < 0 ? -1 : (int)timeout_s * 1000)) {
		r = lifecycle_kill_all(engine, record, pidfd, err);
		if (r == 0)
			event_container(engine, record, "kill",
					(const char *const[]){ "signal", "9", NULL });
		if (r == 0 && !lifecycle_ended(pidfd, KILL_PATIENCE_MS))
			r = err_set(
				err, ETIMEDOUT,
				"stop %s: its first process does not end; it hangs in the kernel",
				record->row.name);
	}
	engine_kill_point("stop-ended");
	return r < 0 ? r : 1;
}

int lifecycle_restart(struct engine *engine, const char *reference, const char *signal_name,
		      long timeout_s, char ***ret_warnings, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct start_options options = { 0 };
	int ran, lock, client = -1, r = record_lock(engine, reference, &record, &lock, err);
	json_t *host;
	bool remove;

	if (r < 0)
		return r;
	r = ran = end(engine, &record, signal_name, timeout_s, err);
	if (ran > 0)
		lifecycle_settle(engine, record.row.id);
	/* The end is released here, under the lock, and with --rm the container stays: it goes on. */
	host = json_object_get(record.config, "HostConfig");
	remove = json_bool_at(host, "AutoRemove");
	if (r >= 0) {
		json_put(host, "AutoRemove", json_false());
		r = release_container(engine, &record, err);
		json_put(host, "AutoRemove", json_boolean(remove));
	}
	if (r == 0 && ran > 0)
		event_container(engine, &record, "stop", NULL);
	if (r == 0)
		r = start_container(engine, &record, &options, &client, ret_warnings, err);
	fd_close(client);
	if (r == 0)
		event_container(engine, &record, "restart", NULL);
	engine_unlock(engine, record.row.id, lock);
	return r < 0 ? err_wrap(err, "restart %s", reference) : 0;
}

int lifecycle_stop(struct engine *engine, const char *reference, const char *signal_name,
		   long timeout_s, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct container_status status;
	int ran, r = record_find(engine, reference, &record, err);

	if (r < 0)
		return r;
	status_get(engine, record.row.id, &status);
	repair_wait(engine, record.row.id,
		    &status); /* one that is being started is stopped after it */
	restart_cancel(engine, &record);
	ran = end(engine, &record, signal_name, timeout_s, err);
	if (ran < 0)
		return ran;
	if (ran)
		lifecycle_settle(engine, record.row.id);
	r = lifecycle_reap(engine, record.row.id, err);
	if (r == 0 && ran)
		event_container(engine, &record, "stop", NULL);
	return r;
}

static int still_there(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_free_ char *found = NULL;

	return record_id(engine, id, &found, err);
}

static int at_rest(const struct record *record, const struct container_status *status,
		   struct err *err)
{
	if (status->status != STATUS_RUNNING && !status->restarting)
		return 0;
	return err_set(
		err, EBUSY,
		"cannot remove container \"/%s\": container is %s: %s the container before removing or force remove",
		record->row.name, status_word(status),
		status->paused ? "unpause and then stop" : "stop");
}

int lifecycle_remove(struct engine *engine, const char *reference, bool force, bool volumes,
		     struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_close_ int pidfd = -1;
	struct container_status status;
	int lock, r = record_find(engine, reference, &record, err);

	if (r < 0)
		return r;
	settled_status(engine, record.row.id, &status);
	r = force ? 0 : at_rest(&record, &status, err);
	if (r < 0)
		return r;
	pidfd = status_pidfd(engine, record.row.id);
	if (pidfd >= 0) {
		restart_cancel(engine, &record);
		r = lifecycle_kill_all(engine, &record, pidfd, err);
		if (r < 0)
			return r;
		event_container(engine, &record, "kill",
				(const char *const[]){ "signal", "9", NULL });
		engine_kill_point("rm-killed");
		(void)lifecycle_ended(pidfd, KILL_PATIENCE_MS);
		lifecycle_settle(engine, record.row.id);
	}
	lock = engine_lock(engine, record.row.id, err);
	if (lock < 0)
		return lock;
	/* Meanwhile it may be gone (--rm), or have been started again by who had the lock before us. */
	r = still_there(engine, record.row.id, err);
	if (r == 0 && force) {
		_cleanup_close_ int again = status_pidfd(engine, record.row.id);

		if (again >= 0) {
			r = lifecycle_kill_all(engine, &record, again, err);
			(void)lifecycle_ended(again, KILL_PATIENCE_MS);
			lifecycle_settle(engine, record.row.id);
		}
	} else if (r == 0) {
		status_get(engine, record.row.id, &status);
		r = status.ending ? 0 : at_rest(&record, &status, err);
		if (r < 0) {
			engine_unlock(engine, record.row.id, lock);
			return r;
		}
	}
	(void)reserve_spend(engine); /* now that its log cannot take it */
	if (r == 0)
		r = release_container(engine, &record, err);
	if (r == 0)
		r = still_there(engine, record.row.id, err); /* --rm again */
	if (r == 0)
		r = remove_container(engine, &record, volumes, err);
	if (r == -ENOENT) {
		err_clear(err);
		repair_gone(engine, record.row.id, lock);
		return 0;
	}
	if (r == 0) {
		engine_unlock(engine, record.row.id, lock);
		reserve_keep(engine);
	} else {
		fd_close(lock);
	}
	return r;
}

/* What it died of is found by the release, which is the work of its monitor's process, or of an attached command for a moment after that. Whoever
 * waited for the end may ask at once. */
enum { RELEASE_PATIENCE_MS = 2000, RELEASE_BY_OTHERS_MS = 100 };
static void released_wait(struct engine *engine, const char *id, int monitor)
{
	if (gone_wait(engine->run, id, monitor, RELEASE_PATIENCE_MS))
		(void)gone_wait(engine->run, id, -1, RELEASE_BY_OTHERS_MS);
}

int lifecycle_wait(struct engine *engine, const char *reference, int *ret_code, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_close_ int pidfd = -1, dir = -1, monitor = -1;
	struct container_status status;
	int r = record_find(engine, reference, &record, err);
	pid_t pid;

	if (r < 0)
		return r;
	settled_status(engine, record.row.id, &status);
	engine_store_close(engine); /* it may be a long time */
	dir = engine_container_dir(engine, record.row.id, false, err);
	pidfd = status_pidfd(engine, record.row.id);
	monitor = status_monitor_pidfd(engine, record.row.id, &pid);
	if (pidfd >= 0)
		(void)lifecycle_ended(pidfd, -1);
	/* also when it ended since we looked: then its monitor is at work */
	if (pidfd >= 0 || monitor >= 0)
		lifecycle_settle(engine, record.row.id);
	if (monitor >= 0)
		released_wait(engine, record.row.id, monitor);
	status_get(engine, record.row.id, &status);
	/* --rm: the folder may be gone, our descriptor of it keeps the record */
	if (status.status == STATUS_CREATED && (pidfd >= 0 || monitor >= 0) && dir >= 0)
		status_exit_read(dir, &status);
	*ret_code = status.exit_code;
	return 0;
}
