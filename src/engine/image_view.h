/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of an image from its layers on disk, without a container: the topmost layer that has a path wins. */
#ifndef CLOCHE_ENGINE_IMAGE_VIEW_H
#define CLOCHE_ENGINE_IMAGE_VIEW_H

#include <stddef.h>

struct buf;
struct engine;
struct image_row;

/* The only layer of the row that stands for the host itself, as the image `host` has its programs. */
#define IMAGE_VIEW_HOST "/"

/* A layer's folder, O_PATH; -1. */
int image_view_layer(struct engine *engine, const char *diff_id);
/* A regular file, read-only; the first of `paths` (NULL-terminated) that is there. -ENOENT without words. */
int image_view_open(struct engine *engine, const struct image_row *image, const char *const *paths);
/* Its text, empty when it is not there; at most limit_bytes. */
void image_view_text(struct engine *engine, const struct image_row *image, const char *path,
		     size_t limit_bytes, struct buf *out);

#endif
