/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* outdated: images whose packages are older than the host's own. */
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
#include "cli/grid.h"
#include "cli/outdated_remote.h"
#include "cli/package_view.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "state/store.h"

struct outdated_args {
	bool json, packages, remote;
	char **insecure;
};

static const struct opt outdated_opts[] = {
	OPT_FORMAT_JSON(struct outdated_args, json),
	OPT_BOOL(0, "json", struct outdated_args, json, "print an array of objects"),
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct outdated_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_BOOL('p', "packages", struct outdated_args, packages, "name each older package"),
	OPT_BOOL(0, "remote", struct outdated_args, remote,
		 "instead, list tags that lead to another image at their registry by now"),
	OPT_END,
};

struct finding { /* an image */
	char *name, *containers;
	bool ended; /* its distribution's support */
	struct package_view view;
};

char *outdated_users(struct store *store, const struct image_row *image, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_strv_ char **ids = NULL;

	if (image_users(store, image->id, &ids, err) < 0)
		return str_dup("");
	for (size_t i = 0; ids && ids[i]; i++) {
		struct container_row row = { 0 };

		if (container_find(store, ids[i], &row, err) < 0) {
			err_clear(err); /* it was removed meanwhile */
			continue;
		}
		buf_printf(&text, "%s%s", text.length ? "," : "", row.name);
		container_row_clear(&row);
	}
	return str_dup(text.data ? text.data : "");
}

/* Images that containers use before others; then those whose distribution gets no fixes any more, most exposed packages first, most older ones first. */
static int by_urgency(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	bool x_used = *x->containers != '\0', y_used = *y->containers != '\0';

	if (x_used != y_used)
		return y_used - x_used;
	if (x->ended != y->ended)
		return y->ended - x->ended;
	if (x->view.exposed != y->view.exposed)
		return x->view.exposed < y->view.exposed ? 1 : -1;
	if (x->view.older != y->view.older)
		return x->view.older < y->view.older ? 1 : -1;
	return strcmp(x->name, y->name);
}

static char *distribution_text(const struct distribution *distribution)
{
	return str_printf("%s%s%s", *distribution->id ? distribution->id : "-",
			  *distribution->version ? " " : "", distribution->version);
}

static void grid_packages(struct grid *grid, const json_t *packages)
{
	const json_t *one;
	size_t i;

	json_array_foreach(packages, i, one)
	{
		_cleanup_free_ char *line = str_printf(
			"%s %s, the host has %s%s", json_string_at(one, "Name", ""),
			json_string_at(one, "Version", ""), json_string_at(one, "HostVersion", ""),
			json_is_true(json_object_get(one, "Exposed")) ? " (exposed)" : "");

		for (int c = 0; c < 6; c++)
			grid_cell(grid, "");
		grid_cell(grid, line);
	}
}

static void grid_out(const struct finding *list, size_t count, bool packages)
{
	static const struct grid_column columns[] = {
		{ "IMAGE", false, 40 }, { "DISTRIBUTION", false, 20 },
		{ "EXPOSED", true, 0 }, { "OLDER", true, 0 },
		{ "OF", true, 0 },	{ "CONTAINERS", false, 40 },
		{ "", false, 0 },	{ NULL, false, 0 },
	};
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;

	for (size_t i = 0; i < count; i++) {
		const struct package_view *view = &list[i].view;
		_cleanup_free_ char *distribution = distribution_text(&view->distribution),
				    *remark = NULL;

		if (list[i].ended)
			remark = str_printf("support ended on %s%s%s",
					    view->distribution.support_end,
					    view->why_not ? "; " : "",
					    view->why_not ? view->why_not : "");
		grid_cell(&grid, list[i].name);
		grid_cell(&grid, distribution);
		if (view->why_not) {
			for (int c = 0; c < 3; c++)
				grid_cell(&grid, "-");
		} else {
			grid_number(&grid, view->exposed);
			grid_number(&grid, view->older);
			grid_number(&grid, view->common);
		}
		grid_cell(&grid, *list[i].containers ? list[i].containers : "-");
		grid_cell(&grid, remark ? remark : view->why_not ? view->why_not : "");
		if (packages)
			grid_packages(&grid, view->packages);
	}
	grid_print(&grid, columns, true, stdout);
}

static void json_out(const struct finding *list, size_t count)
{
	_cleanup_json_ json_t *all = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct package_view *view = &list[i].view;
		_cleanup_free_ char *distribution = distribution_text(&view->distribution);
		json_t *one = json_object();

		json_put(one, "Image", json_text(list[i].name));
		json_put(one, "Distribution", json_text(distribution));
		json_put(one, "SupportEnd", json_text(view->distribution.support_end));
		json_put(one, "SupportEnded", json_boolean(list[i].ended));
		json_put(one, "Containers", json_text(list[i].containers));
		json_put(one, "Common", json_integer((json_int_t)view->common));
		json_put(one, "Exposed", json_integer((json_int_t)view->exposed));
		json_put(one, "Older", json_incref(view->packages));
		json_put(one, "NotCompared",
			 view->why_not ? json_text(view->why_not) : json_null());
		json_push(all, one);
	}
	(void)json_dumpf(all, stdout, JSON_INDENT(1));
	(void)putchar('\n');
}

/* Reading an rpm database closes the store, so that all is asked of it before. */
static struct finding *findings_of(struct engine *engine, struct store *store,
				   const struct image_row *images, size_t count, struct err *err)
{
	struct finding *list = mem_new((count + 1) * sizeof(*list));
	struct package_host host = PACKAGE_HOST_EMPTY;
	char today[16];

	package_view_today(today);
	for (size_t i = 0; i < count; i++)
		list[i].containers = outdated_users(store, &images[i], err);
	for (size_t i = 0; i < count; i++) {
		list[i].name = images[i].tags && images[i].tags[0] ?
				       image_familiar(images[i].tags[0]) :
				       str_ndup(images[i].id, 19);
		package_view_compare(engine, &images[i], &host, &list[i].view);
		list[i].ended = distribution_ended(&list[i].view.distribution, today);
	}
	package_host_clear(&host);
	qsort(list, count, sizeof(*list), by_urgency);
	return list;
}

static int outdated_run(void *data, void *args, char **operands, struct err *err)
{
	const struct outdated_args *a = args;
	struct engine *engine = cli_engine(data, err);
	struct store *store = engine ? engine_store(engine, err) : NULL;
	struct image_row *images = NULL;
	struct finding *list;
	int count;

	(void)operands;
	if (a->remote)
		return !engine || outdated_remote(engine, a->json, a->insecure, err) < 0;
	count = store ? image_list(store, false, &images, err) : -err->code;
	if (count < 0)
		return 1;
	list = findings_of(engine, store, images, (size_t)count, err);
	image_rows_free(images, (size_t)count);
	if (a->json)
		json_out(list, (size_t)count);
	else
		grid_out(list, (size_t)count, a->packages);
	for (int i = 0; i < count; i++) {
		free(list[i].name);
		free(list[i].containers);
		package_view_clear(&list[i].view);
	}
	free(list);
	return 0;
}

const struct command command_outdated = {
	.name = "outdated",
	.args = "",
	.summary =
		"list images and their containers whose distribution packages are older than the host's",
	.details =
		"Of packages that both have, by dpkg's, apk's or rpm's database in the image's layers (of rpm's forms SQLite and Berkeley DB are read, SUSE's own "
		"is not). The most urgent come first: images that containers use, then those whose distribution gets no security fixes any more, then by "
		"EXPOSED, the older packages that meet the outside (the C library, TLS, SSH, parsers, servers), then by all older ones. An image of another distribution than the host's is listed and not compared. With --remote "
		"the registries are asked, by one HEAD for each tag that was pulled or pushed.",
	.opts = outdated_opts,
	.args_size = sizeof(struct outdated_args),
	.run = outdated_run,
	.flags = COMMAND_INTERSPERSED,
};
