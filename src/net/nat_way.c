/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/nat_way.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "net/nat_condition.h"

struct nat_way {
	char *to;
	uint32_t hash; /* of `to`: there may be thousands */
	struct nat_case one;
};

static bool asks(const struct nat_case *one)
{
	return one->ports.first != 0 || one->ports.last != UINT16_MAX;
}

void nat_ways_add(struct nat_ways *ways, const char *to, const struct nat_case *one)
{
	struct nat_way *way;

	ways->list = mem_room(ways->list, ways->count, sizeof(*ways->list));
	way = &ways->list[ways->count++];
	*way = (struct nat_way){ .to = str_dup(to), .hash = str_hash(to), .one = *one };
	way->one.chain = NULL;
}

void nat_ways_each(const struct nat_ways *ways, const char *chain, const struct nat_case *one,
		   void (*each)(const struct nat_case *one, void *data), void *data)
{
	bool reached = false, whole = false;
	uint32_t hash = str_hash(chain);
	struct nat_case both;

	for (size_t i = 0; !one->narrow && i < ways->count; i++) {
		const struct nat_way *way = &ways->list[i];
		bool plain = !asks(&way->one) && !way->one.protocol &&
			     address_is_any(&way->one.host);

		if (way->hash != hash || strcmp(way->to, chain) != 0)
			continue;
		reached = true;
		/* of several ways that ask for nothing one tells all */
		if (way->one.narrow || (!asks(one) && !asks(&way->one)) || (whole && plain) ||
		    !nat_case_both(one, &way->one, &both))
			continue;
		whole |= plain;
		each(&both, data);
	}
	if (!one->narrow && !reached && asks(one))
		each(one, data);
}

void nat_ways_clear(struct nat_ways *ways)
{
	for (size_t i = 0; i < ways->count; i++)
		free(ways->list[i].to);
	free(ways->list);
	*ways = NAT_WAYS_NONE;
}
