/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* search: what `cloche-transfer search` was told by a registry. */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/filter.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/engine.h"
#include "engine/transfer.h"

enum { DESCRIPTION_COLUMNS = 45 };

struct search_args {
	bool no_trunc;
	const char *limit, *format;
	char **filters, **insecure;
};

static const struct opt search_opts[] = {
	OPT_LIST('f', "filter", "NAME=VALUE", struct search_args, filters,
		 "is-official=true|false, stars=COUNT: only those with as many, or more"),
	OPT_STRING(0, "format", "TEMPLATE", struct search_args, format,
		   "print with a Go template, as json, or as a table of columns"),
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct search_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_STRING(0, "limit", "COUNT", struct search_args, limit, "at most so many (25)"),
	OPT_BOOL(0, "no-trunc", struct search_args, no_trunc, "whole descriptions"),
	OPT_END,
};

static const struct table_column columns[] = {
	{ "NAME", "Name" },	  { "DESCRIPTION", "Description" },
	{ "STARS", "StarCount" }, { "OFFICIAL", "IsOfficial" },
	{ NULL, NULL },
};
static const struct table_column headings[] = {
	{ "NAME", "Name" },	      { "DESCRIPTION", "Description" }, { "STARS", "StarCount" },
	{ "OFFICIAL", "IsOfficial" }, { "AUTOMATED", "IsAutomated" },	{ NULL, NULL },
};

/* The first `columns` characters of a text, the last of them an ellipsis when there are more. */
static char *cut(const char *text, size_t columns_wanted)
{
	size_t count = 0, last = 0;

	for (size_t i = 0; text[i]; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (count + 1 == columns_wanted)
			last = i;
		if (++count > columns_wanted)
			return str_printf("%.*s…", (int)last, text);
	}
	return str_dup(text);
}

/* One line of the transfer program: name, stars, "official" or nothing, description, parted by tabs. */
static bool hit_filter(const char *name, const char *value, void *data)
{
	char **words = data;
	uint64_t stars, wanted;
	struct err unused = ERR_NONE;
	bool official;

	if (strcmp(name, "stars") == 0)
		return str_to_u64(words[1], UINT64_MAX, &stars) == 0 &&
		       str_to_u64(value, UINT64_MAX, &wanted) == 0 && stars >= wanted;
	if (filter_bool(name, value, &official, &unused) < 0) {
		err_clear(&unused); /* one of several, the last of which was checked */
		return false;
	}
	return official == (strcmp(name, "is-official") == 0 && *words[2]);
}

static json_t *rows_of(const char *text, const struct search_args *a)
{
	_cleanup_strv_ char **lines = strv_split(text, '\n');
	json_t *rows = json_array();

	for (size_t i = 0; lines[i] && *lines[i]; i++) {
		_cleanup_strv_ char **words = strv_split(lines[i], '\t');
		_cleanup_free_ char *about = NULL;

		if (strv_length(words) != 4 || !filter_match(a->filters, hit_filter, words))
			continue;
		about = a->no_trunc ? str_dup(words[3]) : cut(words[3], DESCRIPTION_COLUMNS);
		json_push(rows, json_pack("{s:s,s:s,s:s,s:s,s:s}", "Description", about,
					  "IsAutomated", "", "IsOfficial", *words[2] ? "[OK]" : "",
					  "Name", words[0], "StarCount", words[1]));
	}
	return rows;
}

static int filters_check(char *const *filters, struct err *err)
{
	static const char *const names[] = { "is-automated", "is-official", "stars", NULL };
	static const char *const truths[] = { "is-automated", "is-official" };
	const char *stars = filter_value(filters, "stars");
	uint64_t count;
	bool truth;

	if (filter_check(filters, names, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(truths); i++) {
		const char *value = filter_value(filters, truths[i]);

		if (value && filter_bool(truths[i], value, &truth, err) < 0)
			return -err->code;
	}
	if (stars && str_to_u64(stars, UINT64_MAX, &count) < 0)
		return err_set(err, EINVAL, "invalid filter 'stars=%s'", stars);
	return 0;
}

static int search_run(void *data, void *args, char **operands, struct err *err)
{
	const struct search_args *a = args;
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	_cleanup_strv_ char **words = NULL;
	_cleanup_json_ json_t *rows = NULL;
	struct engine *engine;

	if (filters_check(a->filters, err) < 0)
		return 1;
	engine = cli_engine(data, err);
	if (!engine)
		return 1;
	for (size_t i = 0; a->insecure && a->insecure[i]; i++) {
		strv_add(&words, "--insecure-registry");
		strv_add(&words, a->insecure[i]);
	}
	if (a->limit) {
		strv_add(&words, "--limit");
		strv_add(&words, a->limit);
	}
	strv_add(&words, "--");
	strv_add(&words, operands[0]);
	if (transfer_run(engine, "search", words, -1, &said, err) < 0)
		return 1;
	rows = rows_of(said.data ? said.data : "", a);
	return table_print(a->format, columns, headings, rows, err) < 0;
}

const struct command command_search = {
	.name = "search",
	.args = "TEXT",
	.summary = "look for repositories at Docker Hub or another registry",
	.details =
		"TEXT is a word, for Docker Hub, or HOST[:PORT]/WORD: that registry is asked for its catalog, of which "
		"the names with WORD in them are shown. HOST/ shows all. Many registries give no catalog.",
	.opts = search_opts,
	.args_size = sizeof(struct search_args),
	.run = search_run,
	.flags = COMMAND_INTERSPERSED,
};
