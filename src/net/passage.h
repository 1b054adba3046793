/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets that the host is to forward, as far as they are known beforehand, held against what a rule of others asks for: what comes out of a
 * network's link to wherever, or to a published port from wherever. A rule fits all of them, none, or, where it asks for what is not known, some.
 *
 *	known = passage_known(&passage, PASSAGE_TO);
 *	fit = known_equal(&known, address, mask, 4);
 */
#ifndef CLOCHE_NET_PASSAGE_H
#define CLOCHE_NET_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

struct port_set;

enum fit { FIT_NONE, FIT_SOME, FIT_ALL };

struct passage {
	int family;
	const char *in, *out;	/* links; NULL: any */
	struct subnet from, to; /* family 0: any */
	int protocol;
	uint16_t port;	 /* to; 0: any */
	bool translated; /* by a published port */
	bool answer;	 /* else it begins a connection */
};

enum passage_field {
	PASSAGE_OTHER, /* nothing is known of it */
	PASSAGE_IN,
	PASSAGE_OUT,
	PASSAGE_FROM,
	PASSAGE_TO,
	PASSAGE_PROTOCOL,
	PASSAGE_PORT,
	PASSAGE_FLAGS,	/* of TCP */
	PASSAGE_STATE,	/* of conntrack, its bits in the host's order */
	PASSAGE_STATUS, /* whether it is translated is known */
	PASSAGE_FAMILY, /* NFPROTO_* */
	PASSAGE_ETHER,	/* ETH_P_*, in network order */
};

struct known { /* bits of it, as they stand in the packet */
	uint8_t value[16], mask[16];
};

enum fit fit_least(enum fit a, enum fit b);
enum fit fit_inverted(enum fit fit);

struct known passage_known(const struct passage *passage, enum passage_field field);
/* How many bytes of it count: 0 for PASSAGE_OTHER. */
size_t passage_length(const struct passage *passage, enum passage_field field);
/* known & mask ^ with */
struct known known_masked(const struct known *known, const uint8_t *mask, const uint8_t *with,
			  size_t length);
/* Are the bits of the mask (NULL: all) as in the value? */
enum fit known_equal(const struct known *known, const uint8_t *value, const uint8_t *mask,
		     size_t length);
/* Is it in first..last, as a number in network order? */
enum fit known_between(const struct known *known, const uint8_t *first, const uint8_t *last,
		       size_t length);
enum fit passage_ports(const struct passage *passage, const struct port_set *ports);
/* A match of x_tables, of iptables-nft and iptables-legacy: `-m NAME`. Those that are not understood fit some. */
enum fit passage_match(const struct passage *passage, const char *name, unsigned int revision,
		       const void *match, size_t length);

#endif
