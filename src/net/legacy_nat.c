/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/legacy_nat.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter/xt_tcpudp.h>

#include "base/str.h"
#include "net/foreign_nat.h"
#include "net/legacy_table.h"
#include "net/nat_condition.h"
#include "net/nat_way.h"
#include "net/port_set.h"

#define TABLE "nat"

/* -- what it takes ---------------------------------------------------------------------------- */

static bool all_bits(const uint8_t *mask, size_t length, uint8_t value)
{
	for (size_t i = 0; i < length; i++)
		if (mask[i] != value)
			return false;
	return true;
}

/* "not from docker0" leaves the most, as in foreign_nat.c. */
static bool is_narrow(const struct legacy_entry *e)
{
	return (e->in_mask[0] && !e->in_not) || (e->out_mask[0] && !e->out_not) ||
	       (!all_bits(e->source_mask, e->address_length, 0) && !e->source_not) ||
	       (!all_bits(e->host_mask, e->address_length, 0) &&
		!all_bits(e->host_mask, e->address_length, 0xff) && !e->host_not) ||
	       e->protocol_not;
}

/* `-m tcp --dport` and its like: false where it leaves some of the packets. */
static bool match_read(const struct xt_entry_match *match, size_t length, struct port_set *left)
{
	const char *name = match->u.user.name;
	size_t room = length - sizeof(*match);
	const uint8_t *data = match->data;
	struct port_set ports;
	struct xt_tcp tcp;
	struct xt_udp udp;

	if (strcmp(name, "comment") == 0 || strcmp(name, "addrtype") == 0)
		return true;
	port_set_clear(&ports);
	if (strcmp(name, "tcp") == 0 && room >= sizeof(tcp)) {
		memcpy(&tcp, data, sizeof(tcp));
		if (tcp.spts[0] != 0 || tcp.spts[1] != UINT16_MAX || tcp.flg_mask != 0 ||
		    tcp.option != 0 || (tcp.invflags & ~XT_TCP_INV_DSTPT))
			return false;
		port_set_add(&ports, tcp.dpts[0], tcp.dpts[1]);
		if (tcp.invflags)
			port_set_invert(&ports);
	} else if (strcmp(name, "udp") == 0 && room >= sizeof(udp)) {
		memcpy(&udp, data, sizeof(udp));
		if (udp.spts[0] != 0 || udp.spts[1] != UINT16_MAX ||
		    (udp.invflags & ~XT_UDP_INV_DSTPT))
			return false;
		port_set_add(&ports, udp.dpts[0], udp.dpts[1]);
		if (udp.invflags)
			port_set_invert(&ports);
	} else if (strcmp(name, "multiport") != 0 ||
		   !port_set_multiport(&ports, match->u.user.revision, data, (uint32_t)room)) {
		return false;
	}
	port_set_keep(left, &ports);
	return true;
}

struct table {
	struct foreign_nat *all;
	struct nat_ways ways;
	char chain[32]; /* in which we are, as ways name it: by the place of its first rule */
	bool outgoing;	/* of what the host itself sends */
};

static void chain_name(char out[32], uint64_t place)
{
	(void)snprintf(out, 32, "%llu", (unsigned long long)place);
}

static void chain_enter(struct table *t, const struct legacy_entry *e)
{
	if (e->number == 1) {
		chain_name(t->chain, e->place);
		t->outgoing = strcmp(e->chain, "OUTPUT") == 0;
	}
}

/* What it asks for, once for each range of ports. */
static void cases_each(const struct legacy_entry *e, struct table *t,
		       void (*each)(const struct legacy_entry *e, const struct nat_case *one,
				    struct table *t))
{
	struct nat_case one = { .protocol = e->protocol,
				.host.family = e->family,
				.narrow = is_narrow(e) || t->outgoing };
	struct port_set ports;

	port_set_fill(&ports);
	for (const struct xt_entry_match *m = legacy_match(e, NULL); m; m = legacy_match(e, m))
		one.narrow |= !match_read(m, m->u.user.match_size, &ports);
	if (!e->host_not && e->host_mask[0])
		memcpy(one.host.bytes, e->host, e->address_length);
	for (uint32_t at = 0; port_set_next(&ports, &at, &one.ports);)
		each(e, &one, t);
}

static void way_add(const struct legacy_entry *e, const struct nat_case *one, struct table *t)
{
	char to[32];
	int verdict = -1;

	(void)legacy_standard(e, &verdict);
	chain_name(to, (uint64_t)verdict);
	nat_ways_add(&t->ways, to, one);
}

static void way_seen(const struct legacy_entry *e, void *data)
{
	struct table *t = data;
	int verdict;

	chain_enter(t, e);
	if (legacy_standard(e, &verdict) && verdict >= 0 &&
	    (size_t)verdict != e->place + e->next) /* the next one: it decides nothing */
		cases_each(e, t, way_add);
}

struct taking {
	const struct legacy_entry *entry;
	struct foreign_nat *all;
};

static void taken_add(const struct nat_case *one, void *data)
{
	const struct taking *taking = data;
	const struct legacy_entry *e = taking->entry;
	_cleanup_free_ char *place = str_printf("%u of %s, table " TABLE ", chain %s", e->number,
						e->program, e->chain),
			    *remedy = str_printf("%s -t " TABLE " -D %s %u", e->program, e->chain,
						 e->number);

	foreign_nat_add(taking->all, one, place, remedy);
}

static void case_taken(const struct legacy_entry *e, const struct nat_case *one, struct table *t)
{
	nat_ways_each(&t->ways, t->chain, one, taken_add, &(struct taking){ e, t->all });
}

static void translation_seen(const struct legacy_entry *e, void *data)
{
	const char *target = legacy_target(e)->u.user.name;

	chain_enter(data, e);
	if (strcmp(target, "DNAT") == 0 || strcmp(target, "REDIRECT") == 0)
		cases_each(e, data, case_taken);
}

static void table_read(int family, struct foreign_nat *all)
{
	struct table t = { .all = all };

	legacy_table_read(family, TABLE, way_seen, &t);
	legacy_table_read(family, TABLE, translation_seen, &t);
	nat_ways_clear(&t.ways);
}

void legacy_nat_read(struct foreign_nat *all)
{
	table_read(AF_INET, all);
	table_read(AF_INET6, all);
}
