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
#include "engine/create.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/monitor_exec.h"
#include "engine/names.h"
#include "engine/netns_name.h"
#include "engine/publish.h"
#include "engine/spec_build.h"
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

	return cgroup ? cgroup_remove(cgroup, path, err) : -err->code;
}

int release_container(struct engine *engine, struct record *record, struct err *err)
{
	_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, err);
	struct container_status status;
	char code[16];
	int r;

	if (run < 0)
		return run == -ENOENT ?
			       0 :
			       err_sys(err, run, "open the run folder of %s", record->row.name);
	status_get(engine, record->row.id, &status);
	if (status.status == STATUS_RUNNING)
		return 0;
	if (status.unknown && status.started_ns) {
		_cleanup_close_ int dir = engine_container_dir(engine, record->row.id, false, err);

		if (dir >= 0 && faccessat(dir, "exit", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		    status_exit_unknown(dir, status.started_ns, err) < 0)
			return -err->code;
	}
	engine_kill_point("release-begin");
	r = cgroup_release(engine, record, err);
	if (r < 0)
		return r;
	engine_kill_point("release-cgroup");
	holder_end(run);
	netns_name_remove(run);
	r = publish_release(engine, record, run, err);
	if (r < 0)
		return r;
	r = dir_remove(engine->run, record->row.id);
	if (r < 0)
		return err_sys(err, r, "remove the run folder of %s", record->row.name);
	engine_kill_point("release-run-folder");
	if (status.status == STATUS_EXITED) {
		(void)snprintf(code, sizeof(code), "%d", status.exit_code);
		event_container(engine, &record->row, status.oom ? "oom" : "die",
				(const char *const[]){ "exitCode", code, NULL });
		if (status.oom)
			event_container(engine, &record->row, "die",
					(const char *const[]){ "exitCode", code, NULL });
	}
	if (status.status == STATUS_EXITED && json_bool_at(record->config, "HostConfig.AutoRemove"))
		return remove_container(engine, record, true, err);
	return 0;
}

int remove_container(struct engine *engine, struct record *record, bool volumes, struct err *err)
{
	struct store *store = engine_store(engine, err);
	_cleanup_strv_ char **anonymous = NULL;
	_cleanup_free_ char *path = str_printf("containers/%s", record->row.id);
	int r = store ? 0 : -err->code;

	if (r == 0)
		r = cgroup_release(engine, record, err);
	if (r == 0 && volumes)
		r = volume_anonymous_of(store, record->row.id, &anonymous, err);
	if (r < 0)
		return r;
	engine_kill_point("remove-begin");
	r = store_durable(store, !json_bool_at(record->config, "HostConfig.AutoRemove"), err);
	if (r < 0)
		return r;
	/* The row first: a removal that is killed has happened, and the repair finishes it by the lock that stays. */
	r = container_delete(store, record->row.id, err);
	if (r < 0)
		return r;
	engine_kill_point("remove-row");
	holder_end_id(engine, record->row.id);
	r = dir_remove(engine->run, record->row.id);
	if (r == 0)
		r = dir_remove(engine->root, path);
	if (r < 0)
		return err_sys(err, r, "remove the files of container %s", record->row.name);
	engine_kill_point("remove-files");
	names_remove(engine, &record->row);
	if (record->row.uid_base)
		r = uid_range_release(record->row.id, record->row.uid_base, err);
	for (size_t i = 0; r == 0 && anonymous && anonymous[i]; i++)
		r = volume_remove(engine, anonymous[i], err);
	engine_kill_point("remove-uid-range");
	event_container(engine, &record->row, "destroy", NULL);
	return r;
}

/* -- a new monitor ---------------------------------------------------------------------------- */

/* The terminal's master and the pipe of stdin live on in the holder, under their numbers in RUN/holder's line. */
static int holder_fd(int holder, int number)
{
	int fd = number < 0 ? -1 : sys_pidfd_getfd(holder, number);

	return fd < 0 ? -1 : fd;
}

int restore_monitor(struct engine *engine, struct record *record, struct err *err)
{
	struct monitor_exec monitor = MONITOR_EXEC_NONE;
	_cleanup_close_ int holder = -1;
	pid_t holder_pid, pid;
	int64_t numbers = 0;
	int ends[2];

	monitor.restore = true;
	monitor.run = engine_run_dir(engine, record->row.id, false, err);
	monitor.dir = engine_container_dir(engine, record->row.id, false, err);
	if (monitor.run < 0 || monitor.dir < 0)
		return err_set(err, ENOENT, "restore the monitor of %s: its folders are gone",
			       record->row.name);
	monitor.pidfd = status_process(monitor.run, "init", &monitor.init, &monitor.started_ns);
	if (monitor.pidfd < 0)
		return err_set(err, ESRCH, "container %s is not running", record->row.name);
	holder = status_process(monitor.run, "holder", &holder_pid, &numbers);
	if (holder >= 0) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
		int pty = -1, in = -1;

		/* "PID STARTTIME PTY STDIN" */
		if (file_read(monitor.run, "holder", 128, &text) == 0)
			(void)sscanf(text.data, "%*d %*u %d %d", &pty, &in);
		monitor.terminal = holder_fd(holder, pty);
		monitor.stdin_writer = holder_fd(holder, in);
		monitor.old_holder = holder;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(engine);
	if (!engine_cgroup(engine, err))
		err_clear(err); /* OOM kills are then not told */
	pid = fork();
	if (pid == 0) {
		struct err why = ERR_NONE;

		/* twice, so that nobody waits for the monitor */
		if (fork() != 0)
			_exit(0);
		(void)setsid();
		if (monitor.terminal >= 0)
			(void)fcntl(monitor.terminal, F_SETFD, 0);
		monitor_exec(engine, record, &monitor, &why);
		(void)!write(ends[1], &why, sizeof(why));
		_exit(125);
	}
	fd_close(ends[1]);
	fd_close(monitor.run);
	fd_close(monitor.dir);
	fd_close(monitor.pidfd);
	fd_close(monitor.terminal);
	fd_close(monitor.stdin_writer);
	if (pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "fork");
	}
	(void)waitpid(pid, NULL, 0);
	if (read(ends[0], err, sizeof(*err)) == (ssize_t)sizeof(*err)) {
		fd_close(ends[0]);
		return -err->code;
	}
	fd_close(ends[0]);
	return 0;
}
