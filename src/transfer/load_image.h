/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One image out of a bundle, once its parts are known by name: config and layers are checked and unpacked. Both readers,
 * of Docker's manifest.json and of OCI's index.json, end here. */
#ifndef CLOCHE_TRANSFER_LOAD_IMAGE_H
#define CLOCHE_TRANSFER_LOAD_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bundle;
struct err;
struct outcome;
struct work;

struct load {
	const struct work *work;
	const struct bundle *bundle;
	struct outcome *outcome;
	const char *only;     /* the one image of that name; NULL: all */
	uint64_t limit_bytes; /* of one layer, unpacked */
};

struct part { /* a file of the bundle */
	char *name;
	char *digest; /* what its bytes must have; NULL: nobody says */
	uint64_t size_bytes;
	bool size_known;
};

int part_check_size(const struct part *part, uint64_t size, struct err *err);
int part_check_digest(const struct part *part, const char *is, struct err *err);

struct image_parts {
	struct part config;
	struct part *layers;
	size_t layer_count;
	char **names;	/* full references */
	char *manifest; /* bytes, or NULL */
	size_t manifest_length;
};
#define IMAGE_PARTS_EMPTY ((struct image_parts){ 0 })
void image_parts_clear(struct image_parts *parts);

/* Takes what it keeps of parts. */
int load_image(const struct load *load, struct image_parts *parts, struct err *err);

#endif
