/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/foreign_set.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "net/netlink.h"
#include "net/nft.h"

struct reading {
	struct foreign_set *set;
	size_t room;
	bool intervals; /* of neighbours, one with `ends` behind each that has a last one */
};

/* `last` of one that ends an interval: none */
enum { ENDS = INT32_MIN };

static void element_seen(const struct nft_element *element, void *data)
{
	struct reading *r = data;
	struct foreign_element *e;

	if (element->key_length > FOREIGN_KEY_MAX)
		return;
	if (r->set->count == r->room) {
		r->room = r->room ? r->room * 2 : 8;
		r->set->list = reallocarray(r->set->list, r->room, sizeof(*r->set->list));
		if (!r->set->list)
			abort();
	}
	e = &r->set->list[r->set->count++];
	*e = (struct foreign_element){ .length = element->key_length };
	memcpy(e->first, element->key, element->key_length);
	memcpy(e->last, element->key_end ? element->key_end : element->key, element->key_length);
	if (element->verdict) {
		const struct nlattr *chain = nft_part(element->verdict, NFTA_VERDICT_CHAIN);

		e->verdict = (int)nft_number(element->verdict, NFTA_VERDICT_CODE);
		e->chain = chain ? str_ndup(netlink_data(chain), netlink_length(chain)) : NULL;
	}
	if (element->ends) {
		r->intervals = true;
		e->verdict = ENDS;
	}
}

static int by_value(const void *a, const void *b)
{
	const struct foreign_element *one = a, *other = b;
	int order = memcmp(one->first, other->first, FOREIGN_KEY_MAX);

	/* where one ends and the next begins: the end first */
	return order ? order : (one->verdict != ENDS) - (other->verdict != ENDS);
}

/* One less, as a number in network order. */
static void step_back(uint8_t *value, size_t length)
{
	for (size_t i = length; i > 0 && value[i - 1]-- == 0; i--)
		;
}

static void intervals_join(struct foreign_set *set)
{
	size_t kept = 0;

	qsort(set->list, set->count, sizeof(*set->list), by_value);
	for (size_t i = 0; i < set->count; i++) {
		struct foreign_element *e = &set->list[i];

		if (e->verdict == ENDS) {
			free(e->chain);
			continue;
		}
		memset(e->last, 0xff, e->length);
		if (i + 1 < set->count) {
			memcpy(e->last, set->list[i + 1].first, e->length);
			step_back(e->last, e->length);
		}
		set->list[kept++] = *e;
	}
	set->count = kept;
}

int foreign_set_read(struct netlink *nl, uint8_t family, const char *table, const char *name,
		     struct foreign_set *ret_set, struct err *err)
{
	struct foreign_set set = FOREIGN_SET_NONE;
	struct reading r = { .set = &set };
	int code = nft_elements(nl, family, table, name, element_seen, &r, err);

	if (code < 0) {
		foreign_set_clear(&set);
		return code;
	}
	if (r.intervals)
		intervals_join(&set);
	*ret_set = set;
	return 0;
}

void foreign_set_clear(struct foreign_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->list[i].chain);
	free(set->list);
	*set = FOREIGN_SET_NONE;
}
