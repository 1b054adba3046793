/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/relay.h"
#include "cli/tty.h"
#include "engine/engine.h"
#include "engine/exec.h"

struct exec_args {
	struct exec_options options;
	const char *detach_keys;
};

static const struct opt exec_opts[] = {
	OPT_BOOL('d', "detach", struct exec_args, options.detach,
		 "run the command in the background"),
	OPT_STRING(0, "detach-keys", "KEYS", struct exec_args, detach_keys,
		   "keys that detach from the command"),
	OPT_LIST('e', "env", "NAME[=VALUE]", struct exec_args, options.env,
		 "set an environment variable"),
	OPT_LIST(0, "env-file", "FILE", struct exec_args, options.env_files,
		 "read environment variables from FILE"),
	OPT_BOOL('i', "interactive", struct exec_args, options.interactive, "keep stdin open"),
	OPT_BOOL(0, "privileged", struct exec_args, options.privileged,
		 "give the command all capabilities in the container's namespaces"),
	OPT_BOOL('t', "tty", struct exec_args, options.tty, "give the command a terminal"),
	OPT_STRING('u', "user", "USER[:GROUP]", struct exec_args, options.user,
		   "user of the command, name or number"),
	OPT_STRING('w', "workdir", "DIR", struct exec_args, options.workdir, "working folder"),
	OPT_END,
};

static int exec_run(void *data, void *args, char **operands, struct err *err)
{
	struct exec_args *a = args;
	struct engine *engine = cli_engine(data, err);
	struct exec_process process;
	struct relay relay = { .detach_keys = a->detach_keys };
	int code = 0, end, r;

	if (!engine)
		return 1;
	if (!operands[1]) {
		err_set(err, EINVAL, "\"cloche exec\" requires at least 2 arguments.");
		return 1;
	}
	if (a->detach_keys && detach_keys_check(a->detach_keys, err) < 0)
		return 1;
	if (a->options.tty && a->options.interactive && !a->options.detach && !isatty(0)) {
		err_set(err, EINVAL, "the input device is not a TTY");
		return 1;
	}
	if (a->options.detach)
		a->options.interactive = false;
	if (a->options.tty)
		(void)tty_size(&a->options.rows, &a->options.columns);
	r = exec_start(engine, operands[0], operands + 1, &a->options, &process, err);
	if (r < 0)
		return 1;
	if (a->options.detach) {
		exec_end(engine, &process, -1);
		return 0;
	}
	relay.input = a->options.interactive;
	relay.output = true;
	relay.tty = a->options.tty;
	relay.proxy = true;
	relay.signal_pidfd = process.pidfd;
	if (!relay.detach_keys)
		relay.detach_keys = engine->settings.detach_keys;
	end = relay_exec(&process, &relay, &code, err);
	exec_end(engine, &process, end == RELAY_EXIT ? code : -1);
	return end == RELAY_EXIT ? code : end == RELAY_DETACHED ? 0 : 1;
}

const struct command command_exec = {
	.group = "container",
	.name = "exec",
	.args = "CONTAINER COMMAND [ARG...]",
	.summary = "run a command in a running container",
	.opts = exec_opts,
	.args_size = sizeof(struct exec_args),
	.run = exec_run,
};
