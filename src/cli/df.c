/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* system df: what images, containers and volumes hold on disk. */
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
#include "engine/disk_use.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/inspect.h"
#include "engine/record.h"
#include "engine/status.h"

struct df_args {
	bool verbose;
	const char *format;
};

static const struct opt df_opts[] = {
	OPT_STRING(0, "format", "TEMPLATE", struct df_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_BOOL('v', "verbose", struct df_args, verbose, "show each image, container and volume"),
	OPT_END,
};

static const struct table_column headings[] = {
	{ "TYPE", "Type" }, { "TOTAL", "TotalCount" },	      { "ACTIVE", "Active" },
	{ "SIZE", "Size" }, { "RECLAIMABLE", "Reclaimable" }, { NULL, NULL },
};

static void size_put(json_t *row, const char *key, int64_t bytes, int digits)
{
	_cleanup_free_ char *text = str_size(bytes > 0 ? (double)bytes : 0, 1000, digits);

	json_put(row, key, json_text(text));
}

static void count_put(json_t *row, const char *key, json_int_t count)
{
	_cleanup_free_ char *text = str_printf("%lld", (long long)count);

	json_put(row, key, json_text(text));
}

static void summary_push(json_t *rows, const char *type, size_t total, json_int_t active,
			 int64_t bytes, int64_t free_bytes)
{
	_cleanup_free_ char *size = str_size(free_bytes > 0 ? (double)free_bytes : 0, 1000, 4);
	_cleanup_free_ char *text =
		bytes > 0 ? str_printf("%s (%lld%%)", size, (long long)(free_bytes * 100 / bytes)) :
			    str_dup(size);
	json_t *row = json_object();

	json_put(row, "Type", json_text(type));
	count_put(row, "TotalCount", (json_int_t)total);
	count_put(row, "Active", active);
	size_put(row, "Size", bytes, 4);
	json_put(row, "Reclaimable", json_text(text));
	json_push(rows, row);
}

/* What list[].Size sums up to, all and of those that nothing uses. */
static void sums(const json_t *list, bool (*used)(const json_t *one), json_int_t *ret_active,
		 int64_t *ret_all, int64_t *ret_free)
{
	const json_t *one;
	size_t i;

	*ret_active = 0;
	*ret_all = *ret_free = 0;
	json_array_foreach(list, i, one)
	{
		int64_t size = json_int_at(one, "Size", 0);

		*ret_all += size;
		if (used(one))
			(*ret_active)++;
		else
			*ret_free += size;
	}
}

static bool image_used(const json_t *one)
{
	return json_int_at(one, "Containers", 0) > 0;
}

static bool container_used(const json_t *one)
{
	return strcmp(json_string_at(one, "State", ""), "running") == 0 ||
	       strcmp(json_string_at(one, "State", ""), "paused") == 0;
}

static bool volume_used(const json_t *one)
{
	return json_int_at(one, "Links", 0) > 0;
}

static int summary(const json_t *report, const char *format, struct err *err)
{
	static const struct {
		const char *key, *name;
		bool (*used)(const json_t *one);
	} kinds[] = { { "Containers", "Containers", container_used },
		      { "Volumes", "Local Volumes", volume_used } };
	_cleanup_json_ json_t *rows = json_array();
	int64_t all, unused, layers = json_int_at(report, "LayersSize", 0), kept = 0;
	const json_t *images = json_at(report, "Images"), *one;
	json_int_t active;
	size_t i;

	/* Layers that a used image has stay; what is shared counts once. */
	sums(images, image_used, &active, &all, &unused);
	json_array_foreach(images, i, one)
	{
		if (!image_used(one))
			kept += json_int_at(one, "Size", 0) - json_int_at(one, "SharedSize", 0);
	}
	summary_push(rows, "Images", json_array_size(images), active, layers, kept);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		const json_t *list = json_at(report, kinds[i].key);

		sums(list, kinds[i].used, &active, &all, &unused);
		summary_push(rows, kinds[i].name, json_array_size(list), active, all, unused);
	}
	summary_push(rows, "Build Cache", 0, 0, 0, 0);
	return table_print(format, headings, headings, rows, err);
}

/* -- -v --------------------------------------------------------------------------------------- */

static void ago_put(json_t *row, int64_t created_ns)
{
	_cleanup_free_ char *age = duration_text((engine_now_ns() - created_ns) / 1000000000);
	_cleanup_free_ char *text = str_printf("%s ago", age);

	json_put(row, "Created", json_text(text));
}

static void id_put(json_t *row, const char *id)
{
	const char *hex = strchr(id, ':') ? strchr(id, ':') + 1 : id;
	_cleanup_free_ char *text = str_ndup(hex, 12);

	json_put(row, "ID", json_text(text));
}

static int images_print(const json_t *list, struct err *err)
{
	static const struct table_column columns[] = {
		{ "REPOSITORY", "Repository" },
		{ "TAG", "Tag" },
		{ "IMAGE ID", "ID" },
		{ "CREATED", "Created" },
		{ "SIZE", "Size" },
		{ "SHARED SIZE", "SharedSize" },
		{ "UNIQUE SIZE", "UniqueSize" },
		{ "CONTAINERS", "Containers" },
		{ NULL, NULL },
	};
	_cleanup_json_ json_t *rows = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *tag = json_string_value(json_array_get(json_at(one, "Tags"), 0));
		_cleanup_free_ char *name = tag ? image_familiar(tag) : str_dup("<none>:<none>");
		int64_t size = json_int_at(one, "Size", 0),
			shared = json_int_at(one, "SharedSize", 0);
		char *colon = strrchr(name, ':');
		json_t *row = json_object();

		*colon++ = '\0';
		json_put(row, "Repository", json_text(name));
		json_put(row, "Tag", json_text(colon));
		id_put(row, json_string_at(one, "ID", ""));
		ago_put(row, json_int_at(one, "CreatedNs", 0));
		size_put(row, "Size", size, 3);
		size_put(row, "SharedSize", shared, 4);
		size_put(row, "UniqueSize", size - shared, 4);
		count_put(row, "Containers", json_int_at(one, "Containers", 0));
		json_push(rows, row);
	}
	(void)printf("Images space usage:\n\n");
	return table_print(NULL, columns, columns, rows, err);
}

static int containers_print(const json_t *list, struct err *err)
{
	static const struct table_column columns[] = {
		{ "CONTAINER ID", "ID" }, { "IMAGE", "Image" },
		{ "COMMAND", "Command" }, { "LOCAL VOLUMES", "LocalVolumes" },
		{ "SIZE", "Size" },	  { "CREATED", "Created" },
		{ "STATUS", "Status" },	  { "NAMES", "Names" },
		{ NULL, NULL },
	};
	_cleanup_json_ json_t *rows = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		_cleanup_free_ char *command =
			str_printf("\"%.20s\"", json_string_at(one, "Path", ""));
		json_t *row = json_object();

		id_put(row, json_string_at(one, "ID", ""));
		json_put(row, "Image", json_text(json_string_at(one, "Image", "")));
		json_put(row, "Command", json_text(command));
		count_put(row, "LocalVolumes", json_int_at(one, "Volumes", 0));
		size_put(row, "Size", json_int_at(one, "Size", 0), 3);
		ago_put(row, json_int_at(one, "CreatedNs", 0));
		json_put(row, "Status", json_text(json_string_at(one, "State", "")));
		json_put(row, "Names", json_text(json_string_at(one, "Names", "")));
		json_push(rows, row);
	}
	(void)printf("\nContainers space usage:\n\n");
	return table_print(NULL, columns, columns, rows, err);
}

static int volumes_print(const json_t *list, struct err *err)
{
	static const struct table_column columns[] = { { "VOLUME NAME", "Name" },
						       { "LINKS", "Links" },
						       { "SIZE", "Size" },
						       { NULL, NULL } };
	_cleanup_json_ json_t *rows = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		json_t *row = json_object();

		json_put(row, "Name", json_text(json_string_at(one, "Name", "")));
		count_put(row, "Links", json_int_at(one, "Links", 0));
		size_put(row, "Size", json_int_at(one, "Size", 0), 4);
		json_push(rows, row);
	}
	(void)printf("\nLocal Volumes space usage:\n\n");
	return table_print(NULL, columns, columns, rows, err);
}

static int df_run(void *data, void *args, char **operands, struct err *err)
{
	struct df_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *report = engine ? disk_use_report(engine, err) : NULL;

	(void)operands;
	if (!report)
		return 1;
	if (a->verbose && a->format)
		return format_print(a->format, report, err) < 0;
	if (!a->verbose)
		return summary(report, a->format, err) < 0;
	return images_print(json_at(report, "Images"), err) < 0 ||
	       containers_print(json_at(report, "Containers"), err) < 0 ||
	       volumes_print(json_at(report, "Volumes"), err) < 0;
}

const struct command command_system_df = {
	.group = "system",
	.name = "df",
	.args = "",
	.summary = "show what images, containers and volumes hold on disk",
	.opts = df_opts,
	.args_size = sizeof(struct df_args),
	.run = df_run,
	.flags = COMMAND_INTERSPERSED,
};
