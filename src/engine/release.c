/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a container: what a start took is given back here and nowhere else. */
#include "engine/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/cni.h"
#include "engine/death.h"
#include "engine/disk_limit.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/foreign_runtime.h"
#include "engine/guard.h"
#include "engine/hooks.h"
#include "engine/lan_endpoint.h"
#include "engine/lease.h"
#include "engine/machine.h"
#include "engine/monitor_exec.h"
#include "engine/names.h"
#include "engine/netns_name.h"
#include "engine/network_device.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/reserve.h"
#include "engine/restart.h"
#include "engine/spec_build.h"
#include "engine/starter.h"
#include "engine/status.h"
#include "engine/volume.h"
#include "runtime/cgroup.h"
#include "state/uid_range.h"

/* A sleeping second holder of the streams outlives a monitor that was killed. */
static void holder_end(int run)
{
	pid_t pid;
	int fd = status_process(run, "holder", &pid, NULL);

	if (fd >= 0)
		(void)sys_pidfd_send_signal(fd, SIGKILL);
	fd_close(fd);
}

bool holder_alive(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);
	_cleanup_close_ int fd = -1;
	pid_t pid;

	fd = run < 0 ? -1 : status_process(run, "holder", &pid, NULL);
	return fd >= 0;
}

void holder_end_id(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);

	if (run >= 0)
		holder_end(run);
}

static int cgroup_release(struct engine *engine, const struct record *record, struct err *err)
{
	_cleanup_free_ char *path = spec_cgroup_path(engine, record);
	struct cgroup *cgroup = engine_cgroup(engine, err);
	int r = cgroup ? cgroup_remove(cgroup, path, err) : -err->code;

	if (r == 0)
		machine_release(record);
	return r;
}

/* oom and die. Before the run folder goes: who is killed in between writes them twice, not never. */
static void end_tell(struct engine *engine, const struct record *record, int run,
		     const struct container_status *status)
{
	_cleanup_json_ json_t *death = death_find(engine, record, status);
	_cleanup_free_ char *words = death_words(death);
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	int64_t ns = status->finished_ns - status->started_ns;
	struct err ignored = ERR_NONE;
	char code[16], seconds[24];

	(void)snprintf(code, sizeof(code), "%d", status->exit_code);
	(void)snprintf(seconds, sizeof(seconds), "%lld", (long long)(ns > 0 ? ns / 1000000000 : 0));
	if (death)
		death_write(engine, record->row.id, death);
	ends_add(engine, record, run, status, death);
	event_begin(engine);
	if (status->oom)
		event_container(engine, record, "oom",
				(const char *const[]){ "exitCode", code, "reason", words, NULL });
	event_container(engine, record, "die",
			(const char *const[]){ "execDuration", seconds, "exitCode", code,
					       words ? "reason" : NULL, words, NULL });
	if (endpoints_load(engine, record, &endpoints, &ignored) == 0)
		event_networks(engine, record, &endpoints, "disconnect");
	event_volumes(engine, record, "unmount");
	event_end(engine);
	/* an attached command says it, when somebody else had a hand in it */
	if (death && (status->oom || json_at(death, "Sender"))) {
		free(engine->death);
		engine->death = ptr_take(&words);
	}
}

/* An exit record for which the disk had no room waits in the run folder, which stays until there is some. */
static int exit_move(struct engine *engine, const struct record *record, int run, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_close_ int dir = -1;

	if (json_bool_at(record->config, "HostConfig.AutoRemove") ||
	    file_read(run, "exit", 4096, &text) < 0)
		return 0;
	dir = engine_container_dir(engine, record->row.id, true, err);
	return dir < 0 ? dir : file_replace(dir, "exit", text.data, text.length, 0600, true, err);
}

static int run_folder_release(struct engine *engine, const struct record *record, int run,
			      const struct container_status *status, struct err *err)
{
	int r;

	engine_kill_point("release-begin");
	r = cgroup_release(engine, record, err);
	if (r < 0)
		return r;
	engine_kill_point("release-cgroup");
	foreign_runtime_delete(engine, record);
	hooks_release(engine, record, run);
	holder_end(run);
	guard_remove(engine, run);
	netns_name_remove(run);
	lan_endpoints_release(run);
	network_devices_return(run);
	r = publish_release(engine, record, run, err);
	if (r < 0)
		return r;
	if (cni_delete(engine, record, err) < 0)
		err_clear(err); /* containers/ID/cni stays, and the next start begins with it */
	r = exit_move(engine, record, run, err);
	if (r < 0)
		return r;
	if (status->status == STATUS_EXITED)
		end_tell(engine, record, run, status);
	r = dir_remove(engine->run, record->row.id);
	if (r < 0)
		return err_sys(err, r, "remove the run folder of %s", record->row.name);
	engine_kill_point("release-run-folder");
	return 0;
}

static int release_once(struct engine *engine, struct record *record, struct err *err)
{
	_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, err);
	struct container_status status;
	int r = 0;

	if (run < 0 && run != -ENOENT)
		return err_sys(err, run, "open the run folder of %s", record->row.name);
	status_get(engine, record->row.id, &status);
	if (status.status == STATUS_RUNNING && !status.ending)
		return 0;
	if (status.ending) { /* a monitor that hangs: KILL_PATIENCE_MS was not enough for it */
		status.status = STATUS_EXITED;
		status.unknown = true;
		status.exit_code = 255;
	}
	if (status.unknown && status.started_ns) {
		_cleanup_close_ int dir = engine_container_dir(engine, record->row.id, false, err);

		if (dir >= 0 && faccessat(dir, "exit", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		    status_exit_unknown(dir, status.started_ns, err) < 0)
			return -err->code;
	}
	if (run >= 0)
		r = run_folder_release(engine, record, run, &status, err);
	/* also without a run folder: a release may have been killed here */
	if (r == 0 && status.status == STATUS_EXITED &&
	    json_bool_at(record->config, "HostConfig.AutoRemove")) {
		struct removal removal = { .record = record, .released = run >= 0 };

		remove_containers(engine, &removal, 1, true);
		r = removal.result;
		if (r < 0)
			*err = removal.err;
	}
	return r;
}

int release_container(struct engine *engine, struct record *record, struct err *err)
{
	int r = release_once(engine, record, err);

	if (r != -ENOSPC || !reserve_spend(engine))
		return r;
	err_clear(err);
	return release_once(engine, record, err);
}

int volumes_remove(struct engine *engine, char *const *names, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && names && names[i]; i++) {
		r = volume_remove(engine, names[i], err);
		engine_kill_point("remove-volume");
	}
	return r;
}

/* What has to happen before the row goes. */
static int removal_prepare(struct engine *engine, struct removal *removal, bool volumes)
{
	const struct record *record = removal->record;
	struct err *err = &removal->err;
	int r = removal->released ? 0 : cgroup_release(engine, record, err);

	if (r == 0)
		leases_release(engine, record, NULL);
	if (r == 0 && volumes)
		r = volume_anonymous_of(engine->store, record->row.id, &removal->anonymous, err);
	if (r == 0 && removal->anonymous && removal->anonymous[0])
		r = engine_journal_write(engine, record->row.id, removal->anonymous, err);
	return r;
}

static int removal_finish(struct engine *engine, const struct record *record,
			  char *const *anonymous, struct err *err)
{
	_cleanup_free_ char *path = str_printf("containers/%s", record->row.id);
	int r;

	holder_end_id(engine, record->row.id);
	if (json_at(record->config, "HostConfig.StorageOpt") &&
	    disk_limit_container_release(engine, record->row.id, err) < 0)
		return -err->code;
	r = dir_remove(engine->run, record->row.id);
	if (r == 0)
		r = dir_remove(engine->root, path);
	if (r < 0)
		return err_sys(err, r, "remove the files of container %s", record->row.name);
	engine_kill_point("remove-files");
	names_remove(engine, &record->row);
	if (record->row.uid_base)
		r = uid_range_release(record->row.id, record->row.uid_base, err);
	engine_kill_point("remove-uid-range");
	if (r == 0)
		r = volumes_remove(engine, anonymous, err);
	event_container(engine, record, "destroy", NULL);
	return r;
}

/* The rows first: a removal that is killed has happened, and the repair finishes it by the lock that stays. */
static int rows_delete(struct engine *engine, struct removal *removals, size_t count,
		       struct err *err)
{
	bool durable = false;
	int r;

	for (size_t i = 0; i < count; i++)
		durable |= !json_bool_at(removals[i].record->config, "HostConfig.AutoRemove");
	r = store_durable(engine->store, durable, err);
	if (r == 0 && count > 1)
		r = store_begin(engine->store, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (removals[i].result == 0)
			r = container_delete(engine->store, removals[i].record->row.id, err);
	if (r == 0 && count > 1)
		r = store_commit(engine->store, err);
	if (r < 0 && count > 1)
		store_rollback(engine->store);
	return r;
}

void remove_containers(struct engine *engine, struct removal *removals, size_t count, bool volumes)
{
	struct err err = ERR_NONE;
	int r = engine_store(engine, &err) ? 0 : -err.code;

	for (size_t i = 0; i < count; i++) {
		removals[i].anonymous = NULL;
		removals[i].result = r;
		removals[i].err = err;
		if (r == 0)
			removals[i].result = removal_prepare(engine, &removals[i], volumes);
	}
	for (size_t i = 0; i < count; i++)
		restart_cancel(engine, removals[i].record);
	engine_kill_point("remove-begin");
	if (r == 0)
		r = rows_delete(engine, removals, count, &err);
	engine_kill_point("remove-row");
	for (size_t i = 0; i < count; i++) {
		if (r < 0 && removals[i].result == 0) {
			removals[i].result = r;
			removals[i].err = err;
		} else if (removals[i].result == 0) {
			removals[i].result = removal_finish(engine, removals[i].record,
							    removals[i].anonymous,
							    &removals[i].err);
		}
		strv_clear(removals[i].anonymous);
	}
}

int remove_container(struct engine *engine, struct record *record, bool volumes, struct err *err)
{
	struct removal removal = { .record = record };

	remove_containers(engine, &removal, 1, volumes);
	if (removal.result < 0)
		*err = removal.err;
	return removal.result;
}

/* -- a new monitor ---------------------------------------------------------------------------- */

/* What lives on in the holder, under its numbers in RUN/holder's line: "PID STARTTIME PTY STDIN PIDFD". */
static void holder_take(struct monitor_exec *monitor)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int numbers[] = { -1, -1, -1 };
	int *const taken[] = { &monitor->terminal, &monitor->stdin_writer, &monitor->pidfd };
	pid_t pid;

	monitor->old_holder = status_process(monitor->run, "holder", &pid, NULL);
	if (monitor->old_holder < 0)
		return;
	if (file_read(monitor->run, "holder", 128, &text) == 0)
		(void)sscanf(text.data, "%*d %*u %d %d %d", &numbers[0], &numbers[1], &numbers[2]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int fd = numbers[i] < 0 ? -1 : sys_pidfd_getfd(monitor->old_holder, numbers[i]);

		if (fd < 0)
			continue;
		fd_close(*taken[i]);
		*taken[i] = fd;
	}
}

/* Twice forked, so that nobody waits for it. ready: closed when monitor and holder are there. */
static _Noreturn void monitor_process(struct engine *engine, const struct record *record,
				      struct monitor_exec *monitor, int result)
{
	struct err why = ERR_NONE;

	if (fork() != 0)
		_exit(0);
	(void)setsid();
	monitor_exec(engine, record, monitor, &why);
	(void)!write(result, &why, sizeof(why));
	_exit(125);
}

static void monitor_exec_close(struct monitor_exec *monitor)
{
	fd_close(monitor->run);
	fd_close(monitor->dir);
	fd_close(monitor->pidfd);
	fd_close(monitor->terminal);
	fd_close(monitor->stdin_writer);
	fd_close(monitor->old_holder);
	fd_close(monitor->ready);
}

int restore_monitor(struct engine *engine, struct record *record, struct err *err)
{
	_cleanup_(monitor_exec_close) struct monitor_exec monitor = MONITOR_EXEC_NONE;
	_cleanup_close_ int result = -1, wake = -1;
	struct container_status status;
	char nothing;
	pid_t pid;
	int ends[2], ready[2];

	status_get(engine, record->row.id, &status);
	monitor.restore = true;
	monitor.started_ns = status.started_ns;
	monitor.init = status.pid;
	monitor.run = engine_run_dir(engine, record->row.id, false, err);
	monitor.dir = engine_container_dir(engine, record->row.id, false, err);
	if (monitor.run < 0 || monitor.dir < 0)
		return err_set(err, ENOENT, "restore the monitor of %s: its folders are gone",
			       record->row.name);
	holder_take(&monitor);
	if (monitor.pidfd < 0)
		monitor.pidfd = status_process(monitor.run, "init", &monitor.init, NULL);
	if (monitor.pidfd < 0)
		return err_set(err, ESRCH, "container %s is not running", record->row.name);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	result = ends[0];
	if (pipe2(ready, O_CLOEXEC) < 0) {
		fd_close(ends[1]);
		return err_sys(err, errno, "make a pipe");
	}
	wake = ready[0];
	monitor.ready = ready[1];
	engine_store_close(engine);
	if (!engine_cgroup(engine, err))
		err_clear(err); /* OOM kills are then not told */
	engine_kill_point("restore-before-fork");
	pid = fork();
	if (pid == 0)
		monitor_process(engine, record, &monitor, ends[1]);
	fd_close(ends[1]);
	fd_close(monitor.ready);
	monitor.ready = -1;
	if (pid < 0)
		return err_sys(err, errno, "fork");
	(void)waitpid(pid, NULL, 0);
	engine_kill_point("restore-forked");
	if (read(result, err, sizeof(*err)) == (ssize_t)sizeof(*err))
		return -err->code;
	/* Killed before it had its holder, it would leave nobody who leaves a mark: then ours stays. */
	while (read(wake, &nothing, 1) < 0 && errno == EINTR)
		;
	status_get(engine, record->row.id, &status);
	return status.monitored || status.status != STATUS_RUNNING ?
		       0 :
		       err_set(err, EPIPE, "restore the monitor of %s: it was killed",
			       record->row.name);
}
