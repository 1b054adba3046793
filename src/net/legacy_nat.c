/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/legacy_nat.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <linux/netfilter/xt_tcpudp.h>

#include "base/str.h"
#include "net/foreign_nat.h"
#include "net/legacy_table.h"
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

struct reading {
	struct port_set ports; /* that the matches so far leave */
	bool port;	       /* one of them asks for it */
};

/* `-m tcp --dport` and its like: false where it leaves some of the packets. */
static bool match_read(const struct xt_entry_match *match, size_t length, struct reading *r)
{
	const char *name = match->u.user.name;
	size_t room = length - sizeof(*match);
	const uint8_t *data = match->data;
	struct port_set ports;
	struct xt_tcp tcp;
	struct xt_udp udp;

	if (strcmp(name, "comment") == 0 || strcmp(name, "addrtype") == 0)
		return true;
	r->port = true;
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
	port_set_keep(&r->ports, &ports);
	return true;
}

/* Does it send ports elsewhere for everybody? */
static bool rule_read(const struct legacy_entry *e, struct reading *r)
{
	const struct xt_entry_target *target = legacy_target(e);

	if ((strcmp(target->u.user.name, "DNAT") != 0 &&
	     strcmp(target->u.user.name, "REDIRECT") != 0) ||
	    is_narrow(e))
		return false;
	r->port = false;
	port_set_fill(&r->ports);
	for (const struct xt_entry_match *m = legacy_match(e, NULL); m; m = legacy_match(e, m))
		if (!match_read(m, m->u.user.match_size, r))
			return false;
	return r->port;
}

static void entry_seen(const struct legacy_entry *e, void *data)
{
	struct foreign_nat_rule rule = { .protocol = e->protocol, .host.family = e->family };
	struct reading r;

	if (!rule_read(e, &r))
		return;
	if (!e->host_not && e->host_mask[0])
		memcpy(rule.host.bytes, e->host, e->address_length);
	rule.place =
		str_printf("%u of %s, table " TABLE ", chain %s", e->number, e->program, e->chain);
	rule.remedy = str_printf("%s -t " TABLE " -D %s %u", e->program, e->chain, e->number);
	foreign_nat_add_ports(data, &rule, &r.ports);
}

void legacy_nat_read(struct foreign_nat *all)
{
	legacy_table_read(AF_INET, TABLE, entry_seen, all);
	legacy_table_read(AF_INET6, TABLE, entry_seen, all);
}
