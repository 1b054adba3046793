/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digests as OCI spells them (image-spec, descriptor.md, "Digests"). One algorithm is taken anywhere:
 * `sha256:` and 64 lower-case hex digits. This file knows the grammar and links nothing; hashing is in sha256.h. */
#ifndef CLOCHE_IMAGE_DIGEST_H
#define CLOCHE_IMAGE_DIGEST_H

#include <stdbool.h>

struct err;

enum { DIGEST_HEX = 64, DIGEST_SIZE = 7 + DIGEST_HEX + 1 }; /* size: with the NUL */

bool digest_valid(const char *digest);
bool digest_hex_valid(const char *hex);	    /* exactly the 64 digits */
const char *digest_hex(const char *digest); /* behind the colon of a valid digest */
/* -EINVAL, with words that say whether the algorithm or the form is wrong. */
int digest_check(const char *digest, struct err *err);

#endif
