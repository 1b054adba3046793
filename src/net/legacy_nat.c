/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/legacy_nat.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <linux/netfilter/xt_tcpudp.h>

#include "base/str.h"
#include "net/foreign_nat.h"
#include "net/legacy_table.h"

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
static bool match_read(const struct xt_entry_match *match, size_t length,
		       struct foreign_nat_rule *rule, bool *ret_port)
{
	const char *name = match->u.user.name;
	size_t room = length - sizeof(*match);
	const uint8_t *data = match->data;
	struct xt_tcp tcp;
	struct xt_udp udp;

	if (strcmp(name, "comment") == 0 || strcmp(name, "addrtype") == 0)
		return true;
	*ret_port = true;
	if (strcmp(name, "tcp") == 0 && room >= sizeof(tcp)) {
		memcpy(&tcp, data, sizeof(tcp));
		rule->first = tcp.dpts[0];
		rule->last = tcp.dpts[1];
		return tcp.spts[0] == 0 && tcp.spts[1] == UINT16_MAX && tcp.flg_mask == 0 &&
		       tcp.option == 0 && tcp.invflags == 0;
	}
	if (strcmp(name, "udp") == 0 && room >= sizeof(udp)) {
		memcpy(&udp, data, sizeof(udp));
		rule->first = udp.dpts[0];
		rule->last = udp.dpts[1];
		return udp.spts[0] == 0 && udp.spts[1] == UINT16_MAX && udp.invflags == 0;
	}
	return false;
}

/* Does it send a port elsewhere for everybody? */
static bool rule_read(const struct legacy_entry *e, struct foreign_nat_rule *rule)
{
	const struct xt_entry_target *target = legacy_target(e);
	bool port = false;

	*rule = (struct foreign_nat_rule){ .protocol = e->protocol, .last = UINT16_MAX };
	if ((strcmp(target->u.user.name, "DNAT") != 0 &&
	     strcmp(target->u.user.name, "REDIRECT") != 0) ||
	    is_narrow(e))
		return false;
	for (size_t at = e->front; at + sizeof(struct xt_entry_match) <= e->target;) {
		const struct xt_entry_match *match = (const void *)(e->start + at);
		size_t length = match->u.user.match_size;

		if (length < sizeof(*match) || at + length > e->target ||
		    !match_read(match, length, rule, &port))
			return false;
		at += length;
	}
	rule->host.family = e->family;
	if (!e->host_not && e->host_mask[0])
		memcpy(rule->host.bytes, e->host, e->address_length);
	return port;
}

static void entry_seen(const struct legacy_entry *e, void *data)
{
	struct foreign_nat_rule rule;

	if (!rule_read(e, &rule))
		return;
	rule.place =
		str_printf("%u of %s, table " TABLE ", chain %s", e->number, e->program, e->chain);
	rule.remedy = str_printf("%s -t " TABLE " -D %s %u", e->program, e->chain, e->number);
	foreign_nat_add(data, &rule);
}

void legacy_nat_read(struct foreign_nat *all)
{
	legacy_table_read(AF_INET, TABLE, entry_seen, all);
	legacy_table_read(AF_INET6, TABLE, entry_seen, all);
}
