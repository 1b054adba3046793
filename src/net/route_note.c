/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/route_note.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"
#include "net/netlink.h"

/* A word is "route:", the family's header and attributes as the kernel told them, in hex. */
#define MARK "route:"
enum {
	NOTE_MAX =
		2048, /* bytes of one route; with all attributes it has some 150, and 30 more for each further way */
	ROUTES_MAX = 2000,
};

struct noting {
	int index;
	size_t count;
	struct buf *note;
};

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length, 0: it is none. */
static size_t hex_read(const char *text, uint8_t out[NOTE_MAX])
{
	size_t length = 0;

	for (; text[0] && text[1] && length < NOTE_MAX; text += 2) {
		int high = digit(text[0]), low = digit(text[1]);

		if (high < 0 || low < 0)
			return 0;
		out[length++] = (uint8_t)(high << 4 | low);
	}
	return *text ? 0 : length;
}

/* What stays the same when the route is made again. */
static bool is_kept(uint16_t type)
{
	return type == RTA_DST || type == RTA_SRC || type == RTA_PRIORITY || type == RTA_GATEWAY ||
	       type == RTA_PREFSRC || type == RTA_METRICS || type == RTA_TABLE || type == RTA_VIA ||
	       type == RTA_PREF;
}

/* The ways of a route that has several, to be kept: the link's own get index 0. IPv6 knows them as routes that lie beside each other,
 * and goes on with the rest when a link goes: only the link's own are made again. IPv4 forgets them together. Length, 0: none of them
 * is the link's. */
static size_t ways_keep(const struct nlattr *attr, int family, int index, uint8_t out[NOTE_MAX])
{
	const uint8_t *ways = netlink_data(attr);
	size_t length = netlink_length(attr), kept = 0, size;
	bool ours = false;

	for (size_t at = 0; at + sizeof(struct rtnexthop) <= length; at += size) {
		struct rtnexthop way;
		bool own;

		memcpy(&way, ways + at, sizeof(way));
		size = (size_t)RTNH_ALIGN(way.rtnh_len);
		if (way.rtnh_len < sizeof(way) || size > length - at || size > NOTE_MAX - kept)
			return 0;
		own = way.rtnh_ifindex == index;
		ours |= own;
		if (!own && family == AF_INET6)
			continue;
		way.rtnh_ifindex = own ? 0 : way.rtnh_ifindex;
		way.rtnh_flags &= RTNH_F_ONLINK; /* the others tell a state */
		memcpy(out + kept, ways + at, size);
		memcpy(out + kept, &way, sizeof(way));
		kept += size;
	}
	return ours ? kept : 0;
}

/* Those of index 0 are by this link. */
static void ways_point(uint8_t *ways, size_t length, int index)
{
	for (size_t at = 0; at + sizeof(struct rtnexthop) <= length;) {
		struct rtnexthop way;

		memcpy(&way, ways + at, sizeof(way));
		if (way.rtnh_ifindex == 0)
			way.rtnh_ifindex = index;
		memcpy(ways + at, &way, sizeof(way));
		if (way.rtnh_len < sizeof(way))
			break;
		at += (size_t)RTNH_ALIGN(way.rtnh_len);
	}
}

static int route_seen(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *info = (const void *)(message + 1);
	struct noting *noting = data;
	_Alignas(struct rtnexthop) uint8_t ways[NOTE_MAX];
	struct nlattr several = { .nla_type = RTA_MULTIPATH };
	size_t ways_length = 0;
	bool ours = false;

	if (message->nlmsg_type != RTM_NEWROUTE || (info->rtm_flags & RTM_F_CLONED) ||
	    info->rtm_type == RTN_LOCAL || info->rtm_type == RTN_BROADCAST ||
	    info->rtm_type == RTN_ANYCAST || info->rtm_protocol == RTPROT_KERNEL ||
	    info->rtm_protocol == RTPROT_RA)
		return 0;
	for (const struct nlattr *attr = netlink_first(message, sizeof(*info)); attr;
	     attr = netlink_next(message, attr)) {
		int link = 0;

		if (attr->nla_type == RTA_OIF && netlink_length(attr) == sizeof(link))
			memcpy(&link, netlink_data(attr), sizeof(link));
		if (attr->nla_type == RTA_MULTIPATH)
			ways_length = ways_keep(attr, info->rtm_family, noting->index, ways);
		ours |= link == noting->index;
	}
	if (!ours && ways_length == 0)
		return 0;
	if (noting->count++ == ROUTES_MAX)
		return -E2BIG;
	buf_puts(noting->note, " " MARK);
	buf_hex(noting->note, info, sizeof(*info));
	for (const struct nlattr *attr = netlink_first(message, sizeof(*info)); attr;
	     attr = netlink_next(message, attr)) {
		if (is_kept(attr->nla_type))
			buf_hex(noting->note, attr, (size_t)NLA_ALIGN(attr->nla_len));
	}
	if (ways_length > 0) {
		several.nla_len = (uint16_t)(sizeof(several) + ways_length);
		buf_hex(noting->note, &several, sizeof(several));
		buf_hex(noting->note, ways, ways_length);
	}
	return 0;
}

int route_note(struct netlink *nl, int index, struct buf *note, struct err *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct noting noting = { .index = index, .note = note };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct rtmsg all = { .rtm_family = families[i] };
		int r;

		netlink_begin(nl, RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all));
		r = netlink_dump(nl, route_seen, &noting, err);
		if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
			err_clear(err); /* no such family here */
		else if (r == -E2BIG)
			return err_set(err, E2BIG, "remember more than %d routes of a link",
				       ROUTES_MAX);
		else if (r < 0)
			return err_wrap(err, "list the routes of a link");
	}
	return 0;
}

/* -- made again ------------------------------------------------------------------------------- */

/* The attribute of a note, and where the next one is; NULL: there is none. Its data lies at `at`. */
static const uint8_t *attr_next(const uint8_t *data, size_t length, size_t *at,
				struct nlattr *ret_attr)
{
	const uint8_t *here = data + *at;

	if (length - *at < sizeof(*ret_attr))
		return NULL;
	memcpy(ret_attr, here, sizeof(*ret_attr));
	if (ret_attr->nla_len < sizeof(*ret_attr) || ret_attr->nla_len > length - *at)
		return NULL;
	*at += (size_t)NLA_ALIGN(ret_attr->nla_len);
	if (*at > length)
		*at = length;
	return here + sizeof(*ret_attr);
}

static bool has_attr(const uint8_t *data, size_t length, size_t from, uint16_t type)
{
	struct nlattr attr;

	while (attr_next(data, length, &from, &attr))
		if (attr.nla_type == type)
			return true;
	return false;
}

static void restore_one(struct netlink *nl, int index, const char *word, bool by_gateway)
{
	_Alignas(struct nlattr) uint8_t data[NOTE_MAX];
	size_t length = hex_read(word + strlen(MARK), data), at = sizeof(struct rtmsg);
	struct err ignored = ERR_NONE;
	const uint8_t *value;
	struct rtmsg header;
	struct nlattr attr;
	uint16_t flags;
	bool several;

	if (length < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	header.rtm_flags &= RTNH_F_ONLINK; /* the others tell a state */
	several = has_attr(data, length, at, RTA_MULTIPATH);
	if (by_gateway != (several || has_attr(data, length, at, RTA_GATEWAY) ||
			   has_attr(data, length, at, RTA_VIA)))
		return;
	/* the rest of an IPv6 route is still there */
	flags = several && header.rtm_family == AF_INET6 ? NLM_F_APPEND : NLM_F_EXCL;
	netlink_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | flags, &header, sizeof(header));
	if (!several)
		netlink_u32(nl, RTA_OIF, (uint32_t)index);
	while ((value = attr_next(data, length, &at, &attr))) {
		size_t size = attr.nla_len - sizeof(attr);

		if (attr.nla_type == RTA_MULTIPATH)
			ways_point(data + (value - data), size, index);
		netlink_put(nl, attr.nla_type, value, size);
	}
	(void)netlink_send(nl, &ignored);
}

void route_note_restore(struct netlink *nl, int index, char *const *words)
{
	for (int by_gateway = 0; by_gateway < 2; by_gateway++)
		for (size_t i = 0; words[i]; i++)
			if (str_prefix(words[i], MARK))
				restore_one(nl, index, words[i], by_gateway);
}
