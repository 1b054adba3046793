/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load, import, images, rmi, tag. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/filter.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/image_report.h"
#include "cli/time_option.h"
#include "cli/transport.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/inspect.h"

struct load_args {
	const char *input;
	bool quiet;
};

static const struct opt load_opts[] = {
	OPT_STRING(
		'i', "input", "FILE|DIR|TRANSPORT:PLACE", struct load_args, input,
		"read an archive, a folder, or what a transport of skopeo's names instead of stdin"),
	OPT_BOOL('q', "quiet", struct load_args, quiet, "say less"),
	OPT_END,
};

static void moved_tell(const json_t *image)
{
	json_t *moved = json_object_get(image, "moved"), *id;
	const char *name;

	json_object_foreach(moved, name, id)
	{
		_cleanup_free_ char *familiar = image_familiar(name);

		(void)printf(
			"The image %s already exists, renaming the old one with ID %s to empty string\n",
			familiar, json_string_value(id));
	}
}

int images_load(struct engine *engine, const char *input, struct err *err)
{
	_cleanup_(transport_clear) struct transport transport = { 0 };
	_cleanup_json_ json_t *report = NULL;
	_cleanup_strv_ char **words = NULL;
	const json_t *image, *name;
	size_t i, k;
	int r;

	if (input)
		transport_parse(input, &transport);
	if (input) {
		strv_add(&words, "--input");
		strv_add(&words, transport.path ? transport.path : input);
	}
	if (transport.name) {
		strv_add(&words, "--only");
		strv_add(&words, transport.name);
	}
	r = image_transfer(engine, "load", words, -1, &report, err);
	if (r < 0)
		return r;
	json_array_foreach(json_at(report, "images"), i, image)
	{
		const json_t *names = json_at(image, "names");

		moved_tell(image);

		json_array_foreach(names, k, name)
		{
			_cleanup_free_ char *familiar = image_familiar(json_string_value(name));

			(void)printf("Loaded image: %s\n", familiar);
		}
		if (json_array_size(names) == 0)
			(void)printf("Loaded image ID: %s\n", json_string_at(image, "id", ""));
	}
	return 0;
}

bool images_from_transport(struct engine *engine, const char *text, int *ret_status,
			   struct err *err)
{
	_cleanup_(transport_clear) struct transport transport;

	transport_parse(text, &transport);
	if (transport.kind == TRANSPORT_NONE)
		return false;
	*ret_status = images_load(engine, text, err) < 0;
	return true;
}

static int load_run(void *data, void *args, char **operands, struct err *err)
{
	struct load_args *a = args;
	struct engine *engine = cli_engine(data, err);

	(void)operands;
	if (!engine)
		return 1;
	if (!a->input && isatty(0)) {
		err_set(err, EINVAL, "requested load from stdin, but stdin is empty");
		err_hint(err, "name an archive with -i");
		return 1;
	}
	return images_load(engine, a->input, err) < 0;
}

const struct command command_load = {
	.group = "image",
	.name = "load",
	.alias = "load",
	.args = "",
	.summary = "load images from a docker-save or OCI archive, or an OCI layout folder",
	.opts = load_opts,
	.args_size = sizeof(struct load_args),
	.run = load_run,
	.flags = COMMAND_INTERSPERSED,
};

struct import_args {
	char **changes;
	const char *message, *platform;
};

static const struct opt import_opts[] = {
	OPT_LIST(
		'c', "change", "INSTRUCTION", struct import_args, changes,
		"apply CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR"),
	OPT_STRING('m', "message", "TEXT", struct import_args, message,
		   "commit message of the image"),
	OPT_STRING(0, "platform", "OS/ARCH", struct import_args, platform, "platform of the image"),
	OPT_END,
};

static int import_run(void *data, void *args, char **operands, struct err *err)
{
	struct import_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *report = NULL;
	_cleanup_strv_ char **words = NULL;
	const char *id;

	if (!engine)
		return 1;
	for (size_t i = 0; a->changes && a->changes[i]; i++) {
		strv_add(&words, "--change");
		strv_add(&words, a->changes[i]);
	}
	if (a->message) {
		strv_add(&words, "--message");
		strv_add(&words, a->message);
	}
	if (a->platform) {
		strv_add(&words, "--platform");
		strv_add(&words, a->platform);
	}
	if (str_prefix(operands[0], "http://") || str_prefix(operands[0], "https://")) {
		err_set(err, EOPNOTSUPP, "import from a URL is not possible yet");
		err_hint(err, "pipe it: curl URL | cloche import - NAME");
		return 1;
	}
	strv_add(&words, operands[0]);
	if (image_transfer(engine, "import", words, -1, &report, err) < 0)
		return 1;
	id = json_string_at(json_array_get(json_at(report, "images"), 0), "id", "");
	if (operands[1] && image_tag_add(engine, id, operands[1], err) < 0)
		return 1;
	(void)printf("%s\n", id);
	return 0;
}

const struct command command_import = {
	.group = "image",
	.name = "import",
	.alias = "import",
	.args = "FILE|- [NAME[:TAG]]",
	.summary = "make an image of a root file system in a tar archive",
	.opts = import_opts,
	.args_size = sizeof(struct import_args),
	.run = import_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- images ----------------------------------------------------------------------------------- */

struct images_args {
	bool all, digests, no_trunc, quiet;
	const char *format;
	char **filters;
};

static const struct opt images_opts[] = {
	OPT_BOOL('a', "all", struct images_args, all, "show all images"),
	OPT_BOOL(0, "digests", struct images_args, digests, "show the digests of their manifests"),
	OPT_LIST('f', "filter", "NAME=VALUE", struct images_args, filters,
		 "before, dangling, label, reference, since or until"),
	OPT_STRING(0, "format", "TEMPLATE", struct images_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_BOOL(0, "no-trunc", struct images_args, no_trunc, "do not shorten"),
	OPT_BOOL('q', "quiet", struct images_args, quiet, "print ids only"),
	OPT_END,
};

static const struct table_column image_headings[] = {
	{ "REPOSITORY", "Repository" },
	{ "TAG", "Tag" },
	{ "IMAGE ID", "ID" },
	{ "CREATED", "CreatedSince" },
	{ "CREATED AT", "CreatedAt" },
	{ "SIZE", "Size" },
	{ "DIGEST", "Digest" },
	{ "CONTAINERS", "Containers" },
	{ "SHARED SIZE", "SharedSize" },
	{ "UNIQUE SIZE", "UniqueSize" },
	{ NULL, NULL },
};
static const struct table_column image_columns[] = {
	{ NULL, "Repository" },	  { NULL, "Tag" },  { NULL, "ID" },
	{ NULL, "CreatedSince" }, { NULL, "Size" }, { NULL, NULL },
};
static const struct table_column image_columns_digests[] = {
	{ NULL, "Repository" },	  { NULL, "Tag" },  { NULL, "Digest" }, { NULL, "ID" },
	{ NULL, "CreatedSince" }, { NULL, "Size" }, { NULL, NULL },
};

/* "2026-11-24T12:00:00Z" to seconds; what does not parse is the time when we got it. */
static int64_t created_seconds(const struct image_row *row)
{
	_cleanup_json_ json_t *config = json_loads(row->config ? row->config : "{}", 0, NULL);
	struct tm tm = { 0 };

	if (!strptime(json_string_at(config, "created", ""), "%Y-%m-%dT%H:%M:%S", &tm))
		return row->created_ns / 1000000000;
	return timegm(&tm);
}

/* The NAME@DIGEST of the same repository as a tag; "<none>". */
static const char *digest_beside(const struct image_row *image, const char *name)
{
	size_t length = strcspn(name, "@");
	const char *colon = strrchr(name, ':');

	if (!name[length] && colon)
		length = (size_t)(colon - name);
	for (size_t i = 0; image->tags && image->tags[i]; i++)
		if (image_name_is_digest(image->tags[i]) &&
		    strncmp(image->tags[i], name, length) == 0 && image->tags[i][length] == '@')
			return image->tags[i] + length + 1;
	return "<none>";
}

/* name: a tag, a NAME@DIGEST, or NULL. */
static void image_put(json_t *rows, const struct image_row *image, const char *name,
		      const struct images_args *a)
{
	int64_t created = created_seconds(image);
	_cleanup_free_ char *age = duration_text(engine_now_ns() / 1000000000 - created);
	_cleanup_free_ char *since = str_printf("%s ago", age);
	_cleanup_free_ char *size = str_size((double)image->size_bytes, 1000, 3);
	_cleanup_free_ char *id = a->no_trunc ? str_dup(image->id) : str_ndup(image->id + 7, 12);
	_cleanup_free_ char *familiar = name ? image_familiar(name) : str_dup("<none>");
	_cleanup_free_ char *at = time_text(created * 1000000000);
	const char *tag = "<none>";
	json_t *row = json_object();

	if (name && image_name_is_digest(name)) {
		familiar[strcspn(familiar, "@")] = '\0';
	} else if (name) {
		char *colon = strrchr(familiar, ':');

		*colon = '\0';
		tag = colon + 1;
	}
	json_put(row, "Repository", json_text(familiar));
	json_put(row, "Tag", json_text(tag));
	json_put(row, "ID", json_text(id));
	json_put(row, "Digest", json_text(name ? digest_beside(image, name) : "<none>"));
	json_put(row, "CreatedSince", json_text(since));
	json_put(row, "CreatedAt", json_text(at));
	json_put(row, "Size", json_text(size));
	json_put(row, "Containers", json_text("N/A")); /* as Docker's without system df */
	json_put(row, "SharedSize", json_text("N/A"));
	json_put(row, "UniqueSize", json_text("N/A"));
	json_push(rows, row);
}

/* One name of an image against the filters. */
struct image_name {
	const struct image_row *row;
	const char *tag;	     /* NULL: it has none */
	int64_t before_ns, since_ns; /* of the images named; 0: not asked */
	int64_t until_ns;
};

/* path.Match over the name with and without its tag, as Docker does */
static bool reference_matches(const char *tag, const char *pattern)
{
	_cleanup_free_ char *familiar = tag ? image_familiar(tag) : NULL;

	if (!familiar)
		return false;
	if (fnmatch(pattern, familiar, FNM_PATHNAME) == 0)
		return true;
	if (image_name_is_digest(familiar))
		familiar[strcspn(familiar, "@")] = '\0';
	else
		*strrchr(familiar, ':') = '\0';
	return fnmatch(pattern, familiar, FNM_PATHNAME) == 0;
}

static bool image_filter(const char *name, const char *value, void *data)
{
	const struct image_name *image = data;

	if (strcmp(name, "dangling") == 0)
		return (strcmp(value, "true") == 0 || strcmp(value, "1") == 0) ==
		       (!image->tag || image_name_is_digest(image->tag));
	if (strcmp(name, "reference") == 0)
		return reference_matches(image->tag, value);
	if (strcmp(name, "before") == 0)
		return image->row->created_ns < image->before_ns;
	if (strcmp(name, "since") == 0)
		return image->row->created_ns > image->since_ns;
	if (strcmp(name, "until") == 0)
		return image->row->created_ns < image->until_ns;
	if (strcmp(name, "label") == 0) {
		_cleanup_json_ json_t *config =
			json_loads(image->row->config ? image->row->config : "{}", 0, NULL);

		return filter_label(json_at(config, "config.Labels"), value);
	}
	return true;
}

/* What before=, since= and until= refer to. */
static int image_filters_read(struct engine *engine, char *const *filters, struct image_name *name,
			      struct err *err)
{
	static const char *const names[] = { "before", "dangling", "label", "reference",
					     "since",  "until",	   NULL };
	const struct {
		const char *name;
		int64_t *ns;
	} others[] = { { "before", &name->before_ns }, { "since", &name->since_ns } };
	const char *until = filter_value(filters, "until"),
		   *dangling = filter_value(filters, "dangling");
	bool truth;

	if (filter_check(filters, names, err) < 0 ||
	    (dangling && filter_bool("dangling", dangling, &truth, err) < 0) ||
	    (until && time_option_parse(until, &name->until_ns, err) < 0))
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const char *value = filter_value(filters, others[i].name);
		struct image_row other = { 0 };

		if (!value)
			continue;
		if (image_resolve(engine, value, &other, err) < 0)
			return -err->code;
		*others[i].ns = other.created_ns;
		image_row_clear(&other);
	}
	return 0;
}

static bool image_wanted(struct image_name *name, const struct image_row *row, const char *tag,
			 const char *reference, const struct images_args *a)
{
	name->row = row;
	name->tag = tag;
	return (!reference || reference_matches(tag, reference)) &&
	       filter_match(a->filters, image_filter, name);
}

static int images_run(void *data, void *args, char **operands, struct err *err)
{
	struct images_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *rows = json_array();
	struct image_row *images = NULL;
	struct image_name name = { 0 };
	int count;

	if (!engine || !engine_store(engine, err) ||
	    image_filters_read(engine, a->filters, &name, err) < 0)
		return 1;
	count = image_list(engine->store, true, &images, err);
	if (count < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		char *const *names = images[i].tags;
		const char *first = names ? names[0] : NULL;
		bool tagged = false;

		for (size_t k = 0; names && names[k]; k++) {
			tagged |= !image_name_is_digest(names[k]);
			if (!image_name_is_digest(names[k]) &&
			    image_wanted(&name, &images[i], names[k], operands[0], a))
				image_put(rows, &images[i], names[k], a);
		}
		if (!tagged && image_wanted(&name, &images[i], first, operands[0], a))
			image_put(rows, &images[i], first, a);
	}
	image_rows_free(images, (size_t)count);
	return table_print(a->quiet ? "{{.ID}}" : a->format,
			   a->digests ? image_columns_digests : image_columns, image_headings, rows,
			   err) < 0;
}

const struct command command_images = {
	.group = "image",
	.name = "ls",
	.alias = "images",
	.args = "[NAME[:TAG]]",
	.summary = "list images",
	.opts = images_opts,
	.args_size = sizeof(struct images_args),
	.run = images_run,
	.flags = COMMAND_INTERSPERSED,
};

struct rmi_args {
	bool force, no_prune;
};

static const struct opt rmi_opts[] = {
	OPT_BOOL('f', "force", struct rmi_args, force, "remove an image that has several names"),
	OPT_BOOL(0, "no-prune", struct rmi_args, no_prune,
		 "no effect: an image has no parents here"),
	OPT_END,
};

static int rmi_run(void *data, void *args, char **operands, struct err *err)
{
	struct rmi_args *a = args;
	int status = 0;

	(void)err;
	for (size_t i = 0; operands[i]; i++) {
		struct err one = ERR_NONE;
		struct engine *engine = cli_engine(data, &one);
		_cleanup_strv_ char **lines = NULL;
		int r = engine ? image_remove(engine, operands[i], a->force, &lines, &one) : -1;

		for (size_t k = 0; lines && lines[k]; k++)
			(void)printf("%s\n", lines[k]);
		if (r < 0) {
			int failed = cli_fail(&one);

			/* with -f the message alone, as with Docker */
			status |= a->force && r == -ENOENT ? 0 : failed;
		}
	}
	return status;
}

const struct command command_rmi = {
	.group = "image",
	.name = "rm",
	.alias = "rmi",
	.args = "IMAGE...",
	.summary = "remove one or more images",
	.opts = rmi_opts,
	.args_size = sizeof(struct rmi_args),
	.run = rmi_run,
	.flags = COMMAND_INTERSPERSED,
};

static const struct opt no_opts[] = { OPT_END };

static int tag_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	return !engine || image_tag_add(engine, operands[0], operands[1], err) < 0;
}

const struct command command_tag = {
	.group = "image",
	.name = "tag",
	.alias = "tag",
	.args = "IMAGE NAME[:TAG]",
	.summary = "give an image another name",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = tag_run,
	.flags = COMMAND_INTERSPERSED,
};
