/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve/dns.h"

#include <stdlib.h>
#include <string.h>

enum { TTL_S = 5, CLASS_IN = 1, FLAG_QR = 0x80, FLAG_TC = 0x02, FLAG_RD = 0x01, FLAG_RA = 0x80 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* The OPT record of EDNS (RFC 6891) stands alone behind the question in what resolvers send. */
static size_t edns_room(const uint8_t *message, size_t length, size_t offset)
{
	if (get16(message + 10) == 0 || offset + 11 > length || message[offset] != 0 ||
	    get16(message + offset + 1) != 41)
		return DNS_UDP;
	return get16(message + offset + 3) > DNS_UDP ? get16(message + offset + 3) : DNS_UDP;
}

bool dns_parse(const uint8_t *message, size_t length, struct dns_query *ret_query)
{
	struct dns_query query = { 0 };
	size_t at = DNS_HEADER, out = 0;

	if (length < DNS_HEADER + 5 || (message[2] & FLAG_QR) || (message[2] >> 3 & 15) != 0 ||
	    get16(message + 4) != 1)
		return false;
	for (;;) {
		size_t part;

		if (at >= length)
			return false;
		part = message[at++];
		if (part == 0)
			break;
		/* above 63 are pointers, which have nothing to point to here */
		if (part > 63 || at + part > length || out + part + 1 >= sizeof(query.name))
			return false;
		if (out > 0)
			query.name[out++] = '.';
		for (size_t i = 0; i < part; i++) {
			uint8_t c = message[at + i];

			/* a dot or NUL inside a label would read as another name */
			if (c == '.' || c == '\0')
				return false;
			query.name[out++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		}
		at += part;
	}
	if (at + 4 > length || get16(message + at + 2) != CLASS_IN)
		return false;
	query.id = get16(message);
	query.type = get16(message + at);
	query.length = at + 4;
	query.room = edns_room(message, length, query.length);
	*ret_query = query;
	return true;
}

/* Labels of a dotted name; 0: it does not fit. */
static size_t name_write(const char *name, uint8_t *out, size_t size)
{
	size_t at = 0;

	while (*name) {
		size_t part = strcspn(name, ".");

		if (part == 0 || part > 63 || at + part + 2 > size)
			return 0;
		out[at++] = (uint8_t)part;
		memcpy(out + at, name, part);
		at += part;
		name += part;
		name += *name == '.';
	}
	if (at + 1 > size)
		return 0;
	out[at++] = 0;
	return at;
}

static size_t record_write(uint8_t *out, size_t size, uint16_t type, const uint8_t *data,
			   size_t length)
{
	if (12 + length > size)
		return 0;
	put16(out, 0xc000 | DNS_HEADER); /* the question's name */
	put16(out + 2, type);
	put16(out + 4, CLASS_IN);
	put16(out + 6, 0);
	put16(out + 8, TTL_S);
	put16(out + 10, (unsigned int)length);
	memcpy(out + 12, data, length);
	return 12 + length;
}

size_t dns_write(const uint8_t *message, const struct dns_query *query,
		 const struct dns_answer *answer, bool tcp, uint8_t *out, size_t size)
{
	size_t at = query->length, room = tcp || query->room > size ? size : query->room, n;
	size_t length = query->type == DNS_AAAA ? 16 : 4;
	uint8_t name[DNS_NAME];
	unsigned int count = 0;

	if (at > size)
		return 0;
	memcpy(out, message, at);
	out[2] = (uint8_t)(FLAG_QR | (message[2] & FLAG_RD));
	out[3] = (uint8_t)(FLAG_RA | answer->code);
	memset(out + 6, 0, 6);
	for (size_t i = 0; i < answer->count; i++) {
		n = record_write(out + at, room > at ? room - at : 0, query->type,
				 answer->addresses[i].bytes, length);
		if (n == 0) {
			out[2] |= FLAG_TC;
			break;
		}
		at += n;
		count++;
	}
	if (answer->pointer && (n = name_write(answer->pointer, name, sizeof(name))) > 0) {
		n = record_write(out + at, room > at ? room - at : 0, DNS_PTR, name, n);
		at += n;
		count += n > 0;
	}
	put16(out + 6, count);
	return at;
}

size_t dns_reverse(const char *name, uint8_t out[16])
{
	const char *p = name;

	if (strlen(name) == 72 && memcmp(name + 64, "ip6.arpa", 8) == 0) {
		for (int i = 0; i < 32; i++, p += 2) {
			const char *digits = "0123456789abcdef", *digit = strchr(digits, *p);

			if (!*p || !digit || p[1] != '.')
				return 0;
			if (i % 2 == 0)
				out[15 - i / 2] = (uint8_t)(digit - digits);
			else
				out[15 - i / 2] |= (uint8_t)((digit - digits) << 4);
		}
		return 16;
	}
	for (int i = 3; i >= 0; i--) {
		char *end;
		unsigned long part = strtoul(p, &end, 10);

		if (end == p || *end != '.' || part > 255 || *p < '0' || *p > '9')
			return 0;
		out[i] = (uint8_t)part;
		p = end + 1;
	}
	return strcmp(p, "in-addr.arpa") == 0 ? 4 : 0;
}
