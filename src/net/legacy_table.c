/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/legacy_table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/fd.h"
#include "base/str.h"

enum { NAMES_MAX = 4096, TABLE_MAX = 64 << 20 };

static const struct family {
	int family, level, ask_info, ask_entries;
	const char *names, *program;
} families[] = {
	{ AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES, "/proc/net/ip_tables_names",
	  "iptables-legacy" },
	{ AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
	  "/proc/net/ip6_tables_names", "ip6tables-legacy" },
};

/* -- one entry -------------------------------------------------------------------------------- */

static bool entry_read4(const uint8_t *at, size_t left, struct legacy_entry *e)
{
	const struct ipt_entry *raw = (const void *)at;

	if (left < sizeof(*raw))
		return false;
	*e = (struct legacy_entry){ .start = at,
				    .source = (const uint8_t *)&raw->ip.src,
				    .source_mask = (const uint8_t *)&raw->ip.smsk,
				    .host = (const uint8_t *)&raw->ip.dst,
				    .host_mask = (const uint8_t *)&raw->ip.dmsk,
				    .address_length = sizeof(raw->ip.dst),
				    .front = sizeof(*raw),
				    .in = raw->ip.iniface,
				    .out = raw->ip.outiface,
				    .in_mask = raw->ip.iniface_mask,
				    .out_mask = raw->ip.outiface_mask,
				    .protocol = raw->ip.proto,
				    .target = raw->target_offset,
				    .next = raw->next_offset,
				    .in_not = raw->ip.invflags & IPT_INV_VIA_IN,
				    .out_not = raw->ip.invflags & IPT_INV_VIA_OUT,
				    .source_not = raw->ip.invflags & IPT_INV_SRCIP,
				    .host_not = raw->ip.invflags & IPT_INV_DSTIP,
				    .protocol_not = raw->ip.invflags & XT_INV_PROTO,
				    .fragments = (raw->ip.flags & IPT_F_FRAG) &&
						 !(raw->ip.invflags & IPT_INV_FRAG),
				    .leaves = raw->ip.flags & IPT_F_GOTO };
	return true;
}

static bool entry_read6(const uint8_t *at, size_t left, struct legacy_entry *e)
{
	const struct ip6t_entry *raw = (const void *)at;

	if (left < sizeof(*raw))
		return false;
	*e = (struct legacy_entry){ .start = at,
				    .source = (const uint8_t *)&raw->ipv6.src,
				    .source_mask = (const uint8_t *)&raw->ipv6.smsk,
				    .host = (const uint8_t *)&raw->ipv6.dst,
				    .host_mask = (const uint8_t *)&raw->ipv6.dmsk,
				    .address_length = sizeof(raw->ipv6.dst),
				    .front = sizeof(*raw),
				    .in = raw->ipv6.iniface,
				    .out = raw->ipv6.outiface,
				    .in_mask = raw->ipv6.iniface_mask,
				    .out_mask = raw->ipv6.outiface_mask,
				    .protocol = raw->ipv6.proto,
				    .target = raw->target_offset,
				    .next = raw->next_offset,
				    .in_not = raw->ipv6.invflags & IP6T_INV_VIA_IN,
				    .out_not = raw->ipv6.invflags & IP6T_INV_VIA_OUT,
				    .source_not = raw->ipv6.invflags & IP6T_INV_SRCIP,
				    .host_not = raw->ipv6.invflags & IP6T_INV_DSTIP,
				    .protocol_not = raw->ipv6.invflags & XT_INV_PROTO,
				    .leaves = raw->ipv6.flags & IP6T_F_GOTO };
	return true;
}

/* Whole, with a target inside? */
static bool entry_read(const struct family *family, const uint8_t *at, size_t left,
		       struct legacy_entry *e)
{
	bool head = family->family == AF_INET ? entry_read4(at, left, e) : entry_read6(at, left, e);

	return head && e->target >= e->front && e->next <= left &&
	       e->next >= e->target + sizeof(struct xt_entry_target);
}

const struct xt_entry_target *legacy_target(const struct legacy_entry *e)
{
	return (const void *)(e->start + e->target);
}

bool legacy_standard(const struct legacy_entry *e, int *ret_verdict)
{
	const struct xt_entry_target *target = legacy_target(e);
	struct xt_standard_target standard;

	if (target->u.user.name[0] != '\0' || (size_t)(e->next - e->target) < sizeof(standard))
		return false;
	memcpy(&standard, target, sizeof(standard));
	*ret_verdict = standard.verdict;
	return true;
}

bool legacy_verdict(const struct legacy_entry *e, int verdict)
{
	int has;

	return legacy_standard(e, &has) && has == -verdict - 1;
}

const struct xt_entry_match *legacy_match(const struct legacy_entry *e,
					  const struct xt_entry_match *after)
{
	size_t at = after ? (size_t)((const uint8_t *)after - e->start) + after->u.user.match_size :
			    e->front;
	const struct xt_entry_match *match = (const void *)(e->start + at);

	if (at + sizeof(*match) > e->target || match->u.user.match_size < sizeof(*match) ||
	    at + match->u.user.match_size > e->target)
		return NULL;
	return match;
}

/* -- a table ---------------------------------------------------------------------------------- */

static const char *const own_chains[NF_INET_NUMHOOKS] = { "PREROUTING", "INPUT", "FORWARD",
							  "OUTPUT", "POSTROUTING" };

struct place {
	char chain[XT_FUNCTION_MAXNAMELEN];
	unsigned int number;
};

static bool is_hook_at(const struct ipt_getinfo *info, const unsigned int *where, size_t i,
		       size_t at)
{
	return (info->valid_hooks & 1U << i) && where[i] == at;
}

/* A chain of the kernel's begins where the table says, another with a target that has its name. true: that one alone. */
static bool chain_begins(const struct ipt_getinfo *info, const struct legacy_entry *e, size_t at,
			 struct place *place)
{
	const struct xt_entry_target *target = legacy_target(e);

	for (size_t i = 0; i < NF_INET_NUMHOOKS; i++) {
		if (is_hook_at(info, info->hook_entry, i, at)) {
			*place = (struct place){ .number = 0 };
			(void)str_append(place->chain, sizeof(place->chain), own_chains[i]);
			return false;
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

static bool is_policy(const struct ipt_getinfo *info, size_t at)
{
	for (size_t i = 0; i < NF_INET_NUMHOOKS; i++)
		if (is_hook_at(info, info->underflow, i, at))
			return true;
	return false;
}

struct reader {
	void (*each)(const struct legacy_entry *entry, void *data);
	void *data;
};

static void entries_read(const struct family *family, const struct ipt_getinfo *info,
			 const uint8_t *entries, size_t size, const struct reader *reader)
{
	struct place place = { .number = 0 };
	struct legacy_entry e;

	for (size_t at = 0; entry_read(family, entries + at, size - at, &e); at += e.next) {
		if (chain_begins(info, &e, at, &place))
			continue;
		e.family = family->family;
		e.program = family->program;
		e.chain = place.chain;
		e.number = ++place.number;
		e.policy = is_policy(info, at);
		e.place = at;
		reader->each(&e, reader->data);
	}
}

/* Those that are there: asking for one would make the kernel load what nobody uses. */
static char **tables_of(const struct family *family)
{
	_cleanup_(buf_clear) struct buf names = BUF_EMPTY;

	if (file_read(AT_FDCWD, family->names, NAMES_MAX, &names) < 0 || names.length == 0)
		return NULL;
	return strv_split(names.data, '\n');
}

static const struct family *family_of(int family)
{
	return &families[family == AF_INET6];
}

const char *legacy_program(int family)
{
	_cleanup_strv_ char **tables = tables_of(family_of(family));

	return tables ? family_of(family)->program : NULL;
}

/* ip6t_getinfo and ip6t_get_entries look the same as those of IPv4. */
static void table_read(const struct family *family, const char *name, const struct reader *reader)
{
	_cleanup_close_ int fd = socket(family->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .name = "" };
	_cleanup_free_ struct ipt_get_entries *table = NULL;
	socklen_t length = sizeof(info);

	_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
			       sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries),
		       "the same for both");
	(void)str_append(info.name, sizeof(info.name), name);
	if (fd < 0 || getsockopt(fd, family->level, family->ask_info, &info, &length) < 0 ||
	    info.size > TABLE_MAX)
		return;
	length = (socklen_t)(sizeof(*table) + info.size);
	table = mem_new(length);
	table->size = info.size;
	(void)str_append(table->name, sizeof(table->name), name);
	/* EAGAIN where it was changed meanwhile */
	if (getsockopt(fd, family->level, family->ask_entries, table, &length) == 0)
		entries_read(family, &info, (const uint8_t *)table->entrytable, info.size, reader);
}

void legacy_table_read(int family, const char *table,
		       void (*each)(const struct legacy_entry *entry, void *data), void *data)
{
	const struct family *f = family_of(family);
	_cleanup_strv_ char **tables = tables_of(f);

	if (strv_has(tables, table))
		table_read(f, table, &(struct reader){ each, data });
}
