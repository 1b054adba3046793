/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* history: how an image came to be, newest step first. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/inspect.h"

enum { CREATED_BY_SHORT = 45 };

struct history_args {
	const char *format;
	bool human, no_trunc, quiet;
};

static const struct opt history_opts[] = {
	OPT_STRING(0, "format", "TEMPLATE", struct history_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_BOOL('H', "human", struct history_args, human, "sizes and times for people (default)"),
	OPT_BOOL(0, "no-trunc", struct history_args, no_trunc, "do not shorten"),
	OPT_BOOL('q', "quiet", struct history_args, quiet, "print ids only"),
	OPT_END,
};

static void history_defaults(void *args)
{
	((struct history_args *)args)->human = true;
}

static const struct table_column headings[] = {
	{ "IMAGE", "ID" },
	{ "CREATED", "CreatedSince" },
	{ "CREATED AT", "CreatedAt" },
	{ "CREATED BY", "CreatedBy" },
	{ "SIZE", "Size" },
	{ "COMMENT", "Comment" },
	{ NULL, NULL },
};
static const struct table_column columns[] = {
	{ NULL, "ID" },	  { NULL, "CreatedSince" }, { NULL, "CreatedBy" },
	{ NULL, "Size" }, { NULL, "Comment" },	    { NULL, NULL },
};
static const struct table_column exact_columns[] = {
	{ NULL, "ID" },	  { NULL, "CreatedAt" }, { NULL, "CreatedBy" },
	{ NULL, "Size" }, { NULL, "Comment" },	 { NULL, NULL },
};

/* A step's text on one line, tabs as blanks, as Docker has it. */
static char *created_by(const char *text, bool whole)
{
	_cleanup_free_ char *line = str_dup(text);
	size_t length = 0;

	for (char *p = line; *p; p++)
		if (*p == '\t' || *p == '\n')
			*p = ' ';
	if (whole || strlen(line) <= CREATED_BY_SHORT)
		return ptr_take(&line);
	/* not within a character */
	length = CREATED_BY_SHORT - 1;
	while (length > 0 && ((unsigned char)line[length] & 0xc0) == 0x80)
		length--;
	return str_printf("%.*s…", (int)length, line);
}

static json_t *row_of(const json_t *step, const char *id, int64_t bytes,
		      const struct history_args *a)
{
	const char *created = json_string_at(step, "created", "");
	_cleanup_free_ char *by = created_by(json_string_at(step, "created_by", ""), a->no_trunc);
	_cleanup_free_ char *size = a->human ? str_size((double)bytes, 1000, 3) :
					       str_printf("%lld", (long long)bytes);
	_cleanup_free_ char *since = NULL;
	json_t *row = json_object();
	struct tm tm = { 0 };
	char at[40] = "";

	if (strptime(created, "%Y-%m-%dT%H:%M:%S", &tm)) {
		time_t seconds = timegm(&tm);
		_cleanup_free_ char *age =
			duration_text(engine_now_ns() / 1000000000 - (int64_t)seconds);

		since = str_printf("%s ago", age);
		if (localtime_r(&seconds, &tm) && tm.tm_gmtoff == 0)
			(void)strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
		else if (strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S%z", &tm) > 2) {
			size_t n = strlen(at); /* +0100 to +01:00 */

			memmove(at + n - 1, at + n - 2, 3);
			at[n - 2] = ':';
		}
	}
	json_put(row, "ID", json_text(id));
	json_put(row, "CreatedSince", json_text(since ? since : "N/A"));
	json_put(row, "CreatedAt", json_text(at));
	json_put(row, "CreatedBy", json_text(by));
	json_put(row, "Size", json_text(size));
	json_put(row, "Comment", json_text(json_string_at(step, "comment", "")));
	return row;
}

static int rows_collect(struct engine *engine, const struct image_row *image,
			const struct history_args *a, json_t *rows, struct err *err)
{
	_cleanup_json_ json_t *config = json_loads(image->config ? image->config : "{}", 0, NULL);
	_cleanup_free_ char *id = a->no_trunc ? str_dup(image->id) : str_ndup(image->id + 7, 12);
	const json_t *history = json_at(config, "history");
	size_t layer = strv_length(image->layers), steps = json_array_size(history);
	_cleanup_json_ json_t *nothing = json_object();

	/* From the top: each step that is not empty has the next layer. Layers without a step get a row, too. */
	for (size_t i = steps; i > 0; i--) {
		const json_t *step = json_array_get(history, i - 1);
		int64_t bytes = 0;

		if (!json_bool_at(step, "empty_layer") && layer > 0)
			bytes = layer_size(engine->store, image->layers[--layer], err);
		json_push(rows, row_of(step, json_array_size(rows) ? "<missing>" : id, bytes, a));
	}
	while (layer > 0) {
		int64_t bytes = layer_size(engine->store, image->layers[--layer], err);

		json_push(rows,
			  row_of(nothing, json_array_size(rows) ? "<missing>" : id, bytes, a));
	}
	return 0;
}

static int history_run(void *data, void *args, char **operands, struct err *err)
{
	struct history_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *rows = json_array();
	struct image_row image = { 0 };
	int r = engine ? image_resolve(engine, operands[0], &image, err) : -err->code;

	if (r == 0)
		r = rows_collect(engine, &image, a, rows, err);
	image_row_clear(&image);
	if (r < 0)
		return 1;
	return table_print(a->quiet ? "{{.ID}}" : a->format, a->human ? columns : exact_columns,
			   headings, rows, err) < 0;
}

const struct command command_history = {
	.group = "image",
	.name = "history",
	.alias = "history",
	.args = "IMAGE",
	.summary = "show the steps that made an image",
	.opts = history_opts,
	.args_size = sizeof(struct history_args),
	.defaults = history_defaults,
	.run = history_run,
	.flags = COMMAND_INTERSPERSED,
};
