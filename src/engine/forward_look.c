/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/forward_look.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/network.h"
#include "engine/publish.h"
#include "engine/publish_take.h"
#include "net/foreign_transit.h"
#include "net/legacy_table.h"
#include "net/legacy_transit.h"
#include "net/netlink.h"
#include "net/nft.h"
#include "net/passage.h"
#include "net/route.h"
#include "net/transit.h"

static const int families[] = { AF_INET, AF_INET6 };

enum direction { OUT, ANSWER, PORT };

struct wanted { /* what is to pass */
	struct passage passages[TRANSIT_PASSAGES];
	enum direction directions[TRANSIT_PASSAGES];
	uint16_t host_ports[TRANSIT_PASSAGES];
	size_t count;
	char uplinks[2][IFNAMSIZ]; /* by which others are reached, by family; "": not known */
};

/* -- what is to pass -------------------------------------------------------------------------- */

/* The link of the default route, by an address of nobody's (RFC 5737, RFC 3849). */
static void uplink_ask(struct netlink *nl, const char *nobody, char out[IFNAMSIZ])
{
	struct err ignored = ERR_NONE;
	struct link_state link;
	struct address to;
	struct route route;

	*out = '\0';
	if (address_parse(nobody, &to) == 0 && route_ask(nl, &to, NULL, 0, &route, &ignored) == 0 &&
	    !route.local && link_ask(nl, NULL, route.link, &link, &ignored) == 0)
		memcpy(out, link.name, IFNAMSIZ);
}

static void uplinks_ask(struct wanted *w)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err ignored = ERR_NONE;

	if (netlink_open(&nl, NETLINK_ROUTE, &ignored) < 0)
		return;
	uplink_ask(&nl, "192.0.2.1", w->uplinks[0]);
	uplink_ask(&nl, "2001:db8::1", w->uplinks[1]);
}

static const char *uplink(const struct wanted *w, int family)
{
	const char *name = w->uplinks[family == AF_INET6];

	return *name ? name : NULL;
}

static void add(struct wanted *w, enum direction direction, const struct passage *passage,
		uint16_t host_port)
{
	if (w->count == TRANSIT_PASSAGES)
		return;
	w->passages[w->count] = *passage;
	w->host_ports[w->count] = host_port;
	w->directions[w->count++] = direction;
}

static void network_wants(struct wanted *w, const struct network *network,
			  const struct subnet *subnet)
{
	int family = subnet->address.family;
	const char *link = network->row.link, *others = family ? uplink(w, family) : NULL;

	if (!family)
		return;
	add(w, OUT,
	    &(struct passage){ .family = family,
			       .in = link,
			       .out = others,
			       .from = *subnet,
			       .protocol = IPPROTO_TCP },
	    0);
	add(w, ANSWER,
	    &(struct passage){ .family = family,
			       .in = others,
			       .out = link,
			       .to = *subnet,
			       .protocol = IPPROTO_TCP,
			       .answer = true },
	    0);
}

static void wanted_fill(struct wanted *w, const struct endpoints *endpoints,
			const struct publish *publish)
{
	for (size_t i = 0; i < endpoints->count; i++) {
		const struct network *network = &endpoints->list[i].network;

		if (!network_is_bridge(&network->row) || network_internal(network))
			continue;
		network_wants(w, network, &network->subnet4);
		network_wants(w, network, &network->subnet6);
	}
	for (size_t i = 0; i < publish->count; i++) {
		const struct publication *p = &publish->list[i];

		if (p->visible || address_is_loopback(&p->host) || !publish->bridge)
			continue;
		add(w, PORT,
		    &(struct passage){
			    .family = p->to.family,
			    .in = uplink(w, p->to.family),
			    .out = publish->bridge,
			    .to = { .address = p->to,
				    .prefix = 8U * (unsigned)address_length(p->to.family) },
			    .protocol = p->protocol,
			    .port = p->to_port,
			    .translated = true },
		    p->port);
	}
}

/* -- what is told ----------------------------------------------------------------------------- */

/* Where a rule stands: of iptables-legacy (program), or of nf_tables. */
struct place {
	const char *program;
	const struct foreign_table *table;
	const struct transit *transit;
};

static char *place_words(const struct place *at, const struct transit_rule *rule)
{
	const char *chain = at->transit->chains[rule->chain].name;

	if (at->program)
		return rule->policy ?
			       str_printf("the policy of %s, table filter, chain %s", at->program,
					  chain) :
			       str_printf("rule %llu of %s, table filter, chain %s",
					  (unsigned long long)rule->number, at->program, chain);
	return rule->policy ?
		       str_printf("the policy of table %s %s, chain %s",
				  nft_family_word(at->table->family), at->table->name, chain) :
		       str_printf("a rule of table %s %s, chain %s, rule handle %llu",
				  nft_family_word(at->table->family), at->table->name, chain,
				  (unsigned long long)rule->number);
}

/* The command that puts a rule of ours before it. */
static char *remedy(const struct place *at, const struct transit_rule *rule,
		    const struct passage *p, enum direction direction)
{
	const char *chain = at->transit->chains[rule->chain].name,
		   *protocol = publish_protocol(p->protocol);
	_cleanup_free_ char *verb = NULL, *match = NULL;

	if (at->program) {
		verb = rule->policy ? str_printf("%s -A %s", at->program, chain) :
				      str_printf("%s -I %s %llu", at->program, chain,
						 (unsigned long long)rule->number);
		match = direction == OUT ?
				str_printf("-i %s", p->in) :
			direction == ANSWER ?
				str_printf("-o %s", p->out) :
				str_printf("-o %s -p %s --dport %u", p->out, protocol, p->port);
		return str_printf("%s %s -j ACCEPT", verb, match);
	}
	verb = rule->policy ?
		       str_printf("nft add rule %s %s %s", nft_family_word(at->table->family),
				  at->table->name, chain) :
		       str_printf("nft insert rule %s %s %s position %llu",
				  nft_family_word(at->table->family), at->table->name, chain,
				  (unsigned long long)rule->number);
	match = direction == OUT ? str_printf("iifname %s", p->in) :
		direction == ANSWER ?
				   str_printf("oifname %s", p->out) :
				   str_printf("oifname %s %s dport %u", p->out, protocol, p->port);
	return str_printf("%s %s accept", verb, match);
}

static char *drop_words(const struct place *at, const struct transit_rule *rule,
			const struct wanted *w, size_t which)
{
	const struct passage *p = &w->passages[which];
	enum direction direction = w->directions[which];
	_cleanup_free_ char *where = place_words(at, rule), *what = NULL;

	if (direction == OUT)
		what = str_printf("what comes from %s", p->in);
	else if (direction == ANSWER)
		what = str_printf("what is for %s", p->out);
	else
		what = str_printf("what comes %s%s%sto the published port %u/%s",
				  p->in ? "by " : "", p->in ? p->in : "", p->in ? " " : "",
				  w->host_ports[which], publish_protocol(p->protocol));
	return str_printf("%s drops %s", where, what);
}

struct telling {
	const struct wanted *wanted;
	void (*each)(const char *words, const char *remedy, void *data);
	void *data;
	char **told;
};

static void tell_once(struct telling *t, const struct place *at, const struct transit_rule *rule,
		      size_t which)
{
	const struct wanted *w = t->wanted;
	_cleanup_free_ char *words = drop_words(at, rule, w, which),
			    *helps = remedy(at, rule, &w->passages[which], w->directions[which]);

	if (strv_has(t->told, words)) /* a table of inet drops a link's packets of both families */
		return;
	strv_add(&t->told, words);
	t->each(words, helps, t->data);
}

/* All that comes in here; what lets answers to a link through lets its published ports through, too. */
static void chain_tell(const struct place *at, size_t chain, struct telling *t)
{
	const struct wanted *w = t->wanted;

	for (size_t i = 0; i < w->count; i++) {
		const struct transit_rule *rule = transit_dropped(at->transit, chain, i);
		bool told = !rule;

		for (size_t j = 0; !told && j < i; j++)
			told = w->directions[i] == PORT && w->directions[j] == ANSWER &&
			       str_equal(w->passages[i].out, w->passages[j].out) &&
			       transit_dropped(at->transit, chain, j) == rule;
		if (!told)
			tell_once(t, at, rule, i);
	}
}

static void transit_tell(const struct place *at, struct telling *t)
{
	for (size_t i = 0; i < at->transit->chain_count; i++)
		if (at->transit->chains[i].begins)
			chain_tell(at, i, t);
}

static void legacy_tell(int family, struct telling *t)
{
	_cleanup_(transit_clear) struct transit transit = TRANSIT_NONE;
	const struct place at = { .program = legacy_program(family), .transit = &transit };

	if (!at.program)
		return;
	legacy_transit_read(family, t->wanted->passages, t->wanted->count, &transit);
	transit_tell(&at, t);
}

void forward_look(const struct endpoints *endpoints, const struct publish *publish,
		  void (*each)(const char *words, const char *remedy, void *data), void *data)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_(foreign_transit_clear) struct foreign_tables tables = FOREIGN_TABLES_NONE;
	struct wanted w = { .count = 0 };
	struct telling t = { .wanted = &w, .each = each, .data = data };
	struct err ignored = ERR_NONE;
	bool sure = true;

	if (endpoints->count == 0 && publish->count == 0)
		return;
	/* what cannot be read is not known: the doctor tells where packets end */
	if (netlink_open(&nl, NETLINK_NETFILTER, &ignored) == 0)
		(void)foreign_transit_find(&nl, "cloche", &tables, &ignored);
	if (tables.count == 0 && !legacy_program(AF_INET) && !legacy_program(AF_INET6))
		return;
	uplinks_ask(&w);
	wanted_fill(&w, endpoints, publish);
	if (w.count > 0)
		sure = foreign_transit_read(&nl, w.passages, w.count, &tables, &ignored) == 0 &&
		       !nl.changed;
	for (size_t i = 0; sure && i < tables.count; i++)
		transit_tell(&(struct place){ .table = &tables.list[i],
					      .transit = &tables.list[i].transit },
			     &t);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		legacy_tell(families[i], &t);
	strv_free(&t.told);
}

void forward_warn(const char *words, const char *remedy, void *data)
{
	strv_add_take(data, str_printf("%s; this helps: %s", words, remedy));
}
