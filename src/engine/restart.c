/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/restart.h"

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
#include "engine/engine.h"
#include "engine/lifecycle.h"
#include "engine/record.h"
#include "engine/start.h"
#include "engine/status.h"
#include "state/store.h"

enum { DELAY_FIRST_MS = 100, DELAY_MOST_MS = 60000 };
static const int64_t LONG_RUN_NS = 10000000000;

int restart_policy_parse(const char *text, json_t **ret_policy, struct err *err)
{
	_cleanup_free_ char *name = str_dup(text);
	char *count = strchr(name, ':');
	uint64_t most = 0;

	if (count)
		*count++ = '\0';
	if (strcmp(name, "no") != 0 && strcmp(name, "always") != 0 &&
	    strcmp(name, "unless-stopped") != 0 && strcmp(name, "on-failure") != 0)
		return err_set(
			err, EINVAL,
			"invalid restart policy: unknown policy '%s'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
			name);
	if (count && strcmp(name, "on-failure") != 0)
		return err_set(
			err, EINVAL,
			"invalid restart policy: maximum retry count can only be used with 'on-failure'");
	if (count && str_to_u64(count, INT32_MAX, &most) < 0)
		return err_set(
			err, EINVAL,
			"invalid restart policy format: maximum retry count must be an integer");
	*ret_policy = json_pack("{s:s,s:I}", "Name", name, "MaximumRetryCount", (json_int_t)most);
	return 0;
}

static const char *policy_of(const struct record *record)
{
	return json_string_at(record->config, "HostConfig.RestartPolicy.Name", "no");
}

static bool has_policy(const struct record *record)
{
	const char *name = policy_of(record);

	return *name && strcmp(name, "no") != 0;
}

static bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* -- the count -------------------------------------------------------------------------------- */

struct count {
	unsigned int restarts, delay_ms;
};

static struct count count_read(int dir)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct count count = { 0 };

	if (file_read(dir, "restarts", 64, &text) == 0)
		(void)sscanf(text.data, "%u %u", &count.restarts, &count.delay_ms);
	return count;
}

static void count_write(int dir, struct count count)
{
	struct err ignored = ERR_NONE;
	char text[32];

	(void)snprintf(text, sizeof(text), "%u %u\n", count.restarts, count.delay_ms);
	(void)file_replace(dir, "restarts", text, strlen(text), 0600, false, &ignored);
}

unsigned int restart_count(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = engine_container_dir(engine, id, false, &ignored);

	return dir < 0 ? 0 : count_read(dir).restarts;
}

/* -- who waits -------------------------------------------------------------------------------- */

/* DIR/restart is written by the process itself, whose number stays over the exec; our end of the pipe closes when it is there. */
static _Noreturn void wait_process(struct engine *engine, const struct record *record, int dir,
				   unsigned int delay_ms)
{
	char *argv[] = { (char *)"cloche-monitor", record->row.name, record->row.id, NULL };
	_cleanup_strv_ char **env = NULL;
	struct err ignored = ERR_NONE;

	if (fork() != 0)
		_exit(0);
	(void)setsid();
	if (status_process_write(dir, "restart", getpid(), &ignored) < 0)
		_exit(1);
	strv_add_take(&env,
		      str_printf("CLOCHE_MONITOR=wait=%u cleanup=%s", delay_ms, engine->self));
	strv_add(&env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add_take(&env, str_printf("CLOCHE_ROOT=%s", engine->settings.root));
	strv_add_take(&env, str_printf("CLOCHE_RUN_ROOT=%s", engine->settings.run_root));
	(void)execve(engine->monitor, argv, env);
	_exit(1);
}

static void wait_spawn(struct engine *engine, const struct record *record, int dir,
		       unsigned int delay_ms)
{
	int ends[2];
	char nothing;
	pid_t pid;

	engine_store_close(engine);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		wait_process(engine, record, dir, delay_ms);
	}
	fd_close(ends[1]);
	if (pid > 0) {
		(void)waitpid(pid, NULL, 0);
		while (read(ends[0], &nothing, 1) < 0 && errno == EINTR)
			;
	}
	fd_close(ends[0]);
}

static void wait_end(int dir)
{
	pid_t pid;
	_cleanup_close_ int fd = status_process(dir, "restart", &pid, NULL);

	/* it may be us, who have become `system restart` */
	if (fd >= 0 && pid != getpid())
		(void)sys_pidfd_send_signal(fd, SIGKILL);
	(void)unlinkat(dir, "restart", 0);
}

/* -- decisions -------------------------------------------------------------------------------- */

static bool is_wanted(const struct record *record, const struct container_status *status,
		      struct count count)
{
	int64_t most = json_int_at(record->config, "HostConfig.RestartPolicy.MaximumRetryCount", 0);

	if (strcmp(policy_of(record), "on-failure") != 0)
		return true;
	return status->exit_code != 0 && (most == 0 || count.restarts < most);
}

unsigned int restart_delay_ms(unsigned int last_ms, int64_t ran_ns)
{
	if (last_ms == 0 || ran_ns >= LONG_RUN_NS)
		return DELAY_FIRST_MS;
	return last_ms > DELAY_MOST_MS / 2 ? DELAY_MOST_MS : last_ms * 2;
}

void restart_after_end(struct engine *engine, const struct record *record)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = -1;
	struct container_status status;
	struct count count;

	if (!has_policy(record))
		return;
	dir = engine_container_dir(engine, record->row.id, false, &ignored);
	if (dir < 0 || is_there(dir, "stopped") || !is_there(dir, "restarts"))
		return;
	status_get(engine, record->row.id, &status);
	count = count_read(dir);
	if (status.restarting) {
		if (!status.monitored)
			wait_spawn(engine, record, dir, count.delay_ms);
		return;
	}
	/* a start that failed is an end, too */
	if ((status.status != STATUS_EXITED && !*status.error) ||
	    !is_wanted(record, &status, count))
		return;
	count.delay_ms = restart_delay_ms(count.delay_ms, status.finished_ns - status.started_ns);
	count_write(dir, count);
	wait_spawn(engine, record, dir, count.delay_ms);
}

void restart_started(struct engine *engine, const struct record *record, bool again)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = -1;
	struct count count = { 0 };

	if (!has_policy(record))
		return;
	dir = engine_container_dir(engine, record->row.id, false, &ignored);
	if (dir < 0)
		return;
	if (again) {
		count = count_read(dir);
		count.restarts++;
	}
	(void)unlinkat(dir, "stopped", 0);
	count_write(dir, count);
	wait_end(dir);
}

void restart_cancel(struct engine *engine, const struct record *record)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = -1;

	if (!has_policy(record))
		return;
	dir = engine_container_dir(engine, record->row.id, false, &ignored);
	if (dir < 0)
		return;
	(void)file_replace(dir, "stopped", "", 0, 0600, false, &ignored);
	wait_end(dir);
}

int restart_due(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct start_options options = { .again = true };
	_cleanup_strv_ char **warnings = NULL;
	struct container_status status;
	int lock, client = -1, r = record_lock(engine, id, &record, &lock, err);

	if (r < 0)
		return r == -ENOENT ? (err_clear(err), 0) : r;
	status_get(engine, record.row.id, &status);
	if (status.restarting) {
		r = release_container(engine, &record, err);
		if (r == 0)
			r = start_container(engine, &record, &options, &client, &warnings, err);
		fd_close(client);
		if (r < 0) {
			_cleanup_close_ int dir =
				engine_container_dir(engine, record.row.id, false, err);

			if (dir >= 0)
				(void)unlinkat(dir, "restart", 0); /* it was us */
			restart_after_end(engine, &record);
		}
	}
	engine_unlock(engine, record.row.id, lock);
	return r < 0 ? err_wrap(err, "restart %s", record.row.name) : 0;
}

void restart_adopt(struct engine *engine, const struct record *record)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = engine_container_dir(engine, record->row.id, false, &ignored);
	struct container_status status;

	status_get(engine, record->row.id, &status);
	if (dir >= 0 && has_policy(record) && status.status == STATUS_RUNNING &&
	    !is_there(dir, "restarts"))
		count_write(dir, (struct count){ 0 });
	if (dir >= 0 && !has_policy(record))
		wait_end(dir);
}

/* -- after a boot ----------------------------------------------------------------------------- */

/* 1: started, 0: not wanted. */
static int boot_one(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct start_options options = { .again = true };
	_cleanup_strv_ char **warnings = NULL;
	_cleanup_close_ int dir = -1;
	struct container_status status;
	int lock, client = -1, r = record_lock(engine, id, &record, &lock, err);
	bool wanted = false;

	if (r < 0)
		return r == -ENOENT ? (err_clear(err), 0) : r;
	status_get(engine, id, &status);
	dir = engine_container_dir(engine, id, false, err);
	/* `always` comes up also when a user stopped it; what was never started does not */
	if (has_policy(&record) && dir >= 0 && is_there(dir, "restarts") &&
	    status.status != STATUS_RUNNING && !(status.restarting && status.monitored)) {
		wanted = strcmp(policy_of(&record), "always") == 0 || !is_there(dir, "stopped");
		if (wanted && strcmp(policy_of(&record), "on-failure") == 0)
			wanted = status.unknown || status.restarting ||
				 status.status == STATUS_CREATED ||
				 (status.exit_code != 0 &&
				  is_wanted(&record, &status, count_read(dir)));
	}
	if (wanted) {
		r = release_container(engine, &record, err);
		if (r == 0)
			r = start_container(engine, &record, &options, &client, &warnings, err);
		fd_close(client);
	}
	engine_unlock(engine, id, lock);
	if (r < 0)
		return err_wrap(err, "start %s", record.row.name);
	return wanted;
}

int restart_boot(struct engine *engine, char ***ret_failed, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	int count = store ? container_list(store, false, &rows, err) : -err->code, started = 0;

	/* the oldest first: what others were made to need was made before them */
	for (int i = count - 1; i >= 0; i--) {
		struct err why = ERR_NONE;
		int r = boot_one(engine, rows[i].id, &why);

		if (r < 0)
			strv_add(ret_failed, why.words);
		else
			started += r;
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	return count < 0 ? count : started;
}
