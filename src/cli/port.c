/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/status.h"

struct port_args {
	bool unused;
};

static const struct opt port_opts[] = { OPT_END };

/* HOST:PORT of each binding; what: in front of it, or NULL. */
static void bindings_print(const char *what, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *ip = json_string_at(one, "HostIp", "");
		bool six = strchr(ip, ':') != NULL;

		(void)printf("%s%s%s%s%s:%s\n", what ? what : "", what ? " -> " : "",
			     six ? "[" : "", ip, six ? "]" : "",
			     json_string_at(one, "HostPort", ""));
	}
}

static int port_run(void *data, void *args, char **operands, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *ports = NULL;
	_cleanup_free_ char *wanted = NULL;
	struct container_status status;
	const char *key;
	json_t *list;

	(void)args;
	if (!engine || record_find(engine, operands[0], &record, err) < 0)
		return 1;
	status_get(engine, record.row.id, &status);
	ports = publish_json(engine, &record, status.status == STATUS_RUNNING);
	if (!operands[1]) {
		json_object_foreach(ports, key, list) bindings_print(key, list);
		return 0;
	}
	wanted = strchr(operands[1], '/') ? str_dup(operands[1]) :
					    str_printf("%s/tcp", operands[1]);
	list = json_object_get(ports, wanted);
	if (!json_is_array(list)) {
		err_set(err, ENOENT, "no public port '%s' published for %s", wanted, operands[0]);
		return 1;
	}
	bindings_print(NULL, list);
	return 0;
}

const struct command command_port = {
	.group = "container",
	.name = "port",
	.args = "CONTAINER [PORT[/PROTOCOL]]",
	.summary = "show where the ports of a container are published",
	.opts = port_opts,
	.args_size = sizeof(struct port_args),
	.run = port_run,
};
