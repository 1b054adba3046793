/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/inspect_as.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/as_options.h"
#include "engine/as_text.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "host/foreign.h"
#include "host/podman_record.h"
#include "state/store.h"

static const struct {
	const char *kind;
	void (*write)(const struct as_options *options, const char *name, struct buf *out);
} kinds[] = {
	{ "run", as_text_run },
	{ "compose", as_text_compose },
	{ "quadlet", as_text_quadlet },
};

/* The options of one, and its name. */
static int one_make(struct engine *engine, const char *reference, struct as_options *options,
		    char **ret_name, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_json_ json_t *image_config = NULL, *theirs = NULL;
	struct image_row image = { 0 };
	struct err ignored = ERR_NONE;
	const char *name;
	int r = record_find(engine, reference, &record, err);

	if (r == 0) {
		if (image_find(engine->store, record.row.image_id, &image, &ignored) == 0)
			image_config = json_loads(image.config ? image.config : "{}", 0, NULL);
		image_row_clear(&image);
		as_options_make(record.config, json_at(image_config, "config"), record.row.id,
				AS_PLAIN, options);
		*ret_name = str_dup(record.row.name);
		return 0;
	}
	theirs = r == -ENOENT ? foreign_docker_record(reference) : NULL;
	if (r == -ENOENT && !theirs)
		theirs = podman_record(reference);
	if (!theirs)
		return r;
	err_clear(err);
	name = json_string_at(theirs, "Name", reference);
	as_options_make(theirs, json_at(theirs, "ImageConfig"), json_string_at(theirs, "ID", "?"),
			AS_PLAIN, options);
	*ret_name = str_dup(name + (*name == '/'));
	return 0;
}

int inspect_as(struct cli *cli, const char *kind, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(cli, err);
	int status = 0;
	size_t k;

	for (k = 0; k < ARRAY_SIZE(kinds) && strcmp(kinds[k].kind, kind) != 0;)
		k++;
	if (k == ARRAY_SIZE(kinds)) {
		err_set(err, EINVAL, "--as %s: not run, compose or quadlet", kind);
		return 1;
	}
	if (!engine)
		return 1;
	for (size_t i = 0; operands[i]; i++) {
		_cleanup_(as_options_clear) struct as_options options = AS_OPTIONS_NONE;
		_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
		_cleanup_free_ char *name = NULL;
		struct err one = ERR_NONE;

		if (one_make(engine, operands[i], &options, &name, &one) < 0) {
			status = cli_fail(&one);
			continue;
		}
		kinds[k].write(&options, name, &out);
		(void)fputs(out.data, stdout);
	}
	return status;
}
