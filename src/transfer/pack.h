/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `pack`, before a push: layers that came uncompressed, by load or import, become gzip, as a registry's users expect them. Only of an image
 * whose manifest is our own making: one that came with its manifest goes on byte for byte. */
#ifndef CLOCHE_TRANSFER_PACK_H
#define CLOCHE_TRANSFER_PACK_H

struct err;
struct outcome;
struct work;

/* manifest: a digest. The outcome has the image with its new manifest, or nothing, when all is as it should be. */
int pack_image(const struct work *work, const char *manifest, struct outcome *outcome,
	       struct err *err);

#endif
