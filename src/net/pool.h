/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subnets for networks whose maker named none: private ranges, in an order that keeps away from what other engines take first. */
#ifndef CLOCHE_NET_POOL_H
#define CLOCHE_NET_POOL_H

#include <stddef.h>

#include "net/address.h"

struct err;

/* The first free one, its gateway as the address. -ENOSPC: all overlap something of `taken`. */
int pool_free_subnet(const struct subnet *taken, size_t count, struct subnet *ret_subnet,
		     struct err *err);
/* A random /64 below fd00::/8 (RFC 4193), gateway ::1. */
void pool_random_ula(struct subnet *ret_subnet);

#endif
