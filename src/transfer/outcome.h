/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a run of cloche-transfer adds to the store: images with their layers. Collected first, in the work folder; stored in
 * one go when all is right; then told to the caller as one JSON document:
 *
 *	{"images": [{"id": "sha256:...", "names": ["docker.io/library/web:1"], "config": "sha256:...",
 *		     "manifest": "sha256:..." or null, "manifest_made": true, "size": BYTES,
 *		     "blobs": [{"digest": "sha256:...", "size": BYTES}],
 *		     "layers": [{"diff_id": "sha256:...", "size": BYTES, "skipped_devices": N}]}]}
 *
 * Layers stand lowest first, as they are to be stacked: of equal ones only the topmost (overlayfs takes a folder once), and
 * none that a later layer's opaque root hides (overlayfs has no mark for it). */
#ifndef CLOCHE_TRANSFER_OUTCOME_H
#define CLOCHE_TRANSFER_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/digest.h"
#include "image/image_config.h"
#include "transfer/layer.h"
#include "transfer/part.h"

struct err;
struct work;

struct outcome_blob { /* of a layer, as it came */
	char digest[DIGEST_SIZE];
	uint64_t size_bytes;
};

struct outcome_file {
	char digest[DIGEST_SIZE];
	char *path; /* in the work folder */
	bool outline;
};

struct outcome_image {
	struct image_config config;
	char id[DIGEST_SIZE]; /* of config.raw */
	char **names;	      /* full references */
	char *manifest;	      /* bytes as they came, or NULL */
	size_t manifest_length;
	char manifest_digest[DIGEST_SIZE];
	bool manifest_made;	    /* by us: it came without */
	bool repacked;		    /* its blobs are these, and no others any more */
	struct outcome_blob *blobs; /* of its layers, those that the store keeps */
	size_t blob_count;
};

struct outcome {
	struct outcome_image *images;
	size_t image_count;
	struct layer *layers; /* of all images, each once */
	size_t layer_count;
	struct part_file *parts; /* blobs that came whole */
	size_t part_count;
	struct outcome_file *files; /* and those in the work folder */
	size_t file_count;
};
#define OUTCOME_EMPTY ((struct outcome){ 0 })
void outcome_clear(struct outcome *outcome);

/* A new image at the end, whose config is taken. Borrowed until the next call. */
struct outcome_image *outcome_add_image(struct outcome *outcome, struct image_config *config);
void outcome_add_blob(struct outcome_image *image, const char *digest, uint64_t size_bytes);
/* A file of the work folder that becomes a blob. */
void outcome_add_file(struct outcome *outcome, const char *digest, const char *path);
/* A file of the work folder that becomes the outline of one. */
void outcome_add_outline(struct outcome *outcome, const char *digest, const char *path);
bool outcome_has_file(const struct outcome *outcome, const char *digest);
/* part is taken. */
void outcome_add_part(struct outcome *outcome, struct part_file *part);
void outcome_add_layer(struct outcome *outcome, const struct layer *layer);
const struct layer *outcome_layer(const struct outcome *outcome, const char *diff_id);

/* Sync, then rename everything into the store. */
int outcome_store(const struct outcome *outcome, const struct work *work, struct err *err);
/* Print the document to stdout. */
int outcome_print(const struct outcome *outcome, struct err *err);

#endif
