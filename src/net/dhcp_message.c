/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/dhcp_message.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/if_ether.h>

enum { /* offsets of RFC 2131, 2 */
       AT_XID = 4,
       AT_SECONDS = 8,
       AT_FLAGS = 10,
       AT_CLIENT = 12,
       AT_YOURS = 16,
       AT_MAC = 28,
       AT_SERVER_NAME = 44,
       AT_FILE = 108,
       AT_COOKIE = 236,
       AT_OPTIONS = 240,
       SHORTEST = 300, /* of BOOTP; some relays drop what is shorter */
};

enum { /* RFC 2132 */
       OPT_PAD = 0,
       OPT_MASK = 1,
       OPT_ROUTER = 3,
       OPT_NAME_SERVERS = 6,
       OPT_HOSTNAME = 12,
       OPT_DOMAIN = 15,
       OPT_MTU = 26,
       OPT_REQUESTED = 50,
       OPT_LEASE = 51,
       OPT_OVERLOAD = 52,
       OPT_TYPE = 53,
       OPT_SERVER = 54,
       OPT_WANTED = 55,
       OPT_SIZE = 57,
       OPT_RENEW = 58,
       OPT_REBIND = 59,
       OPT_CLIENT_ID = 61,
       OPT_FILE_END = 255,
};

enum { BOOT_REQUEST = 1, BOOT_REPLY = 2, ETHERNET = 1, BROADCAST = 0x80 };
static const uint8_t cookie[4] = { 99, 130, 83, 99 };

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* -- writing ---------------------------------------------------------------------------------- */

static void option(uint8_t *out, size_t *length, uint8_t code, const void *data, size_t size)
{
	out[(*length)++] = code;
	out[(*length)++] = (uint8_t)size;
	memcpy(out + *length, data, size);
	*length += size;
}

static void option_address(uint8_t *out, size_t *length, uint8_t code,
			   const struct address *address)
{
	if (address->family == AF_INET)
		option(out, length, code, address->bytes, 4);
}

size_t dhcp_message_write(const struct dhcp_message *m, uint8_t out[DHCP_MESSAGE_MAX])
{
	static const uint8_t wanted[] = { OPT_MASK,   OPT_ROUTER, OPT_NAME_SERVERS,
					  OPT_DOMAIN, OPT_MTU,	  OPT_LEASE,
					  OPT_SERVER, OPT_RENEW,  OPT_REBIND };
	uint8_t id[7] = { ETHERNET }, size[2], type = (uint8_t)m->type;
	bool asks = m->type == DHCP_DISCOVER || m->type == DHCP_REQUEST;
	size_t length = AT_OPTIONS;

	memset(out, 0, DHCP_MESSAGE_MAX);
	out[0] = BOOT_REQUEST;
	out[1] = ETHERNET;
	out[2] = sizeof(m->mac);
	put32(out + AT_XID, m->xid);
	put16(out + AT_SECONDS, m->seconds);
	/* without an address nobody could answer us alone: our link has another hardware address */
	if (asks && !m->client.family)
		out[AT_FLAGS] = BROADCAST;
	if (m->client.family == AF_INET)
		memcpy(out + AT_CLIENT, m->client.bytes, 4);
	memcpy(out + AT_MAC, m->mac, sizeof(m->mac));
	memcpy(out + AT_COOKIE, cookie, sizeof(cookie));
	option(out, &length, OPT_TYPE, &type, 1);
	memcpy(id + 1, m->mac, sizeof(m->mac));
	option(out, &length, OPT_CLIENT_ID, id, sizeof(id));
	option_address(out, &length, OPT_REQUESTED, &m->requested);
	option_address(out, &length, OPT_SERVER, &m->server);
	if (asks) {
		put16(size, DHCP_MESSAGE_MAX);
		option(out, &length, OPT_SIZE, size, sizeof(size));
		if (*m->hostname)
			option(out, &length, OPT_HOSTNAME, m->hostname, strlen(m->hostname));
		option(out, &length, OPT_WANTED, wanted, sizeof(wanted));
	}
	out[length++] = OPT_FILE_END;
	return length < SHORTEST ? SHORTEST : length;
}

/* -- reading ---------------------------------------------------------------------------------- */

/* A host's: not 0.x, 127.x, of a group or everybody's. */
static bool is_host(const uint8_t *bytes)
{
	return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
}

static void address_set(struct address *out, const uint8_t *bytes)
{
	if (!is_host(bytes))
		return;
	*out = (struct address){ .family = AF_INET };
	memcpy(out->bytes, bytes, 4);
}

static unsigned int prefix_of(uint32_t mask)
{
	unsigned int ones = (unsigned int)__builtin_popcount(mask);

	/* ones, then noughts */
	return ones >= 1 && ones <= 32 && mask == UINT32_MAX << (32 - ones) ? ones : 0;
}

static void option_read(struct dhcp_message *m, uint8_t code, const uint8_t *data, size_t size,
			uint8_t *overload)
{
	if (code == OPT_TYPE && size == 1)
		m->type = (enum dhcp_type)data[0];
	else if (code == OPT_OVERLOAD && size == 1)
		*overload = data[0];
	else if (code == OPT_MASK && size == 4)
		m->prefix = prefix_of(get32(data));
	else if (code == OPT_ROUTER && size >= 4 && size % 4 == 0)
		address_set(&m->router, data);
	else if (code == OPT_SERVER && size == 4)
		address_set(&m->server, data);
	else if (code == OPT_LEASE && size == 4)
		m->lease = get32(data);
	else if (code == OPT_RENEW && size == 4)
		m->renew = get32(data);
	else if (code == OPT_REBIND && size == 4)
		m->rebind = get32(data);
}

static int options_read(struct dhcp_message *m, const uint8_t *data, size_t length,
			uint8_t *overload)
{
	for (size_t at = 0; at < length && data[at] != OPT_FILE_END;) {
		size_t size;

		if (data[at] == OPT_PAD) {
			at++;
			continue;
		}
		if (at + 2 > length)
			return -EBADMSG;
		size = data[at + 1];
		if (size > length - at - 2)
			return -EBADMSG;
		option_read(m, data[at], data + at + 2, size, overload);
		at += 2 + size;
	}
	return 0;
}

int dhcp_message_read(const uint8_t *data, size_t length, struct dhcp_message *ret_message)
{
	struct dhcp_message m = { .answer = true };
	uint8_t overload = 0, again = 0;

	if (length < AT_OPTIONS || data[0] != BOOT_REPLY || data[1] != ETHERNET || data[2] != 6 ||
	    memcmp(data + AT_COOKIE, cookie, sizeof(cookie)) != 0)
		return -EBADMSG;
	m.xid = get32(data + AT_XID);
	memcpy(m.mac, data + AT_MAC, sizeof(m.mac));
	address_set(&m.client, data + AT_CLIENT);
	address_set(&m.yours, data + AT_YOURS);
	if (options_read(&m, data + AT_OPTIONS, length - AT_OPTIONS, &overload) < 0)
		return -EBADMSG;
	/* options may go on in the fields that booting does not need; what they say of that does not count again */
	if ((overload & 1) && options_read(&m, data + AT_FILE, AT_COOKIE - AT_FILE, &again) < 0)
		return -EBADMSG;
	if ((overload & 2) &&
	    options_read(&m, data + AT_SERVER_NAME, AT_FILE - AT_SERVER_NAME, &again) < 0)
		return -EBADMSG;
	if (m.type != DHCP_OFFER && m.type != DHCP_ACK && m.type != DHCP_NAK)
		return -EBADMSG;
	if (!m.server.family || (m.type != DHCP_NAK && (!m.yours.family || m.lease == 0)))
		return -EBADMSG;
	*ret_message = m;
	return 0;
}

/* -- frames ----------------------------------------------------------------------------------- */

enum {
	AT_IP = 14,
	IP_HEADER = 20,
	UDP_HEADER = 8,
	AT_UDP = AT_IP + IP_HEADER,
	AT_PAYLOAD = AT_UDP + UDP_HEADER,
	UDP = 17,
	MORE_FRAGMENTS = 0x3fff,
};

static uint32_t sum_add(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += get16(data + i);
	return length % 2 ? sum + ((uint32_t)data[length - 1] << 8) : sum;
}

static uint16_t sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of UDP with the part of the IP header that it covers (RFC 768). */
static uint16_t udp_sum(const uint8_t *ip, const uint8_t *udp, size_t length)
{
	return sum_end(sum_add(sum_add(UDP + (uint32_t)length, ip + 12, 8), udp, length));
}

static void address_write(uint8_t *at, const struct address *address, uint8_t otherwise)
{
	memset(at, otherwise, 4);
	if (address->family == AF_INET)
		memcpy(at, address->bytes, 4);
}

size_t dhcp_frame_write(const struct dhcp_ends *ends, const uint8_t *payload, size_t length,
			uint8_t out[DHCP_FRAME_MAX])
{
	uint8_t *ip = out + AT_IP, *udp = out + AT_UDP;
	uint16_t sum;

	memset(out, 0, AT_PAYLOAD);
	memcpy(out, ends->to_mac, 6);
	memcpy(out + 6, ends->from_mac, 6);
	put16(out + 12, ETH_P_IP);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(IP_HEADER + UDP_HEADER + length));
	ip[8] = 64; /* hops */
	ip[9] = UDP;
	address_write(ip + 12, &ends->from, 0);
	address_write(ip + 16, &ends->to, 255);
	put16(ip + 10, sum_end(sum_add(0, ip, IP_HEADER)));
	put16(udp, DHCP_CLIENT_PORT);
	put16(udp + 2, DHCP_SERVER_PORT);
	put16(udp + 4, (uint32_t)(UDP_HEADER + length));
	memcpy(out + AT_PAYLOAD, payload, length);
	sum = udp_sum(ip, udp, UDP_HEADER + length);
	put16(udp + 6, sum ? sum : 0xffff);
	return AT_PAYLOAD + length;
}

int dhcp_frame_read(const uint8_t *frame, size_t length, bool sums, const uint8_t **ret_payload,
		    size_t *ret_length, struct dhcp_ends *ret_ends)
{
	struct dhcp_ends ends = { 0 };
	const uint8_t *ip = frame + AT_IP, *udp;
	size_t header, all, datagram;

	if (length < AT_PAYLOAD || get16(frame + 12) != ETH_P_IP || ip[0] >> 4 != 4)
		return -EBADMSG;
	header = (size_t)(ip[0] & 15) * 4;
	all = get16(ip + 2);
	if (header < IP_HEADER || all < header + UDP_HEADER || all > length - AT_IP ||
	    ip[9] != UDP || (get16(ip + 6) & MORE_FRAGMENTS) ||
	    sum_end(sum_add(0, ip, header)) != 0)
		return -EBADMSG;
	udp = ip + header;
	datagram = get16(udp + 4);
	if (get16(udp + 2) != DHCP_CLIENT_PORT || datagram < UDP_HEADER || datagram > all - header)
		return -EBADMSG;
	if (sums && get16(udp + 6) != 0 && udp_sum(ip, udp, datagram) != 0)
		return -EBADMSG;
	memcpy(ends.to_mac, frame, 6);
	memcpy(ends.from_mac, frame + 6, 6);
	address_set(&ends.from, ip + 12);
	address_set(&ends.to, ip + 16);
	*ret_payload = udp + UDP_HEADER;
	*ret_length = datagram - UDP_HEADER;
	*ret_ends = ends;
	return 0;
}
