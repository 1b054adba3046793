/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/outdated_remote.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/transfer.h"
#include "state/store.h"

/* "name@" of "name:tag"; to be freed. */
static char *repository_of(const char *tag)
{
	const char *colon = strrchr(tag, ':');

	return str_printf("%.*s@", (int)(colon - tag), tag);
}

/* The digests that this repository gave for the image: "sha256:a sha256:b"; "": it came from elsewhere. */
static char *digests_here(const struct image_row *image, const char *tag)
{
	_cleanup_free_ char *repository = repository_of(tag);
	struct buf text = BUF_EMPTY;

	buf_puts(&text, "");
	for (size_t i = 0; image->tags && image->tags[i]; i++)
		if (str_prefix(image->tags[i], repository))
			buf_printf(&text, "%s%s", text.length ? " " : "",
				   image->tags[i] + strlen(repository));
	return text.data;
}

static json_t *questions(struct store *store, const struct image_row *images, size_t count,
			 char ***ret_names, struct err *err)
{
	json_t *all = json_object();

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; images[i].tags && images[i].tags[k]; k++) {
			const char *tag = images[i].tags[k];
			_cleanup_free_ char *here = NULL, *users = NULL;
			json_t *one;

			if (image_name_is_digest(tag))
				continue;
			here = digests_here(&images[i], tag);
			if (!here || !*here)
				continue;
			users = outdated_users(store, &images[i], err);
			one = json_object();
			json_put(one, "Here", json_text(here));
			json_put(one, "Containers", json_text(users));
			json_put(all, tag, one);
			strv_add(ret_names, tag);
		}
	return all;
}

static void take_answers(json_t *all, const char *text, json_t *moved)
{
	_cleanup_strv_ char **lines = strv_split(text, '\n');

	for (size_t i = 0; lines[i] && *lines[i]; i++) {
		_cleanup_strv_ char **words = strv_split(lines[i], '\t');
		json_t *one = json_object_get(all, words[0]);
		_cleanup_free_ char *familiar = image_familiar(words[0]);

		if (!one || strv_length(words) < 2)
			continue;
		if (!*words[1]) {
			_cleanup_free_ char *why = str_printf("%s cannot be asked for: %s",
							      familiar, words[2] ? words[2] : "");

			cli_warn(why);
			continue;
		}
		if (strstr(json_string_at(one, "Here", ""), words[1]))
			continue;
		json_put(one, "Image", json_text(familiar));
		json_put(one, "There", json_text(words[1]));
		json_push(moved, json_incref(one));
	}
}

static void grid_out(const json_t *moved)
{
	static const struct grid_column columns[] = {
		{ "IMAGE", false, 50 },
		{ "HERE", false, 19 },
		{ "AT ITS REGISTRY", false, 19 },
		{ "CONTAINERS", false, 40 },
		{ NULL, false, 0 },
	};
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;
	const json_t *one;
	size_t i;

	json_array_foreach(moved, i, one)
	{
		_cleanup_free_ char *here = str_ndup(json_string_at(one, "Here", ""), 19),
				    *there = str_ndup(json_string_at(one, "There", ""), 19);
		const char *users = json_string_at(one, "Containers", "");

		grid_cell(&grid, json_string_at(one, "Image", ""));
		grid_cell(&grid, here);
		grid_cell(&grid, there);
		grid_cell(&grid, *users ? users : "-");
	}
	grid_print(&grid, columns, true, stdout);
}

int outdated_remote(struct engine *engine, bool json, char *const *insecure, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct image_row *images = NULL;
	_cleanup_json_ json_t *all = NULL, *moved = json_array();
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	_cleanup_strv_ char **words = NULL, **names = NULL;
	int count = store ? image_list(store, false, &images, err) : -err->code, r = 0;

	if (count < 0)
		return count;
	all = questions(store, images, (size_t)count, &names, err);
	image_rows_free(images, (size_t)count);
	for (size_t i = 0; insecure && insecure[i]; i++) {
		strv_add(&words, "--insecure-registry");
		strv_add(&words, insecure[i]);
	}
	strv_add(&words, "--");
	for (size_t i = 0; names && names[i]; i++)
		strv_add(&words, names[i]);
	if (names)
		r = transfer_run(engine, "heads", words, -1, &said, err);
	if (r < 0)
		return r;
	take_answers(all, said.data ? said.data : "", moved);
	if (json) {
		(void)json_dumpf(moved, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		(void)putchar('\n');
	} else {
		grid_out(moved);
	}
	return 0;
}
