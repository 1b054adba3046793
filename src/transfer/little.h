/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Little-endian numbers in foreign bytes, wherever they lie. */
#ifndef CLOCHE_TRANSFER_LITTLE_H
#define CLOCHE_TRANSFER_LITTLE_H

#include <stdint.h>

static inline uint32_t little32(const unsigned char *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint32_t little16(const unsigned char *p)
{
	return (uint32_t)p[1] << 8 | p[0];
}

#endif
