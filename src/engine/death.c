/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/death.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/status.h"
#include "guard/guard_map.h"

/* -- out of memory ---------------------------------------------------------------------------- */

/* The value behind "key=", up to a comma; "" without. */
static void value_of(const char *line, const char *key, char *out, size_t size)
{
	const char *at = strstr(line, key);

	out[0] = '\0';
	if (at)
		(void)snprintf(out, size, "%.*s", (int)strcspn(at + strlen(key), ",\n"),
			       at + strlen(key));
}

static bool folder_is(const char *path, const char *id)
{
	const char *at = strstr(path, id);

	return at && at > path && at[-1] == '-' && (at[12] == '\0' || at[12] == '/');
}

bool death_kmsg_line(const char *line, const char *id, json_t *oom)
{
	char limit[512], task[512], name[64], pid[16], safe[256];
	const char *killed = strstr(line, "Killed process "), *rss;

	/* mm/oom_kill.c, dump_oom_summary(): oom-kill:constraint=...,oom_memcg=/A,task_memcg=/A,task=NAME,pid=N,uid=N */
	if (strstr(line, "oom-kill:constraint=")) {
		value_of(line, "task_memcg=", task, sizeof(task));
		if (!folder_is(task, id))
			return false;
		value_of(line, ",oom_memcg=", limit, sizeof(limit));
		value_of(line, ",task=", name, sizeof(name));
		value_of(line, ",pid=", pid, sizeof(pid));
		str_escape(safe, sizeof(safe), name, strlen(name));
		json_put(oom, "Limit",
			 json_text(!*limit		? "host" :
				   folder_is(limit, id) ? "container" :
							  limit));
		json_put(oom, "Process", json_text(safe));
		json_put(oom, "Pid", json_integer(strtol(pid, NULL, 10)));
		return true;
	}
	/* __oom_kill_process(): Memory cgroup out of memory: Killed process N (NAME) total-vm:NkB, anon-rss:NkB, ... */
	if (killed && strtol(killed + 15, NULL, 10) == json_int_at(oom, "Pid", -1) &&
	    (rss = strstr(killed, "anon-rss:")) != NULL) {
		json_put(oom, "RssBytes", json_integer(strtoll(rss + 9, NULL, 10) * 1024));
		return true;
	}
	return false;
}

static json_t *oom_find(const struct record *record)
{
	_cleanup_close_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *id = str_ndup(record->row.id, 12);
	int64_t limit = json_int_at(record->config, "HostConfig.Memory", 0);
	json_t *oom = json_object();
	char line[8192];

	/* a record a read; -EPIPE: some were overwritten meanwhile, the next read goes on behind them */
	while (fd >= 0) {
		ssize_t n = read(fd, line, sizeof(line) - 1);

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		line[n] = '\0';
		(void)death_kmsg_line(line, id, oom);
	}
	if (limit > 0)
		json_put(oom, "LimitBytes", json_integer(limit));
	return oom;
}

/* -- a signal --------------------------------------------------------------------------------- */

/* The newest record of the guard about this signal to the container's first process. */
static json_t *sender_find(struct engine *engine, const struct record *record, int signal_number)
{
	_cleanup_close_ int events = guard_map_open(engine->suffix, "events");
	_cleanup_close_ int written = events < 0 ? -1 : guard_map_open(engine->suffix, "written");
	uint32_t zero = 0;
	uint64_t count = 0;

	if (written < 0 || guard_map_get(written, &zero, &count) < 0)
		return NULL;
	for (uint64_t n = count; n > 0 && count - n < GUARD_EVENTS; n--) {
		uint32_t at = (uint32_t)((n - 1) % GUARD_EVENTS);
		struct guard_event e;
		char comm[4 * GUARD_COMM], tty[4 * GUARD_TTY];
		json_t *sender;

		if (guard_map_get(events, &at, &e) < 0 || e.number != n || e.denied ||
		    e.what != GUARD_SIGNAL || e.signal != (uint32_t)signal_number ||
		    e.target_inner_pid != 1 || strncmp(e.id, record->row.id, 12) != 0)
			continue;
		str_escape(comm, sizeof(comm), e.sender_comm, strnlen(e.sender_comm, GUARD_COMM));
		str_escape(tty, sizeof(tty), e.sender_tty, strnlen(e.sender_tty, GUARD_TTY));
		sender = json_object();
		json_put(sender, "Pid", json_integer(e.sender_pid));
		json_put(sender, "Command", json_text(comm));
		json_put(sender, "Uid", json_integer(e.sender_uid));
		json_put(sender, "LoginUid",
			 e.sender_login == UINT32_MAX ? json_null() : json_integer(e.sender_login));
		json_put(sender, "Tty", json_text(tty));
		return sender;
	}
	return NULL;
}

json_t *death_find(struct engine *engine, const struct record *record,
		   const struct container_status *status)
{
	const char *name = status->signal > 0 ? sigabbrev_np(status->signal) : NULL;
	_cleanup_free_ char *text = name ? str_printf("SIG%s", name) :
					   str_printf("signal %d", status->signal);
	json_t *death, *sender;

	if (!status->oom && status->signal == 0)
		return NULL;
	death = json_object();
	if (status->signal)
		json_put(death, "Signal", json_text(text));
	if (status->oom)
		json_put(death, "OutOfMemory", oom_find(record));
	sender = status->signal && !status->oom ? sender_find(engine, record, status->signal) :
						  NULL;
	if (sender)
		json_put(death, "Sender", sender);
	return death;
}

/* -- words, file ------------------------------------------------------------------------------ */

char *death_words(const json_t *death)
{
	const json_t *oom = json_at(death, "OutOfMemory"), *sender = json_at(death, "Sender");
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *limit = json_string_at(oom, "Limit", "container"), *tty;
	int64_t bytes = json_int_at(oom, "LimitBytes", 0), rss = json_int_at(oom, "RssBytes", 0);

	if (!death)
		return NULL;
	if (!oom) {
		buf_printf(&text, "killed by %s", json_string_at(death, "Signal", "a signal"));
		if (sender)
			buf_printf(&text, " from pid %lld (%s) of user %lld",
				   (long long)json_int_at(sender, "Pid", 0),
				   json_string_at(sender, "Command", ""),
				   (long long)json_int_at(sender, "Uid", 0));
		tty = json_string_at(sender, "Tty", "");
		if (*tty)
			buf_printf(&text, " on %s", tty);
		return str_dup(text.data);
	}
	buf_puts(&text, "out of memory: ");
	if (strcmp(limit, "container") == 0 && bytes)
		buf_printf(&text, "its limit of %.1f MiB", (double)bytes / 1048576);
	else
		buf_printf(&text, "%s's limit", strcmp(limit, "host") == 0 ? "the host" : limit);
	if (*json_string_at(oom, "Process", ""))
		buf_printf(&text, "; the kernel ended %s (pid %lld)",
			   json_string_at(oom, "Process", ""),
			   (long long)json_int_at(oom, "Pid", 0));
	if (rss)
		buf_printf(&text, ", which had %.1f MiB", (double)rss / 1048576);
	return str_dup(text.data);
}

void death_write(struct engine *engine, const char *id, const json_t *death)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = engine_container_dir(engine, id, false, &ignored);
	_cleanup_free_ char *text = json_dumps(death, JSON_COMPACT);

	if (dir >= 0 && text)
		(void)file_replace(dir, "death", text, strlen(text), 0600, false, &ignored);
}

json_t *death_read(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = engine_container_dir(engine, id, false, &ignored);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	return dir < 0 || file_read(dir, "death", 1 << 16, &text) < 0 ?
		       NULL :
		       json_loads(text.data, 0, NULL);
}
