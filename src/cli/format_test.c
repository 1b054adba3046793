/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates against what Docker's client printed for the same documents: tests/data/template, made by make_expected.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/docker_type.h"
#include "cli/format.h"

static const char *expected_path;

static const struct {
	const char *document;
	const struct template_shape *shape;
} objects[] = {
	{ "container", &docker_container }, { "created", &docker_container },
	{ "exited", &docker_container },    { "volumes", &docker_container },
	{ "image", &docker_image },	    { "volume", &docker_volume },
	{ "network", &docker_network },
};

static const struct table_column ps_headings[] = {
	{ "CONTAINER ID", "ID" }, { "NAMES", "Names" },	      { "IMAGE", "Image" },
	{ "COMMAND", "Command" }, { "PORTS", "Ports" },	      { "STATE", "State" },
	{ "LABELS", "Labels" },	  { "MOUNTS", "Mounts" },     { "LOCAL VOLUMES", "LocalVolumes" },
	{ "STATUS", "Status" },	  { "NETWORKS", "Networks" }, { NULL, NULL },
};
static const struct table_column image_headings[] = {
	{ "REPOSITORY", "Repository" },
	{ "TAG", "Tag" },
	{ "IMAGE ID", "ID" },
	{ "CREATED", "CreatedSince" },
	{ "SIZE", "Size" },
	{ "DIGEST", "Digest" },
	{ NULL, NULL },
};
static const struct table_column image_columns[] = {
	{ NULL, "Repository" },	  { NULL, "Tag" },  { NULL, "ID" },
	{ NULL, "CreatedSince" }, { NULL, "Size" }, { NULL, NULL },
};
static const struct table_column volume_headings[] = {
	{ "DRIVER", "Driver" }, { "VOLUME NAME", "Name" },
	{ "SCOPE", "Scope" },	{ "MOUNTPOINT", "Mountpoint" },
	{ "LABELS", "Labels" }, { "LINKS", "Links" },
	{ "SIZE", "Size" },	{ "GROUP", "Group" },
	{ "STATUS", "Status" }, { "AVAILABILITY", "Availability" },
	{ NULL, NULL },
};
static const struct table_column volume_columns[] = { { NULL, "Driver" },
						      { NULL, "Name" },
						      { NULL, NULL } };

static const struct {
	const char *document;
	const struct table_column *headings, *columns;
} lists[] = {
	{ "ps", ps_headings, ps_headings },
	{ "images", image_headings, image_columns },
	{ "volumels", volume_headings, volume_columns },
};

static int case_run(struct buf *out, const char *name, const char *template, json_t *document,
		    struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (strcmp(objects[i].document, name) == 0)
			return format_object(out, template, document, objects[i].shape, err);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (strcmp(lists[i].document, name) == 0)
			return format_rows(out, template, lists[i].columns, lists[i].headings,
					   document, err);
	fail_msg("no document %s", name);
	return -1;
}

/* Where Go's own words begin: what stands before differs between Docker's commands. */
static const char *go_words(const char *words)
{
	const char *at = strstr(words, "template: :");

	return at ? at : words;
}

static void templates_print_what_docker_prints(void **state)
{
	_cleanup_json_ json_t *all = json_load_file(expected_path, 0, NULL);
	const json_t *cases = json_at(all, "cases"), *one;
	size_t i, different = 0;

	(void)state;
	assert_true(json_array_size(cases) >= 150);
	json_array_foreach(cases, i, one)
	{
		const char *name = json_string_at(one, "document", ""),
			   *template = json_string_at(one, "template", ""),
			   *error = json_string_at(one, "error", NULL),
			   *output = json_string_at(one, "output", "");
		_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
		struct err err = ERR_NONE;
		int r = case_run(&out, name, template,
				 json_object_get(json_object_get(all, "documents"), name), &err);

		if (error ? r < 0 && strcmp(go_words(err.words), go_words(error)) == 0 :
			    r == 0 && strcmp(out.data ? out.data : "", output) == 0)
			continue;
		different++;
		print_error("%s %s\n  docker: %s\n  here:   %s\n", name, template,
			    error ? error : output, r < 0 ? err.words : out.data);
	}
	assert_int_equal(different, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates_print_what_docker_prints),
	};

	if (argc < 2)
		return 1;
	expected_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
