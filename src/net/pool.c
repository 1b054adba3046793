/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/str.h"

/* Docker takes 172.17.0.0/16 and what follows it, Podman 10.88.0.0/16: not running, they have no route to be seen. */
static const struct range {
	const char *first;
	unsigned int prefix, count;
} ranges[] = {
	{ "172.30.0.0/16", 16, 2 },
	{ "172.24.0.0/16", 16, 6 },
	{ "192.168.128.0/20", 20, 8 },
	{ "10.192.0.0/24", 24, 16384 },
};

static bool overlaps(const struct subnet *subnet, const struct subnet *taken, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (subnet_overlaps(subnet, &taken[i]))
			return true;
	return false;
}

int pool_free_subnet(const struct subnet *taken, size_t count, struct subnet *ret_subnet,
		     struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct subnet first = { 0 }, whole;

		(void)subnet_parse(ranges[i].first, &first);
		whole = first;
		whole.prefix = 8; /* only to count in */
		for (uint32_t n = 0; n < ranges[i].count; n++) {
			struct subnet subnet = first;
			uint32_t offset = address_offset(&whole, &first.address) +
					  (n << (32 - ranges[i].prefix));

			address_at(&whole, offset, &subnet.address);
			if (overlaps(&subnet, taken, count))
				continue;
			address_at(&subnet, 1, &subnet.address);
			*ret_subnet = subnet;
			return 0;
		}
	}
	err_set(err, ENOSPC, "no free subnet: the host has routes into every range that is tried");
	return err_hint(err, "name one with --subnet");
}

void pool_random_ula(struct subnet *ret_subnet)
{
	struct subnet subnet = { .address = { .family = AF_INET6, .bytes = { 0xfd, [15] = 1 } },
				 .prefix = 64 };

	if (getrandom(subnet.address.bytes + 1, 7, 0) != 7)
		abort();
	*ret_subnet = subnet;
}
