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
	NOTE_MAX = 512, /* bytes of one route; with all attributes it has some 150 */
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

static int route_seen(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *info = (const void *)(message + 1);
	struct noting *noting = data;
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
		ours |= link == noting->index;
	}
	if (!ours)
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

static void restore_one(struct netlink *nl, int index, const char *word, bool by_gateway)
{
	_Alignas(struct nlattr) uint8_t data[NOTE_MAX];
	size_t length = hex_read(word + strlen(MARK), data);
	struct err ignored = ERR_NONE;
	bool has_gateway = false;
	struct rtmsg header;

	if (length < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	header.rtm_flags &= RTNH_F_ONLINK; /* the others tell a state */
	netlink_begin(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	netlink_u32(nl, RTA_OIF, (uint32_t)index);
	for (size_t at = sizeof(header); at + sizeof(struct nlattr) <= length;) {
		struct nlattr attr;

		memcpy(&attr, data + at, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > length - at)
			break;
		netlink_put(nl, attr.nla_type, data + at + sizeof(attr),
			    attr.nla_len - sizeof(attr));
		has_gateway |= attr.nla_type == RTA_GATEWAY || attr.nla_type == RTA_VIA;
		at += (size_t)NLA_ALIGN(attr.nla_len);
	}
	if (has_gateway == by_gateway)
		(void)netlink_send(nl, &ignored);
	else
		netlink_drop(nl);
}

void route_note_restore(struct netlink *nl, int index, char *const *words)
{
	for (int by_gateway = 0; by_gateway < 2; by_gateway++)
		for (size_t i = 0; words[i]; i++)
			if (str_prefix(words[i], MARK))
				restore_one(nl, index, words[i], by_gateway);
}
