/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/outcome.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/sha256.h"
#include "image/store.h"
#include "image/work.h"

void outcome_clear(struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->image_count; i++) {
		image_config_clear(&outcome->images[i].config);
		strv_clear(outcome->images[i].names);
		free(outcome->images[i].manifest);
		free(outcome->images[i].blobs);
	}
	free(outcome->images);
	free(outcome->layers);
	for (size_t i = 0; i < outcome->part_count; i++)
		part_close(&outcome->parts[i]);
	free(outcome->parts);
	for (size_t i = 0; i < outcome->file_count; i++)
		free(outcome->files[i].path);
	free(outcome->files);
	*outcome = OUTCOME_EMPTY;
}

struct outcome_image *outcome_add_image(struct outcome *outcome, struct image_config *config)
{
	struct outcome_image *image;

	outcome->images = reallocarray(outcome->images, outcome->image_count + 1, sizeof(*image));
	if (!outcome->images)
		abort();
	image = &outcome->images[outcome->image_count++];
	*image = (struct outcome_image){ .config = *config };
	*config = IMAGE_CONFIG_EMPTY;
	sha256_of(image->config.raw, image->config.raw_length, image->id);
	return image;
}

void outcome_add_layer(struct outcome *outcome, const struct layer *layer)
{
	outcome->layers = reallocarray(outcome->layers, outcome->layer_count + 1, sizeof(*layer));
	if (!outcome->layers)
		abort();
	outcome->layers[outcome->layer_count++] = *layer;
}

void outcome_add_blob(struct outcome_image *image, const char *digest, uint64_t size_bytes)
{
	struct outcome_blob *blob;

	image->blobs = reallocarray(image->blobs, image->blob_count + 1, sizeof(*blob));
	if (!image->blobs)
		abort();
	blob = &image->blobs[image->blob_count++];
	*blob = (struct outcome_blob){ .size_bytes = size_bytes };
	(void)str_append(blob->digest, sizeof(blob->digest), digest);
}

void outcome_add_file(struct outcome *outcome, const char *digest, const char *path)
{
	struct outcome_file *file;

	outcome->files = reallocarray(outcome->files, outcome->file_count + 1, sizeof(*file));
	if (!outcome->files)
		abort();
	file = &outcome->files[outcome->file_count++];
	*file = (struct outcome_file){ .path = str_dup(path) };
	(void)str_append(file->digest, sizeof(file->digest), digest);
}

void outcome_add_outline(struct outcome *outcome, const char *digest, const char *path)
{
	outcome_add_file(outcome, digest, path);
	outcome->files[outcome->file_count - 1].outline = true;
}

bool outcome_has_file(const struct outcome *outcome, const char *digest)
{
	for (size_t i = 0; i < outcome->file_count; i++)
		if (strcmp(outcome->files[i].digest, digest) == 0)
			return true;
	return false;
}

void outcome_add_part(struct outcome *outcome, struct part_file *part)
{
	outcome->parts = reallocarray(outcome->parts, outcome->part_count + 1, sizeof(*part));
	if (!outcome->parts)
		abort();
	outcome->parts[outcome->part_count++] = *part;
	*part = PART_FILE_NONE;
}

const struct layer *outcome_layer(const struct outcome *outcome, const char *diff_id)
{
	for (size_t i = 0; i < outcome->layer_count; i++)
		if (strcmp(outcome->layers[i].diff_id, diff_id) == 0)
			return &outcome->layers[i];
	return NULL;
}

/* The configuration and the manifest: how many of them are new. */
static int write_documents(const struct outcome_image *image, const struct work *work,
			   struct err *err)
{
	int config = blob_write(work, image->id, image->config.raw, image->config.raw_length, err);
	int manifest = config < 0 || !image->manifest ?
			       0 :
			       blob_write(work, image->manifest_digest, image->manifest,
					  image->manifest_length, err);

	return config < 0 || manifest < 0 ? -err->code : config + manifest;
}

static int move_documents(const struct outcome_image *image, const struct work *work,
			  struct err *err)
{
	int r = blob_move(work, digest_hex(image->id), image->id, err);

	return r < 0 || !image->manifest ? r :
					   blob_move(work, digest_hex(image->manifest_digest),
						     image->manifest_digest, err);
}

/* Contents, a sync, names, a sync: the first one has all to do, and there are no more, because each waits for the disk, and
 * for what others wrote. Of an image that is there as a whole nothing is new. */
int outcome_store(const struct outcome *outcome, const struct work *work, struct err *err)
{
	size_t new = outcome->part_count + outcome->file_count;
	int r = 0;

	for (size_t i = 0; i < outcome->layer_count; i++)
		new += outcome->layers[i].folder[0] != '\0';
	for (size_t i = 0; r >= 0 && i < outcome->image_count; i++) {
		r = write_documents(&outcome->images[i], work, err);
		new += r > 0;
	}
	if (r < 0 || new == 0)
		return r;
	r = work_sync(work, err);
	for (size_t i = 0; r == 0 && i < outcome->layer_count; i++) {
		const struct layer *layer = &outcome->layers[i];

		if (layer->folder[0])
			r = layer_commit(work, layer->folder, layer->diff_id, err);
	}
	for (size_t i = 0; r == 0 && i < outcome->part_count; i++)
		r = part_keep(&outcome->parts[i], err);
	for (size_t i = 0; r == 0 && i < outcome->file_count; i++) {
		const struct outcome_file *file = &outcome->files[i];

		r = file->outline ? outline_move(work, file->path, file->digest, err) :
				    blob_move(work, file->path, file->digest, err);
	}
	for (size_t i = 0; r == 0 && i < outcome->image_count; i++)
		r = move_documents(&outcome->images[i], work, err);
	return r == 0 ? store_sync(work, err) : r;
}

/* Overlayfs refuses one folder twice (ELOOP). The lower one shows nothing that the upper one does not. */
static bool comes_again(char *const *rest, const char *diff_id)
{
	for (; *rest; rest++)
		if (strcmp(*rest, diff_id) == 0)
			return true;
	return false;
}

static json_t *blobs_json(const struct outcome_image *image)
{
	json_t *blobs = json_array();

	for (size_t i = 0; i < image->blob_count; i++) {
		json_t *one = json_object();

		json_put(one, "digest", json_text(image->blobs[i].digest));
		json_put(one, "size", json_integer((json_int_t)image->blobs[i].size_bytes));
		json_push(blobs, one);
	}
	return blobs;
}

static json_t *image_json(const struct outcome *outcome, const struct outcome_image *image)
{
	json_t *json = json_object(), *layers = json_array();
	char *const *diff_ids = image->config.diff_ids;
	size_t count = strv_length(diff_ids), first = 0;
	uint64_t size = 0;

	for (size_t i = 0; i < count; i++) {
		const struct layer *layer = outcome_layer(outcome, diff_ids[i]);

		/* one that an opaque layer hides need not be there */
		if (layer && layer->opaque_root)
			first = i;
	}
	for (size_t i = first; i < count; i++) {
		const struct layer *layer = outcome_layer(outcome, diff_ids[i]);
		json_t *one;

		if (!layer || comes_again(diff_ids + i + 1, diff_ids[i]))
			continue;
		one = json_object();
		json_put(one, "diff_id", json_text(layer->diff_id));
		json_put(one, "size", json_integer((json_int_t)layer->size_bytes));
		json_put(one, "skipped_devices", json_integer((json_int_t)layer->skipped_devices));
		json_push(layers, one);
		size += layer->size_bytes;
	}
	json_put(json, "id", json_text(image->id));
	json_put(json, "names", json_from_strv(image->names));
	json_put(json, "config", json_text(image->id));
	json_put(json, "manifest",
		 image->manifest ? json_text(image->manifest_digest) : json_null());
	json_put(json, "manifest_made", json_boolean(image->manifest_made));
	json_put(json, "repacked", json_boolean(image->repacked));
	json_put(json, "size", json_integer((json_int_t)size));
	json_put(json, "layers", layers);
	json_put(json, "blobs", blobs_json(image));
	return json;
}

int outcome_print(const struct outcome *outcome, struct err *err)
{
	_cleanup_json_ json_t *json = json_object();
	_cleanup_free_ char *text = NULL;
	json_t *images = json_array();
	int r;

	for (size_t i = 0; i < outcome->image_count; i++)
		json_push(images, image_json(outcome, &outcome->images[i]));
	json_put(json, "images", images);
	text = json_dumps(json, JSON_COMPACT);
	if (!text)
		return err_set(err, ENOMEM, "write the report");
	r = fd_write_all(STDOUT_FILENO, text, strlen(text));
	if (r == 0)
		r = fd_write_all(STDOUT_FILENO, "\n", 1);
	return r < 0 ? err_sys(err, r, "write the report") : 0;
}
