/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One image as a folder: skopeo's transports `oci:` (an image layout, which may hold other images already) and `dir:` (the blobs
 * of one image by their hex digits, beside manifest.json). */
#ifndef CLOCHE_TRANSFER_SAVE_FOLDER_H
#define CLOCHE_TRANSFER_SAVE_FOLDER_H

struct err;

/* image: as of save.h. The folder is made when it is missing. name: org.opencontainers.image.ref.name; NULL: none. A name that
 * the layout has already goes to this image. */
int save_to_oci(int root, const char *image, const char *folder, const char *name, struct err *err);
int save_to_dir(int root, const char *image, const char *folder, struct err *err);

#endif
