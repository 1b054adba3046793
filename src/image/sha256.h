/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 by libcrypto, which uses the CPU's instructions. Apart from digest.h, so that only programs
 * that hash load the library.
 *
 *	_cleanup_(sha256_clear) struct sha256 hash = SHA256_EMPTY;
 *	sha256_init(&hash);
 *	sha256_add(&hash, data, length);
 *	sha256_end(&hash, digest);                        "sha256:..."
 */
#ifndef CLOCHE_IMAGE_SHA256_H
#define CLOCHE_IMAGE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "image/digest.h"

struct err;

struct sha256 {
	void *context;
};
#define SHA256_EMPTY ((struct sha256){ 0 })

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t length);
void sha256_end(struct sha256 *hash, char ret_digest[DIGEST_SIZE]);
void sha256_clear(struct sha256 *hash);

void sha256_of(const void *data, size_t length, char ret_digest[DIGEST_SIZE]);
/* From the file's start to its end; the offset does not move. *ret_size: bytes read. */
int sha256_of_file(int fd, char ret_digest[DIGEST_SIZE], uint64_t *ret_size, struct err *err);

#endif
