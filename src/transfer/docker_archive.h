/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `docker save` writes (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format"), in a bundle:
 * manifest.json, which names configs and layers by files, HEX.json and HEX/layer.tar, or blobs/sha256/HEX of late. */
#ifndef CLOCHE_TRANSFER_DOCKER_ARCHIVE_H
#define CLOCHE_TRANSFER_DOCKER_ARCHIVE_H

struct err;
struct load;

int docker_archive_load(const struct load *load, struct err *err);

#endif
