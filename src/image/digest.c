/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/digest.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

static const char algorithm[] = "sha256:";

bool digest_hex_valid(const char *hex)
{
	return strspn(hex, "0123456789abcdef") == DIGEST_HEX && hex[DIGEST_HEX] == '\0';
}

bool digest_valid(const char *digest)
{
	return str_prefix(digest, algorithm) && digest_hex_valid(digest + strlen(algorithm));
}

const char *digest_hex(const char *digest)
{
	return digest + strlen(algorithm);
}

int digest_check(const char *digest, struct err *err)
{
	const char *colon = strchr(digest, ':');

	if (digest_valid(digest))
		return 0;
	if (colon && colon != digest && !str_prefix(digest, algorithm))
		return err_set(err, EINVAL, "digest %.100s: only sha256 is supported", digest);
	return err_set(err, EINVAL, "invalid digest %.100s", digest);
}
