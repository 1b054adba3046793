/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
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
#include "engine/volume.h"

struct create_args {
	const char *driver, *name;
	char **labels, **options;
};

static const struct opt create_opts[] = {
	OPT_STRING('d', "driver", "NAME", struct create_args, driver, "local"),
	OPT_LIST(0, "label", "NAME[=VALUE]", struct create_args, labels, "set a label"),
	OPT_ALIAS(0, "name", "NAME", OPT_KIND_STRING, struct create_args, name),
	OPT_LIST(
		'o', "opt", "NAME=VALUE", struct create_args, options,
		"size=BYTES: limit of disk space; or mount something else: type=none, o=bind and device=FOLDER; type=nfs, ext4, ... with device= and o="),
	OPT_END,
};

static int create_run(void *data, void *args, char **operands, struct err *err)
{
	struct create_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_free_ char *name = NULL, *options = NULL;
	const char *wanted = operands[0] ? operands[0] : a->name;

	if (operands[0] && a->name) {
		err_set(err, EINVAL,
			"conflicting options: cannot specify a volume-name through both --name and as a positional arg");
		return 1;
	}
	if (a->driver && strcmp(a->driver, "local") != 0) {
		err_set(err, EOPNOTSUPP, "volume driver %s: volumes are local", a->driver);
		return 1;
	}
	if (!engine || volume_options_parse(a->options, &options, err) < 0 ||
	    volume_create(engine, wanted && *wanted ? wanted : NULL, a->labels, options, &name,
			  err) < 0)
		return 1;
	(void)printf("%s\n", name);
	return 0;
}

const struct command command_volume_create = {
	.group = "volume",
	.name = "create",
	.args = "[NAME]",
	.summary = "create a volume",
	.opts = create_opts,
	.args_size = sizeof(struct create_args),
	.run = create_run,
	.flags = COMMAND_INTERSPERSED,
};

struct ls_args {
	bool quiet;
	const char *format;
	char **filters;
};

static const struct opt ls_opts[] = {
	OPT_STRING(0, "format", "TEMPLATE", struct ls_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_LIST('f', "filter", "NAME=VALUE", struct ls_args, filters,
		 "dangling, driver, label or name"),
	OPT_BOOL('q', "quiet", struct ls_args, quiet, "print names only"),
	OPT_END,
};

static const struct table_column headings[] = {
	{ "DRIVER", "Driver" }, { "VOLUME NAME", "Name" },
	{ "SCOPE", "Scope" },	{ "MOUNTPOINT", "Mountpoint" },
	{ "LABELS", "Labels" }, { "LINKS", "Links" },
	{ "SIZE", "Size" },	{ "STATUS", "Status" },
	{ "GROUP", "Group" },	{ "AVAILABILITY", "Availability" },
	{ NULL, NULL },
};
static const struct table_column columns[] = { { NULL, "Driver" },
					       { NULL, "Name" },
					       { NULL, NULL } };

struct volume_at { /* for volume_filter() */
	struct store *store;
	const struct volume_row *row;
	const json_t *labels;
};

static bool volume_filter(const char *name, const char *value, void *data)
{
	const struct volume_at *at = data;

	if (strcmp(name, "driver") == 0)
		return filter_pattern("local", value);
	if (strcmp(name, "name") == 0)
		return filter_pattern(at->row->name, value);
	if (strcmp(name, "label") == 0)
		return filter_label(at->labels, value);
	if (strcmp(name, "dangling") == 0) {
		_cleanup_strv_ char **users = NULL;
		struct err ignored = ERR_NONE;

		(void)volume_users(at->store, at->row->name, &users, &ignored);
		return (strcmp(value, "true") == 0 || strcmp(value, "1") == 0) ==
		       (strv_length(users) == 0);
	}
	return true;
}

static json_t *row_of(struct engine *engine, const struct volume_row *volume, json_t *labels)
{
	static const char *const absent[] = { "Links", "Size", "Status", "Group", "Availability" };
	_cleanup_free_ char *path =
		str_printf("%s/volumes/%s/_data", engine->settings.root, volume->name);
	_cleanup_free_ char *text = table_labels_text(labels);
	json_t *row = json_object();

	json_put(row, "Driver", json_text("local"));
	json_put(row, "Name", json_text(volume->name));
	json_put(row, "Scope", json_text("local"));
	json_put(row, "Mountpoint", json_text(path));
	json_put(row, "Labels", json_text(text));
	json_put(row, TABLE_LABELS, json_incref(labels));
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) /* as Docker's, but for system df */
		json_put(row, absent[i], json_text("N/A"));
	return row;
}

static int ls_run(void *data, void *args, char **operands, struct err *err)
{
	static const char *const names[] = { "dangling", "driver", "label", "name", NULL };
	struct ls_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *rows = json_array();
	struct volume_row *volumes = NULL;
	const char *dangling = filter_value(a->filters, "dangling");
	bool truth;
	int count;

	(void)operands;
	if (!engine || filter_check(a->filters, names, err) < 0 ||
	    (dangling && filter_bool("dangling", dangling, &truth, err) < 0) ||
	    !engine_store(engine, err))
		return 1;
	count = volume_list(engine->store, &volumes, err);
	if (count < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		_cleanup_json_ json_t *labels =
			json_loads(volumes[i].labels ? volumes[i].labels : "{}", 0, NULL);
		struct volume_at at = { engine->store, &volumes[i], labels };

		if (filter_match(a->filters, volume_filter, &at))
			json_push(rows, row_of(engine, &volumes[i], labels));
	}
	volume_rows_free(volumes, (size_t)count);
	return table_print(a->quiet ? "{{.Name}}" : a->format, columns, headings, rows, err) < 0;
}

const struct command command_volume_ls = {
	.group = "volume",
	.name = "ls",
	.args = "",
	.summary = "list volumes",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = ls_run,
	.flags = COMMAND_INTERSPERSED,
};

struct rm_args {
	bool force;
};

static const struct opt rm_opts[] = {
	OPT_BOOL('f', "force", struct rm_args, force, "a volume that is not there is no error"),
	OPT_END,
};

static int rm_one(struct cli *cli, const char *name, void *data, struct err *err)
{
	struct rm_args *a = data;
	struct engine *engine = cli_engine(cli, err);
	int r = engine ? volume_remove(engine, name, err) : -err->code;

	return r == -ENOENT && a->force ? 0 : r;
}

static int rm_run(void *data, void *args, char **operands, struct err *err)
{
	(void)err;
	return cli_each(data, operands, rm_one, args);
}

const struct command command_volume_rm = {
	.group = "volume",
	.name = "rm",
	.args = "VOLUME...",
	.summary = "remove one or more volumes",
	.opts = rm_opts,
	.args_size = sizeof(struct rm_args),
	.run = rm_run,
	.flags = COMMAND_INTERSPERSED,
};
