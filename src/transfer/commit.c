/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "image/work.h"
#include "transfer/change.h"
#include "transfer/compress.h"
#include "transfer/import.h"
#include "transfer/kept_blob.h"
#include "transfer/layer.h"
#include "transfer/outcome.h"
#include "transfer/stored_blob.h"

/* What of a container's Config an image keeps (image spec, config.md). */
static const char *const kept[] = { "User",	  "ExposedPorts", "Env",	"Entrypoint",
				    "Cmd",	  "Volumes",	  "WorkingDir", "Labels",
				    "StopSignal", "Healthcheck",  "OnBuild",	"Shell" };

static int parent_read(const struct work *work, const char *id, json_t **ret_image, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_free_ char *path = NULL;
	int r;

	if (!digest_valid(id))
		return err_set(err, EINVAL, "\"%s\" is no id of an image", id);
	path = str_printf("blobs/sha256/%s", digest_hex(id));
	r = file_read(work->root, path, 16 << 20, &text);
	if (r < 0)
		return err_sys(err, r, "read the configuration of %s", id);
	*ret_image = json_loadb(text.data ? text.data : "", text.length, 0, NULL);
	return *ret_image ? 0 : err_set(err, EBADMSG, "the configuration of %s is damaged", id);
}

static bool empty(const json_t *value)
{
	return !value || json_is_null(value) ||
	       (json_is_string(value) && !*json_string_value(value)) ||
	       (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

static int config_fill(json_t *image, const struct commit_options *options, struct err *err)
{
	_cleanup_json_ json_t *given = json_loads(options->config, 0, NULL);
	json_t *config = json_object();
	int r = 0;

	json_put(image, "config", config);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (!empty(json_object_get(given, kept[i])))
			json_put(config, kept[i], json_copy(json_object_get(given, kept[i])));
	for (size_t i = 0; r == 0 && options->changes && options->changes[i]; i++)
		r = change_apply(config, options->changes[i], err);
	return r;
}

static void history_add(json_t *image, const struct commit_options *options)
{
	json_t *history = json_object_get(image, "history"), *step = json_object();

	if (!json_is_array(history)) {
		history = json_array();
		json_put(image, "history", history);
	}
	json_put(image, "created", import_now_json());
	json_put(step, "created", json_copy(json_object_get(image, "created")));
	if (options->created_by)
		json_put(step, "created_by", json_text(options->created_by));
	if (options->author) {
		json_put(image, "author", json_text(options->author));
		json_put(step, "author", json_text(options->author));
	}
	if (options->message)
		json_put(step, "comment", json_text(options->message));
	json_push(history, step);
}

/* The parent's archives, and the new layer's. */
static int manifest_make(const struct work *work, const char *parent, const struct kept_blob *blob,
			 struct outcome_image *image, struct err *err)
{
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_free_ char *type = NULL;
	_cleanup_free_ struct kept_blob *blobs = NULL;
	int r;

	outcome_add_blob(image, blob->digest, blob->size_bytes);
	if (!parent)
		return 0;
	r = stored_manifest_read(work->root, parent, &bytes, &manifest, &type, err);
	if (r < 0)
		return r;
	blobs = mem_new((manifest.count + 1) * sizeof(*blobs));
	for (size_t i = 0; i < manifest.count; i++) {
		kept_blob_of(&manifest.items[i], &blobs[i]);
		outcome_add_blob(image, blobs[i].digest, blobs[i].size_bytes);
	}
	blobs[manifest.count] = *blob;
	kept_blob_manifest(image, blobs, manifest.count + 1);
	return 0;
}

/* What a registry and the store get of the new layer. */
static int keep_packed(const struct work *work, int fd, struct outcome *outcome,
		       struct kept_blob *ret_blob, struct err *err)
{
	static const char name[] = "packed";
	_cleanup_close_ int packed =
		openat(work->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = packed < 0 ? err_sys(err, errno, "make a file in tmp") :
			     compress_file(fd, packed, err);

	if (r == 0)
		r = kept_blob_add(work, packed, NULL, name, outcome, ret_blob, err);
	/* the plain archive is not needed any more */
	(void)unlinkat(work->dir, IMPORT_SPOOL, 0);
	return r;
}

int commit_image(const struct work *work, int fd, const struct commit_options *options,
		 struct outcome *outcome, struct err *err)
{
	_cleanup_(image_config_clear) struct image_config config = IMAGE_CONFIG_EMPTY;
	_cleanup_json_ json_t *image = NULL;
	_cleanup_free_ char *text = NULL;
	json_t *diff_ids;
	_cleanup_close_ int spooled = -1;
	struct kept_blob blob = { 0 };
	struct layer layer;
	int r = parent_read(work, options->parent, &image, err);

	if (r == 0)
		r = config_fill(image, options, err);
	if (r == 0) {
		r = import_spool(work, fd, options->limit_bytes, &spooled, err);
		fd = spooled;
	}
	if (r == 0)
		r = layer_unpack(work, LAYER_SOURCE(fd), NULL, options->limit_bytes, &layer, err);
	if (r == 0)
		r = keep_packed(work, fd, outcome, &blob, err);
	if (r < 0)
		return r;
	diff_ids = json_object_get(json_object_get(image, "rootfs"), "diff_ids");
	if (!json_is_array(diff_ids))
		return err_set(err, EBADMSG, "the configuration of %s has no layers",
			       options->parent);
	for (size_t i = 0; i < json_array_size(diff_ids);
	     i++) { /* they stay, and are counted again */
		struct layer below;

		r = layer_find(work->root, json_string_value(json_array_get(diff_ids, i)), &below,
			       err);
		if (r < 0)
			return r;
		if (r > 0)
			outcome_add_layer(outcome, &below);
	}
	json_push(diff_ids, json_text(layer.diff_id));
	history_add(image, options);
	text = json_dumps(image, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return err_set(err, ENOMEM, "write the image's configuration");
	r = image_config_parse(text, strlen(text), &config, err);
	if (r < 0)
		return r;
	outcome_add_layer(outcome, &layer);
	return manifest_make(work, options->manifest, &blob, outcome_add_image(outcome, &config),
			     err);
}
