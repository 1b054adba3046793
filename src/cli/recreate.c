/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recreate: the same container anew, of a newer image or with other options. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/as_options.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/recreate.h"

struct recreate_args {
	bool keep, pull, rollback;
	long wait_s;
};

static void defaults(void *args)
{
	((struct recreate_args *)args)->wait_s = 300;
}

static const struct opt recreate_opts[] = {
	OPT_BOOL(0, "keep", struct recreate_args, keep, "keep the old one, stopped, as NAME.old"),
	OPT_BOOL(0, "pull", struct recreate_args, pull, "get the image from its registry first"),
	OPT_BOOL(0, "rollback", struct recreate_args, rollback,
		 "back to NAME.old, which --keep or a killed recreate has left"),
	OPT_INT(0, "wait", "SECONDS", struct recreate_args, wait_s,
		"how long the new one may take to be healthy (default 300)"),
	OPT_END,
};

/* The old one's options, those that were typed now, the image, the command. */
static char **words_make(struct engine *engine, const struct record *old, const char *name,
			 bool pull, char **typed)
{
	_cleanup_(as_options_clear) struct as_options options = AS_OPTIONS_NONE;
	_cleanup_json_ json_t *image_config = NULL;
	_cleanup_strv_ char **words = NULL;
	struct image_row image = { 0 };
	struct err ignored = ERR_NONE;
	char **all = NULL;
	size_t i, count;

	if (image_find(engine->store, old->row.image_id, &image, &ignored) == 0)
		image_config = json_loads(image.config ? image.config : "{}", 0, NULL);
	image_row_clear(&image);
	as_options_make(old->config, json_at(image_config, "config"), old->row.id, AS_SAME_VOLUMES,
			&options);
	words = as_options_words(&options);
	count = strv_length(words) -
		strv_length(options.command ? options.command : (char *[]){ NULL }) - 1;
	for (i = 0; i < count; i++)
		strv_add(&all, words[i]);
	if (pull) {
		strv_add(&all, "--pull");
		strv_add(&all, "always");
	}
	for (i = 0; typed[i]; i++)
		strv_add(&all, typed[i]);
	strv_add(&all, "--name");
	strv_add(&all, name);
	for (i = count; words[i]; i++)
		strv_add(&all, words[i]);
	return all;
}

static int recreate_run(void *data, void *args, char **operands, struct err *err)
{
	struct recreate_args *a = args;
	struct cli *cli = data;
	struct engine *engine = cli_engine(cli, err);
	_cleanup_(record_clear) struct record old = RECORD_EMPTY, fresh = RECORD_EMPTY;
	_cleanup_strv_ char **words = NULL, **warnings = NULL;
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ char **given = NULL; /* the parser moves words, and leaves some out */
	char **typed = operands + 1;
	size_t count;
	int r;

	if (!engine)
		return 1;
	if (a->rollback) {
		if (recreate_rollback(engine, operands[0], &warnings, err) < 0)
			return 1;
		(void)printf("%s\n", operands[0]);
		return 0;
	}
	/* options of this command also stand after the name, where they are most often typed */
	for (; *typed; typed++) {
		if (strcmp(*typed, "--pull") == 0)
			a->pull = true;
		else if (strcmp(*typed, "--keep") == 0)
			a->keep = true;
		else
			break;
	}
	r = record_find(engine, operands[0], &old, err);
	if (r < 0)
		return 1;
	name = recreate_name(&old);
	words = words_make(engine, &old, name, a->pull, typed);
	count = strv_length(words);
	given = mem_new((count + 1) * sizeof(*given));
	memcpy(given, words, count * sizeof(*given));
	if (cli_create(cli, given, &fresh, err) < 0)
		return 125;
	r = recreate_swap(engine, &old, &fresh, a->wait_s * 1000, a->keep, &warnings, err);
	for (size_t i = 0; warnings && warnings[i]; i++)
		cli_warn(warnings[i]);
	if (r < 0)
		return cli_fail(err); /* not the status of the new one's program */
	(void)printf("%s\n", fresh.row.id);
	return 0;
}

const struct command command_recreate = {
	.group = "container",
	.name = "recreate",
	.args = "CONTAINER [OPTION...]",
	.summary = "replace a container by a new one with the same options, and others",
	.details =
		"OPTIONs are those of cloche-run(1); they win over the ones that the container has. Volumes stay, those without a name too. What the old "
		"container wrote elsewhere is not taken over.\n\n"
		"The new container is made first; only then the old one is stopped and steps aside as NAME.old. When the new one does not start, "
		"or does not become healthy in time, it is removed, and the old one runs again. An old one that did not run is replaced without a start.",
	.opts = recreate_opts,
	.args_size = sizeof(struct recreate_args),
	.defaults = defaults,
	.run = recreate_run,
};
