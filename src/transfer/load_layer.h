/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layers of an image that is loaded: those that the store lacks are unpacked side by side, each read once. What is read goes
 * at the same time into the file that the store keeps as the layer's archive, unless it lies in the work folder already, or is kept by
 * its outline (outline.h).
 *
 *	plain tar in a file   ->  here: SHA-256             ->  extractor, outline
 *	compressed            ->  here: SHA-256, kept file  ->  decompressor  ->  here: SHA-256  ->  extractor
 */
#ifndef CLOCHE_TRANSFER_LOAD_LAYER_H
#define CLOCHE_TRANSFER_LOAD_LAYER_H

#include <stddef.h>

struct err;
struct kept_blob;
struct load;
struct part;

/* Layers, lowest first; count blobs are set, and the outcome has the layers and their archives. The error is that of the lowest. */
int load_layers(const struct load *load, const struct part *parts, char *const *diff_ids,
		size_t count, struct kept_blob *ret_blobs, struct err *err);

#endif
