/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/legacy_nat.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/fd.h"
#include "base/str.h"
#include "net/foreign_nat.h"

enum { NAMES_MAX = 4096, TABLE_MAX = 64 << 20 };
#define TABLE "nat"

static const struct family {
	int family, level, ask_info, ask_entries;
	const char *names, *program;
} families[] = {
	{ AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES, "/proc/net/ip_tables_names",
	  "iptables-legacy" },
	{ AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
	  "/proc/net/ip6_tables_names", "ip6tables-legacy" },
};

/* What ipt_entry and ip6t_entry have both. */
struct entry {
	const uint8_t *start, *source_mask, *host, *host_mask;
	size_t address_length, front;	   /* front: before the matches */
	const uint8_t *in_mask, *out_mask; /* of names of links */
	uint16_t protocol, target, next;
	bool in_not, out_not, source_not, host_not, protocol_not;
};

struct place {
	const struct family *family;
	char chain[XT_FUNCTION_MAXNAMELEN];
	unsigned int number; /* of the rule in its chain, from 1 */
};

/* -- one entry -------------------------------------------------------------------------------- */

static bool entry_read4(const uint8_t *at, size_t left, struct entry *e)
{
	const struct ipt_entry *raw = (const void *)at;

	if (left < sizeof(*raw))
		return false;
	*e = (struct entry){ .start = at,
			     .source_mask = (const uint8_t *)&raw->ip.smsk,
			     .host = (const uint8_t *)&raw->ip.dst,
			     .host_mask = (const uint8_t *)&raw->ip.dmsk,
			     .address_length = sizeof(raw->ip.dst),
			     .front = sizeof(*raw),
			     .in_mask = raw->ip.iniface_mask,
			     .out_mask = raw->ip.outiface_mask,
			     .protocol = raw->ip.proto,
			     .target = raw->target_offset,
			     .next = raw->next_offset,
			     .in_not = raw->ip.invflags & IPT_INV_VIA_IN,
			     .out_not = raw->ip.invflags & IPT_INV_VIA_OUT,
			     .source_not = raw->ip.invflags & IPT_INV_SRCIP,
			     .host_not = raw->ip.invflags & IPT_INV_DSTIP,
			     .protocol_not = raw->ip.invflags & XT_INV_PROTO };
	return true;
}

static bool entry_read6(const uint8_t *at, size_t left, struct entry *e)
{
	const struct ip6t_entry *raw = (const void *)at;

	if (left < sizeof(*raw))
		return false;
	*e = (struct entry){ .start = at,
			     .source_mask = (const uint8_t *)&raw->ipv6.smsk,
			     .host = (const uint8_t *)&raw->ipv6.dst,
			     .host_mask = (const uint8_t *)&raw->ipv6.dmsk,
			     .address_length = sizeof(raw->ipv6.dst),
			     .front = sizeof(*raw),
			     .in_mask = raw->ipv6.iniface_mask,
			     .out_mask = raw->ipv6.outiface_mask,
			     .protocol = raw->ipv6.proto,
			     .target = raw->target_offset,
			     .next = raw->next_offset,
			     .in_not = raw->ipv6.invflags & IP6T_INV_VIA_IN,
			     .out_not = raw->ipv6.invflags & IP6T_INV_VIA_OUT,
			     .source_not = raw->ipv6.invflags & IP6T_INV_SRCIP,
			     .host_not = raw->ipv6.invflags & IP6T_INV_DSTIP,
			     .protocol_not = raw->ipv6.invflags & XT_INV_PROTO };
	return true;
}

/* Whole, with a target inside? */
static bool entry_read(const struct family *family, const uint8_t *at, size_t left, struct entry *e)
{
	bool head = family->family == AF_INET ? entry_read4(at, left, e) : entry_read6(at, left, e);

	return head && e->target >= e->front && e->next <= left &&
	       e->next >= e->target + sizeof(struct xt_entry_target);
}

static const struct xt_entry_target *target_of(const struct entry *e)
{
	return (const void *)(e->start + e->target);
}

static bool all_bits(const uint8_t *mask, size_t length, uint8_t value)
{
	for (size_t i = 0; i < length; i++)
		if (mask[i] != value)
			return false;
	return true;
}

/* -- what it takes ---------------------------------------------------------------------------- */

/* "not from docker0" leaves the most, as in foreign_nat.c. */
static bool is_narrow(const struct entry *e)
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
static bool rule_read(const struct family *family, const struct entry *e,
		      struct foreign_nat_rule *rule)
{
	const struct xt_entry_target *target = target_of(e);
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
	rule->host.family = family->family;
	if (!e->host_not && e->host_mask[0])
		memcpy(rule->host.bytes, e->host, e->address_length);
	return port;
}

static void rule_add(struct foreign_nat *all, struct foreign_nat_rule *rule,
		     const struct place *place)
{
	rule->place = str_printf("%u of %s, table " TABLE ", chain %s", place->number,
				 place->family->program, place->chain);
	rule->remedy = str_printf("%s -t " TABLE " -D %s %u", place->family->program, place->chain,
				  place->number);
	foreign_nat_add(all, rule);
}

/* -- a table ---------------------------------------------------------------------------------- */

/* A chain of the kernel's begins where the table says, another with a target that has its name. */
static bool chain_begins(const struct ipt_getinfo *info, const struct entry *e, size_t at,
			 struct place *place)
{
	static const char *const own[NF_INET_NUMHOOKS] = { "PREROUTING", "INPUT", "FORWARD",
							   "OUTPUT", "POSTROUTING" };
	const struct xt_entry_target *target = target_of(e);

	for (size_t i = 0; i < NF_INET_NUMHOOKS; i++) {
		if ((info->valid_hooks & 1U << i) && info->hook_entry[i] == at) {
			place->chain[0] = '\0';
			(void)str_append(place->chain, sizeof(place->chain), own[i]);
			place->number = 0;
			return false; /* its first rule */
		}
	}
	if (strcmp(target->u.user.name, XT_ERROR_TARGET) != 0 ||
	    (size_t)(e->next - e->target) < sizeof(struct xt_error_target))
		return false;
	memcpy(place->chain, ((const struct xt_error_target *)target)->errorname,
	       sizeof(place->chain));
	place->chain[sizeof(place->chain) - 1] = '\0';
	place->number = 0;
	return true;
}

static void entries_read(const struct family *family, const struct ipt_getinfo *info,
			 const uint8_t *entries, size_t size, struct foreign_nat *all)
{
	struct place place = { .family = family };
	struct entry e;

	for (size_t at = 0; entry_read(family, entries + at, size - at, &e); at += e.next) {
		struct foreign_nat_rule rule;

		if (chain_begins(info, &e, at, &place))
			continue;
		place.number++;
		if (rule_read(family, &e, &rule))
			rule_add(all, &rule, &place);
	}
}

static bool is_there(const struct family *family)
{
	_cleanup_(buf_clear) struct buf names = BUF_EMPTY;
	_cleanup_strv_ char **list = NULL;

	if (file_read(AT_FDCWD, family->names, NAMES_MAX, &names) < 0 || !names.data)
		return false;
	list = strv_split(names.data, '\n');
	return strv_has(list, TABLE);
}

/* ip6t_getinfo and ip6t_get_entries look the same as those of IPv4. */
static void table_read(const struct family *family, struct foreign_nat *all)
{
	_cleanup_close_ int fd = socket(family->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .name = TABLE };
	_cleanup_free_ struct ipt_get_entries *table = NULL;
	socklen_t length = sizeof(info);

	_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
			       sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries),
		       "the same for both");
	if (fd < 0 || getsockopt(fd, family->level, family->ask_info, &info, &length) < 0 ||
	    info.size > TABLE_MAX)
		return;
	length = (socklen_t)(sizeof(*table) + info.size);
	table = mem_new(length);
	*table = (struct ipt_get_entries){ .name = TABLE, .size = info.size };
	/* EAGAIN where it was changed meanwhile */
	if (getsockopt(fd, family->level, family->ask_entries, table, &length) == 0)
		entries_read(family, &info, (const uint8_t *)table->entrytable, info.size, all);
}

void legacy_nat_read(struct foreign_nat *all)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (is_there(&families[i]))
			table_read(&families[i], all);
}
