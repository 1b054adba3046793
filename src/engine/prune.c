/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/prune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/filter.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/disk_use.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/image.h"
#include "engine/image_files.h"
#include "engine/lifecycle.h"
#include "engine/network.h"
#include "engine/network_up.h"
#include "engine/status.h"
#include "engine/trash.h"
#include "engine/volume.h"
#include "image/parts.h"
#include "image/work.h"

void prune_result_clear(struct prune_result *result)
{
	strv_clear(result->lines);
	strv_clear(result->failed);
	*result = (struct prune_result){ 0 };
}

static void failed(struct prune_result *result, struct err *err)
{
	strv_add(&result->failed, err->words);
	err_clear(err);
}

/* busy: somebody took it into use since we looked, and it stays. */
static void left(struct prune_result *result, bool busy, struct err *err)
{
	if (busy)
		err_clear(err);
	else
		failed(result, err);
}

static bool label_wanted(const char *name, const char *value, void *data)
{
	if (strcmp(name, "label") == 0)
		return filter_label(data, value);
	return strcmp(name, "label!") != 0 || !filter_label(data, value);
}

static bool wanted(const struct prune_options *options, const json_t *labels, int64_t created_ns)
{
	return (!options->until_ns || created_ns < options->until_ns) &&
	       filter_match(options->filters, label_wanted, (void *)labels);
}

int prune_containers(struct engine *engine, const struct prune_options *options,
		     struct prune_result *result, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	int count = store ? container_list(store, true, &rows, err) : -err->code;

	for (int i = 0; i < count; i++) {
		_cleanup_json_ json_t *config = json_loads(rows[i].config, 0, NULL);
		struct container_status status;
		int64_t bytes;

		status_get(engine, rows[i].id, &status);
		if (status.status == STATUS_RUNNING ||
		    !wanted(options, json_at(config, "Config.Labels"), rows[i].created_ns))
			continue;
		bytes = disk_use_container(engine, rows[i].id);
		if (lifecycle_remove(engine, rows[i].id, false, false, err) < 0) {
			status_get(engine, rows[i].id, &status);
			left(result, status.status == STATUS_RUNNING, err);
			continue;
		}
		strv_add(&result->lines, rows[i].id);
		result->bytes += bytes;
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	if (count >= 0)
		event_prune(engine, "container", result->bytes);
	return count < 0 ? count : 0;
}

/* Remove every name of an image, then itself; with the last name it goes. */
static void image_prune_one(struct engine *engine, const struct image_row *row,
			    struct prune_result *result)
{
	_cleanup_strv_ char **lines = NULL;
	struct err err = ERR_NONE;
	int r = 0;

	if (!row->tags || !row->tags[0])
		r = image_remove(engine, row->id, false, &lines, &err);
	for (size_t i = 0; r == 0 && row->tags && row->tags[i]; i++) {
		_cleanup_free_ char *name = image_familiar(row->tags[i]);

		r = image_remove(engine, name, false, &lines, &err);
		if (r ==
		    -ENOENT) { /* it went with the name before: the digest of a pull with the last tag */
			err_clear(&err);
			r = 0;
		}
	}
	for (size_t i = 0; lines && lines[i]; i++) {
		/* Docker says it in small letters here */
		if (str_prefix(lines[i], "Untagged: "))
			lines[i][0] = 'u';
		if (str_prefix(lines[i], "Deleted: "))
			lines[i][0] = 'd';
		strv_add(&result->lines, lines[i]);
	}
	if (r < 0)
		failed(result, &err);
}

int prune_images(struct engine *engine, const struct prune_options *options,
		 struct prune_result *result, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct image_row *rows = NULL;
	int64_t before = store ? layers_size(store, err) : 0;
	int count = store ? image_list(store, true, &rows, err) : -err->code;

	for (int i = 0; i < count; i++) {
		_cleanup_json_ json_t *config =
			json_loads(rows[i].config ? rows[i].config : "{}", 0, NULL);
		_cleanup_strv_ char **users = NULL;
		bool named = rows[i].tags && rows[i].tags[0];

		if ((named && !options->all) ||
		    !wanted(options, json_at(config, "config.Labels"), rows[i].created_ns) ||
		    image_users(store, rows[i].id, &users, err) < 0 || strv_length(users) > 0)
			continue;
		image_prune_one(engine, &rows[i], result);
		store = engine_store(engine, err); /* the removal closed it */
		if (!store)
			break;
	}
	if (count > 0)
		image_rows_free(rows, (size_t)count);
	store = engine_store(engine, err);
	if (store)
		result->bytes += before - layers_size(store, err);
	if (count >= 0)
		event_prune(engine, "image", result->bytes);
	return count < 0 ? count : 0;
}

int prune_volumes(struct engine *engine, const struct prune_options *options,
		  struct prune_result *result, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct volume_row *rows = NULL;
	int count = store ? volume_list(store, &rows, err) : -err->code;

	for (int i = 0; i < count; i++) {
		_cleanup_json_ json_t *labels =
			json_loads(rows[i].labels ? rows[i].labels : "{}", 0, NULL);
		_cleanup_strv_ char **users = NULL;
		int64_t bytes;
		int r;

		if ((!rows[i].anonymous && !options->all) ||
		    !wanted(options, labels, rows[i].created_ns) ||
		    volume_users(store, rows[i].name, &users, err) < 0 || strv_length(users) > 0)
			continue;
		bytes = disk_use_volume(engine, rows[i].name);
		r = volume_remove(engine, rows[i].name, err);
		if (r < 0) {
			left(result, r == -EBUSY, err);
			continue;
		}
		strv_add(&result->lines, rows[i].name);
		result->bytes += bytes;
	}
	if (count > 0)
		volume_rows_free(rows, (size_t)count);
	if (count >= 0)
		event_prune(engine, "volume", result->bytes);
	return count < 0 ? count : 0;
}

int prune_networks(struct engine *engine, const struct prune_options *options,
		   struct prune_result *result, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct network_row *rows = NULL;
	int count = store ? network_list(store, &rows, err) : -err->code;
	int r = count < 0 ? count : 0;
	bool kept = false;

	for (int i = 0; r == 0 && i < count; i++) {
		_cleanup_json_ json_t *config = json_loads(rows[i].config, 0, NULL);
		struct endpoint_row *users = NULL;
		int n = endpoint_list(store, rows[i].id, NULL, &users, err);

		r = n < 0 ? n : 0;
		if (n > 0)
			endpoint_rows_free(users, (size_t)n);
		kept |= n > 0;
		if (n != 0 || strcmp(rows[i].name, "bridge") == 0 ||
		    strcmp(rows[i].driver, "null") == 0) /* a configuration is not used up */
			continue;
		if (!wanted(options, json_at(config, "Labels"), rows[i].created_ns)) {
			kept = true;
			continue;
		}
		r = network_remove(engine, rows[i].id, err);
		if (r < 0) {
			left(result, r == -EBUSY, err);
			r = 0;
			kept = true;
		} else {
			strv_add(&result->lines, rows[i].name);
		}
	}
	if (count > 0)
		network_rows_free(rows, (size_t)count);
	/* with the last network goes all that is ours on the host; the next start makes it anew */
	if (r == 0 && !kept)
		r = network_all_down(engine, err);
	if (r == 0)
		event_prune(engine, "network", result->bytes);
	return r;
}

static void prune_work(struct engine *engine, struct prune_result *result)
{
	int64_t before;
	int count = work_stale(engine->root, false);

	if (count == 0)
		return;
	before = disk_use_tree(engine->root, "tmp");
	count = work_stale(engine->root, true);
	if (count > 0) {
		int64_t freed = before - disk_use_tree(engine->root, "tmp");

		result->bytes += freed > 0 ? freed : 0; /* others write there meanwhile */
		strv_add_take(&result->lines,
			      str_printf("tmp: of %d command%s that %s killed", count,
					 count == 1 ? "" : "s", count == 1 ? "was" : "were"));
	}
}

static int prune_image_files(struct engine *engine, struct prune_result *result, struct err *err)
{
	_cleanup_strv_ char **found = NULL, **removed = NULL;
	int64_t bytes = 0;
	int r = image_files_sweep(engine, false, &found, err);

	for (size_t i = 0; found && found[i]; i++)
		bytes += disk_use_tree(engine->root, found[i]);
	if (r < 0 || !found || !found[0])
		return r;
	r = image_files_sweep(engine, true, &removed, err);
	if (r < 0 || !removed)
		return r; /* somebody has come, whose they may be */
	for (size_t i = 0; removed[i]; i++)
		strv_add(&result->lines, removed[i]);
	result->bytes += bytes;
	trash_sweep(engine);
	return 0;
}

int prune_leftovers(struct engine *engine, const struct prune_options *options,
		    struct prune_result *result, struct err *err)
{
	if (options->filters && options->filters[0])
		return 0;
	prune_work(engine, result);
	result->bytes += (int64_t)parts_sweep(engine->root, 0, &result->lines);
	return prune_image_files(engine, result, err);
}
