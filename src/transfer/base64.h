/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Base64 (RFC 4648, 4), as credentials are written. */
#ifndef CLOCHE_TRANSFER_BASE64_H
#define CLOCHE_TRANSFER_BASE64_H

#include <stddef.h>

struct buf;

char *base64_encode(const char *bytes, size_t length);
/* NULL: it is none, or has a NUL in it. The padding may be missing. */
char *base64_decode(const char *text);
/* The same for any bytes. -EINVAL. */
int base64_decode_bytes(const char *text, struct buf *ret_bytes);

#endif
