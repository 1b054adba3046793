/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pause, unpause, restart, rename. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/lifecycle.h"
#include "engine/pause.h"
#include "engine/rename.h"

static const struct opt no_opts[] = { OPT_END };

static int pause_one(struct cli *cli, const char *reference, void *data, struct err *err)
{
	struct engine *engine = cli_engine(cli, err);

	(void)data;
	return engine ? container_pause(engine, reference, err) : -err->code;
}

static int pause_run(void *data, void *args, char **operands, struct err *err)
{
	(void)args;
	(void)err;
	return cli_each(data, operands, pause_one, NULL);
}

const struct command command_pause = {
	.group = "container",
	.name = "pause",
	.args = "CONTAINER...",
	.summary = "stand all processes of containers still",
	.details =
		"The container's cgroup is frozen. Signals wait until it is unpaused, but those that end it.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = pause_run,
	.flags = COMMAND_INTERSPERSED,
};

static int unpause_one(struct cli *cli, const char *reference, void *data, struct err *err)
{
	struct engine *engine = cli_engine(cli, err);

	(void)data;
	return engine ? container_unpause(engine, reference, err) : -err->code;
}

static int unpause_run(void *data, void *args, char **operands, struct err *err)
{
	(void)args;
	(void)err;
	return cli_each(data, operands, unpause_one, NULL);
}

const struct command command_unpause = {
	.group = "container",
	.name = "unpause",
	.args = "CONTAINER...",
	.summary = "let all processes of paused containers go on",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = unpause_run,
	.flags = COMMAND_INTERSPERSED,
};

struct restart_args {
	const char *signal, *timeout;
};

static const struct opt restart_opts[] = {
	OPT_STRING('s', "signal", "SIGNAL", struct restart_args, signal, "send SIGNAL first"),
	OPT_STRING('t', "timeout", "SECONDS", struct restart_args, timeout,
		   "seconds before the container is killed; -1: never"),
	OPT_ALIAS(0, "time", "SECONDS", OPT_KIND_STRING, struct restart_args, timeout),
	OPT_END,
};

static int restart_one(struct cli *cli, const char *reference, void *data, struct err *err)
{
	struct restart_args *a = data;
	struct engine *engine = cli_engine(cli, err);
	_cleanup_strv_ char **warnings = NULL;
	long timeout = STOP_TIMEOUT_DEFAULT;
	int r;

	if (!engine || (a->timeout && cli_seconds(a->timeout, &timeout, err) < 0))
		return -err->code;
	r = lifecycle_restart(engine, reference, a->signal, timeout, &warnings, err);
	for (size_t i = 0; warnings && warnings[i]; i++)
		cli_warn(warnings[i]);
	return r;
}

static int restart_run(void *data, void *args, char **operands, struct err *err)
{
	(void)err;
	return cli_each(data, operands, restart_one, args);
}

const struct command command_restart = {
	.group = "container",
	.name = "restart",
	.args = "CONTAINER...",
	.summary = "stop containers that run, and start them",
	.opts = restart_opts,
	.args_size = sizeof(struct restart_args),
	.run = restart_run,
	.flags = COMMAND_INTERSPERSED,
};

static int rename_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	return !engine || container_rename_to(engine, operands[0], operands[1], err) < 0;
}

const struct command command_rename = {
	.group = "container",
	.name = "rename",
	.args = "CONTAINER NAME",
	.summary = "give a container another name",
	.details = "The cgroup of a running container keeps the old name until the next start.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = rename_run,
	.flags = COMMAND_INTERSPERSED,
};
