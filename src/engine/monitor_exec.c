/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/monitor_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "runtime/cgroup.h"
#include "state/store.h"

/* Give one descriptor over the exec, by its word. */
static void fd_word(struct buf *words, const char *name, int fd)
{
	if (fd < 0)
		return;
	(void)fcntl(fd, F_SETFD, 0);
	buf_printf(words, " %s=%d", name, fd);
}

static void log_words(struct engine *engine, const struct record *record, struct buf *words)
{
	const char *driver = json_string_at(record->config, "HostConfig.LogConfig.Type", "local");
	const char *size =
		json_string_at(record->config, "HostConfig.LogConfig.Config.max-size", NULL);
	const char *count =
		json_string_at(record->config, "HostConfig.LogConfig.Config.max-file", NULL);
	uint64_t bytes = engine->settings.log_max_size_bytes,
		 files = engine->settings.log_max_files;

	if (size)
		(void)str_to_bytes(size, &bytes); /* create has checked both */
	if (count)
		(void)str_to_u64(count, 1000, &files);
	buf_printf(words, " log=%s max-size=%llu max-file=%llu",
		   str_equal(driver, "json-file") ? "json" :
		   str_equal(driver, "none")	  ? "none" :
						    "cri",
		   (unsigned long long)bytes, (unsigned long long)files);
}

/* --timeout counts from the start, also for the monitor that comes after one that was killed. */
static void timeout_word(const struct record *record, int64_t started_ns, struct buf *words)
{
	int64_t timeout_ms = json_int_at(record->config, "Cloche.Timeout", 0) * 1000, left_ms;

	if (timeout_ms <= 0)
		return;
	left_ms = timeout_ms - (engine_now_ns() - started_ns) / 1000000;
	buf_printf(words, " timeout=%lld", (long long)(left_ms > 0 ? left_ms : 1));
}

int monitor_exec(struct engine *engine, const struct record *record,
		 const struct monitor_exec *monitor, struct err *err)
{
	char *argv[] = { (char *)"cloche-monitor", record->row.name, record->row.id, NULL };
	_cleanup_(buf_clear) struct buf words = BUF_EMPTY;
	_cleanup_free_ char *cgroup_folder = spec_cgroup_path(engine, record), *oom = NULL;
	_cleanup_strv_ char **env = NULL;

	buf_printf(&words, "CLOCHE_MONITOR=init=%d", (int)monitor->init);
	fd_word(&words, "run", monitor->run);
	fd_word(&words, "dir", monitor->dir);
	fd_word(&words, "pidfd", monitor->pidfd);
	fd_word(&words, "client", monitor->client);
	fd_word(&words, "start", monitor->report);
	fd_word(&words, "pty", monitor->terminal);
	fd_word(&words, "stdin", monitor->stdin_writer);
	fd_word(&words, "stdout", monitor->stdout_keeper);
	fd_word(&words, "stderr", monitor->stderr_keeper);
	fd_word(&words, "old-holder", monitor->old_holder);
	fd_word(&words, "ready", monitor->ready);
	fd_word(&words, "index", store_index_hold(engine->root));
	if (engine->cgroup && cgroup_oom_path(engine->cgroup, cgroup_folder, &oom) == 0)
		buf_printf(&words, " oom=%s", oom);
	log_words(engine, record, &words);
	buf_printf(&words, " started=%lld fleeting=%d", (long long)monitor->started_ns,
		   json_bool_at(record->config, "HostConfig.AutoRemove"));
	if (health_wanted(record)) {
		int64_t first, interval, start;

		health_times(record, &first, &interval, &start);
		buf_printf(&words, " health-first=%lld health=%lld health-start=%lld",
			   (long long)first, (long long)interval, (long long)start);
	}
	timeout_word(record, monitor->started_ns, &words);
	buf_printf(&words, " holder=1 restore=%d cleanup=%s", monitor->restore, engine->self);
	strv_add(&env, words.data);
	strv_add(&env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add_take(&env, str_printf("CLOCHE_ROOT=%s", engine->settings.root));
	strv_add_take(&env, str_printf("CLOCHE_RUN_ROOT=%s", engine->settings.run_root));
	/* for `whois`, which reads it in the monitor's environment; a stranger's command line is none of ps e's business */
	if (monitor->starter) {
		const char *command = strstr(monitor->starter, " command=");

		strv_add_take(&env, str_printf("CLOCHE_STARTED_BY=%.*s",
					       command ? (int)(command - monitor->starter) : 0,
					       monitor->starter));
	}
	(void)execve(engine->monitor, argv, env);
	return err_sys(err, errno, "execute %s", engine->monitor);
}
