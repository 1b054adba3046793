/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "image/work.h"
#include "transfer/compress.h"
#include "transfer/kept_blob.h"
#include "transfer/layer.h"
#include "transfer/outcome.h"
#include "transfer/stored_blob.h"

struct packing {
	const struct work *work;
	struct outcome *outcome;
	struct manifest manifest;
	struct kept_blob *blobs;
};

static int read_config(const struct packing *p, struct image_config *config, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const struct descriptor *d = &p->manifest.config;
	uint64_t size;
	_cleanup_close_ int fd = stored_blob_open(p->work->root, d->digest, &size, err);
	int r = fd < 0 ? fd : fd_read_all(fd, 16 << 20, &text);

	if (fd < 0)
		return fd;
	if (r < 0)
		return err_sys(err, r, "read the configuration %s", d->digest);
	return image_config_parse(text.data ? text.data : "", text.length, config, err);
}

/* Made of these blobs anew it is the same: nobody else's. */
static bool is_ours(const struct packing *p, struct outcome_image *image, const struct buf *bytes)
{
	kept_blob_manifest(image, p->blobs, p->manifest.count);
	return image->manifest && image->manifest_length == bytes->length &&
	       memcmp(image->manifest, bytes->data, bytes->length) == 0;
}

static int pack_one(const struct packing *p, size_t i, struct err *err)
{
	_cleanup_free_ char *name = str_printf("packed-%zu", i);
	uint64_t size;
	_cleanup_close_ int plain = stored_blob_open(p->work->root, p->blobs[i].digest, &size, err);
	_cleanup_close_ int packed = -1;
	int r;

	if (plain < 0)
		return plain;
	packed = openat(p->work->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (packed < 0)
		return err_sys(err, errno, "make a file in tmp");
	r = compress_file(plain, packed, err);
	return r < 0 ? err_wrap(err, "layer %s", p->blobs[i].digest) :
		       kept_blob_add(p->work, packed, NULL, name, p->outcome, &p->blobs[i], err);
}

static int add_layers(const struct packing *p, const struct image_config *config, struct err *err)
{
	int r = 0;

	for (char *const *diff_id = config->diff_ids; r >= 0 && diff_id && *diff_id; diff_id++) {
		struct layer layer;

		r = outcome_layer(p->outcome, *diff_id) ?
			    0 :
			    layer_find(p->work->root, *diff_id, &layer, err);
		if (r > 0)
			outcome_add_layer(p->outcome, &layer);
	}
	return r < 0 ? r : 0;
}

static int pack_all(struct packing *p, struct outcome_image *image, struct err *err)
{
	int r = add_layers(p, &image->config, err);

	for (size_t i = 0; r == 0 && i < p->manifest.count; i++) {
		if (kept_blob_is_plain(&p->blobs[i]))
			r = pack_one(p, i, err);
		outcome_add_blob(image, p->blobs[i].digest, p->blobs[i].size_bytes);
	}
	if (r < 0)
		return r;
	free(ptr_take(&image->manifest));
	kept_blob_manifest(image, p->blobs, p->manifest.count);
	image->manifest_made = false; /* it takes the place of the other */
	image->repacked = true;
	return 0;
}

static int pack(struct packing *p, const char *digest, struct err *err)
{
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_(image_config_clear) struct image_config config = IMAGE_CONFIG_EMPTY;
	_cleanup_free_ char *type = NULL;
	struct outcome_image *image;
	size_t plain = 0;
	int r = stored_manifest_read(p->work->root, digest, &bytes, &p->manifest, &type, err);

	if (r < 0)
		return r;
	p->blobs = mem_new((p->manifest.count + 1) * sizeof(*p->blobs));
	for (size_t i = 0; i < p->manifest.count; i++) {
		kept_blob_of(&p->manifest.items[i], &p->blobs[i]);
		plain += kept_blob_is_plain(&p->blobs[i]);
	}
	if (plain == 0)
		return 0;
	r = read_config(p, &config, err);
	if (r < 0)
		return r;
	image = outcome_add_image(p->outcome, &config);
	if (is_ours(p, image, &bytes))
		return pack_all(p, image, err);
	outcome_clear(p->outcome);
	return 0;
}

int pack_image(const struct work *work, const char *manifest, struct outcome *outcome,
	       struct err *err)
{
	struct packing p = { .work = work, .outcome = outcome, .manifest = MANIFEST_EMPTY };
	int r = pack(&p, manifest, err);

	manifest_clear(&p.manifest);
	free(p.blobs);
	return r;
}
