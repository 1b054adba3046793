/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The OCI image layout (image-spec, image-layout.md) in a bundle: index.json, and the blobs that it leads to. */
#ifndef CLOCHE_TRANSFER_OCI_LAYOUT_H
#define CLOCHE_TRANSFER_OCI_LAYOUT_H

#include <stdbool.h>

struct buf;
struct bundle;
struct err;
struct load;

/* Load each image of index.json that runs on this machine; of an index inside it, the manifest that fits best. */
int oci_layout_load(const struct load *load, struct err *err);
/* Does any manifest that index.json leads to, for whatever platform, have this config? 1 and its bytes, 0, or -errno. */
int oci_layout_knows(const struct bundle *bundle, const char *config_digest,
		     struct buf *ret_manifest, struct err *err);

#endif
