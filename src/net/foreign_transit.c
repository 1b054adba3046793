/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/foreign_transit.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/err.h"
#include "base/str.h"
#include "net/foreign_set.h"
#include "net/netlink.h"
#include "net/nft.h"

enum { SLOTS = 16, SLOT = 4, RULES_MAX = 4096 };

struct kept { /* a message that was kept: the socket is needed while its rule is read */
	struct nlmsghdr *message;
};

struct reading {
	struct netlink *nl;
	const struct passage *passages;
	size_t passage_count;
	struct foreign_tables *tables;
	size_t chain;	    /* whose rules come now */
	struct kept *rules; /* of the chain that is read */
	size_t rule_count;
	const struct foreign_table *table;
};

struct slot { /* a register of 4 bytes, or the first of several */
	enum passage_field field;
	struct known known;
	size_t length;
};

/* -- one rule for one passage ----------------------------------------------------------------- */

struct rule {
	struct reading *r;
	const struct passage *passage;
	struct slot slots[SLOTS];
	enum fit fit;
};

static struct slot *slot_at(struct rule *rule, uint32_t reg)
{
	uint32_t at = reg >= NFT_REG32_00 ? reg - NFT_REG32_00 : (reg - NFT_REG_1) * SLOT;

	return at < SLOTS ? &rule->slots[at] : NULL;
}

static void load(struct rule *rule, uint32_t reg, enum passage_field field)
{
	struct slot *slot = slot_at(rule, reg);

	if (slot)
		*slot = (struct slot){ .field = field,
				       .known = passage_known(rule->passage, field),
				       .length = passage_length(rule->passage, field) };
}

static void load_index(struct rule *rule, uint32_t reg, const char *link)
{
	struct slot *slot = slot_at(rule, reg);
	uint32_t index = link ? if_nametoindex(link) : 0;

	if (!slot)
		return;
	*slot = (struct slot){ .field = PASSAGE_OTHER, .length = sizeof(index) };
	memcpy(slot->known.value, &index, sizeof(index));
	memset(slot->known.mask, link ? 0xff : 0, sizeof(index));
}

static void meta_read(struct rule *rule, const struct nlattr *data)
{
	uint32_t key = nft_number(data, NFTA_META_KEY), reg = nft_number(data, NFTA_META_DREG);

	switch (key) {
	case NFT_META_IIF:
		load_index(rule, reg, rule->passage->in);
		break;
	case NFT_META_OIF:
		load_index(rule, reg, rule->passage->out);
		break;
	default:
		load(rule, reg,
		     key == NFT_META_IIFNAME  ? PASSAGE_IN :
		     key == NFT_META_OIFNAME  ? PASSAGE_OUT :
		     key == NFT_META_L4PROTO  ? PASSAGE_PROTOCOL :
		     key == NFT_META_NFPROTO  ? PASSAGE_FAMILY :
		     key == NFT_META_PROTOCOL ? PASSAGE_ETHER :
						PASSAGE_OTHER);
	}
}

static void payload_read(struct rule *rule, const struct nlattr *data)
{
	uint32_t base = nft_number(data, NFTA_PAYLOAD_BASE),
		 at = nft_number(data, NFTA_PAYLOAD_OFFSET),
		 length = nft_number(data, NFTA_PAYLOAD_LEN);
	const struct place {
		uint32_t base, at, length;
		enum passage_field field;
		int family;
	} places[] = {
		{ NFT_PAYLOAD_NETWORK_HEADER, 12, 4, PASSAGE_FROM, AF_INET },
		{ NFT_PAYLOAD_NETWORK_HEADER, 16, 4, PASSAGE_TO, AF_INET },
		{ NFT_PAYLOAD_NETWORK_HEADER, 9, 1, PASSAGE_PROTOCOL, AF_INET },
		{ NFT_PAYLOAD_NETWORK_HEADER, 8, 16, PASSAGE_FROM, AF_INET6 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 24, 16, PASSAGE_TO, AF_INET6 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 6, 1, PASSAGE_PROTOCOL, AF_INET6 },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, PASSAGE_PORT, 0 },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, PASSAGE_FLAGS, 0 },
	};
	enum passage_field field = PASSAGE_OTHER;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct place *p = &places[i];

		/* of a network that is a prefix of bytes nft asks for these alone */
		if (p->base == base && p->at == at && length <= p->length &&
		    (!p->family || p->family == rule->passage->family) &&
		    (length == p->length || p->field == PASSAGE_FROM || p->field == PASSAGE_TO))
			field = p->field;
	}
	load(rule, nft_number(data, NFTA_PAYLOAD_DREG), field);
}

static void ct_read(struct rule *rule, const struct nlattr *data)
{
	uint32_t key = nft_number(data, NFTA_CT_KEY);

	load(rule, nft_number(data, NFTA_CT_DREG),
	     key == NFT_CT_STATE  ? PASSAGE_STATE :
	     key == NFT_CT_STATUS ? PASSAGE_STATUS :
				    PASSAGE_OTHER);
}

static const uint8_t *value_in(const struct nlattr *data, int type, size_t *ret_length)
{
	const struct nlattr *value = nft_part(nft_part(data, type), NFTA_DATA_VALUE);

	*ret_length = value ? netlink_length(value) : 0;
	return value ? netlink_data(value) : NULL;
}

static void bitwise_read(struct rule *rule, const struct nlattr *data)
{
	struct slot *from = slot_at(rule, nft_number(data, NFTA_BITWISE_SREG)),
		    *to = slot_at(rule, nft_number(data, NFTA_BITWISE_DREG));
	size_t length, with_length;
	const uint8_t *mask = value_in(data, NFTA_BITWISE_MASK, &length),
		      *with = value_in(data, NFTA_BITWISE_XOR, &with_length);

	if (!from || !to)
		return;
	if (!mask || !with || length != with_length || length > sizeof(from->known.value))
		*to = (struct slot){ .field = PASSAGE_OTHER };
	else
		*to = (struct slot){ .field = from->field,
				     .known = known_masked(&from->known, mask, with, length),
				     .length = from->length };
}

static enum fit compared(const struct known *known, uint32_t operation, const uint8_t *value,
			 size_t length)
{
	uint8_t least[16], most[16];
	enum fit fit;

	if (length > sizeof(least))
		return FIT_SOME;
	memset(least, 0, sizeof(least));
	memset(most, 0xff, sizeof(most));
	switch (operation) {
	case NFT_CMP_EQ:
		return known_equal(known, value, NULL, length);
	case NFT_CMP_NEQ:
		return fit_inverted(known_equal(known, value, NULL, length));
	case NFT_CMP_LTE:
	case NFT_CMP_GT:
		fit = known_between(known, least, value, length);
		return operation == NFT_CMP_LTE ? fit : fit_inverted(fit);
	case NFT_CMP_GTE:
	case NFT_CMP_LT:
		fit = known_between(known, value, most, length);
		return operation == NFT_CMP_GTE ? fit : fit_inverted(fit);
	default:
		return FIT_SOME;
	}
}

static enum fit cmp_fit(struct rule *rule, const struct nlattr *data)
{
	const struct slot *slot = slot_at(rule, nft_number(data, NFTA_CMP_SREG));
	size_t length;
	const uint8_t *value = value_in(data, NFTA_CMP_DATA, &length);

	return slot && value ?
		       compared(&slot->known, nft_number(data, NFTA_CMP_OP), value, length) :
		       FIT_SOME;
}

static enum fit range_fit(struct rule *rule, const struct nlattr *data)
{
	const struct slot *slot = slot_at(rule, nft_number(data, NFTA_RANGE_SREG));
	size_t length, other;
	const uint8_t *first = value_in(data, NFTA_RANGE_FROM_DATA, &length),
		      *last = value_in(data, NFTA_RANGE_TO_DATA, &other);
	enum fit fit;

	if (!slot || !first || !last || length != other)
		return FIT_SOME;
	fit = known_between(&slot->known, first, last, length);
	return nft_number(data, NFTA_RANGE_OP) == NFT_RANGE_NEQ ? fit_inverted(fit) : fit;
}

/* Parts of a concatenation stand in registers that follow each other. */
static enum fit element_fit(const struct slot *slot, const struct slot *end,
			    const struct foreign_element *e)
{
	enum fit fit = FIT_ALL;
	size_t at = 0;

	while (at < e->length && fit != FIT_NONE) {
		size_t length = slot < end ? slot->length : 0,
		       left = (length + SLOT - 1) / SLOT * SLOT;

		if (length == 0 || at + length > e->length)
			return FIT_SOME;
		fit = fit_least(fit,
				known_between(&slot->known, e->first + at, e->last + at, length));
		slot += left / SLOT;
		at += left;
	}
	return fit;
}

static enum fit match_fit(const struct rule *rule, const struct nlattr *data)
{
	const struct nlattr *name = nft_part(data, NFTA_MATCH_NAME),
			    *info = nft_part(data, NFTA_MATCH_INFO);
	_cleanup_free_ char *text = name ? str_ndup(netlink_data(name), netlink_length(name)) :
					   NULL;

	return text && info ? passage_match(rule->passage, text, nft_number(data, NFTA_MATCH_REV),
					    netlink_data(info), netlink_length(info)) :
			      FIT_SOME;
}

/* -- what it does ----------------------------------------------------------------------------- */

static bool of_table(const struct foreign_chain *chain, const struct foreign_table *table)
{
	return chain->family == table->family && strcmp(chain->table, table->name) == 0;
}

/* By its number among the chains that were listed. */
static uint64_t place_of(const struct reading *r, const char *chain)
{
	for (size_t i = 0; chain && i < r->tables->chain_count; i++)
		if (of_table(&r->tables->chains[i], r->table) &&
		    strcmp(r->tables->chains[i].name, chain) == 0)
			return i;
	return UINT64_MAX;
}

static enum fate verdict_fate(int verdict)
{
	switch (verdict) {
	case NF_ACCEPT:
		return FATE_ACCEPT;
	case NF_DROP:
		return FATE_DROP;
	case NFT_CONTINUE:
		return FATE_NEXT;
	case NFT_RETURN:
		return FATE_RETURN;
	case NFT_JUMP:
		return FATE_JUMP;
	case NFT_GOTO:
		return FATE_GOTO;
	default:
		return FATE_UNKNOWN;
	}
}

static void immediate_read(struct rule *rule, const struct nlattr *data, struct transit_rule *to)
{
	uint32_t reg = nft_number(data, NFTA_IMMEDIATE_DREG);
	const struct nlattr *verdict =
		nft_part(nft_part(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
	const struct nlattr *chain = nft_part(verdict, NFTA_VERDICT_CHAIN);
	_cleanup_free_ char *name = chain ? str_ndup(netlink_data(chain), netlink_length(chain)) :
					    NULL;

	if (reg != NFT_REG_VERDICT) {
		load(rule, reg, PASSAGE_OTHER);
		return;
	}
	to->fate = verdict_fate((int)nft_number(verdict, NFTA_VERDICT_CODE));
	to->to = place_of(rule->r, name);
}

static void target_read(const struct nlattr *data, struct transit_rule *to)
{
	const struct nlattr *name = nft_part(data, NFTA_TARGET_NAME);
	_cleanup_free_ char *text = name ? str_ndup(netlink_data(name), netlink_length(name)) :
					   NULL;

	to->fate = text ? transit_target(text) : FATE_UNKNOWN;
}

/* A set narrows; a verdict map is a rule for each of its elements, of which *ret_map has them. */
static void lookup_read(struct rule *rule, const struct nlattr *data, struct foreign_set *ret_map,
			struct slot **ret_slot)
{
	const struct nlattr *name = nft_part(data, NFTA_LOOKUP_SET);
	_cleanup_free_ char *text = name ? str_ndup(netlink_data(name), netlink_length(name)) :
					   NULL;
	struct slot *slot = slot_at(rule, nft_number(data, NFTA_LOOKUP_SREG));
	uint32_t to = nft_number(data, NFTA_LOOKUP_DREG),
		 flags = nft_number(data, NFTA_LOOKUP_FLAGS);
	_cleanup_(foreign_set_clear) struct foreign_set set = FOREIGN_SET_NONE;
	struct err ignored = ERR_NONE;
	enum fit fit = FIT_NONE;

	if (!text || !slot ||
	    foreign_set_read(rule->r->nl, rule->r->table->family, rule->r->table->name, text, &set,
			     &ignored) < 0) {
		rule->fit = fit_least(rule->fit, FIT_SOME);
		return;
	}
	if (to == NFT_REG_VERDICT) {
		*ret_map = set;
		*ret_slot = slot;
		set = FOREIGN_SET_NONE;
		return;
	}
	for (size_t i = 0; i < set.count && fit != FIT_ALL; i++) {
		enum fit one = element_fit(slot, rule->slots + SLOTS, &set.list[i]);

		fit = one > fit ? one : fit;
	}
	if (flags != UINT32_MAX && (flags & NFT_LOOKUP_F_INV))
		fit = fit_inverted(fit);
	rule->fit = fit_least(rule->fit, fit);
	if (to != UINT32_MAX)
		load(rule, to, PASSAGE_OTHER);
}

/* Expressions that decide nothing about the packet. */
static bool is_idle(const struct nlattr *name)
{
	static const char *const names[] = { "counter", "log", "objref", "flow_offload",
					     "notrack", "dup", "last" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (nft_is(name, names[i]))
			return true;
	return false;
}

static void expression_read(struct rule *rule, const struct nlattr *expression,
			    struct transit_rule *to, struct foreign_set *map, struct slot **slot)
{
	const struct nlattr *name = nft_part(expression, NFTA_EXPR_NAME),
			    *data = nft_part(expression, NFTA_EXPR_DATA);
	enum fit fit = FIT_ALL;

	if (nft_is(name, "meta"))
		meta_read(rule, data);
	else if (nft_is(name, "payload"))
		payload_read(rule, data);
	else if (nft_is(name, "ct"))
		ct_read(rule, data);
	else if (nft_is(name, "bitwise"))
		bitwise_read(rule, data);
	else if (nft_is(name, "cmp"))
		fit = cmp_fit(rule, data);
	else if (nft_is(name, "range"))
		fit = range_fit(rule, data);
	else if (nft_is(name, "match"))
		fit = match_fit(rule, data);
	else if (nft_is(name, "lookup"))
		lookup_read(rule, data, map, slot);
	else if (nft_is(name, "immediate"))
		immediate_read(rule, data, to);
	else if (nft_is(name, "target"))
		target_read(data, to);
	else if (nft_is(name, "reject"))
		to->fate = FATE_DROP;
	else if (nft_is(name, "queue") || nft_is(name, "synproxy") || nft_is(name, "fwd"))
		to->fate = FATE_UNKNOWN;
	else if (nft_is(name, "limit") || nft_is(name, "quota") || nft_is(name, "connlimit") ||
		 nft_is(name, "dynset"))
		fit = FIT_SOME;
	else if (!is_idle(name)) /* it loads what is not known; reg 1 is where nft does so */
		load(rule, NFT_REG_1, PASSAGE_OTHER);
	rule->fit = fit_least(rule->fit, fit);
}

/* -- a table ---------------------------------------------------------------------------------- */

static bool passes(const struct reading *r, const struct passage *p)
{
	uint8_t family = r->table->family;

	return family == NFPROTO_INET ||
	       family == (p->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

/* A rule of the kernel's is one of the way's, or one for each element of its verdict map. */
static void rule_read(struct reading *r, const struct nlmsghdr *message, struct transit *transit)
{
	const struct nlattr *handle = nft_attribute(message, NFTA_RULE_HANDLE),
			    *list = nft_attribute(message, NFTA_RULE_EXPRESSIONS);
	struct transit_rule to = { .fate = FATE_NEXT };
	_cleanup_(foreign_set_clear) struct foreign_set map = FOREIGN_SET_NONE;
	_cleanup_free_ struct transit_rule *each = NULL;
	uint64_t number = 0;

	if (handle && netlink_length(handle) == sizeof(number))
		memcpy(&number, netlink_data(handle), sizeof(number));
	to.number = be64toh(number);
	for (size_t i = 0; i < r->passage_count; i++) {
		struct rule rule = { .r = r, .passage = &r->passages[i], .fit = FIT_ALL };
		struct foreign_set again = FOREIGN_SET_NONE;
		struct slot *slot = NULL;

		if (!passes(r, &r->passages[i]))
			continue;
		for (const struct nlattr *e = list ? netlink_within(list, NULL) : NULL;
		     e && rule.fit != FIT_NONE; e = netlink_within(list, e))
			expression_read(&rule, e, &to, &again, &slot);
		to.fits[i] = (uint8_t)rule.fit;
		if (!slot)
			continue;
		if (!each) {
			map = again;
			again = FOREIGN_SET_NONE;
			each = mem_new((map.count + 1) * sizeof(*each));
		}
		for (size_t j = 0; j < map.count; j++)
			each[j].fits[i] = (uint8_t)fit_least(
				rule.fit, element_fit(slot, rule.slots + SLOTS, &map.list[j]));
		foreign_set_clear(&again);
	}
	if (!each)
		transit_rule_add(transit, &to);
	for (size_t j = 0; j < map.count; j++) {
		each[j].fate = verdict_fate(map.list[j].verdict);
		each[j].to = place_of(r, map.list[j].chain);
		each[j].number = to.number;
		transit_rule_add(transit, &each[j]);
	}
}

static int rule_keep(const struct nlmsghdr *message, void *data)
{
	struct reading *r = data;

	if (r->rule_count == RULES_MAX)
		return -E2BIG;
	r->rules = reallocarray(r->rules, r->rule_count + 1, sizeof(*r->rules));
	if (!r->rules)
		abort();
	r->rules[r->rule_count].message = mem_new(message->nlmsg_len);
	memcpy(r->rules[r->rule_count++].message, message, message->nlmsg_len);
	return 0;
}

static void rules_drop(struct reading *r)
{
	for (size_t i = 0; i < r->rule_count; i++)
		free(r->rules[i].message);
	free(r->rules);
	r->rules = NULL;
	r->rule_count = 0;
}

static void chain_add(struct reading *r, const struct foreign_chain *chain, struct transit *transit)
{
	struct transit_rule policy = { .policy = true,
				       .fate = chain->drops ? FATE_DROP : FATE_ACCEPT };

	transit_chain_add(transit, chain->name, (uint64_t)(chain - r->tables->chains),
			  chain->begins);
	for (size_t i = 0; i < r->rule_count; i++)
		rule_read(r, r->rules[i].message, transit);
	if (!chain->begins)
		return;
	for (size_t i = 0; i < r->passage_count; i++)
		policy.fits[i] = passes(r, &r->passages[i]) ? FIT_ALL : FIT_NONE;
	transit_rule_add(transit, &policy);
}

/* To where its rules lead, if not for nobody. */
static void jumps_want(struct reading *r, const struct transit *transit, size_t first)
{
	for (size_t i = first; i < transit->count; i++) {
		const struct transit_rule *rule = &transit->rules[i];
		bool meets = false;

		for (size_t j = 0; j < r->passage_count; j++)
			meets |= rule->fits[j] != FIT_NONE;
		if (meets && (rule->fate == FATE_JUMP || rule->fate == FATE_GOTO) &&
		    rule->to < r->tables->chain_count)
			r->tables->chains[rule->to].wanted = true;
	}
}

static int chain_read(struct reading *r, struct foreign_chain *chain, struct transit *transit,
		      struct err *err)
{
	size_t first = transit->count;
	int code = nft_rules(r->nl, chain->family, chain->table, chain->name, rule_keep, r, err);

	chain->read = true;
	if (code == 0) {
		chain_add(r, chain, transit);
		jumps_want(r, transit, first);
	}
	rules_drop(r);
	return code == -E2BIG ? 0 : code;
}

static int table_read(struct reading *r, struct foreign_table *table, struct err *err)
{
	bool more = true;
	int code = 0;

	r->table = table;
	while (code == 0 && more) {
		more = false;
		for (size_t i = 0; code == 0 && i < r->tables->chain_count; i++) {
			struct foreign_chain *chain = &r->tables->chains[i];

			if (chain->read || (!chain->begins && !chain->wanted) ||
			    !of_table(chain, table))
				continue;
			more = true;
			code = chain_read(r, chain, &table->transit, err);
		}
	}
	return code;
}

/* -- all -------------------------------------------------------------------------------------- */

struct finding {
	const char *own;
	struct foreign_tables *tables;
};

static int chain_seen(const struct nlmsghdr *message, void *data)
{
	struct finding *f = data;
	struct foreign_tables *to = f->tables;
	const struct nfgenmsg *header = (const void *)(message + 1);
	const struct nlattr *table = nft_attribute(message, NFTA_CHAIN_TABLE),
			    *name = nft_attribute(message, NFTA_CHAIN_NAME),
			    *hook = nft_attribute(message, NFTA_CHAIN_HOOK),
			    *policy = nft_attribute(message, NFTA_CHAIN_POLICY);
	uint8_t family = header->nfgen_family;

	if (!table || !name || str_prefix(netlink_data(table), f->own) ||
	    (family != NFPROTO_INET && family != NFPROTO_IPV4 && family != NFPROTO_IPV6))
		return 0;
	to->chains = reallocarray(to->chains, to->chain_count + 1, sizeof(*to->chains));
	if (!to->chains)
		abort();
	to->chains[to->chain_count++] = (struct foreign_chain){
		.family = family,
		.table = str_ndup(netlink_data(table), netlink_length(table)),
		.name = str_ndup(netlink_data(name), netlink_length(name)),
		.begins = nft_number(hook, NFTA_HOOK_HOOKNUM) == NF_INET_FORWARD,
		.drops = policy && netlink_length(policy) == 4 &&
			 ntohl(*(const uint32_t *)netlink_data(policy)) == NF_DROP
	};
	return 0;
}

static void table_found(struct foreign_tables *tables, const struct foreign_chain *chain)
{
	for (size_t i = 0; i < tables->count; i++)
		if (of_table(chain, &tables->list[i]))
			return;
	tables->list = reallocarray(tables->list, tables->count + 1, sizeof(*tables->list));
	if (!tables->list)
		abort();
	tables->list[tables->count++] =
		(struct foreign_table){ .family = chain->family, .name = str_dup(chain->table) };
}

int foreign_transit_find(struct netlink *nl, const char *own, struct foreign_tables *ret_tables,
			 struct err *err)
{
	struct foreign_tables tables = FOREIGN_TABLES_NONE;
	int code = nft_chains(nl, chain_seen, &(struct finding){ own, &tables }, err);

	for (size_t i = 0; i < tables.chain_count; i++)
		if (tables.chains[i].begins)
			table_found(&tables, &tables.chains[i]);
	if (code < 0)
		foreign_transit_clear(&tables);
	else
		*ret_tables = tables;
	return code;
}

int foreign_transit_read(struct netlink *nl, const struct passage *passages, size_t count,
			 struct foreign_tables *tables, struct err *err)
{
	struct reading r = { .nl = nl,
			     .passages = passages,
			     .passage_count = count < TRANSIT_PASSAGES ? count : TRANSIT_PASSAGES,
			     .tables = tables };
	int code = 0;

	for (size_t i = 0; code == 0 && i < tables->count; i++)
		code = table_read(&r, &tables->list[i], err);
	return code;
}

void foreign_transit_clear(struct foreign_tables *tables)
{
	for (size_t i = 0; i < tables->count; i++) {
		free(tables->list[i].name);
		transit_clear(&tables->list[i].transit);
	}
	for (size_t i = 0; i < tables->chain_count; i++) {
		free(tables->chains[i].table);
		free(tables->chains[i].name);
	}
	free(tables->list);
	free(tables->chains);
	*tables = FOREIGN_TABLES_NONE;
}
