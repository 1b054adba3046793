/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers and images on disk, below the data root (design page, "State"):
 *   blobs/sha256/HEX      configs and manifests as they came
 *   outlines/HEX          a layer's archive without what the layer has (transfer/outline.h)
 *   layers/HEX/           one unpacked layer, named by its diff ID, with the image's own uids
 *   tmp/                  work in progress (work.h)
 * A layer folder appears by rename after it was synced; its row in state.db comes after that. The store
 * links no archive library: cloche-transfer unpacks (src/transfer), in a sandboxed child, into a folder below tmp/
 * which layer_commit then renames.
 *
 *	work_open(root, &work, err);                     removes what killed programs left in tmp/
 *	... fill work.dir/NAME ...
 *	blob_write(&work, digest, bytes, length, err);
 *	work_sync(&work, err);                           once, for all that is committed below
 *	layer_commit(&work, NAME, diff_id, err);
 *	blob_move(&work, digest_hex(digest), digest, err);
 *	store_sync(&work, err);                          once, for the names
 *	work_close(&work);                               removes the rest
 *
 * Invariant: a name below layers/ or blobs/ is there whole or not at all. */
#ifndef CLOCHE_IMAGE_STORE_H
#define CLOCHE_IMAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "image/digest.h"

struct err;
struct work;

/* Open the data root for the verbs below; it must be a folder that only its owner, who we must be, can enter (-EPERM: the
 * images' set-uid files lie in it). Descriptor or -errno. */
int store_root_open(const char *path, struct err *err);

/* 1, 0 or -errno. */
int layer_exists(int root, const char *diff_id, struct err *err);
/* Rename work.dir/name to layers/HEX. Someone else's same layer there already is success; ours goes with the work folder. */
int layer_commit(const struct work *work, const char *name, const char *diff_id, struct err *err);

/* Write the bytes to the work folder, as HEX, for blob_move: 1. 0: the blob is there already, and left alone. */
int blob_write(const struct work *work, const char *digest, const void *bytes, size_t length,
	       struct err *err);
/* A file of the work folder, synced, becomes blobs/sha256/HEX. One that is there is left alone. */
int blob_move(const struct work *work, const char *path, const char *digest, struct err *err);

/* The same to outlines/HEX. */
int outline_move(const struct work *work, const char *path, const char *digest, struct err *err);

/* After it the new names outlast a power cut, too. */
int store_sync(const struct work *work, struct err *err);

#endif
