/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state, list and ps: what looks and changes nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/oci.h"
#include "oci/state.h"
#include "runtime/cgroup.h"

static pid_t pid_shown(const struct state *state, enum oci_status status)
{
	return status == OCI_STOPPED || status == OCI_CREATING ? 0 : state->pid;
}

/* -- state ------------------------------------------------------------------------------------ */

static int state_run(void *cli, void *args, char **operands, struct err *err)
{
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct cgroup *cgroup = NULL;
	enum oci_status status;

	(void)args;
	if (state_read(cli, operands[0], &state, err) < 0)
		return 1;
	cgroup = cgroup_open(err);
	if (!cgroup)
		return 1;
	status = state_status(&state, cgroup, NULL);
	cgroup_close(cgroup);
	state_json(&text, &state, oci_status_name(status), pid_shown(&state, status));
	(void)printf("%s\n", text.data);
	return 0;
}

static const struct opt state_opts[] = { OPT_END };

const struct command oci_state = {
	.program = "cloche-runtime",
	.name = "state",
	.args = "ID",
	.summary = "print the state of a container as JSON",
	.opts = state_opts,
	.run = state_run,
};

/* -- list ------------------------------------------------------------------------------------- */

struct list_args {
	const char *format;
	bool quiet;
};

static const struct opt list_opts[] = {
	OPT_STRING('f', "format", "FORMAT", struct list_args, format, "table (default) or json"),
	OPT_BOOL('q', "quiet", struct list_args, quiet, "names only"),
	OPT_END,
};

static void list_defaults(void *args)
{
	((struct list_args *)args)->format = "table";
}

static void list_row(const struct state *state, enum oci_status status, const struct list_args *a,
		     struct buf *json, size_t *count)
{
	if (a->quiet) {
		(void)printf("%s\n", state->id);
	} else if (strcmp(a->format, "json") == 0) {
		buf_puts(json, *count ? ", " : "");
		state_json(json, state, oci_status_name(status), pid_shown(state, status));
	} else {
		if (*count == 0)
			(void)printf("%-24s%-12s%-12s%-32s%-36s%s\n", "ID", "PID", "STATUS",
				     "BUNDLE", "CREATED", "OWNER");
		(void)printf("%-24s%-12d%-12s%-32s%-36s%s\n", state->id,
			     (int)pid_shown(state, status), oci_status_name(status),
			     state->bundle ? state->bundle : "",
			     state->created ? state->created : "",
			     state->owner ? state->owner : "");
	}
	(*count)++;
}

static int list_run(void *cli, void *args, char **operands, struct err *err)
{
	_cleanup_(buf_clear) struct buf json = BUF_EMPTY;
	struct list_args *a = args;
	struct oci *oci = cli;
	struct cgroup *cgroup = cgroup_open(err);
	_cleanup_close_ int root = -1;
	struct dirent *e;
	size_t count = 0;
	DIR *d;

	(void)operands;
	if (strcmp(a->format, "table") != 0 && strcmp(a->format, "json") != 0) {
		(void)err_set(err, EINVAL, "invalid format option \"%s\"", a->format);
		cgroup_close(cgroup);
		return 1;
	}
	root = cgroup ? state_root(oci, err) : -1;
	d = root >= 0 ? fdopendir(root) : NULL;
	if (d)
		root = -1;
	while (d && (e = readdir(d)) != NULL) {
		_cleanup_(state_clear) struct state state = STATE_EMPTY;
		struct err own = ERR_NONE;

		if (e->d_name[0] == '.' || e->d_type != DT_DIR)
			continue;
		if (state_read(oci, e->d_name, &state, &own) < 0) {
			if (own.code != ENOENT) /* it went away meanwhile */
				oci_log(oci, "warning", own.words);
			continue;
		}
		list_row(&state, state_status(&state, cgroup, NULL), a, &json, &count);
	}
	if (d)
		(void)closedir(d);
	cgroup_close(cgroup);
	if (err->code)
		return 1;
	if (!a->quiet && strcmp(a->format, "json") == 0)
		(void)printf("[%s]\n", json.data ? json.data : "");
	else if (!a->quiet && count == 0)
		(void)printf("%-24s%-12s%-12s%-32s%-36s%s\n", "ID", "PID", "STATUS", "BUNDLE",
			     "CREATED", "OWNER");
	return 0;
}

const struct command oci_list = {
	.program = "cloche-runtime",
	.name = "list",
	.args = "",
	.summary = "list the containers of this root",
	.opts = list_opts,
	.args_size = sizeof(struct list_args),
	.defaults = list_defaults,
	.run = list_run,
};

/* -- ps --------------------------------------------------------------------------------------- */

static const struct opt ps_opts[] = {
	OPT_STRING('f', "format", "FORMAT", struct list_args, format, "table (default) or json"),
	OPT_END,
};

/* ps(1) with the user's options, and of its lines those of the container's processes. */
static int ps_table(char *const *options, const pid_t *pids, size_t count, struct err *err)
{
	_cleanup_strv_ char **argv = NULL;
	char *line = NULL;
	size_t room = 0, column = 0;
	int ends[2], status;
	FILE *in;
	pid_t pid;

	strv_add(&argv, "ps");
	for (size_t i = 0; options[i]; i++)
		strv_add(&argv, options[i]);
	if (!options[0])
		strv_add(&argv, "-ef");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)execvp("ps", argv);
		_exit(127);
	}
	(void)close(ends[1]);
	in = fdopen(ends[0], "r");
	for (size_t row = 0; in && getline(&line, &room, in) > 0; row++) {
		_cleanup_free_ char *copy = str_dup(line);
		char *rest = copy, *word = NULL;
		size_t at = 0;
		bool ours = row == 0;

		while ((word = strsep(&rest, " \t\n")) != NULL) {
			if (!*word)
				continue;
			if (row == 0 && strcmp(word, "PID") == 0)
				column = at;
			for (size_t i = 0; row > 0 && at == column && i < count; i++)
				ours |= pids[i] == (pid_t)strtol(word, NULL, 10);
			at++;
		}
		if (ours)
			(void)fputs(line, stdout);
	}
	free(line);
	if (in)
		(void)fclose(in);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0) {
		(void)err_set(err, EINVAL, "run ps: it failed");
		return err_hint(err, "ps -f json needs no program");
	}
	return 0;
}

static int ps_run(void *cli, void *args, char **operands, struct err *err)
{
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	_cleanup_free_ pid_t *pids = NULL;
	struct list_args *a = args;
	struct cgroup *cgroup = NULL;
	ssize_t count = 0;

	if (state_read(cli, operands[0], &state, err) < 0)
		return 1;
	cgroup = cgroup_open(err);
	if (cgroup && state_cgroup_is_ours(&state, cgroup))
		count = cgroup_pids(cgroup, state.cgroup, &pids, err);
	cgroup_close(cgroup);
	if (!cgroup || count < 0)
		return 1;
	if (strcmp(a->format, "table") == 0)
		return ps_table(operands + 1, pids, (size_t)count, err) < 0 ? 1 : 0;
	if (strcmp(a->format, "json") != 0) {
		(void)err_set(err, EINVAL, "invalid format option \"%s\"", a->format);
		return 1;
	}
	(void)printf("[");
	for (ssize_t i = 0; i < count; i++)
		(void)printf("%s%d", i ? "," : "", (int)pids[i]);
	(void)printf("]\n");
	return 0;
}

const struct command oci_ps = {
	.program = "cloche-runtime",
	.name = "ps",
	.args = "ID [OPTION...]",
	.summary = "list the processes of a container",
	.opts = ps_opts,
	.args_size = sizeof(struct list_args),
	.defaults = list_defaults,
	.run = ps_run,
};
