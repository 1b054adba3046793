/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/foreign_nat.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/err.h"
#include "base/str.h"
#include "net/legacy_nat.h"
#include "net/nat_condition.h"
#include "net/netlink.h"
#include "net/nft.h"
#include "net/port_set.h"

/* -- what is read ----------------------------------------------------------------------------- */

struct edge {	  /* a way from one chain to another */
	char *to; /* "ip nat DOCKER" */
	uint32_t hash;
	bool narrow; /* for some packets alone, or for those of the host itself */
	bool asks;   /* for ports */
	struct nat_case one;
};

struct collecting {
	struct netlink *nl;
	const char *own;
	struct foreign_nat *all;
	struct nlmsghdr **rules; /* kept: the socket is needed while they are read */
	size_t rule_count;
	char **outgoing; /* chains of what the host itself sends, as edges name them */
	struct edge *edges;
	size_t edge_count;
};

static const struct nlattr *attribute(const struct nlmsghdr *message, int type)
{
	for (const struct nlattr *a = nft_first(message); a; a = netlink_next(message, a))
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static const char *family_word(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

static char *chain_name(uint8_t family, const char *table, const char *chain)
{
	return str_printf("%s %s %s", family_word(family), table, chain);
}

static int chain_seen(const struct nlmsghdr *message, void *data)
{
	struct collecting *c = data;
	const struct nfgenmsg *header = (const void *)(message + 1);
	const struct nlattr *table = attribute(message, NFTA_CHAIN_TABLE),
			    *name = attribute(message, NFTA_CHAIN_NAME);

	if (table && name &&
	    nft_number(attribute(message, NFTA_CHAIN_HOOK), NFTA_HOOK_HOOKNUM) == NF_INET_LOCAL_OUT)
		strv_add_take(&c->outgoing, chain_name(header->nfgen_family, netlink_data(table),
						       netlink_data(name)));
	return 0;
}

/* One that translates, or leads to a chain. */
static bool is_of_use(const struct nlattr *list)
{
	static const char *const names[] = { "nat", "redir", "target", "immediate", "lookup" };
	const struct nlattr *e = NULL;

	while (list && (e = netlink_within(list, e)) != NULL)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (nft_is(nft_part(e, NFTA_EXPR_NAME), names[i]))
				return true;
	return false;
}

static int rule_seen(const struct nlmsghdr *message, void *data)
{
	struct collecting *c = data;
	const struct nlattr *table = attribute(message, NFTA_RULE_TABLE);

	if (!table || str_prefix(netlink_data(table), c->own) ||
	    !is_of_use(attribute(message, NFTA_RULE_EXPRESSIONS)))
		return 0;
	if ((c->rule_count & (c->rule_count - 1)) == 0) { /* doubled */
		c->rules = reallocarray(c->rules, c->rule_count ? c->rule_count * 2 : 1,
					sizeof(*c->rules));
		if (!c->rules)
			abort();
	}
	c->rules[c->rule_count] = mem_new(message->nlmsg_len);
	memcpy(c->rules[c->rule_count++], message, message->nlmsg_len);
	return 0;
}

/* -- one rule --------------------------------------------------------------------------------- */

struct rule {
	struct collecting *c;
	uint8_t family;
	const char *table;
	char *chain; /* as edges name it */
	uint64_t handle;
	bool outgoing;
	struct nat_condition condition;
};

static void rule_read(struct collecting *c, const struct nlmsghdr *message, struct rule *rule)
{
	const struct nfgenmsg *header = (const void *)(message + 1);
	const struct nlattr *chain = attribute(message, NFTA_RULE_CHAIN),
			    *handle = attribute(message, NFTA_RULE_HANDLE);

	rule->c = c;
	rule->family = header->nfgen_family;
	rule->table = netlink_data(attribute(message, NFTA_RULE_TABLE));
	rule->chain = chain_name(rule->family, rule->table, chain ? netlink_data(chain) : "");
	rule->handle = 0;
	if (handle && netlink_length(handle) == sizeof(rule->handle))
		memcpy(&rule->handle, netlink_data(handle), sizeof(rule->handle));
	rule->outgoing = strv_has(c->outgoing, rule->chain);
	nat_condition_read(c->nl, rule->family, rule->table,
			   attribute(message, NFTA_RULE_EXPRESSIONS), &rule->condition);
}

static void rule_clear(struct rule *rule)
{
	nat_condition_clear(&rule->condition);
	free(rule->chain);
}

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619U;
	return hash;
}

static void edge_add(struct rule *rule, const struct nat_case *one)
{
	struct collecting *c = rule->c;
	struct edge *edge;

	if ((c->edge_count & (c->edge_count - 1)) == 0) {
		c->edges = reallocarray(c->edges, c->edge_count ? c->edge_count * 2 : 1,
					sizeof(*c->edges));
		if (!c->edges)
			abort();
	}
	edge = &c->edges[c->edge_count++];
	*edge = (struct edge){ .to = chain_name(rule->family, rule->table, one->chain),
			       .narrow = one->narrow || rule->outgoing,
			       .asks = one->ports.first != 0 || one->ports.last != UINT16_MAX,
			       .one = *one };
	edge->hash = hash_of(edge->to);
	edge->one.chain = NULL;
}

static void edge_seen(const struct nat_case *one, void *data)
{
	if (one->chain)
		edge_add(data, one);
}

static void edges_read(struct collecting *c, const struct nlmsghdr *message)
{
	struct rule rule;

	rule_read(c, message, &rule);
	nat_condition_each(&rule.condition, edge_seen, &rule);
	rule_clear(&rule);
}

/* -- what it takes ---------------------------------------------------------------------------- */

static void rule_add(struct foreign_nat *all, const struct foreign_nat_rule *rule)
{
	if ((all->count & (all->count - 1)) == 0) { /* doubled */
		all->list = reallocarray(all->list, all->count ? all->count * 2 : 1,
					 sizeof(*all->list));
		if (!all->list)
			abort();
	}
	all->list[all->count] = *rule;
	all->list[all->count].place = str_dup(rule->place);
	all->list[all->count++].remedy = str_dup(rule->remedy);
}

void foreign_nat_add_ports(struct foreign_nat *all, struct foreign_nat_rule *rule,
			   const struct port_set *ports)
{
	struct port_range range;

	for (uint32_t at = 0; port_set_next(ports, &at, &range);) {
		rule->first = range.first;
		rule->last = range.last;
		rule_add(all, rule);
	}
	free(rule->place);
	free(rule->remedy);
}

static void taken_add(struct rule *rule, const struct nat_case *one)
{
	_cleanup_free_ char *place = str_printf("%s handle %llu", rule->chain,
						(unsigned long long)be64toh(rule->handle)),
			    *remedy = str_printf("nft delete rule %s", place);

	rule_add(rule->c->all, &(struct foreign_nat_rule){ .protocol = one->protocol,
							   .first = one->ports.first,
							   .last = one->ports.last,
							   .host = one->host,
							   .place = place,
							   .remedy = remedy });
}

/* A chain to which nothing leads is one that an engine left behind, or of the kernel's: the rule counts as it stands. */
static void case_seen(const struct nat_case *one, void *data)
{
	struct rule *rule = data;
	const struct collecting *c = rule->c;
	bool asks = one->ports.first != 0 || one->ports.last != UINT16_MAX, reached = false,
	     whole = false, plain;
	uint32_t hash = hash_of(rule->chain);
	struct nat_case both;

	for (size_t i = 0; !one->narrow && i < c->edge_count; i++) {
		const struct edge *edge = &c->edges[i];

		if (edge->hash != hash || strcmp(edge->to, rule->chain) != 0)
			continue;
		plain = !edge->asks && !edge->one.protocol && address_is_any(&edge->one.host);
		reached = true;
		if (edge->narrow || (!asks && !edge->asks) || (whole && plain) ||
		    !nat_case_both(one, &edge->one, &both))
			continue;
		whole |= plain; /* of several such ways one tells all */
		taken_add(rule, &both);
	}
	if (!one->narrow && !reached && asks)
		taken_add(rule, one);
}

static void taken_read(struct collecting *c, const struct nlmsghdr *message)
{
	struct rule rule;

	rule_read(c, message, &rule);
	if (rule.condition.translates && !rule.outgoing)
		nat_condition_each(&rule.condition, case_seen, &rule);
	rule_clear(&rule);
}

static void collecting_clear(struct collecting *c)
{
	for (size_t i = 0; i < c->rule_count; i++)
		free(c->rules[i]);
	for (size_t i = 0; i < c->edge_count; i++)
		free(c->edges[i].to);
	free(c->rules);
	free(c->edges);
	strv_free(&c->outgoing);
}

int foreign_nat_read(struct netlink *nl, const char *own, struct foreign_nat *ret, struct err *err)
{
	struct collecting c = { .nl = nl, .own = own, .all = ret };
	int r;

	*ret = FOREIGN_NAT_NONE;
	legacy_nat_read(ret);
	r = nft_rules(nl, NFPROTO_UNSPEC, NULL, NULL, rule_seen, &c, err);
	if (r == 0 && c.rule_count > 0)
		r = nft_chains(nl, chain_seen, &c, err);
	for (size_t i = 0; r == 0 && i < c.rule_count; i++)
		edges_read(&c, c.rules[i]);
	for (size_t i = 0; r == 0 && i < c.rule_count; i++)
		taken_read(&c, c.rules[i]);
	collecting_clear(&c);
	return r;
}

const struct foreign_nat_rule *foreign_nat_find(const struct foreign_nat *all, int protocol,
						const struct address *host, uint16_t port)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct foreign_nat_rule *r = &all->list[i];

		if ((r->protocol && r->protocol != protocol) || port < r->first || port > r->last ||
		    (r->host.family && r->host.family != host->family))
			continue;
		if (!r->host.family || address_is_any(&r->host) || address_is_any(host) ||
		    memcmp(r->host.bytes, host->bytes, (size_t)address_length(host->family)) == 0)
			return r;
	}
	return NULL;
}

void foreign_nat_clear(struct foreign_nat *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->list[i].place);
		free(all->list[i].remedy);
	}
	free(all->list);
	*all = FOREIGN_NAT_NONE;
}
