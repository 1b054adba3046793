/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const char *bytes, size_t length)
{
	const unsigned char *in = (const unsigned char *)bytes;
	char *text = mem_new((length + 2) / 3 * 4 + 1), *out = text;

	for (size_t i = 0; i < length; i += 3) {
		uint32_t group = (uint32_t)in[i] << 16;

		group |= i + 1 < length ? (uint32_t)in[i + 1] << 8 : 0;
		group |= i + 2 < length ? in[i + 2] : 0;
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = i + 1 < length ? digits[group >> 6 & 63] : '=';
		*out++ = i + 2 < length ? digits[group & 63] : '=';
	}
	*out = '\0';
	return text;
}

int base64_decode_bytes(const char *text, struct buf *ret_bytes)
{
	size_t length = strcspn(text, "=");
	struct buf out = BUF_EMPTY;
	uint32_t group = 0;
	unsigned int bits = 0;

	if (length % 4 == 1 || text[length + strspn(text + length, "=")])
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		const char *digit = strchr(digits, text[i]);
		char byte;

		if (!digit) {
			buf_clear(&out);
			return -EINVAL;
		}
		group = group << 6 | (uint32_t)(digit - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		byte = (char)(group >> bits & 0xff);
		buf_add(&out, &byte, 1);
	}
	*ret_bytes = out;
	return 0;
}

char *base64_decode(const char *text)
{
	struct buf bytes = BUF_EMPTY;
	char *found = NULL;

	if (base64_decode_bytes(text, &bytes) == 0 &&
	    (bytes.length == 0 || !memchr(bytes.data, 0, bytes.length)))
		found = str_ndup(bytes.data ? bytes.data : "", bytes.length);
	if (bytes.data)
		explicit_bzero(bytes.data, bytes.length); /* it may be a password */
	buf_clear(&bytes);
	return found;
}
