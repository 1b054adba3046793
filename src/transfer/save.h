/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `save`: images as one archive that `docker load`, podman, skopeo and every OCI tool read: an OCI layout with Docker's
 * manifest.json beside it. Blobs go out as they came in, so that digests stay. */
#ifndef CLOCHE_TRANSFER_SAVE_H
#define CLOCHE_TRANSFER_SAVE_H

struct err;

struct stored_image {	/* as `cloche` names it: "MANIFEST|NAME|NAME..." */
	char *manifest; /* digest */
	char **names;	/* full, tags only; may be none */
};
int stored_image_parse(const char *text, struct stored_image *ret_image, struct err *err);
void stored_image_clear(struct stored_image *image);

/* as: the name that the one image gets there: "web:2", or, for image layouts, any word; NULL: its own names. */
int save_images(int root, char *const *images, const char *as, int out, struct err *err);

#endif
