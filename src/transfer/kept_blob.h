/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The archive of a layer that came by load or import, kept as it is, so that save and push give it on byte for byte; and a
 * manifest for images that came without one. */
#ifndef CLOCHE_TRANSFER_KEPT_BLOB_H
#define CLOCHE_TRANSFER_KEPT_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/digest.h"

struct descriptor;
struct err;
struct outcome;
struct outcome_image;
struct work;

struct kept_blob {
	char digest[DIGEST_SIZE];
	uint64_t size_bytes;
	const char *type; /* media type of a layer; NULL: of no type that OCI has (xz) */
};

/* Of a layer's descriptor. Docker's types are OCI's by other names. */
void kept_blob_of(const struct descriptor *layer, struct kept_blob *ret_blob);
bool kept_blob_is_plain(const struct kept_blob *blob);
/* By the first bytes at offset; NULL: of no type that OCI has. */
const char *kept_blob_type(int fd, uint64_t offset);
/* fd: the archive, a file. digest: NULL: it is hashed. from: its path in the work folder, which moves into the store with the
 * outcome; NULL: it is copied. */
int kept_blob_add(const struct work *work, int fd, const char *digest, const char *from,
		  struct outcome *outcome, struct kept_blob *ret_blob, struct err *err);
/* Give the image a manifest of its config and blobs, lowest first. A type that OCI does not have: it gets none. */
void kept_blob_manifest(struct outcome_image *image, const struct kept_blob *blobs, size_t count);

#endif
