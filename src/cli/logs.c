/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/time_option.h"
#include "engine/engine.h"
#include "engine/log_option.h"
#include "engine/log_reader.h"
#include "engine/record.h"

struct logs_args {
	bool details, follow, timestamps;
	const char *since, *until, *tail;
};

static const struct opt logs_opts[] = {
	OPT_BOOL(0, "details", struct logs_args, details,
		 "show the labels, variables and tag that --log-opt labels=, env= and tag= name"),
	OPT_BOOL('f', "follow", struct logs_args, follow, "go on with what comes"),
	OPT_STRING(0, "since", "TIME", struct logs_args, since,
		   "from a time on: RFC 3339, seconds, or 10m ago"),
	OPT_STRING('n', "tail", "NUMBER", struct logs_args, tail, "the last NUMBER lines, or all"),
	OPT_BOOL('t', "timestamps", struct logs_args, timestamps, "show the time of each line"),
	OPT_STRING(0, "until", "TIME", struct logs_args, until, "up to a time"),
	OPT_END,
};

static int logs_run(void *data, void *args, char **operands, struct err *err)
{
	struct logs_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct log_query query = { .tail = -1, .follow = a->follow, .timestamps = a->timestamps };
	_cleanup_free_ char *details = NULL;
	char *end;

	if (!engine || record_find(engine, operands[0], &record, err) < 0)
		return 1;
	if ((a->since && time_option_parse(a->since, &query.since_ns, err) < 0) ||
	    (a->until && time_option_parse(a->until, &query.until_ns, err) < 0))
		return 1;
	if (a->tail && strcmp(a->tail, "all") != 0) {
		query.tail = strtol(a->tail, &end, 10);
		if (*end || !*a->tail)
			query.tail = -1; /* Docker takes what is no number for all */
	}
	if (strcmp(json_string_at(record.config, "HostConfig.LogConfig.Type", ""), "none") == 0) {
		err_set(err, EOPNOTSUPP, "configured logging driver does not support reading");
		return 1;
	}
	query.json = strcmp(json_string_at(record.config, "HostConfig.LogConfig.Type", ""),
			    "json-file") == 0;
	if (a->details)
		details = log_details(&record);
	query.details = details;
	engine_store_close(engine);
	return log_read(engine, record.row.id, &query, err) < 0;
}

const struct command command_logs = {
	.group = "container",
	.name = "logs",
	.args = "CONTAINER",
	.summary = "show what a container wrote to stdout and stderr",
	.opts = logs_opts,
	.args_size = sizeof(struct logs_args),
	.run = logs_run,
	.flags = COMMAND_INTERSPERSED,
};
