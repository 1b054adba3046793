/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stop, kill, rm, wait: verbs on each of some containers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/lifecycle.h"
#include "engine/removal.h"

struct stop_args {
	const char *signal, *timeout;
};

static const struct opt stop_opts[] = {
	OPT_STRING('s', "signal", "SIGNAL", struct stop_args, signal, "send SIGNAL first"),
	OPT_STRING('t', "timeout", "SECONDS", struct stop_args, timeout,
		   "seconds before the container is killed; -1: never"),
	OPT_ALIAS(0, "time", "SECONDS", OPT_KIND_STRING, struct stop_args, timeout),
	OPT_END,
};

int cli_seconds(const char *text, long *ret_seconds, struct err *err)
{
	char *end;
	long seconds = strtol(text, &end, 10);

	if (!*text || *end || seconds > 1000000)
		return err_argument(err, text, "-t, --timeout", "not a number of seconds");
	*ret_seconds = seconds < 0 ? -1 : seconds;
	return 0;
}

static int stop_one(struct cli *cli, const char *reference, void *data, struct err *err)
{
	struct stop_args *a = data;
	struct engine *engine = cli_engine(cli, err);
	long timeout = STOP_TIMEOUT_DEFAULT;

	if (!engine || (a->timeout && cli_seconds(a->timeout, &timeout, err) < 0))
		return -err->code;
	return lifecycle_stop(engine, reference, a->signal, timeout, err);
}

static int stop_run(void *data, void *args, char **operands, struct err *err)
{
	(void)err;
	return cli_each(data, operands, stop_one, args);
}

const struct command command_stop = {
	.group = "container",
	.name = "stop",
	.args = "CONTAINER...",
	.summary = "stop one or more running containers",
	.details =
		"The container's stop signal is sent to its first process; after the grace period all its processes are killed.",
	.opts = stop_opts,
	.args_size = sizeof(struct stop_args),
	.run = stop_run,
	.flags = COMMAND_INTERSPERSED,
};

struct kill_args {
	const char *signal;
};

static const struct opt kill_opts[] = {
	OPT_STRING('s', "signal", "SIGNAL", struct kill_args, signal,
		   "send SIGNAL, a name or a number (default KILL)"),
	OPT_END,
};

static int kill_one(struct cli *cli, const char *reference, void *data, struct err *err)
{
	struct kill_args *a = data;
	struct engine *engine = cli_engine(cli, err);

	return engine ? lifecycle_kill(engine, reference, a->signal, err) : -err->code;
}

static int kill_run(void *data, void *args, char **operands, struct err *err)
{
	(void)err;
	return cli_each(data, operands, kill_one, args);
}

const struct command command_kill = {
	.group = "container",
	.name = "kill",
	.args = "CONTAINER...",
	.summary = "send a signal to the first process of containers",
	.opts = kill_opts,
	.args_size = sizeof(struct kill_args),
	.run = kill_run,
	.flags = COMMAND_INTERSPERSED,
};

struct rm_args {
	bool force, volumes;
};

static const struct opt rm_opts[] = {
	OPT_BOOL('f', "force", struct rm_args, force, "kill a running container first"),
	OPT_BOOL('v', "volumes", struct rm_args, volumes, "remove its anonymous volumes too"),
	OPT_LATER('l', "link", NULL, "there are no links to remove"),
	OPT_END,
};

static int rm_one(struct cli *cli, const char *reference, void *data, struct err *err)
{
	struct rm_args *a = data;
	struct engine *engine = cli_engine(cli, err);

	return engine ? lifecycle_remove(engine, reference, a->force, a->volumes, err) : -err->code;
}

static int rm_run(void *data, void *args, char **operands, struct err *err)
{
	struct rm_args *a = args;
	size_t count = strv_length(operands);
	_cleanup_free_ bool *done = mem_new(count);
	int status = 0;

	if (a->force && count > 1) {
		struct engine *engine = cli_engine(data, err);

		if (!engine)
			return 1;
		removal_force(engine, operands, count, a->volumes, done);
	}
	for (size_t i = 0; operands[i]; i++) {
		struct err one = ERR_NONE;
		int r = done[i] ? 0 : rm_one(data, operands[i], args, &one);

		if (r == 0) {
			(void)printf("%s\n", operands[i]);
		} else {
			(void)cli_complain(&one);
			if (!a->force ||
			    r != -ENOENT) /* Docker: -f of an unknown one tells, and is well */
				status = 1;
		}
	}
	return status;
}

const struct command command_rm = {
	.group = "container",
	.name = "rm",
	.args = "CONTAINER...",
	.summary = "remove one or more containers",
	.opts = rm_opts,
	.args_size = sizeof(struct rm_args),
	.run = rm_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt no_opts[] = { OPT_END };

static int wait_run(void *data, void *args, char **operands, struct err *err)
{
	int status = 0;

	(void)args;
	(void)err;
	for (size_t i = 0; operands[i]; i++) {
		struct err one = ERR_NONE;
		struct engine *engine = cli_engine(data, &one);
		int code;

		if (engine && lifecycle_wait(engine, operands[i], &code, &one) == 0) {
			(void)printf("%d\n", code);
			(void)fflush(stdout);
		} else {
			status = cli_fail(&one);
		}
	}
	return status;
}

const struct command command_wait = {
	.group = "container",
	.name = "wait",
	.args = "CONTAINER...",
	.summary = "wait until containers end and print their exit codes",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = wait_run,
	.flags = COMMAND_INTERSPERSED,
};
