/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netns expose: names for the network namespaces of other engines' containers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/host_view.h"
#include "engine/engine.h"
#include "host/net_space.h"
#include "host/netns_expose.h"

struct expose_args {
	bool remove;
	const char *watch;
};

static const struct opt expose_opts[] = {
	OPT_BOOL(0, "remove", struct expose_args, remove, "take all those names away"),
	OPT_EVERY(0, "watch", struct expose_args, watch,
		  "keep it true: look again every so many seconds"),
	OPT_END,
};

struct expose {
	struct cli *cli;
	const struct expose_args *args;
};

static int once(void *data, struct err *err)
{
	const struct expose *expose = data;
	_cleanup_(host_view_clear) struct host_view view = HOST_VIEW_EMPTY;
	_cleanup_(net_spaces_clear) struct net_spaces spaces = NET_SPACES_EMPTY;
	_cleanup_(exposed_clear) struct exposed exposed = { 0 };
	struct engine *engine = cli_engine(expose->cli, err);
	int r;

	if (!engine)
		return -err->code;
	r = host_view_open(expose->cli, 0, &view, err);
	if (r < 0)
		return r;
	net_spaces_find(&spaces, &view.table);
	r = netns_expose(engine->run, &view.table, &spaces, expose->args->remove, &exposed, err);
	for (size_t i = 0; exposed.removed && exposed.removed[i]; i++)
		(void)printf("- %s\n", exposed.removed[i]);
	for (size_t i = 0; exposed.added && exposed.added[i]; i++)
		(void)printf("+ %s\n", exposed.added[i]);
	return r;
}

static int expose_run(void *data, void *args, char **operands, struct err *err)
{
	const struct expose_args *a = args;
	struct expose expose = { data, a };
	uint64_t interval = 0;

	(void)operands;
	if (a->watch && (str_to_u64(a->watch, 86400, &interval) < 0 || interval == 0)) {
		err_set(err, EINVAL, "watch every %s seconds: not a number of 1 to 86400",
			a->watch);
		return 125;
	}
	return view_repeat((long)interval, once, &expose, err) < 0;
}

const struct command command_netns_expose = {
	.group = "netns",
	.name = "expose",
	.args = "",
	.summary = "name the network namespaces of other engines' containers for ip netns",
	.details =
		"Containers of Cloche are in /run/netns by their names. This gives one to each running container of Docker, Podman, containerd, "
		"Kubernetes, CRI-O, LXC and systemd-nspawn too, so that ip netns, ip netns exec NAME and ss -N NAME work; names of containers "
		"that are gone are taken away. A name that somebody else has is left alone; the container then gets NAME-ID4.",
	.opts = expose_opts,
	.args_size = sizeof(struct expose_args),
	.run = expose_run,
	.flags = COMMAND_INTERSPERSED,
};
