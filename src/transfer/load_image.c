/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/load_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/document.h"
#include "image/image_config.h"
#include "image/sha256.h"
#include "transfer/bundle.h"
#include "transfer/kept_blob.h"
#include "transfer/load_layer.h"
#include "transfer/outcome.h"

static void part_clear(struct part *part)
{
	free(part->name);
	free(part->digest);
}

void image_parts_clear(struct image_parts *parts)
{
	part_clear(&parts->config);
	for (size_t i = 0; i < parts->layer_count; i++)
		part_clear(&parts->layers[i]);
	free(parts->layers);
	strv_clear(parts->names);
	free(parts->manifest);
	*parts = IMAGE_PARTS_EMPTY;
}

int part_check_size(const struct part *part, uint64_t size, struct err *err)
{
	if (!part->size_known || part->size_bytes == size)
		return 0;
	return err_set(err, EBADMSG, "%.400s has %llu bytes, not %llu as its descriptor says",
		       part->name, (unsigned long long)size, (unsigned long long)part->size_bytes);
}

int part_check_digest(const struct part *part, const char *is, struct err *err)
{
	if (!part->digest || strcmp(part->digest, is) == 0)
		return 0;
	return err_set(err, EBADMSG, "%.400s is not what its digest names (%s): damaged or forged",
		       part->name, is);
}

static int read_config(const struct load *load, const struct part *part,
		       struct image_config *ret_config, struct err *err)
{
	_cleanup_(buf_clear) struct buf buf = BUF_EMPTY;
	char digest[DIGEST_SIZE];
	int r = bundle_read(load->bundle, part->name, DOCUMENT_SIZE, &buf, err);

	if (r == 0)
		r = part_check_size(part, buf.length, err);
	if (r < 0)
		return r;
	sha256_of(buf.data, buf.length, digest);
	r = part_check_digest(part, digest, err);
	return r < 0 ? r : image_config_parse(buf.data, buf.length, ret_config, err);
}

/* Names may be many and are checked already: the first tells which image an error is about. */
static const char *called(const struct image_parts *parts)
{
	return parts->names && parts->names[0] ? parts->names[0] : parts->config.name;
}

int load_image(const struct load *load, struct image_parts *parts, struct err *err)
{
	_cleanup_(image_config_clear) struct image_config config = IMAGE_CONFIG_EMPTY;
	_cleanup_free_ struct kept_blob *blobs = mem_new((parts->layer_count + 1) * sizeof(*blobs));
	struct outcome_image *image;
	int r = read_config(load, &parts->config, &config, err);

	if (r == 0 && strv_length(config.diff_ids) != parts->layer_count)
		r = err_set(err, EBADMSG, "it has %zu layers, but its configuration names %zu",
			    parts->layer_count, strv_length(config.diff_ids));
	if (r == 0 && config.os && *config.os && strcmp(config.os, "linux") != 0)
		r = err_set(err, EINVAL, "it is an image for %.100s", config.os);
	if (r == 0)
		r = load_layers(load, parts->layers, config.diff_ids, parts->layer_count, blobs,
				err);
	if (r < 0)
		return err_wrap(err, "image %.300s", called(parts));
	image = outcome_add_image(load->outcome, &config);
	image->names = ptr_take(&parts->names);
	for (size_t i = 0; i < parts->layer_count; i++)
		outcome_add_blob(image, blobs[i].digest, blobs[i].size_bytes);
	if (parts->manifest) {
		sha256_of(parts->manifest, parts->manifest_length, image->manifest_digest);
		image->manifest = ptr_take(&parts->manifest);
		image->manifest_length = parts->manifest_length;
	} else {
		kept_blob_manifest(image, blobs, parts->layer_count);
	}
	return 0;
}
