/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/base64.h"

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

char *base64_decode(const char *text)
{
	size_t length = strcspn(text, "=");
	char *bytes = mem_new(length / 4 * 3 + 4), *out = bytes;
	uint32_t group = 0;
	unsigned int bits = 0;

	if (length % 4 == 1 || text[length + strspn(text + length, "=")])
		length = SIZE_MAX;
	for (size_t i = 0; length != SIZE_MAX && i < length; i++) {
		const char *digit = strchr(digits, text[i]);

		if (!digit) {
			length = SIZE_MAX;
			break;
		}
		group = group << 6 | (uint32_t)(digit - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		*out = (char)(group >> bits & 0xff);
		if (!*out++)
			length = SIZE_MAX;
	}
	if (length != SIZE_MAX)
		return bytes;
	str_free(&bytes);
	return NULL;
}
