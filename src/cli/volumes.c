/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
#include "engine/engine.h"
#include "engine/volume.h"

struct create_args {
	const char *driver;
	char **labels;
};

static const struct opt create_opts[] = {
	OPT_STRING('d', "driver", "NAME", struct create_args, driver, "local"),
	OPT_LIST(0, "label", "NAME[=VALUE]", struct create_args, labels, "set a label"),
	OPT_LATER('o', "opt", "NAME=VALUE", "not possible yet"),
	OPT_END,
};

static int create_run(void *data, void *args, char **operands, struct err *err)
{
	struct create_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_free_ char *name = NULL;

	if (a->driver && strcmp(a->driver, "local") != 0) {
		err_set(err, EOPNOTSUPP, "volume driver %s: volumes are local", a->driver);
		return 1;
	}
	if (!engine || volume_create(engine, operands[0], a->labels, &name, err) < 0)
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
};

static const struct opt ls_opts[] = {
	OPT_STRING(0, "format", "TEMPLATE", struct ls_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_LATER('f', "filter", "NAME=VALUE", "not possible yet"),
	OPT_BOOL('q', "quiet", struct ls_args, quiet, "print names only"),
	OPT_END,
};

static const struct table_column headings[] = {
	{ "DRIVER", "Driver" },		{ "VOLUME NAME", "Name" }, { "SCOPE", "Scope" },
	{ "MOUNTPOINT", "Mountpoint" }, { "LABELS", "Labels" },	   { NULL, NULL },
};
static const struct table_column columns[] = { { NULL, "Driver" },
					       { NULL, "Name" },
					       { NULL, NULL } };

static int ls_run(void *data, void *args, char **operands, struct err *err)
{
	struct ls_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *rows = json_array();
	struct volume_row *volumes = NULL;
	int count = engine && engine_store(engine, err) ?
			    volume_list(engine->store, &volumes, err) :
			    -1;

	(void)operands;
	if (count < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *path =
			str_printf("%s/volumes/%s/_data", engine->settings.root, volumes[i].name);
		json_t *row = json_object();

		json_put(row, "Driver", json_text("local"));
		json_put(row, "Name", json_text(volumes[i].name));
		json_put(row, "Scope", json_text("local"));
		json_put(row, "Mountpoint", json_text(path));
		json_put(row, "Labels", json_text(volumes[i].labels));
		json_push(rows, row);
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
