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
#include "cli/docker_type.h"
#include "cli/inspect_as.h"
#include "engine/disk_use.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/inspect.h"
#include "engine/network.h"
#include "engine/network_builtin.h"
#include "engine/record.h"

enum kinds {
	KIND_CONTAINER = 1,
	KIND_IMAGE = 2,
	KIND_VOLUME = 4,
	KIND_NETWORK = 8,
	KIND_ANY = 15,
};

static const struct {
	const char *name;
	int kind;
} types[] = {
	{ "container", KIND_CONTAINER },
	{ "image", KIND_IMAGE },
	{ "volume", KIND_VOLUME },
	{ "network", KIND_NETWORK },
};

struct inspect_args {
	const char *format, *type, *as;
	bool size;
};

static const struct opt inspect_opts[] = {
	OPT_STRING('f', "format", "TEMPLATE", struct inspect_args, format,
		   "json or a template, such as {{.State.Pid}}"),
	OPT_STRING(
		0, "as", "FORM", struct inspect_args, as,
		"containers as what makes them again: run (a command line), compose or quadlet; Docker's on this host, too"),
	OPT_STRING(0, "type", "TYPE", struct inspect_args, type,
		   "container, image, network or volume"),
	OPT_BOOL('s', "size", struct inspect_args, size,
		 "what a container's files hold, as SizeRw and SizeRootFs"),
	OPT_END,
};

static void sizes_put(struct engine *engine, const struct record *record, json_t *found)
{
	struct err ignored = ERR_NONE;
	struct image_row image = { 0 };
	int64_t own = disk_use_container(engine, record->row.id);
	int r = image_find(engine->store, record->row.image_id, &image, &ignored);

	json_put(found, "SizeRw", json_integer(own));
	json_put(found, "SizeRootFs", json_integer(own + (r == 0 ? image.size_bytes : 0)));
	image_row_clear(&image);
}

/* *ret_shape: Docker's type of what was found. */
static json_t *object_find(struct engine *engine, const char *name, int kinds, bool size,
			   const struct template_shape **ret_shape, struct err *err)
{
	struct network network = { 0 };
	struct record record = RECORD_EMPTY;
	struct image_row image = { 0 };
	json_t *found = NULL;
	int r = -ENOENT;

	if (kinds & KIND_CONTAINER)
		r = record_find(engine, name, &record, err);
	if (r == 0) {
		found = inspect_container(engine, &record);
		if (size)
			sizes_put(engine, &record, found);
		*ret_shape = &docker_container;
		record_clear(&record);
		return found;
	}
	if (r == -ENOENT && kinds & KIND_IMAGE) {
		r = image_resolve(engine, name, &image, err);
		if (r == 0) {
			found = image_inspect(engine, &image);
			*ret_shape = &docker_image;
			image_row_clear(&image);
			return found;
		}
	}
	if (r == -ENOENT && kinds & KIND_NETWORK) {
		r = network_find_shown(engine, name, &network, err);
		if (r == 0) {
			found = network_inspect(engine, &network, err);
			*ret_shape = &docker_network;
			network_clear(&network);
			return found;
		}
	}
	*ret_shape = &docker_volume;
	if (r == -ENOENT && kinds & KIND_VOLUME)
		found = inspect_volume(engine, name, err);
	if (!found && err->code == ENOENT && kinds == KIND_ANY)
		err_set(err, ENOENT, "Error: No such object: %s", name);
	return found;
}

/* Without a template, and with `json`: one list of all that were found. */
static bool json_list(const char *format)
{
	return !format || !*format || strcmp(format, "json") == 0;
}

static int inspect_some(struct cli *cli, const struct inspect_args *a, char **operands, int kinds,
			struct err *err)
{
	struct engine *engine = cli_engine(cli, err);
	_cleanup_json_ json_t *all = json_array();
	int status = 0;

	if (!engine)
		return 1;
	for (size_t i = 0; operands[i]; i++) {
		struct err one = ERR_NONE;
		const struct template_shape *shape = NULL;
		json_t *found = object_find(engine, operands[i], kinds, a->size, &shape, &one);

		if (!found) {
			if (json_list(a->format) && json_array_size(all) == 0 && !operands[i + 1])
				(void)printf("[]\n"), (void)fflush(stdout);
			status = cli_fail(&one);
			continue;
		}
		if (!json_list(a->format)) {
			int r = format_typed(a->format, found, shape, err);

			json_decref(found);
			if (r < 0)
				return 1;
		} else {
			json_push(all, found);
		}
	}
	if (json_list(a->format) && json_array_size(all) > 0) {
		_cleanup_free_ char *text =
			json_dumps(all, a->format ? JSON_COMPACT : JSON_INDENT(4));

		(void)printf("%s\n", text);
	}
	return status;
}

static int inspect_run(void *data, void *args, char **operands, struct err *err)
{
	struct inspect_args *a = args;
	int kinds = a->type ? 0 : KIND_ANY;

	if (a->as)
		return inspect_as(data, a->as, operands, err);
	for (size_t i = 0; a->type && i < ARRAY_SIZE(types); i++)
		if (strcmp(a->type, types[i].name) == 0)
			kinds = types[i].kind;
	if (!kinds) {
		err_set(err, EINVAL, "\"%s\" is not a valid value for --type", a->type);
		return 1;
	}
	return inspect_some(data, a, operands, kinds, err);
}

const struct command command_inspect = {
	.name = "inspect",
	.args = "NAME|ID...",
	.summary = "show what is known about containers, images and volumes, as JSON",
	.opts = inspect_opts,
	.args_size = sizeof(struct inspect_args),
	.run = inspect_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt one_kind_opts[] = {
	OPT_STRING('f', "format", "TEMPLATE", struct inspect_args, format,
		   "json or a template, such as {{.State.Pid}}"),
	OPT_END,
};

static const struct opt container_opts[] = {
	OPT_STRING('f', "format", "TEMPLATE", struct inspect_args, format,
		   "json or a template, such as {{.State.Pid}}"),
	OPT_BOOL('s', "size", struct inspect_args, size,
		 "what a container's files hold, as SizeRw and SizeRootFs"),
	OPT_END,
};

static int container_run(void *data, void *args, char **operands, struct err *err)
{
	return inspect_some(data, args, operands, KIND_CONTAINER, err);
}

const struct command command_container_inspect = {
	.group = "container",
	.name = "inspect",
	.alias = "",
	.args = "CONTAINER...",
	.summary = "show what is known about containers, as JSON",
	.opts = container_opts,
	.args_size = sizeof(struct inspect_args),
	.run = container_run,
	.flags = COMMAND_INTERSPERSED,
};

static int image_run(void *data, void *args, char **operands, struct err *err)
{
	return inspect_some(data, args, operands, KIND_IMAGE, err);
}

const struct command command_image_inspect = {
	.group = "image",
	.name = "inspect",
	.args = "IMAGE...",
	.summary = "show what is known about images, as JSON",
	.opts = one_kind_opts,
	.args_size = sizeof(struct inspect_args),
	.run = image_run,
	.flags = COMMAND_INTERSPERSED,
};

static int volume_run(void *data, void *args, char **operands, struct err *err)
{
	return inspect_some(data, args, operands, KIND_VOLUME, err);
}

const struct command command_volume_inspect = {
	.group = "volume",
	.name = "inspect",
	.args = "VOLUME...",
	.summary = "show what is known about volumes, as JSON",
	.opts = one_kind_opts,
	.args_size = sizeof(struct inspect_args),
	.run = volume_run,
	.flags = COMMAND_INTERSPERSED,
};
