/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* system keeper, system mend, system renew. */
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/keeper.h"
#include "engine/lease.h"

struct keeper_args {
	bool stop, status;
};

static const struct opt keeper_opts[] = {
	OPT_BOOL(0, "status", struct keeper_args, status, "tell whether it runs: status 0, or 1"),
	OPT_BOOL(0, "stop", struct keeper_args, stop, "end it"),
	OPT_END,
};

static int keeper_run(void *data, void *args, char **operands, struct err *err)
{
	const struct keeper_args *a = args;
	struct engine *engine = cli_engine(data, err);
	pid_t pid;

	(void)operands;
	if (!engine)
		return 1;
	if (a->stop)
		return keeper_stop(engine, err) < 0;
	if (!a->status)
		return keeper_start(engine, err) < 0;
	pid = keeper_pid(engine);
	if (pid)
		(void)printf("cloche-keeper runs, pid %d\n", (int)pid);
	else
		(void)printf("cloche-keeper does not run\n");
	return pid == 0;
}

const struct command command_system_keeper = {
	.group = "system",
	.name = "keeper",
	.args = "",
	.summary = "start the watchman of this host's containers",
	.details =
		"cloche-keeper restores at once what the next command would restore: a monitor that was killed, a killed cloche-publish or "
		"cloche-resolve, the nftables table after `nft flush ruleset` or the reload of a firewall, and it releases what ended when all was "
		"killed together. It also renews addresses that a DHCP server gave, and defends addresses of the LAN, for which containers start it. "
		"Nothing runs through it, and all works without it; killed, it is missed by nobody. It runs until it is stopped, or "
		"the host is. The setting `keeper = true` lets each start of a container start it.",
	.opts = keeper_opts,
	.args_size = sizeof(struct keeper_args),
	.run = keeper_run,
};

static const struct opt no_opts[] = { OPT_END };

static int mend_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	(void)operands;
	return !engine || keeper_mend(engine, err) < 0;
}

const struct command command_system_mend = {
	.group = "system",
	.name = "mend",
	.args = "",
	.summary = "restore what was killed or flushed",
	.details = "What cloche-keeper runs when it has seen something die.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = mend_run,
};

static int renew_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	(void)operands;
	return !engine || leases_renew(engine, err) < 0;
}

const struct command command_system_renew = {
	.group = "system",
	.name = "renew",
	.args = "",
	.summary = "renew the addresses that DHCP servers gave",
	.details =
		"What cloche-keeper runs when the lease of a running container is due. A lease that the server takes back, or that nobody "
		"renews in time, is over: the container gets another address, or has none until a server answers.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = renew_run,
};
