/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers and images on disk, below the data root (design page, "State"):
 *   blobs/sha256/HEX      configs and manifests as they came
 *   layers/HEX/           one unpacked layer, named by its diff ID, with the image's own uids
 *   tmp/                  work in progress; anything here may be deleted by whoever holds no lock on it
 * A layer folder appears by rename after it was synced; its row in state.db comes after that. The store
 * links no archive library: cloche-transfer unpacks (src/transfer), in a sandboxed child, into a folder below tmp/
 * which layer_commit then renames. */
#ifndef CLOCHE_IMAGE_STORE_H
#define CLOCHE_IMAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* `sha256:` + 64 lower-case hex digits, the only grammar taken anywhere. */
bool digest_valid(const char *digest);
const char *digest_hex(const char *digest); /* behind the colon */

#endif
