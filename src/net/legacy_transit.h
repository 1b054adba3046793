/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chain FORWARD of the old iptables-legacy, with all that it jumps to, as a way for passages (net/transit.h). */
#ifndef CLOCHE_NET_LEGACY_TRANSIT_H
#define CLOCHE_NET_LEGACY_TRANSIT_H

#include <stddef.h>

struct passage;
struct transit;

/* At most TRANSIT_PASSAGES of them; those of another family fit nothing. Nothing where there is no such table. */
void legacy_transit_read(int family, const struct passage *passages, size_t count,
			 struct transit *ret_transit);

#endif
