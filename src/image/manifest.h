/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OCI manifests and indexes (image-spec, manifest.md, image-index.md) and Docker's of the same shape (schema 2, manifest
 * list). A manifest names a config and its layers; an index names manifests by platform. */
#ifndef CLOCHE_IMAGE_MANIFEST_H
#define CLOCHE_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct descriptor { /* image-spec, descriptor.md */
	char *media_type;
	char *digest; /* valid */
	uint64_t size_bytes;
	char *os, *architecture, *variant; /* of its platform; NULL when not said */
	char *name;			   /* annotation io.containerd.image.name */
	char **urls;	/* where a layer is that registries may not give on; or NULL */
	char *ref_name; /* annotation org.opencontainers.image.ref.name: often a tag alone */
};

struct manifest {
	bool is_index;
	struct descriptor config; /* of a manifest */
	struct descriptor *items; /* layers, lowest first; or the index's manifests */
	size_t count;
};
#define MANIFEST_EMPTY ((struct manifest){ 0 })

/* what: "manifest sha256:..." for the words. -EBADMSG, -EFBIG. On failure *ret_manifest is untouched. */
int manifest_parse(const char *bytes, size_t length, const char *what,
		   struct manifest *ret_manifest, struct err *err);
void manifest_clear(struct manifest *manifest);

/* By media type; what has none counts as a manifest. */
bool descriptor_is_index(const struct descriptor *descriptor);
bool descriptor_is_manifest(const struct descriptor *descriptor);

/* Does it run on os/architecture? 0: no. 1: it does not say. 2: yes. 3: yes, and the variant is the plain one. */
int descriptor_fits(const struct descriptor *descriptor, const char *os, const char *architecture);
/* Of an index the manifest that fits best, the first of equal ones; variant: the wanted one, or NULL. NULL: none does. One that
 * says nothing fits, but less. */
const struct descriptor *manifest_best(const struct manifest *index, const char *os,
				       const char *architecture, const char *variant);

#endif
