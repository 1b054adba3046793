/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/passage.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "base/str.h"
#include "net/port_set.h"

enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };

enum fit fit_least(enum fit a, enum fit b)
{
	return a < b ? a : b;
}

enum fit fit_inverted(enum fit fit)
{
	return (enum fit)(FIT_ALL - fit);
}

/* -- bits ------------------------------------------------------------------------------------- */

static struct known exactly(const void *value, size_t length)
{
	struct known known = { { 0 }, { 0 } };

	memcpy(known.value, value, length);
	memset(known.mask, 0xff, length);
	return known;
}

static struct known link_known(const char *name)
{
	char text[IFNAMSIZ] = "";

	if (!name)
		return (struct known){ { 0 }, { 0 } };
	(void)str_append(text, sizeof(text), name);
	return exactly(text, sizeof(text));
}

static struct known subnet_known(const struct subnet *subnet)
{
	struct known known = { { 0 }, { 0 } };

	if (!subnet->address.family)
		return known;
	for (unsigned int bit = 0; bit < subnet->prefix && bit < sizeof(known.mask) * 8; bit++)
		known.mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(known.value, subnet->address.bytes, (size_t)address_length(subnet->address.family));
	return known;
}

static uint32_t state_of(const struct passage *p)
{
	return XT_CONNTRACK_STATE_BIT(p->answer ? IP_CT_ESTABLISHED : IP_CT_NEW);
}

struct known passage_known(const struct passage *p, enum passage_field field)
{
	uint32_t state = state_of(p), status = p->translated ? IPS_DST_NAT : 0;
	uint16_t port = htons(p->port), ether = htons(p->family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	uint8_t protocol = (uint8_t)p->protocol, flags = p->answer ? TCP_ACK : TCP_SYN,
		family = p->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct known known = { { 0 }, { 0 } };

	switch (field) {
	case PASSAGE_IN:
		return link_known(p->in);
	case PASSAGE_OUT:
		return link_known(p->out);
	case PASSAGE_FROM:
		return subnet_known(&p->from);
	case PASSAGE_TO:
		return subnet_known(&p->to);
	case PASSAGE_PROTOCOL:
		return exactly(&protocol, sizeof(protocol));
	case PASSAGE_PORT:
		return p->port ? exactly(&port, sizeof(port)) : known;
	case PASSAGE_FLAGS:
		/* an answer may bring data, or end it */
		return p->answer ? known : exactly(&flags, sizeof(flags));
	case PASSAGE_STATE:
		return exactly(&state, sizeof(state));
	case PASSAGE_STATUS:
		known = exactly(&status, sizeof(status));
		status = IPS_DST_NAT;
		memcpy(known.mask, &status, sizeof(status));
		return known;
	case PASSAGE_FAMILY:
		return exactly(&family, sizeof(family));
	case PASSAGE_ETHER:
		return exactly(&ether, sizeof(ether));
	case PASSAGE_OTHER:
		break;
	}
	return known;
}

size_t passage_length(const struct passage *p, enum passage_field field)
{
	switch (field) {
	case PASSAGE_IN:
	case PASSAGE_OUT:
		return IFNAMSIZ;
	case PASSAGE_FROM:
	case PASSAGE_TO:
		return (size_t)address_length(p->family);
	case PASSAGE_PORT:
	case PASSAGE_ETHER:
		return 2;
	case PASSAGE_STATE:
	case PASSAGE_STATUS:
		return 4;
	case PASSAGE_PROTOCOL:
	case PASSAGE_FLAGS:
	case PASSAGE_FAMILY:
		return 1;
	case PASSAGE_OTHER:
		break;
	}
	return 0;
}

struct known known_masked(const struct known *known, const uint8_t *mask, const uint8_t *with,
			  size_t length)
{
	struct known masked = { { 0 }, { 0 } };

	for (size_t i = 0; i < length && i < sizeof(masked.value); i++) {
		masked.value[i] = (uint8_t)((known->value[i] & mask[i]) ^ with[i]);
		masked.mask[i] = (uint8_t)(known->mask[i] | ~mask[i]);
	}
	return masked;
}

enum fit known_equal(const struct known *known, const uint8_t *value, const uint8_t *mask,
		     size_t length)
{
	enum fit fit = FIT_ALL;

	for (size_t i = 0; i < length && i < sizeof(known->value); i++) {
		uint8_t asked = mask ? mask[i] : 0xff;

		if ((known->value[i] ^ value[i]) & known->mask[i] & asked)
			return FIT_NONE;
		if (asked & ~known->mask[i])
			fit = FIT_SOME;
	}
	return length > sizeof(known->value) ? FIT_SOME : fit;
}

enum fit known_between(const struct known *known, const uint8_t *first, const uint8_t *last,
		       size_t length)
{
	uint8_t least[16], most[16];

	if (length > sizeof(least))
		return FIT_SOME;
	for (size_t i = 0; i < length; i++) {
		least[i] = (uint8_t)(known->value[i] & known->mask[i]);
		most[i] = (uint8_t)(known->value[i] | ~known->mask[i]);
	}
	if (memcmp(most, first, length) < 0 || memcmp(least, last, length) > 0)
		return FIT_NONE;
	return memcmp(least, first, length) >= 0 && memcmp(most, last, length) <= 0 ? FIT_ALL :
										      FIT_SOME;
}

/* -- matches of x_tables ---------------------------------------------------------------------- */

enum fit passage_ports(const struct passage *p, const struct port_set *ports)
{
	struct port_range range = { 0 };
	uint32_t at = 0;

	if (p->port)
		return port_set_has(ports, p->port) ? FIT_ALL : FIT_NONE;
	if (!port_set_next(ports, &at, &range))
		return FIT_NONE;
	return range.first <= 1 && range.last == UINT16_MAX ? FIT_ALL : FIT_SOME;
}

/* Of most rules: no set is made for it. */
static enum fit destination(const struct passage *p, const uint16_t ports[2], bool inverted)
{
	enum fit fit = FIT_SOME;

	if (ports[0] <= 1 && ports[1] == UINT16_MAX)
		fit = FIT_ALL;
	else if (ports[0] > ports[1])
		fit = FIT_NONE;
	else if (p->port)
		fit = p->port >= ports[0] && p->port <= ports[1] ? FIT_ALL : FIT_NONE;
	return inverted ? fit_inverted(fit) : fit;
}

static enum fit source(const uint16_t ports[2], bool inverted)
{
	bool all = ports[0] == 0 && ports[1] == UINT16_MAX;

	return !all ? FIT_SOME : inverted ? FIT_NONE : FIT_ALL;
}

static enum fit tcp_match(const struct passage *p, const struct xt_tcp *tcp)
{
	struct known flags = passage_known(p, PASSAGE_FLAGS);
	enum fit fit = known_equal(&flags, &tcp->flg_cmp, &tcp->flg_mask, 1);

	if (tcp->invflags & XT_TCP_INV_FLAGS)
		fit = fit_inverted(fit);
	if (tcp->option)
		fit = fit_least(fit, FIT_SOME);
	fit = fit_least(fit, source(tcp->spts, tcp->invflags & XT_TCP_INV_SRCPT));
	return fit_least(fit, destination(p, tcp->dpts, tcp->invflags & XT_TCP_INV_DSTPT));
}

static enum fit state_match(const struct passage *p, uint32_t asked)
{
	uint32_t has = state_of(p) | (p->translated ? XT_CONNTRACK_STATE_DNAT : 0);

	/* what leaves a network may be masqueraded, and be told of that */
	return asked & has ? FIT_ALL : asked & XT_CONNTRACK_STATE_SNAT ? FIT_SOME : FIT_NONE;
}

static enum fit conntrack_match(const struct passage *p, unsigned int revision,
				const struct xt_conntrack_mtinfo3 *match)
{
	/* in the first one they are bytes */
	uint32_t state = revision == 1 ? match->state_mask & UINT8_MAX : match->state_mask;
	enum fit fit;

	if (match->match_flags & ~(XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS))
		return FIT_SOME;
	fit = state_match(p, state);
	return match->invert_flags & XT_CONNTRACK_STATE ? fit_inverted(fit) : fit;
}

enum fit passage_match(const struct passage *p, const char *name, unsigned int revision,
		       const void *match, size_t length)
{
	struct xt_conntrack_mtinfo3 conntrack = { .match_flags = 0 };
	struct xt_state_info state;
	struct port_set ports;
	struct xt_tcp tcp;
	struct xt_udp udp;

	if (strcmp(name, "comment") == 0)
		return FIT_ALL;
	if (strcmp(name, "tcp") == 0 && length >= sizeof(tcp)) {
		memcpy(&tcp, match, sizeof(tcp));
		return tcp_match(p, &tcp);
	}
	if (strcmp(name, "udp") == 0 && length >= sizeof(udp)) {
		memcpy(&udp, match, sizeof(udp));
		return fit_least(source(udp.spts, udp.invflags & XT_UDP_INV_SRCPT),
				 destination(p, udp.dpts, udp.invflags & XT_UDP_INV_DSTPT));
	}
	if (strcmp(name, "multiport") == 0 &&
	    port_set_multiport(&ports, revision, match, (uint32_t)length))
		return passage_ports(p, &ports);
	if (strcmp(name, "state") == 0 && length >= sizeof(state)) {
		memcpy(&state, match, sizeof(state));
		return state_match(p, state.statemask);
	}
	if (strcmp(name, "conntrack") == 0 && revision >= 1 && revision <= 3 &&
	    length >= (revision == 1 ? sizeof(struct xt_conntrack_mtinfo1) :
				       sizeof(struct xt_conntrack_mtinfo2))) {
		memcpy(&conntrack, match, length < sizeof(conntrack) ? length : sizeof(conntrack));
		return conntrack_match(p, revision, &conntrack);
	}
	return FIT_SOME;
}
