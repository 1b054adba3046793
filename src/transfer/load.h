/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `load`: images from what `docker save` or an OCI tool wrote, as an archive or as an OCI layout folder; or a
 * folder of skopeo's dir:. */
#ifndef CLOCHE_TRANSFER_LOAD_H
#define CLOCHE_TRANSFER_LOAD_H

#include <stdint.h>

struct err;
struct outcome;
struct work;

/* fd: the archive or the folder; the caller's. Fills the outcome; what it unpacked lies in the work folder.
 * only: the image of that name alone, as it stands there or in full; NULL: all.
 * manifest.json is Docker's and is believed where there is one; an index.json beside it must know the same images. */
int load_images(const struct work *work, int fd, uint64_t limit_bytes, const char *only,
		struct outcome *outcome, struct err *err);

#endif
