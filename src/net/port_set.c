/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/port_set.h"

#include <string.h>

#include <linux/netfilter/xt_multiport.h>

#include "base/str.h"

enum { PORTS = 65536, WORD = 64 };

void port_set_clear(struct port_set *set)
{
	*set = (struct port_set){ { 0 } };
}

void port_set_fill(struct port_set *set)
{
	memset(set, 0xff, sizeof(*set));
}

void port_set_add(struct port_set *set, uint16_t first, uint16_t last)
{
	for (uint32_t port = first; port <= last; port++)
		set->bits[port / WORD] |= UINT64_C(1) << port % WORD;
}

void port_set_invert(struct port_set *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(set->bits); i++)
		set->bits[i] = ~set->bits[i];
}

void port_set_keep(struct port_set *set, const struct port_set *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(set->bits); i++)
		set->bits[i] &= other->bits[i];
}

bool port_set_has(const struct port_set *set, uint16_t port)
{
	return set->bits[port / WORD] >> port % WORD & 1;
}

bool port_set_next(const struct port_set *set, uint32_t *at, struct port_range *ret_range)
{
	uint32_t port = *at;

	while (port < PORTS && !port_set_has(set, (uint16_t)port))
		port += port % WORD == 0 && set->bits[port / WORD] == 0 ? WORD : 1;
	if (port >= PORTS)
		return false;
	ret_range->first = (uint16_t)port;
	while (port < PORTS && port_set_has(set, (uint16_t)port))
		port += port % WORD == 0 && set->bits[port / WORD] == UINT64_MAX ? WORD : 1;
	ret_range->last = (uint16_t)(port - 1);
	*at = port;
	return true;
}

bool port_set_multiport(struct port_set *set, unsigned int revision, const void *match,
			uint32_t length)
{
	struct xt_multiport_v1 m = { .flags = 0 };
	/* the older one ends where the newer one has its ranges */
	size_t size = revision == 1 ? sizeof(m) : sizeof(struct xt_multiport);

	if (revision > 1 || length < size)
		return false;
	memcpy(&m, match, size);
	/* by either port: what comes to one of these is matched in any case, and of the others nothing can be said */
	if (m.count > XT_MULTI_PORTS || m.flags == XT_MULTIPORT_SOURCE ||
	    (m.flags == XT_MULTIPORT_EITHER && m.invert))
		return false;
	port_set_clear(set);
	for (size_t i = 0; i < m.count; i++) {
		bool range = m.pflags[i] && i + 1U < m.count;

		port_set_add(set, m.ports[i], m.ports[i + range]);
		i += range;
	}
	if (m.invert)
		port_set_invert(set);
	return true;
}
