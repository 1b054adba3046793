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
#include "net/nat_way.h"
#include "net/netlink.h"
#include "net/nft.h"

/* -- what is read ----------------------------------------------------------------------------- */

struct table {
	uint8_t family;
	char *name;
};

struct collecting {
	struct netlink *nl;
	const char *own;
	struct table *tables; /* that translate */
	size_t table_count;
	struct foreign_nat *all;
	struct nlmsghdr **rules; /* kept: the socket is needed while they are read */
	size_t rule_count;
	char **outgoing; /* chains of what the host itself sends, as ways name them */
	struct nat_ways ways;
};

static char *chain_name(uint8_t family, const char *table, const char *chain)
{
	return str_printf("%s %s %s", nft_family_word(family), table, chain);
}

static void table_add(struct collecting *c, uint8_t family, const char *name)
{
	for (size_t i = 0; i < c->table_count; i++)
		if (c->tables[i].family == family && strcmp(c->tables[i].name, name) == 0)
			return;
	c->tables = reallocarray(c->tables, c->table_count + 1, sizeof(*c->tables));
	if (!c->tables)
		abort();
	c->tables[c->table_count++] = (struct table){ family, str_dup(name) };
}

static int chain_seen(const struct nlmsghdr *message, void *data)
{
	struct collecting *c = data;
	uint8_t family = ((const struct nfgenmsg *)(const void *)(message + 1))->nfgen_family;
	const struct nlattr *table = nft_attribute(message, NFTA_CHAIN_TABLE),
			    *name = nft_attribute(message, NFTA_CHAIN_NAME);

	if (!table || !name || str_prefix(netlink_data(table), c->own) ||
	    !nft_is(nft_attribute(message, NFTA_CHAIN_TYPE), "nat"))
		return 0;
	table_add(c, family, netlink_data(table));
	if (nft_number(nft_attribute(message, NFTA_CHAIN_HOOK), NFTA_HOOK_HOOKNUM) ==
	    NF_INET_LOCAL_OUT)
		strv_add_take(&c->outgoing,
			      chain_name(family, netlink_data(table), netlink_data(name)));
	return 0;
}

/* To another chain; most rules lead nowhere. */
static bool leads(const struct nlattr *list)
{
	const struct nlattr *e = NULL;

	while (list && (e = netlink_within(list, e)) != NULL) {
		const struct nlattr *name = nft_part(e, NFTA_EXPR_NAME),
				    *data = nft_part(e, NFTA_EXPR_DATA);

		if ((nft_is(name, "immediate") &&
		     nft_number(data, NFTA_IMMEDIATE_DREG) == NFT_REG_VERDICT) ||
		    (nft_is(name, "lookup") &&
		     nft_number(data, NFTA_LOOKUP_DREG) == NFT_REG_VERDICT))
			return true;
	}
	return false;
}

/* One that translates, or leads to a chain. */
static bool is_of_use(const struct nlattr *list)
{
	const struct nlattr *e = NULL;

	while (list && (e = netlink_within(list, e)) != NULL) {
		const struct nlattr *name = nft_part(e, NFTA_EXPR_NAME);

		if (nft_is(name, "nat") || nft_is(name, "redir") || nft_is(name, "target"))
			return true;
	}
	return leads(list);
}

static int rule_seen(const struct nlmsghdr *message, void *data)
{
	struct collecting *c = data;

	if (!nft_attribute(message, NFTA_RULE_TABLE) ||
	    !is_of_use(nft_attribute(message, NFTA_RULE_EXPRESSIONS)))
		return 0;
	c->rules = mem_room(c->rules, c->rule_count, sizeof(*c->rules));
	c->rules[c->rule_count] = mem_new(message->nlmsg_len);
	memcpy(c->rules[c->rule_count++], message, message->nlmsg_len);
	return 0;
}

/* -- one rule --------------------------------------------------------------------------------- */

struct rule {
	struct collecting *c;
	uint8_t family;
	const char *table;
	char *chain; /* as ways name it */
	uint64_t handle;
	bool outgoing;
	struct nat_condition condition;
};

static void rule_read(struct collecting *c, const struct nlmsghdr *message, struct rule *rule)
{
	const struct nfgenmsg *header = (const void *)(message + 1);
	const struct nlattr *chain = nft_attribute(message, NFTA_RULE_CHAIN),
			    *handle = nft_attribute(message, NFTA_RULE_HANDLE);

	rule->c = c;
	rule->family = header->nfgen_family;
	rule->table = netlink_data(nft_attribute(message, NFTA_RULE_TABLE));
	rule->chain = chain_name(rule->family, rule->table, chain ? netlink_data(chain) : "");
	rule->handle = 0;
	if (handle && netlink_length(handle) == sizeof(rule->handle))
		memcpy(&rule->handle, netlink_data(handle), sizeof(rule->handle));
	rule->outgoing = strv_has(c->outgoing, rule->chain);
	nat_condition_read(c->nl, rule->family, rule->table,
			   nft_attribute(message, NFTA_RULE_EXPRESSIONS), &rule->condition);
}

static void rule_clear(struct rule *rule)
{
	nat_condition_clear(&rule->condition);
	free(rule->chain);
}

static void way_seen(const struct nat_case *one, void *data)
{
	struct rule *rule = data;
	_cleanup_free_ char *to = one->chain ? chain_name(rule->family, rule->table, one->chain) :
					       NULL;
	struct nat_case way = *one;

	way.narrow |= rule->outgoing;
	if (to)
		nat_ways_add(&rule->c->ways, to, &way);
}

static void ways_read(struct collecting *c, const struct nlmsghdr *message)
{
	struct rule rule;

	if (!leads(nft_attribute(message, NFTA_RULE_EXPRESSIONS)))
		return;
	rule_read(c, message, &rule);
	nat_condition_each(&rule.condition, way_seen, &rule);
	rule_clear(&rule);
}

/* -- what it takes ---------------------------------------------------------------------------- */

void foreign_nat_add(struct foreign_nat *all, const struct nat_case *one, const char *place,
		     const char *remedy)
{
	all->list = mem_room(all->list, all->count, sizeof(*all->list));
	all->list[all->count++] = (struct foreign_nat_rule){ .protocol = one->protocol,
							     .first = one->ports.first,
							     .last = one->ports.last,
							     .host = one->host,
							     .place = str_dup(place),
							     .remedy = str_dup(remedy) };
}

static void taken_add(const struct nat_case *one, void *data)
{
	struct rule *rule = data;
	_cleanup_free_ char *place = str_printf("%s handle %llu", rule->chain,
						(unsigned long long)be64toh(rule->handle)),
			    *remedy = str_printf("nft delete rule %s", place);

	foreign_nat_add(rule->c->all, one, place, remedy);
}

static void case_seen(const struct nat_case *one, void *data)
{
	struct rule *rule = data;

	nat_ways_each(&rule->c->ways, rule->chain, one, taken_add, rule);
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
	for (size_t i = 0; i < c->table_count; i++)
		free(c->tables[i].name);
	free(c->tables);
	free(c->rules);
	nat_ways_clear(&c->ways);
	strv_free(&c->outgoing);
}

int foreign_nat_read(struct netlink *nl, const char *own, struct foreign_nat *ret, struct err *err)
{
	struct collecting c = { .nl = nl, .own = own, .all = ret };
	int r;

	*ret = FOREIGN_NAT_NONE;
	legacy_nat_read(ret);
	r = nft_chains(nl, chain_seen, &c, err);
	for (size_t i = 0; r == 0 && i < c.table_count; i++)
		r = nft_rules(nl, c.tables[i].family, c.tables[i].name, NULL, rule_seen, &c, err);
	for (size_t i = 0; r == 0 && i < c.rule_count; i++)
		ways_read(&c, c.rules[i]);
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
