/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/starter.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/death.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/record.h"
#include "engine/status.h"

enum { ENDS_MOST = 10, COMMAND_MOST = 800 };

/* -- the start -------------------------------------------------------------------------------- */

static void terminal_find(char *tty, size_t size)
{
	*tty = '\0';
	for (int fd = 0; fd < 3 && !*tty; fd++) {
		char path[32];
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, tty, size - 1);
		tty[n > 0 ? n : 0] = '\0';
		if (!str_prefix(tty, "/dev/pts/") && !str_prefix(tty, "/dev/tty"))
			*tty = '\0';
	}
}

char *starter_text(void)
{
	_cleanup_(buf_clear) struct buf login = BUF_EMPTY;
	char command[COMMAND_MOST] = "", escaped[COMMAND_MOST + 200], tty[64];
	const char *sudo = getenv("SUDO_UID");
	_cleanup_close_ int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, command, sizeof(command) - 1);

	terminal_find(tty, sizeof(tty));
	(void)file_read(AT_FDCWD, "/proc/self/loginuid", 16, &login);
	for (ssize_t i = 0; i < n; i++)
		if (command[i] == '\0')
			command[i] = ' ';
	while (n > 0 && command[n - 1] == ' ')
		n--;
	str_escape(escaped, sizeof(escaped), command, n > 0 ? (size_t)n : 0);
	return str_printf("uid=%u login=%.*s sudo=%.16s tty=%s command=%s", getuid(),
			  login.data ? (int)strcspn(login.data, "\n") : 0,
			  login.data ? login.data : "", sudo ? sudo : "", tty, escaped);
}

static json_t *number_or_null(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	unsigned long value;
	char *end;

	if (!at)
		return json_null();
	at += strlen(key);
	value = strtoul(at, &end, 10);
	return end == at || value >= UINT32_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *line_parse(const char *line)
{
	const char *tty = strstr(line, " tty="), *command = strstr(line, " command=");
	json_t *all = json_object();

	if (tty)
		tty += strlen(" tty=");
	json_put(all, "Uid", number_or_null(line, "uid="));
	json_put(all, "LoginUid", number_or_null(line, " login="));
	json_put(all, "SudoUid", number_or_null(line, " sudo="));
	if (tty && command && command > tty) {
		_cleanup_free_ char *text = str_ndup(tty, (size_t)(command - tty));

		json_put(all, "Tty", json_text(text));
	} else {
		json_put(all, "Tty", json_text(""));
	}
	json_put(all, "Command", json_text(command ? command + strlen(" command=") : ""));
	return all;
}

json_t *starter_of_run(int run)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *line;

	if (run < 0 || file_read(run, "init", 4096, &text) < 0 ||
	    (line = strchr(text.data, '\n')) == NULL || !str_prefix(line + 1, "uid="))
		return NULL;
	line++;
	line[strcspn(line, "\n")] = '\0';
	return line_parse(line);
}

json_t *starter_json(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);

	return starter_of_run(run);
}

/* -- the ends --------------------------------------------------------------------------------- */

static json_t *end_json(int run, const struct container_status *status, const json_t *death)
{
	_cleanup_free_ char *started = time_text(status->started_ns),
			    *finished = time_text(status->finished_ns);
	json_t *end = json_object(), *starter = starter_of_run(run);

	json_put(end, "StartedAt", json_text(started));
	json_put(end, "FinishedAt", json_text(finished));
	json_put(end, "ExitCode", json_integer(status->exit_code));
	json_put(end, "OOMKilled", json_boolean(status->oom));
	json_put(end, "Unknown", json_boolean(status->unknown));
	json_put(end, "StartedBy", starter ? starter : json_null());
	json_put(end, "Death", death ? json_deep_copy(death) : json_null());
	return end;
}

static json_t *ends_read(int dir)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	json_t *ends = dir >= 0 && file_read(dir, "ends", 1 << 20, &text) == 0 ?
			       json_loads(text.data, 0, NULL) :
			       NULL;

	if (json_is_array(ends))
		return ends;
	json_decref(ends);
	return json_array();
}

static bool is_last(const json_t *ends, const struct container_status *status)
{
	const json_t *last = json_array_get(ends, json_array_size(ends) - 1);
	_cleanup_free_ char *started = time_text(status->started_ns);

	return last && strcmp(json_string_at(last, "StartedAt", ""), started) == 0;
}

void ends_add(struct engine *engine, const struct record *record, int run,
	      const struct container_status *status, const json_t *death)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = -1;
	_cleanup_json_ json_t *ends = NULL, *end = NULL;
	_cleanup_free_ char *text = NULL;

	if (json_bool_at(record->config, "HostConfig.AutoRemove"))
		return;
	dir = engine_container_dir(engine, record->row.id, false, &ignored);
	if (dir < 0)
		return;
	ends = ends_read(dir);
	if (is_last(ends, status))
		return; /* who told it before was killed then */
	end = end_json(run, status, death);
	json_push(ends, json_incref(end));
	while (json_array_size(ends) > ENDS_MOST)
		(void)json_array_remove(ends, 0);
	text = json_dumps(ends, JSON_COMPACT);
	if (text)
		(void)file_replace(dir, "ends", text, strlen(text), 0600, false, &ignored);
}

json_t *ends_json(struct engine *engine, const struct record *record,
		  const struct container_status *status, json_t **death)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = engine_container_dir(engine, record->row.id, false, &ignored),
			    run = engine_run_dir(engine, record->row.id, false, &ignored);
	json_t *ends = ends_read(dir);

	if (status->status != STATUS_EXITED || !status->finished_ns || is_last(ends, status))
		return ends;
	if (!*death)
		*death = death_find(engine, record, status);
	json_push(ends, end_json(run, status, *death));
	if (json_array_size(ends) > ENDS_MOST)
		(void)json_array_remove(ends, 0);
	return ends;
}
