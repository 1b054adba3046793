/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/health.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/exec.h"
#include "engine/frame.h"
#include "engine/inspect.h"
#include "engine/lifecycle.h"
#include "engine/status.h"

enum { OUTPUT_MOST = 4096, LOG_MOST = 5, RETRIES = 3 };
static const int64_t SECOND_NS = 1000000000, MS_NS = 1000000;

/* -- options ---------------------------------------------------------------------------------- */

static int duration_put(json_t *check, const char *option, const char *key, const char *text,
			struct err *err)
{
	int64_t ns;

	if (!text)
		return 0;
	if (duration_parse(text, &ns) < 0)
		return err_argument(err, text, option, "time: invalid duration \"%s\"", text);
	if (ns != 0 && ns < MS_NS)
		return err_set(err, EINVAL, "%s in Healthcheck cannot be less than 1ms", key);
	json_put(check, key, json_integer(ns));
	return 0;
}

static int on_failure_put(const struct create_options *o, json_t *own, struct err *err)
{
	static const char *const actions[] = { "none", "kill", "restart", "stop" };

	if (!o->health_on_failure)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i], o->health_on_failure) == 0) {
			json_put(own, "HealthOnFailure", json_text(actions[i]));
			return 0;
		}
	return err_set(err, EINVAL, "--health-on-failure %s: not none, kill, restart or stop",
		       o->health_on_failure);
}

bool health_option_any(const struct create_options *o)
{
	return o->health_cmd || o->health_interval || o->health_timeout || o->health_start_period ||
	       o->health_start_interval || o->health_retries || o->health_on_failure ||
	       o->no_healthcheck;
}

int health_option(const struct create_options *o, const json_t *of_image, json_t *config,
		  json_t *own, struct err *err)
{
	bool any = o->health_cmd || o->health_interval || o->health_timeout ||
		   o->health_start_period || o->health_start_interval || o->health_retries;
	json_t *check;
	uint64_t retries;
	int r;

	if (o->no_healthcheck) {
		if (any)
			return err_set(err, EINVAL,
				       "--no-healthcheck conflicts with --health-* options");
		json_put(config, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"));
		return 0;
	}
	if (!any && !json_is_object(of_image))
		return on_failure_put(o, own, err);
	check = json_is_object(of_image) ? json_deep_copy(of_image) : json_object();
	json_put(config, "Healthcheck", check);
	if (o->health_cmd)
		json_put(check, "Test", json_pack("[s,s]", "CMD-SHELL", o->health_cmd));
	if ((r = duration_put(check, "--health-interval", "Interval", o->health_interval, err)) <
		    0 ||
	    (r = duration_put(check, "--health-timeout", "Timeout", o->health_timeout, err)) < 0 ||
	    (r = duration_put(check, "--health-start-period", "StartPeriod", o->health_start_period,
			      err)) < 0 ||
	    (r = duration_put(check, "--health-start-interval", "StartInterval",
			      o->health_start_interval, err)) < 0)
		return r;
	if (o->health_retries) {
		if (str_to_u64(o->health_retries, INT32_MAX, &retries) < 0)
			return err_set(err, EINVAL,
				       "invalid argument \"%s\" for \"--health-retries\" flag",
				       o->health_retries);
		json_put(check, "Retries", json_integer((json_int_t)retries));
	}
	return on_failure_put(o, own, err);
}

/* -- what there is ---------------------------------------------------------------------------- */

static const char *test_kind(const struct record *record)
{
	const char *kind = json_string_value(
		json_array_get(json_at(record->config, "Config.Healthcheck.Test"), 0));

	return kind ? kind : "NONE";
}

bool health_wanted(const struct record *record)
{
	return strcmp(test_kind(record), "CMD") == 0 || strcmp(test_kind(record), "CMD-SHELL") == 0;
}

static int64_t time_of(const struct record *record, const char *path, int64_t otherwise_ns)
{
	int64_t ns = json_int_at(record->config, path, 0);

	return ns > 0 ? ns : otherwise_ns;
}

void health_times(const struct record *record, int64_t *ret_first, int64_t *ret_interval,
		  int64_t *ret_start)
{
	int64_t period = time_of(record, "Config.Healthcheck.StartPeriod", 0);

	*ret_interval = time_of(record, "Config.Healthcheck.Interval", 30 * SECOND_NS) / MS_NS;
	*ret_start = time_of(record, "Config.Healthcheck.StartInterval", 5 * SECOND_NS) / MS_NS;
	*ret_first = period > 0 ? *ret_start : *ret_interval;
}

static void health_write(struct engine *engine, const struct record *record, const json_t *health)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = engine_container_dir(engine, record->row.id, false, &ignored);
	_cleanup_free_ char *text = json_dumps(health, JSON_COMPACT);

	if (dir >= 0 && text)
		(void)file_replace(dir, "health", text, strlen(text), 0600, false, &ignored);
}

void health_started(struct engine *engine, const struct record *record)
{
	_cleanup_json_ json_t *health = NULL;

	if (!health_wanted(record))
		return;
	health = json_pack("{s:s,s:i,s:[]}", "Status", "starting", "FailingStreak", 0, "Log");
	health_write(engine, record, health);
}

void health_changed(struct engine *engine, const struct record *record)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, &ignored);
	_cleanup_json_ json_t *health = health_json(engine, record);
	int64_t first = 0, interval = 0, start = 0;
	char text[80];

	if (run < 0)
		return; /* the next start has the new ones anyway */
	if (health_wanted(record)) {
		health_times(record, &first, &interval, &start);
		if (!health)
			health_started(engine, record);
	}
	(void)snprintf(text, sizeof(text), "%lld %lld %lld\n", (long long)first,
		       (long long)interval, (long long)start);
	/* who was killed after this line has told the monitor at the next client's coming */
	if (file_replace(run, "health-times", text, strlen(text), 0600, false, &ignored) == 0)
		fd_close(frame_connect(run));
}

json_t *health_json(struct engine *engine, const struct record *record)
{
	struct err ignored = ERR_NONE;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_close_ int dir = -1;

	if (!health_wanted(record))
		return NULL;
	dir = engine_container_dir(engine, record->row.id, false, &ignored);
	if (dir < 0 || file_read(dir, "health", 1 << 20, &text) < 0)
		return NULL;
	return json_loads(text.data, 0, NULL);
}

const char *health_word(const json_t *health)
{
	return health ? json_string_at(health, "Status", "none") : "none";
}

/* -- a check ---------------------------------------------------------------------------------- */

struct result {
	int64_t start_ns, end_ns;
	int code; /* -1: it took too long */
	char output[OUTPUT_MOST + 1];
	size_t length;
};

/* false: this pipe is at its end. */
static bool output_take(struct result *result, int fd)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0)
		return false;
	if ((size_t)n > OUTPUT_MOST - result->length)
		n = (ssize_t)(OUTPUT_MOST - result->length);
	memcpy(result->output + result->length, text, (size_t)n);
	result->length += (size_t)n;
	return true;
}

/* Until it ends or its time is over; then what is in its pipes, which a process that it left behind may hold open. */
static void process_watch(struct exec_process *process, int64_t timeout_ns, struct result *result)
{
	int out = process->out, errors = process->err, ended = process->pidfd;
	siginfo_t info = { 0 };

	for (;;) {
		struct pollfd p[] = { { .fd = out, .events = POLLIN },
				      { .fd = errors, .events = POLLIN },
				      { .fd = ended, .events = POLLIN } };
		int64_t left = (result->start_ns + timeout_ns - engine_now_ns()) / MS_NS;
		int r = poll(p, 3, ended < 0 ? 0 : left > 0 ? (int)left + 1 : 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		if (p[0].revents && !output_take(result, out))
			out = -1;
		if (p[1].revents && !output_take(result, errors))
			errors = -1;
		if (p[2].revents)
			ended = -1;
	}
	if (ended >= 0) {
		(void)sys_pidfd_send_signal(process->pidfd, SIGKILL);
		result->code = -1;
	}
	(void)waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED);
	if (ended < 0)
		result->code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static void test_run(struct engine *engine, const struct record *record, struct result *result)
{
	int64_t timeout_ns = time_of(record, "Config.Healthcheck.Timeout", 30 * SECOND_NS);
	_cleanup_strv_ char **command = NULL;
	struct exec_options options = { 0 };
	struct exec_process process;
	struct err err = ERR_NONE;
	const json_t *word;
	size_t i;

	if (strcmp(test_kind(record), "CMD-SHELL") == 0) {
		strv_add(&command, "/bin/sh");
		strv_add(&command, "-c");
	}
	json_array_foreach(json_at(record->config, "Config.Healthcheck.Test"), i,
			   word) if (i > 0 && json_is_string(word))
		strv_add(&command, json_string_value(word));
	result->start_ns = engine_now_ns();
	if (!command || exec_start(engine, record->row.id, command, &options, &process, &err) < 0) {
		result->code = err.exit_status == 126 || err.exit_status == 127 ? err.exit_status :
										  -1;
		(void)str_append(result->output, sizeof(result->output), err.words);
		result->length = strlen(result->output);
	} else {
		process_watch(&process, timeout_ns, result);
		exec_end(engine, &process, result->code < 0 ? 137 : result->code);
		fd_close(process.out);
		fd_close(process.err);
		fd_close(process.pidfd);
		if (result->code == -1) {
			_cleanup_free_ char *words =
				str_printf("Health check exceeded timeout (%gs)",
					   (double)timeout_ns / (double)SECOND_NS);

			result->output[0] = '\0';
			(void)str_append(result->output, sizeof(result->output), words);
			result->length = strlen(result->output);
		}
	}
	result->end_ns = engine_now_ns();
}

/* Its bytes are the container's: what is no UTF-8 is shown as `?`. */
static json_t *output_text(struct result *result)
{
	json_t *text = json_stringn(result->output, result->length);

	for (size_t i = 0; !text && i < result->length; i++)
		if ((unsigned char)result->output[i] >= 0x80)
			result->output[i] = '?';
	return text ? text : json_stringn(result->output, result->length);
}

static void result_log(json_t *health, struct result *result)
{
	_cleanup_free_ char *start = time_text(result->start_ns), *end = time_text(result->end_ns);
	json_t *log = json_object_get(health, "Log"), *entry = json_object();

	json_put(entry, "Start", json_text(start));
	json_put(entry, "End", json_text(end));
	json_put(entry, "ExitCode", json_integer(result->code));
	json_put(entry, "Output", output_text(result));
	json_push(log, entry);
	while (json_array_size(log) > LOG_MOST)
		(void)json_array_remove(log, 0);
}

/* An exec leaves our next children to the container's pid namespace, which is about to end. */
static void own_pid_namespace(void)
{
	_cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (own >= 0)
		(void)setns(own, CLONE_NEWPID); /* else the fork of a restart fails, and says so */
}

static void unhealthy_act(struct engine *engine, const struct record *record)
{
	const char *action = json_string_at(record->config, "Cloche.HealthOnFailure", "none");
	_cleanup_strv_ char **warnings = NULL;
	struct err ignored = ERR_NONE;
	_cleanup_close_ int pidfd = -1;

	own_pid_namespace();
	if (strcmp(action, "stop") == 0) {
		(void)lifecycle_stop(engine, record->row.id, NULL, STOP_TIMEOUT_DEFAULT, &ignored);
	} else if (strcmp(action, "restart") == 0) {
		(void)lifecycle_restart(engine, record->row.id, NULL, STOP_TIMEOUT_DEFAULT,
					&warnings, &ignored);
	} else if (strcmp(action, "kill") == 0) {
		/* not lifecycle_kill(), which is a user's: the restart policy is to bring it back */
		pidfd = status_pidfd(engine, record->row.id);
		if (pidfd >= 0)
			(void)lifecycle_kill_all(engine, record, pidfd, &ignored);
	}
}

int health_check(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_json_ json_t *health = NULL;
	_cleanup_free_ char *before = NULL;
	struct result result = { 0 };
	struct container_status status;
	bool in_start_period;
	json_int_t streak;
	int r = record_find(engine, id, &record, err);

	if (r < 0)
		return r;
	status_get(engine, id, &status);
	health = health_json(engine, &record);
	if (!health || status.status != STATUS_RUNNING || status.paused || status.ending)
		return 0;
	before = str_dup(health_word(health));
	in_start_period = strcmp(before, "starting") == 0 &&
			  engine_now_ns() - status.started_ns <
				  time_of(&record, "Config.Healthcheck.StartPeriod", 0);
	test_run(engine, &record, &result);
	if (status_pidfd(engine, id) < 0)
		return 0; /* the container's end ended the check */
	streak = json_int_at(health, "FailingStreak", 0);
	streak = result.code == 0 ? 0 : in_start_period ? streak : streak + 1;
	json_put(health, "FailingStreak", json_integer(streak));
	if (result.code == 0)
		json_put(health, "Status", json_text("healthy"));
	else if (streak >= json_int_at(record.config, "Config.Healthcheck.Retries", 0) &&
		 (streak >= RETRIES ||
		  json_int_at(record.config, "Config.Healthcheck.Retries", 0) > 0))
		json_put(health, "Status", json_text("unhealthy"));
	result_log(health, &result);
	health_write(engine, &record, health);
	if (strcmp(before, health_word(health)) != 0) {
		_cleanup_free_ char *action = str_printf("health_status: %s", health_word(health));

		event_container(engine, &record, action, NULL);
		if (strcmp(health_word(health), "unhealthy") == 0)
			unhealthy_act(engine, &record);
	}
	return in_start_period && result.code != 0;
}

/* -- waiting ---------------------------------------------------------------------------------- */

/* 0: it is, -EAGAIN: not yet. */
static int healthy_now(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_json_ json_t *health = NULL;
	struct container_status status;
	int r = record_find(engine, id, &record, err);

	engine_store_close(engine);
	if (r < 0)
		return r;
	status_get(engine, id, &status);
	health = health_json(engine, &record);
	if (status.status != STATUS_RUNNING)
		return err_set(err, ECANCELED, "container %s ended before it was healthy",
			       record.row.name);
	if (!health || strcmp(health_word(health), "healthy") == 0)
		return 0;
	if (strcmp(health_word(health), "unhealthy") == 0)
		return err_set(err, ECANCELED, "container %s is unhealthy", record.row.name);
	return -EAGAIN;
}

int health_wait(struct engine *engine, const char *id, int64_t patience_ms, struct err *err)
{
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
			    dir = engine_container_dir(engine, id, false, err),
			    pidfd = status_pidfd(engine, id);
	int64_t end_ns = engine_now_ns() + patience_ms * MS_NS;
	char path[64], news[4096];

	if (dir < 0)
		return err_set(err, ENOENT, "No such container: %s", id);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (watch < 0 || inotify_add_watch(watch, path, IN_MOVED_TO) < 0)
		return err_sys(err, errno, "watch the health of %.12s", id);
	for (;;) {
		struct pollfd p[] = { { .fd = watch, .events = POLLIN },
				      { .fd = pidfd, .events = POLLIN } };
		int64_t left_ms = (end_ns - engine_now_ns()) / MS_NS;
		int r = healthy_now(engine, id, err);

		if (r != -EAGAIN)
			return r;
		if (left_ms <= 0)
			return err_set(err, ETIMEDOUT, "container %.12s is not healthy yet", id);
		if (poll(p, 2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms) < 0 &&
		    errno != EINTR)
			return err_sys(err, errno, "wait for the health of %.12s", id);
		if (p[0].revents)
			(void)!read(watch, news, sizeof(news));
	}
}
