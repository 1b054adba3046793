/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* manifest create, annotate, inspect, push, rm, referrers. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "engine/engine.h"
#include "engine/transfer.h"

struct manifest_args {
	bool amend, purge;
	const char *os, *architecture, *variant, *os_version;
	char **insecure;
};

#define INSECURE_OPT \
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct manifest_args, insecure, \
		 "a registry that needs no valid certificate, nor TLS")

static void add_text(char ***words, const char *option, const char *value)
{
	if (!value)
		return;
	strv_add(words, option);
	strv_add(words, value);
}

static char **words_of(const struct manifest_args *a)
{
	char **words = NULL;

	for (size_t i = 0; a->insecure && a->insecure[i]; i++)
		add_text(&words, "--insecure-registry", a->insecure[i]);
	add_text(&words, "--os", a->os);
	add_text(&words, "--arch", a->architecture);
	add_text(&words, "--variant", a->variant);
	add_text(&words, "--os-version", a->os_version);
	if (a->amend)
		strv_add(&words, "--amend");
	if (a->purge)
		strv_add(&words, "--purge");
	return words;
}

static int transfer(void *data, const char *verb, const struct manifest_args *a, char **operands,
		    struct buf *said, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	_cleanup_strv_ char **words = words_of(a);

	if (!engine)
		return -err->code;
	strv_add(&words, "--");
	for (; *operands; operands++)
		strv_add(&words, *operands);
	return transfer_run(engine, verb, words, -1, said, err);
}

/* -- manifest --------------------------------------------------------------------------------- */

static const struct opt create_opts[] = {
	OPT_BOOL('a', "amend", struct manifest_args, amend, "add to a list that is there"),
	INSECURE_OPT,
	OPT_END,
};

static int create_run(void *data, void *args, char **operands, struct err *err)
{
	return transfer(data, "list-create", args, operands, NULL, err) < 0;
}

const struct command command_manifest_create = {
	.group = "manifest",
	.name = "create",
	.args = "LIST IMAGE...",
	.summary = "begin a list of one name's images for several platforms",
	.details =
		"The images must have been pushed to the registry that LIST names. The list is kept here "
		"until `cloche manifest push LIST`.",
	.opts = create_opts,
	.args_size = sizeof(struct manifest_args),
	.run = create_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt annotate_opts[] = {
	OPT_STRING(0, "arch", "ARCH", struct manifest_args, architecture, "its architecture"),
	OPT_STRING(0, "os", "OS", struct manifest_args, os, "its system"),
	OPT_STRING(0, "os-version", "VERSION", struct manifest_args, os_version, "its release"),
	OPT_STRING(0, "variant", "VARIANT", struct manifest_args, variant, "its variant"),
	OPT_END,
};

static int annotate_run(void *data, void *args, char **operands, struct err *err)
{
	return transfer(data, "list-annotate", args, operands, NULL, err) < 0;
}

const struct command command_manifest_annotate = {
	.group = "manifest",
	.name = "annotate",
	.args = "LIST IMAGE|DIGEST",
	.summary = "correct the platform of an image in a list",
	.opts = annotate_opts,
	.args_size = sizeof(struct manifest_args),
	.run = annotate_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt inspect_opts[] = { INSECURE_OPT, OPT_END };

static int inspect_run(void *data, void *args, char **operands, struct err *err)
{
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	_cleanup_json_ json_t *json = NULL;

	if (transfer(data, "list-show", args, operands, &said, err) < 0)
		return 1;
	json = json_loads(said.data ? said.data : "", 0, NULL);
	if (!json) {
		err_set(err, EPROTO, "the manifest of %s is no JSON", operands[0]);
		return 1;
	}
	(void)json_dumpf(json, stdout, JSON_INDENT(3) | JSON_ENSURE_ASCII);
	(void)putchar('\n');
	return 0;
}

const struct command command_manifest_inspect = {
	.group = "manifest",
	.name = "inspect",
	.args = "NAME",
	.summary = "print a list that was begun here, or the manifest or index that a registry has",
	.opts = inspect_opts,
	.args_size = sizeof(struct manifest_args),
	.run = inspect_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt push_opts[] = {
	INSECURE_OPT,
	OPT_BOOL('p', "purge", struct manifest_args, purge, "forget the list when it is pushed"),
	OPT_END,
};

static int push_run(void *data, void *args, char **operands, struct err *err)
{
	return transfer(data, "list-push", args, operands, NULL, err) < 0;
}

const struct command command_manifest_push = {
	.group = "manifest",
	.name = "push",
	.args = "LIST",
	.summary = "send a list to its registry, and print its digest",
	.details =
		"Images of another repository of the same registry are made known to the list's repository "
		"first; their bytes stay where they are.",
	.opts = push_opts,
	.args_size = sizeof(struct manifest_args),
	.run = push_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt no_opts[] = { OPT_END };

static int rm_run(void *data, void *args, char **operands, struct err *err)
{
	return transfer(data, "list-rm", args, operands, NULL, err) < 0;
}

const struct command command_manifest_rm = {
	.group = "manifest",
	.name = "rm",
	.args = "LIST...",
	.summary = "forget lists that were begun here",
	.opts = no_opts,
	.args_size = sizeof(struct manifest_args),
	.run = rm_run,
	.flags = COMMAND_INTERSPERSED,
};

static int referrers_run(void *data, void *args, char **operands, struct err *err)
{
	static const struct grid_column columns[] = {
		{ "DIGEST", false, 0 },
		{ "SIZE", true, 0 },
		{ "TYPE", false, 0 },
		{ NULL, false, 0 },
	};
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	_cleanup_strv_ char **lines = NULL;

	if (transfer(data, "referrers", args, operands, &said, err) < 0)
		return 1;
	lines = strv_split(said.data ? said.data : "", '\n');
	for (size_t i = 0; lines[i] && *lines[i]; i++) {
		_cleanup_strv_ char **words = strv_split(lines[i], '\t');

		if (strv_length(words) != 3)
			continue;
		grid_cell(&grid, words[0]);
		grid_cell(&grid, words[2]);
		grid_cell(&grid, words[1]);
	}
	grid_print(&grid, columns, true, stdout);
	return 0;
}

const struct command command_manifest_referrers = {
	.group = "manifest",
	.name = "referrers",
	.args = "NAME",
	.summary = "list what is attached to an image at its registry: signatures, lists of parts",
	.opts = inspect_opts,
	.args_size = sizeof(struct manifest_args),
	.run = referrers_run,
	.flags = COMMAND_INTERSPERSED,
};
