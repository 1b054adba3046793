/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blobs of the store, to send them elsewhere. */
#ifndef CLOCHE_TRANSFER_STORED_BLOB_H
#define CLOCHE_TRANSFER_STORED_BLOB_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct manifest;

/* Is it, or what it can be built from? */
bool stored_blob_there(int root, const char *digest);
/* A descriptor for reading, at the start; of a layer's archive that has an outline only it is built. -ENOENT with a remedy. */
int stored_blob_open(int root, const char *digest, uint64_t *ret_size, struct err *err);
/* Its bytes, what they say, and of which type they are. */
int stored_manifest_read(int root, const char *digest, struct buf *bytes,
			 struct manifest *ret_manifest, char **ret_type, struct err *err);

#endif
