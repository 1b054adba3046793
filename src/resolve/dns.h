/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As much of DNS as a resolver needs that answers for names it has been told and passes everything else on unread (RFC 1035). What comes
 * in is from containers: every length is checked. */
#ifndef CLOCHE_RESOLVE_DNS_H
#define CLOCHE_RESOLVE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_HEADER = 12,
	DNS_NAME = 256,
	DNS_MESSAGE = 65535,
	DNS_UDP = 512, /* without EDNS */
	DNS_ADDRESSES = 64,
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OK = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_REFUSED = 5,
};

struct dns_query {
	uint16_t id, type;
	char name[DNS_NAME]; /* lower case, without the last dot */
	size_t length;	     /* of header and question, as they came */
	size_t room;	     /* for the answer: EDNS may allow more than 512 */
};

struct dns_answer {
	int code;
	struct {
		uint8_t bytes[16];
	} addresses[DNS_ADDRESSES]; /* of the family that was asked for */
	size_t count;
	const char *pointer; /* of a PTR query; NULL: none */
};

/* false: not a query with one question of class IN that we understand. */
bool dns_parse(const uint8_t *message, size_t length, struct dns_query *ret_query);
/* The answer's length, at most `size`. `message`: the query. Too much for query->room: the TC bit is set (tcp: never). */
size_t dns_write(const uint8_t *message, const struct dns_query *query,
		 const struct dns_answer *answer, bool tcp, uint8_t *out, size_t size);
/* "4.3.2.1.in-addr.arpa" or "...ip6.arpa" to an address: its length 4 or 16, 0 when it is none. */
size_t dns_reverse(const char *name, uint8_t out[16]);

#endif
