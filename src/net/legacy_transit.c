/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/legacy_transit.h"

#include <net/if.h>
#include <string.h>

#include "net/legacy_table.h"
#include "net/transit.h"

struct reader {
	const struct passage *passages;
	size_t count;
	struct transit *transit;
};

static enum fit field_fit(const struct passage *p, enum passage_field field, const void *value,
			  const uint8_t *mask, size_t length, bool inverted)
{
	struct known known = passage_known(p, field);
	enum fit fit = known_equal(&known, value, mask, length);

	return inverted ? fit_inverted(fit) : fit;
}

static enum fit entry_fit(const struct legacy_entry *e, const struct passage *p)
{
	const uint8_t protocol = (uint8_t)e->protocol, all = e->protocol ? 0xff : 0;
	enum fit fit = field_fit(p, PASSAGE_IN, e->in, e->in_mask, IFNAMSIZ, e->in_not);

	if (p->family != e->family || e->fragments)
		return FIT_NONE;
	fit = fit_least(fit, field_fit(p, PASSAGE_OUT, e->out, e->out_mask, IFNAMSIZ, e->out_not));
	fit = fit_least(fit, field_fit(p, PASSAGE_FROM, e->source, e->source_mask,
				       e->address_length, e->source_not));
	fit = fit_least(fit, field_fit(p, PASSAGE_TO, e->host, e->host_mask, e->address_length,
				       e->host_not));
	fit = fit_least(fit, field_fit(p, PASSAGE_PROTOCOL, &protocol, &all, 1, e->protocol_not));
	for (const struct xt_entry_match *m = legacy_match(e, NULL); m && fit != FIT_NONE;
	     m = legacy_match(e, m))
		fit = fit_least(fit, passage_match(p, m->u.user.name, m->u.user.revision, m->data,
						   m->u.user.match_size - sizeof(*m)));
	return fit;
}

static enum fate entry_fate(const struct legacy_entry *e, uint64_t *ret_to)
{
	int verdict;

	if (!legacy_standard(e, &verdict))
		return transit_target(legacy_target(e)->u.user.name);
	*ret_to = (uint64_t)verdict;
	if (verdict >= 0)
		return (size_t)verdict == e->place + e->next ? FATE_NEXT :
		       e->leaves			     ? FATE_GOTO :
							       FATE_JUMP;
	return verdict == -NF_ACCEPT - 1 ? FATE_ACCEPT :
	       verdict == -NF_DROP - 1	 ? FATE_DROP :
	       verdict == XT_RETURN	 ? FATE_RETURN :
					   FATE_UNKNOWN;
}

static void entry_seen(const struct legacy_entry *e, void *data)
{
	struct reader *r = data;
	struct transit_rule rule = { .number = e->number, .policy = e->policy };

	if (e->number == 1)
		transit_chain_add(r->transit, e->chain, e->place, strcmp(e->chain, "FORWARD") == 0);
	for (size_t i = 0; i < r->count && i < TRANSIT_PASSAGES; i++)
		rule.fits[i] = (uint8_t)entry_fit(e, &r->passages[i]);
	rule.fate = entry_fate(e, &rule.to);
	transit_rule_add(r->transit, &rule);
}

void legacy_transit_read(int family, const struct passage *passages, size_t count,
			 struct transit *ret_transit)
{
	*ret_transit = TRANSIT_NONE;
	legacy_table_read(family, "filter", entry_seen,
			  &(struct reader){ passages, count, ret_transit });
}
