/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/foreign_forward.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "net/legacy_forward.h"
#include "net/netlink.h"
#include "net/nft.h"

#define ZONES_CHAIN "filter_FORWARD_POLICIES" /* of firewalld 2.1 and newer */

static const struct place { /* where others decide about what is forwarded */
	uint8_t family;
	const char *table, *chain;
	/* of firewalld: links that no zone was told of come to the last rule, which rejects. Ours stands before that, so that a zone that an administrator
	 * gave our link decides first. What comes to published ports it lets through by itself. */
	bool firewalld;
} places[] = {
	{ NFPROTO_IPV4, "filter", "FORWARD", false },
	{ NFPROTO_IPV6, "filter", "FORWARD", false },
	{ NFPROTO_INET, "firewalld", "filter_FORWARD_ZONES", true },
};

struct search { /* for rules of ours in one chain */
	char comment[64];
	uint64_t handles[8];
	size_t count;
	uint64_t last; /* of all rules */
	/* the last one, but for ours, which drops all that comes to it as a policy does: ours stand before it. 0: it does not */
	uint64_t dropping;
	uint64_t ufw; /* the rule that leads to what it rejects: ours stand before that, too */
	bool behind;  /* ours are, and of no use */
};

struct chain { /* what is asked of it */
	bool drops;
};

static int chain_seen(const struct nlmsghdr *message, void *data)
{
	struct chain *chain = data;

	for (const struct nlattr *attr = nft_first(message); attr;
	     attr = netlink_next(message, attr))
		if (attr->nla_type == NFTA_CHAIN_POLICY && netlink_length(attr) == 4)
			chain->drops = ntohl(*(const uint32_t *)netlink_data(attr)) == NF_DROP;
	return 0;
}

/* All that comes to it, whatever it is. */
static bool drops_all(const struct nlattr *list)
{
	bool drops = false;

	for (const struct nlattr *e = netlink_within(list, NULL); e; e = netlink_within(list, e)) {
		const struct nlattr *name = nft_part(e, NFTA_EXPR_NAME),
				    *data = nft_part(e, NFTA_EXPR_DATA);
		const struct nlattr *verdict =
			nft_is(name, "immediate") ?
				nft_part(nft_part(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT) :
				NULL;

		if (nft_is(name, "reject") ||
		    (nft_is(name, "target") &&
		     nft_is(nft_part(data, NFTA_TARGET_NAME), "REJECT")) ||
		    nft_number(verdict, NFTA_VERDICT_CODE) == NF_DROP)
			drops = true;
		else if (!nft_is(name, "counter") &&
			 !(nft_is(name, "match") &&
			   nft_is(nft_part(data, NFTA_MATCH_NAME), "comment")))
			return false;
	}
	return drops;
}

/* `ufw default reject routed` rejects in a chain of its own, before the end of FORWARD, whose policy is DROP all the same. */
static bool leads_to_reject_of_ufw(const struct nlattr *list)
{
	for (const struct nlattr *e = netlink_within(list, NULL); e; e = netlink_within(list, e)) {
		const struct nlattr *immediate = nft_part(nft_part(e, NFTA_EXPR_DATA),
							  NFTA_IMMEDIATE_DATA),
				    *chain;

		if (!nft_is(nft_part(e, NFTA_EXPR_NAME), "immediate"))
			continue;
		chain = nft_part(nft_part(immediate, NFTA_DATA_VERDICT), NFTA_VERDICT_CHAIN);
		return nft_is(chain, "ufw-reject-forward") || nft_is(chain, "ufw6-reject-forward");
	}
	return false;
}

static int rule_seen(const struct nlmsghdr *message, void *data)
{
	struct search *search = data;
	uint64_t handle = 0;
	bool ours = false, all = false, ufw = false;

	for (const struct nlattr *attr = nft_first(message); attr;
	     attr = netlink_next(message, attr)) {
		if (attr->nla_type == NFTA_RULE_HANDLE && netlink_length(attr) == 8) {
			memcpy(&handle, netlink_data(attr), sizeof(handle));
			handle = be64toh(handle);
		}
		if ((attr->nla_type & NLA_TYPE_MASK) == NFTA_RULE_EXPRESSIONS) {
			all = drops_all(attr);
			ufw = leads_to_reject_of_ufw(attr);
		}
		if (attr->nla_type == NFTA_RULE_USERDATA)
			ours = memmem(netlink_data(attr), netlink_length(attr), search->comment,
				      strlen(search->comment) + 1) != NULL;
	}
	search->last = handle;
	if (ufw && !search->ufw)
		search->ufw = handle;
	if (ours) {
		search->behind = search->dropping != 0 || search->ufw != 0;
	} else {
		/* one that others stand behind was put there on purpose: that is told (engine/forward_look.h) */
		search->dropping = search->dropping == 0 && all ? handle : 0;
		search->behind &= search->ufw != 0;
	}
	if (ours && search->count < ARRAY_SIZE(search->handles))
		search->handles[search->count++] = handle;
	return 0;
}

static int find(struct netlink *nl, const struct place *place, const char *link,
		struct search *search, struct err *err)
{
	int r;

	(void)str_append(search->comment, sizeof(search->comment), "cloche: ");
	(void)str_append(search->comment, sizeof(search->comment), link);
	r = nft_rules(nl, place->family, place->table, place->chain, rule_seen, search, err);
	return r;
}

static void accept_add(struct netlink *nl, const struct place *place, const struct search *search,
		       uint32_t direction, const char *link)
{
	size_t rule = nft_family_rule(nl, place->family, place->table, place->chain,
				      place->firewalld ? search->last :
				      search->dropping ? search->dropping :
							 search->ufw,
				      search->comment);
	char name[IFNAMSIZ] = "";

	(void)str_append(name, sizeof(name), link);
	nft_meta(nl, direction, NFT_REG32_00);
	nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, name, sizeof(name));
	nft_verdict(nl, NF_ACCEPT, NULL);
	nft_rule_end(nl, rule);
}

/* 1: the host's chain drops, and has no rule of ours for the link that is of use; *ret_search has the comment that one would bear. */
static int missing(struct netlink *nl, const struct place *place, const char *link,
		   struct search *ret_search, struct err *err)
{
	struct chain chain = { .drops = place->firewalld };
	int r = nft_chain(nl, place->family, place->table, place->chain, chain_seen, &chain, err);

	*ret_search = (struct search){ 0 };
	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (r == 0)
		r = find(nl, place, link, ret_search, err);
	if (r < 0)
		return r;
	if (place->firewalld)
		return ret_search->count == 0;
	return (chain.drops || ret_search->dropping) &&
	       (ret_search->behind || ret_search->count == 0);
}

struct named { /* does a rule of firewalld name the link? */
	char link[IFNAMSIZ];
	bool found;
};

static int named_seen(const struct nlmsghdr *message, void *data)
{
	struct named *named = data;

	for (const struct nlattr *attr = nft_first(message); attr;
	     attr = netlink_next(message, attr))
		if (attr->nla_type == NFTA_RULE_EXPRESSIONS &&
		    memmem(netlink_data(attr), netlink_length(attr), named->link,
			   sizeof(named->link)))
			named->found = true;
	return 0;
}

/* 0: there is no firewalld that decides by zones alone; FOREIGN_ZONE_*. */
static int zone(struct netlink *nl, const char *link, struct err *err)
{
	struct named named = { .found = false };
	struct chain ignored = { 0 };
	int r;

	/* a dump of what is not there is empty */
	r = nft_chain(nl, NFPROTO_INET, "firewalld", ZONES_CHAIN, chain_seen, &ignored, err);
	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	(void)str_append(named.link, sizeof(named.link), link);
	r = nft_rules(nl, NFPROTO_INET, "firewalld", ZONES_CHAIN, named_seen, &named, err);
	return r < 0 ? r : named.found ? FOREIGN_ZONE_TOLD : FOREIGN_ZONE_MISSING;
}

static int allow(struct netlink *nl, const struct place *place, const char *link, struct err *err)
{
	struct search search;
	int r = missing(nl, place, link, &search, err);

	if (r <= 0)
		return r;
	nft_begin(nl);
	for (size_t i = 0; search.behind && i < search.count; i++)
		nft_delete_rule(nl, place->family, place->table, place->chain, search.handles[i]);
	accept_add(nl, place, &search, NFT_META_IIFNAME, link);
	if (!place->firewalld)
		accept_add(nl, place, &search, NFT_META_OIFNAME, link);
	return nft_commit(nl, err);
}

int foreign_forward_allow(struct netlink *nl, const char *link, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = allow(nl, &places[i], link, err);
	if (r == 0)
		legacy_forward_allow(link);
	if (r == 0)
		r = zone(nl, link, err);
	return r < 0 ? err_wrap(err, "let %s through the host's chain FORWARD", link) : r;
}

int foreign_forward_missing(struct netlink *nl, const char *link, struct err *err)
{
	struct search search;
	int r = 0;

	/* of firewalld a zone may let it through: a packet that is traced tells */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		if (!places[i].firewalld)
			r = missing(nl, &places[i], link, &search, err);
	return r;
}

static int forget(struct netlink *nl, const struct place *place, const char *link, struct err *err)
{
	struct search search = { 0 };
	int r = find(nl, place, link, &search, err);

	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (r < 0 || search.count == 0)
		return r;
	nft_begin(nl);
	for (size_t i = 0; i < search.count; i++)
		nft_delete_rule(nl, place->family, place->table, place->chain, search.handles[i]);
	return nft_commit(nl, err);
}

int foreign_forward_forget(struct netlink *nl, const char *link, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = forget(nl, &places[i], link, err);
	legacy_forward_forget(link);
	return r < 0 ? r : zone(nl, link, err);
}

const char *foreign_firewall(struct netlink *nl)
{
	struct chain ignored_chain = { 0 };
	struct err ignored = ERR_NONE;

	if (nft_chain(nl, NFPROTO_INET, "firewalld", "filter_INPUT", chain_seen, &ignored_chain,
		      &ignored) == 0)
		return "firewalld";
	if (nft_chain(nl, NFPROTO_IPV4, "filter", "ufw-user-input", chain_seen, &ignored_chain,
		      &ignored) == 0)
		return "ufw";
	return NULL;
}
