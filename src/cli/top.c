/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* top: the processes of a container, by the host's ps(1), as Docker does it. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/opt.h"
#include "base/str.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/cgroup.h"

extern char **environ;

enum { OUTPUT_BYTES = 64 << 20, WIDTH_LEAST = 20 };

/* only: "-q1,2,3", or NULL */
static int ps_output(char *const *options, const char *only, struct buf *out, struct err *err)
{
	_cleanup_strv_ char **argv = NULL;
	posix_spawn_file_actions_t actions;
	int ends[2], r, status = 0;
	pid_t pid;

	strv_add(&argv, "ps");
	if (!options[0])
		strv_add(&argv, "-ef");
	for (size_t i = 0; options[i]; i++)
		strv_add(&argv, options[i]);
	if (only)
		strv_add(&argv, only);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	if (only) /* it may be tried again without */
		(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
						       O_WRONLY, 0);
	r = posix_spawnp(&pid, "ps", &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	fd_close(ends[1]);
	if (r != 0) {
		fd_close(ends[0]);
		err_sys(err, r, "run ps");
		return err_hint(err, "install procps");
	}
	r = fd_read_all(ends[0], OUTPUT_BYTES, out);
	fd_close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_sys(err, r, "read the output of ps");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, EINVAL, "Error running ps: exit status %d",
			       WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	return 0;
}

static char **words_of(const char *line)
{
	char **words = NULL;

	for (;;) {
		size_t length;

		line += strspn(line, " \t");
		length = strcspn(line, " \t");
		if (!length)
			return words ? words : mem_new(sizeof(*words));
		strv_add_take(&words, str_ndup(line, length));
		line += length;
	}
}

/* The first columns, and all that is behind them as the last one. */
static void line_put(struct buf *out, char *const *words, size_t columns)
{
	for (size_t i = 0; words[i]; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : i < columns ? "\t" : " ", words[i]);
	buf_puts(out, "\n");
}

static int pid_compare(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static int filter(char *text, const pid_t *pids, size_t count, struct buf *out, struct err *err)
{
	char *rest = text, *line = text ? strsep(&rest, "\n") : NULL;
	_cleanup_strv_ char **heading = words_of(line ? line : "");
	size_t columns = strv_length(heading), pid_at = 0;

	while (heading[pid_at] && strcmp(heading[pid_at], "PID") != 0)
		pid_at++;
	if (!heading[pid_at])
		return err_set(err, EINVAL, "Couldn't find PID field in ps output");
	line_put(out, heading, columns);
	while (rest && (line = strsep(&rest, "\n")) != NULL) {
		_cleanup_strv_ char **words = words_of(line);
		pid_t pid = pid_at < strv_length(words) ? (pid_t)strtol(words[pid_at], NULL, 10) :
							  0;

		if (pid > 0 && bsearch(&pid, pids, count, sizeof(*pids), pid_compare))
			line_put(out, words, columns);
	}
	return 0;
}

/* All containers of all engines, on a screen: cloche-top. Returns when it is not there. */
static int screen_become(struct cli *cli, struct err *err)
{
	struct engine *engine = cli_engine(cli, err);
	_cleanup_free_ char *program = NULL;

	if (!engine)
		return 1;
	program = str_printf("%s/cloche-top", engine->libexec);
	(void)setenv("CLOCHE_ROOT", engine->settings.root, 1);
	(void)setenv("CLOCHE_RUN_ROOT", engine->settings.run_root, 1);
	engine_store_close(engine);
	(void)execl(program, "cloche-top", engine->self, (char *)NULL);
	err_sys(err, errno, "run %s", program);
	if (err->code == ENOENT)
		err_hint(err, "it is built where libncurses-dev is; or: cloche stats");
	return 1;
}

static int top_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = operands[0] ? cli_engine(data, err) : NULL;
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY, lines = BUF_EMPTY, out = BUF_EMPTY,
					only = BUF_EMPTY;
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	struct container_status status;
	ssize_t count;

	(void)args;
	if (!operands[0])
		return screen_become(data, err);
	if (!engine || record_find(engine, operands[0], &record, err) < 0)
		return 1;
	status_get(engine, record.row.id, &status);
	if (status.status != STATUS_RUNNING) {
		err_set(err, ESRCH, "container %s is not running", record.row.id);
		return 1;
	}
	if (!engine_cgroup(engine, err))
		return 1;
	path = spec_cgroup_path(engine, &record);
	engine_store_close(engine);
	count = cgroup_pids(engine->cgroup, path, &pids, err);
	if (count < 0)
		return 1;
	if (count > 0)
		qsort(pids, (size_t)count, sizeof(*pids), pid_compare);
	/* Docker's way: options such as `-o pid,comm` choose no processes, so we do; some do not go with -q. */
	for (ssize_t i = 0; i < count; i++)
		buf_printf(&only, "%s%d", i ? "," : "-q", (int)pids[i]);
	if (!only.data || ps_output(operands + 1, only.data, &text, err) < 0) {
		buf_clear(&text);
		err_clear(err);
		if (ps_output(operands + 1, NULL, &text, err) < 0)
			return 1;
	}
	if (filter(text.data, pids, (size_t)count, &lines, err) < 0)
		return 1;
	table_align_width(&out, lines.data, WIDTH_LEAST);
	(void)fwrite(out.data, 1, out.length, stdout);
	return 0;
}

static const struct opt no_opts[] = { OPT_END };

const struct command command_top = {
	.group = "container",
	.name = "top",
	.args = "[CONTAINER] [PS-OPTION...]",
	.summary = "show the processes of a container, or all containers on a screen",
	.details =
		"Without a name: every container of every engine of the host, live, with what it takes; its processes, sockets and log; and kill, stop and "
		"restart behind a question. The key h tells the keys.\n\n"
		"The host's ps(1) with these options (default -ef), of which the container's lines are shown; a PID column is needed. Numbers are the host's.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = top_run,
};
