/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

/* What fails here is memory, or a libcrypto that lacks SHA-256: neither leaves anything to go on with. */
void sha256_init(struct sha256 *hash)
{
	sha256_clear(hash);
	hash->context = EVP_MD_CTX_new();
	if (!hash->context || EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1)
		abort();
}

void sha256_add(struct sha256 *hash, const void *data, size_t length)
{
	if (EVP_DigestUpdate(hash->context, data, length) != 1)
		abort();
}

void sha256_end(struct sha256 *hash, char ret_digest[DIGEST_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	char *out = ret_digest;

	if (EVP_DigestFinal_ex(hash->context, sum, &length) != 1 || length * 2 != DIGEST_HEX)
		abort();
	memcpy(out, "sha256:", 7);
	out += 7;
	for (unsigned int i = 0; i < length; i++) {
		*out++ = hex[sum[i] >> 4];
		*out++ = hex[sum[i] & 15];
	}
	*out = '\0';
}

void sha256_clear(struct sha256 *hash)
{
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
}

void sha256_of(const void *data, size_t length, char ret_digest[DIGEST_SIZE])
{
	_cleanup_(sha256_clear) struct sha256 hash = SHA256_EMPTY;

	sha256_init(&hash);
	sha256_add(&hash, data, length);
	sha256_end(&hash, ret_digest);
}

int sha256_of_file(int fd, char ret_digest[DIGEST_SIZE], uint64_t *ret_size, struct err *err)
{
	enum { CHUNK = 256 * 1024 };
	_cleanup_(sha256_clear) struct sha256 hash = SHA256_EMPTY;
	_cleanup_free_ char *chunk = mem_new(CHUNK);
	uint64_t size = 0;

	sha256_init(&hash);
	for (;;) {
		ssize_t n = pread(fd, chunk, CHUNK, (off_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			break;
		sha256_add(&hash, chunk, (size_t)n);
		size += (uint64_t)n;
	}
	sha256_end(&hash, ret_digest);
	*ret_size = size;
	return 0;
}
