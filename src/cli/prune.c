/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container prune, image prune, volume prune, network prune, system prune. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/filter.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/long_work.h"
#include "cli/time_option.h"
#include "engine/engine.h"
#include "engine/prune.h"

struct prune_args {
	bool all, force, volumes;
	char **filters;
};

typedef int prune_verb(struct engine *engine, const struct prune_options *options,
		       struct prune_result *result, struct err *err);

/* true: go on. Docker asks on stdout, and takes only a y. */
static bool asked(const char *warning, bool force)
{
	char answer[16] = "";

	if (force)
		return true;
	(void)printf("%s\nAre you sure you want to continue? [y/N] ", warning);
	(void)fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		(void)printf("\n");
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0 ||
	       strcmp(answer, "y") == 0 || strcmp(answer, "yes\n") == 0;
}

static int options_of(const struct prune_args *a, const char *const *names,
		      struct prune_options *options, struct err *err)
{
	const char *until = filter_value(a->filters, "until"),
		   *all = filter_value(a->filters, "all"),
		   *dangling = filter_value(a->filters, "dangling");
	bool truth;

	*options = (struct prune_options){ .all = a->all, .filters = a->filters };
	if (filter_check(a->filters, names, err) < 0 ||
	    (until && time_option_parse(until, &options->until_ns, err) < 0))
		return -err->code;
	if (all) {
		if (filter_bool("all", all, &truth, err) < 0)
			return -err->code;
		options->all |= truth;
	}
	if (dangling) {
		if (filter_bool("dangling", dangling, &truth, err) < 0)
			return -err->code;
		options->all |= !truth;
	}
	return 0;
}

static int lines_print(const char *heading, struct prune_result *result, bool end)
{
	int status = 0;

	if (result->lines) {
		(void)printf("%s:\n", heading);
		for (size_t i = 0; result->lines[i]; i++)
			(void)printf("%s\n", result->lines[i]);
		(void)printf("\n");
	}
	(void)fflush(stdout);
	for (size_t i = 0; result->failed && result->failed[i]; i++) {
		struct err err = ERR_NONE;

		err_set(&err, EBUSY, "%s", result->failed[i]);
		status = cli_fail(&err);
	}
	if (end) {
		_cleanup_free_ char *size =
			str_size(result->bytes > 0 ? (double)result->bytes : 0, 1000, 4);

		(void)printf("Total reclaimed space: %s\n", size);
	}
	return status;
}

static int one_kind(struct cli *cli, struct prune_args *a, const char *const *names,
		    const char *warning, const char *heading, prune_verb *verb, bool total,
		    struct err *err)
{
	_cleanup_(prune_result_clear) struct prune_result result = { 0 };
	struct long_work work = LONG_WORK_NONE;
	struct prune_options options;
	struct engine *engine;
	int r;

	if (options_of(a, names, &options, err) < 0)
		return 1;
	if (!asked(warning, a->force))
		return 0;
	engine = cli_engine(cli, err);
	if (engine)
		long_work_begin(&work, "prune", NULL);
	r = engine ? verb(engine, &options, &result, err) : -err->code;
	long_work_end(&work);
	if (r < 0)
		return 1;
	return lines_print(heading, &result, total);
}

static const char *const usual_filters[] = { "label", "label!", "until", NULL };

static const struct opt container_opts[] = {
	OPT_LIST(0, "filter", "NAME=VALUE", struct prune_args, filters,
		 "until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE]"),
	OPT_BOOL('f', "force", struct prune_args, force, "do not ask"),
	OPT_END,
};

static int container_run(void *data, void *args, char **operands, struct err *err)
{
	(void)operands;
	return one_kind(data, args, usual_filters,
			"WARNING! This will remove all stopped containers.", "Deleted Containers",
			prune_containers, true, err);
}

const struct command command_container_prune = {
	.group = "container",
	.name = "prune",
	.alias = "",
	.args = "",
	.summary = "remove all containers that do not run",
	.opts = container_opts,
	.args_size = sizeof(struct prune_args),
	.run = container_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt image_opts[] = {
	OPT_BOOL('a', "all", struct prune_args, all, "also images that have a name"),
	OPT_LIST(0, "filter", "NAME=VALUE", struct prune_args, filters,
		 "until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE], dangling=true|false"),
	OPT_BOOL('f', "force", struct prune_args, force, "do not ask"),
	OPT_END,
};

static int image_run(void *data, void *args, char **operands, struct err *err)
{
	static const char *const names[] = { "label", "label!", "until", "dangling", NULL };
	struct prune_args *a = args;

	(void)operands;
	return one_kind(data, args, names,
			a->all ? "WARNING! This will remove all images without at least one "
				 "container associated to them." :
				 "WARNING! This will remove all dangling images.",
			"Deleted Images", prune_images, true, err);
}

const struct command command_image_prune = {
	.group = "image",
	.name = "prune",
	.args = "",
	.summary = "remove images that no container uses",
	.opts = image_opts,
	.args_size = sizeof(struct prune_args),
	.run = image_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt volume_opts[] = {
	OPT_BOOL('a', "all", struct prune_args, all, "also volumes that have a name"),
	OPT_LIST(0, "filter", "NAME=VALUE", struct prune_args, filters,
		 "label=NAME[=VALUE], label!=NAME[=VALUE], all=true"),
	OPT_BOOL('f', "force", struct prune_args, force, "do not ask"),
	OPT_END,
};

static int volume_run(void *data, void *args, char **operands, struct err *err)
{
	static const char *const names[] = { "label", "label!", "all", NULL };
	struct prune_args *a = args;

	(void)operands;
	return one_kind(
		data, args, names,
		a->all ?
			"WARNING! This will remove all local volumes not used by at least one container." :
			"WARNING! This will remove anonymous local volumes not used by at least one container.",
		"Deleted Volumes", prune_volumes, true, err);
}

const struct command command_volume_prune = {
	.group = "volume",
	.name = "prune",
	.args = "",
	.summary = "remove anonymous volumes that no container uses",
	.opts = volume_opts,
	.args_size = sizeof(struct prune_args),
	.run = volume_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt network_opts[] = {
	OPT_LIST(0, "filter", "NAME=VALUE", struct prune_args, filters,
		 "until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE]"),
	OPT_BOOL('f', "force", struct prune_args, force, "do not ask"),
	OPT_END,
};

static int network_run(void *data, void *args, char **operands, struct err *err)
{
	(void)operands;
	return one_kind(
		data, args, usual_filters,
		"WARNING! This will remove all custom networks not used by at least one container.",
		"Deleted Networks", prune_networks, false, err);
}

const struct command command_network_prune = {
	.group = "network",
	.name = "prune",
	.args = "",
	.summary = "remove networks that no container is on",
	.details =
		"When no container has an address of any network, the link of the default network and the nftables table go too; "
		"the next start makes them anew.",
	.opts = network_opts,
	.args_size = sizeof(struct prune_args),
	.run = network_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt system_opts[] = {
	OPT_BOOL('a', "all", struct prune_args, all, "also images that have a name"),
	OPT_LIST(0, "filter", "NAME=VALUE", struct prune_args, filters,
		 "until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE]"),
	OPT_BOOL('f', "force", struct prune_args, force, "do not ask"),
	OPT_BOOL(0, "volumes", struct prune_args, volumes, "anonymous volumes, too"),
	OPT_END,
};

static int system_run(void *data, void *args, char **operands, struct err *err)
{
	struct prune_args *a = args;
	struct prune_options options;
	struct prune_options some;
	_cleanup_free_ char *warning = str_printf(
		"WARNING! This will remove:\n  - all stopped containers\n"
		"  - all networks not used by at least one container\n%s  - %s\n"
		"  - what interrupted pulls and other work left\n",
		a->volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
		a->all ? "all images without at least one container associated to them" :
			 "all dangling images");
	const struct {
		const char *heading;
		prune_verb *verb;
	} verbs[] = {
		{ "Deleted Containers", prune_containers },
		{ "Deleted Networks", prune_networks },
		{ "Deleted Volumes", a->volumes ? prune_volumes : NULL },
		{ "Deleted Images", prune_images },
		{ "Deleted leftovers of interrupted work", prune_leftovers },
	};
	struct engine *engine;
	int64_t bytes = 0;
	struct long_work work = LONG_WORK_NONE;
	int status = 0, r;

	(void)operands;
	if (options_of(a, usual_filters, &options, err) < 0)
		return 1;
	if (a->volumes && options.until_ns) {
		err_set(err, EINVAL,
			"ERROR: The \"until\" filter is not supported with \"--volumes\"");
		return 1;
	}
	if (!asked(warning, a->force))
		return 0;
	engine = cli_engine(data, err);
	if (!engine)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		_cleanup_(prune_result_clear) struct prune_result result = { 0 };

		some = options;
		some.all &= verbs[i].verb == prune_images;
		if (!verbs[i].verb)
			continue;
		long_work_begin(&work, "prune", NULL);
		r = verbs[i].verb(engine, &some, &result, err);
		long_work_end(&work);
		if (r < 0)
			return 1;
		status |= lines_print(verbs[i].heading, &result, false);
		bytes += result.bytes;
	}
	{
		struct prune_result total = { .bytes = bytes };

		(void)lines_print("", &total, true);
	}
	return status;
}

const struct command command_system_prune = {
	.group = "system",
	.name = "prune",
	.args = "",
	.summary = "remove all that nothing uses",
	.details =
		"Without a filter also what killed commands and pulls that were cut left in the data root; "
		"what somebody goes on with is let alone.",
	.opts = system_opts,
	.args_size = sizeof(struct prune_args),
	.run = system_run,
	.flags = COMMAND_INTERSPERSED,
};
