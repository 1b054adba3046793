/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* outdated: images whose packages are older than the host's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/image_view.h"
#include "cli/outdated_remote.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "host/package.h"
#include "state/store.h"

enum { DATABASE_LIMIT_BYTES = 64 << 20 };

struct outdated_args {
	bool json, packages, remote;
	char **insecure;
};

static const struct opt outdated_opts[] = {
	OPT_BOOL(0, "json", struct outdated_args, json, "print an array of objects"),
	OPT_LIST(0, "insecure-registry", "HOST[:PORT]", struct outdated_args, insecure,
		 "a registry that needs no valid certificate, nor TLS"),
	OPT_BOOL('p', "packages", struct outdated_args, packages, "name each older package"),
	OPT_BOOL(0, "remote", struct outdated_args, remote,
		 "instead, list tags that lead to another image at their registry by now"),
	OPT_END,
};

struct finding { /* an image */
	char *name, *distribution, *containers;
	size_t common, older;
	json_t *packages;
	const char *why_not; /* NULL: compared */
};

struct host_state {
	struct packages packages;
	char *id, *version;
};

static void host_read(struct host_state *host)
{
	static const char *const databases[] = { "/var/lib/dpkg/status", "/lib/apk/db/installed" };
	_cleanup_(buf_clear) struct buf release = BUF_EMPTY;

	if (file_read(AT_FDCWD, "/usr/lib/os-release", 65536, &release) < 0)
		(void)file_read(AT_FDCWD, "/etc/os-release", 65536, &release);
	host->id = os_release_value(release.data ? release.data : "", "ID");
	host->version = os_release_value(release.data ? release.data : "", "VERSION_ID");
	for (size_t i = 0; i < ARRAY_SIZE(databases) && host->packages.count == 0; i++) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		if (file_read(AT_FDCWD, databases[i], DATABASE_LIMIT_BYTES, &text) == 0)
			packages_parse(text.data, &host->packages);
	}
}

static void older_add(struct finding *finding, const struct package *theirs,
		      const struct package *own)
{
	json_t *one = json_object();

	json_put(one, "Name", json_text(theirs->name));
	json_put(one, "Version", json_text(theirs->version));
	json_put(one, "HostVersion", json_text(own->version));
	json_push(finding->packages, one);
	finding->older++;
}

static void image_compare(struct engine *engine, const struct image_row *image,
			  const struct host_state *host, struct finding *finding)
{
	static const char *const databases[] = { "var/lib/dpkg/status", "lib/apk/db/installed",
						 "usr/lib/apk/db/installed" };
	_cleanup_(buf_clear) struct buf release = BUF_EMPTY;
	_cleanup_free_ char *id = NULL, *version = NULL;
	struct packages theirs = PACKAGES_EMPTY;

	image_view_text(engine, image, "etc/os-release", 65536, &release);
	if (release.length == 0)
		image_view_text(engine, image, "usr/lib/os-release", 65536, &release);
	id = os_release_value(release.data, "ID");
	version = os_release_value(release.data, "VERSION_ID");
	finding->distribution = str_printf("%s%s%s", *id ? id : "-", *version ? " " : "", version);
	if (strcmp(id, host->id) != 0) {
		finding->why_not = "another distribution than the host's";
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(databases) && theirs.count == 0; i++) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		image_view_text(engine, image, databases[i], DATABASE_LIMIT_BYTES, &text);
		packages_parse(text.data, &theirs);
	}
	if (theirs.count == 0)
		finding->why_not = "no dpkg or apk database that can be read";
	for (size_t i = 0; i < theirs.count; i++) {
		const struct package *own = packages_find(&host->packages, theirs.list[i].name);

		if (!own)
			continue;
		finding->common++;
		if (version_compare(theirs.list[i].version, own->version) < 0)
			older_add(finding, &theirs.list[i], own);
	}
	packages_clear(&theirs);
}

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

/* Most older packages first; of those that containers use before the others. */
static int by_urgency(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	bool x_used = *x->containers != '\0', y_used = *y->containers != '\0';

	if (x_used != y_used)
		return y_used - x_used;
	if (x->older != y->older)
		return x->older < y->older ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void grid_out(const struct finding *list, size_t count, bool packages)
{
	static const struct grid_column columns[] = {
		{ "IMAGE", false, 40 }, { "DISTRIBUTION", false, 20 }, { "OLDER", true, 0 },
		{ "OF", true, 0 },	{ "CONTAINERS", false, 40 },   { "", false, 0 },
		{ NULL, false, 0 },
	};
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;

	for (size_t i = 0; i < count; i++) {
		const json_t *one;
		size_t k;

		grid_cell(&grid, list[i].name);
		grid_cell(&grid, list[i].distribution);
		if (list[i].why_not) {
			grid_cell(&grid, "-");
			grid_cell(&grid, "-");
		} else {
			grid_number(&grid, list[i].older);
			grid_number(&grid, list[i].common);
		}
		grid_cell(&grid, *list[i].containers ? list[i].containers : "-");
		grid_cell(&grid, list[i].why_not ? list[i].why_not : "");
		json_array_foreach(list[i].packages, k, one)
		{
			_cleanup_free_ char *line = str_printf(
				"%s %s, the host has %s", json_string_at(one, "Name", ""),
				json_string_at(one, "Version", ""),
				json_string_at(one, "HostVersion", ""));

			for (int c = 0; packages && c < 5; c++)
				grid_cell(&grid, "");
			if (packages)
				grid_cell(&grid, line);
		}
	}
	grid_print(&grid, columns, true, stdout);
}

static void json_out(const struct finding *list, size_t count)
{
	_cleanup_json_ json_t *all = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *one = json_object();

		json_put(one, "Image", json_text(list[i].name));
		json_put(one, "Distribution", json_text(list[i].distribution));
		json_put(one, "Containers", json_text(list[i].containers));
		json_put(one, "Common", json_integer((json_int_t)list[i].common));
		json_put(one, "Older", json_incref(list[i].packages));
		json_put(one, "NotCompared",
			 list[i].why_not ? json_text(list[i].why_not) : json_null());
		json_push(all, one);
	}
	(void)json_dumpf(all, stdout, JSON_INDENT(1));
	(void)putchar('\n');
}

static int outdated_run(void *data, void *args, char **operands, struct err *err)
{
	const struct outdated_args *a = args;
	struct engine *engine = cli_engine(data, err);
	struct store *store = engine ? engine_store(engine, err) : NULL;
	struct host_state host = { 0 };
	struct image_row *images = NULL;
	struct finding *list;
	int count;

	(void)operands;
	if (a->remote)
		return !engine || outdated_remote(engine, a->json, a->insecure, err) < 0;
	count = store ? image_list(store, false, &images, err) : -err->code;
	if (count < 0)
		return 1;
	host_read(&host);
	list = mem_new(((size_t)count + 1) * sizeof(*list));
	for (int i = 0; i < count; i++) {
		list[i].name = images[i].tags && images[i].tags[0] ?
				       image_familiar(images[i].tags[0]) :
				       str_ndup(images[i].id, 19);
		list[i].packages = json_array();
		list[i].containers = outdated_users(store, &images[i], err);
		image_compare(engine, &images[i], &host, &list[i]);
	}
	qsort(list, (size_t)count, sizeof(*list), by_urgency);
	if (a->json)
		json_out(list, (size_t)count);
	else
		grid_out(list, (size_t)count, a->packages);
	for (int i = 0; i < count; i++) {
		free(list[i].name);
		free(list[i].distribution);
		free(list[i].containers);
		json_decref(list[i].packages);
	}
	free(list);
	image_rows_free(images, (size_t)count);
	packages_clear(&host.packages);
	free(host.id);
	free(host.version);
	return 0;
}

const struct command command_outdated = {
	.name = "outdated",
	.args = "",
	.summary = "list images whose distribution packages are older than the host's",
	.details =
		"Of packages that both have, by dpkg's or apk's database in the image's layers. Images that containers use come first, those with most "
		"older packages before others. An image of another distribution than the host's, or with an rpm database, is listed and not compared. With --remote "
		"the registries are asked, by one HEAD for each tag that was pulled or pushed.",
	.opts = outdated_opts,
	.args_size = sizeof(struct outdated_args),
	.run = outdated_run,
	.flags = COMMAND_INTERSPERSED,
};
