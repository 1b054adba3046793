/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/transit.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { STEPS_MAX = 20000, DEPTH_MAX = 32 };

void transit_clear(struct transit *t)
{
	for (size_t i = 0; i < t->chain_count; i++)
		free(t->chains[i].name);
	free(t->chains);
	free(t->rules);
	*t = TRANSIT_NONE;
}

void transit_chain_add(struct transit *t, const char *name, uint64_t place, bool begins)
{
	t->chains = reallocarray(t->chains, t->chain_count + 1, sizeof(*t->chains));
	if (!t->chains)
		abort();
	t->chains[t->chain_count++] = (struct transit_chain){ .name = str_dup(name),
							      .place = place,
							      .first = t->count,
							      .begins = begins };
}

void transit_rule_add(struct transit *t, const struct transit_rule *rule)
{
	t->rules = mem_room(t->rules, t->count, sizeof(*t->rules));
	t->rules[t->count] = *rule;
	t->rules[t->count++].chain = t->chain_count - 1;
}

enum fate transit_target(const char *name)
{
	static const char *const going_on[] = { "AUDIT", "CHECKSUM", "CLASSIFY",  "CONNMARK",
						"DSCP",	 "HL",	     "IDLETIMER", "LOG",
						"MARK",	 "NFLOG",    "SET",	  "TCPMSS",
						"TOS",	 "TRACE",    "TTL",	  "ULOG" };

	if (strcmp(name, "REJECT") == 0)
		return FATE_DROP;
	for (size_t i = 0; i < ARRAY_SIZE(going_on); i++)
		if (strcmp(name, going_on[i]) == 0)
			return FATE_NEXT;
	return FATE_UNKNOWN;
}

/* -- the walk --------------------------------------------------------------------------------- */

enum end { END_RETURNED, END_ACCEPTED, END_DROPPED, END_UNKNOWN };

struct walk {
	const struct transit *transit;
	size_t passage;
	unsigned int steps;
	const struct transit_rule *dropped;
};

static const struct transit_chain *chain_at(const struct transit *t, uint64_t place)
{
	for (size_t i = 0; i < t->chain_count; i++)
		if (t->chains[i].place == place)
			return &t->chains[i];
	return NULL;
}

static size_t chain_end(const struct transit *t, const struct transit_chain *chain)
{
	size_t next = (size_t)(chain - t->chains) + 1;

	return next < t->chain_count ? t->chains[next].first : t->count;
}

/* NOLINTNEXTLINE(misc-no-recursion): to DEPTH_MAX */
static enum end chain_walk(struct walk *w, const struct transit_chain *chain, bool partial,
			   unsigned int depth)
{
	size_t end = chain ? chain_end(w->transit, chain) : 0;

	if (!chain || depth > DEPTH_MAX)
		return END_UNKNOWN;
	for (size_t i = chain->first; i < end; i++) {
		const struct transit_rule *rule = &w->transit->rules[i];
		enum fit fit = (enum fit)rule->fits[w->passage];
		bool whole = fit == FIT_ALL && !partial;
		enum end inner;

		if (++w->steps > STEPS_MAX)
			return END_UNKNOWN;
		if (fit == FIT_NONE || (rule->policy && chain->begins))
			continue; /* the policy is the caller's */
		switch (rule->fate) {
		case FATE_NEXT:
			break;
		case FATE_ACCEPT:
			return whole ? END_ACCEPTED : END_UNKNOWN;
		case FATE_DROP:
			if (whole) {
				w->dropped = rule;
				return END_DROPPED;
			}
			if (fit == FIT_ALL) /* of the part that came here nothing is left */
				return END_RETURNED;
			break;
		case FATE_RETURN:
			if (fit == FIT_ALL)
				return END_RETURNED;
			partial = true;
			break;
		case FATE_JUMP:
		case FATE_GOTO:
			inner = chain_walk(w, chain_at(w->transit, rule->to), !whole, depth + 1);
			if (inner != END_RETURNED)
				return inner;
			if (rule->fate == FATE_GOTO && fit == FIT_ALL)
				return END_RETURNED;
			partial |= rule->fate == FATE_GOTO;
			break;
		case FATE_UNKNOWN:
			return END_UNKNOWN;
		}
	}
	return END_RETURNED;
}

const struct transit_rule *transit_dropped(const struct transit *t, size_t chain, size_t passage)
{
	struct walk w = { .transit = t, .passage = passage };
	enum end end = chain_walk(&w, &t->chains[chain], false, 0);
	size_t last = chain_end(t, &t->chains[chain]);

	if (end == END_DROPPED)
		return w.dropped;
	if (end == END_RETURNED && last > t->chains[chain].first &&
	    t->rules[last - 1].fate == FATE_DROP && t->rules[last - 1].fits[passage] != FIT_NONE)
		return &t->rules[last - 1];
	return NULL;
}
