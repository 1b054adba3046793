/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int address_length(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

int address_parse(const char *text, struct address *ret_address)
{
	struct address address = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(address.family, text, address.bytes) != 1)
		return -EINVAL;
	*ret_address = address;
	return 0;
}

const char *address_text(const struct address *address, char out[ADDRESS_TEXT])
{
	out[0] = '\0';
	if (address->family)
		(void)inet_ntop(address->family, address->bytes, out, ADDRESS_TEXT);
	return out;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, (size_t)address_length(a->family)) == 0;
}

bool address_is_any(const struct address *address)
{
	static const uint8_t zero[16];

	return memcmp(address->bytes, zero, (size_t)address_length(address->family)) == 0;
}

bool address_is_loopback(const struct address *address)
{
	static const uint8_t one[16] = { [15] = 1 };

	return address->family == AF_INET ? address->bytes[0] == 127 :
					    memcmp(address->bytes, one, sizeof(one)) == 0;
}

socklen_t address_socket(const struct address *address, uint16_t port,
			 struct sockaddr_storage *ret_socket)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ret_socket;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_socket;

	memset(ret_socket, 0, sizeof(*ret_socket));
	ret_socket->ss_family = (sa_family_t)address->family;
	if (address->family == AF_INET) {
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, address->bytes, sizeof(in4->sin_addr));
		return sizeof(*in4);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, address->bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

void address_from_socket(const struct sockaddr_storage *socket, char out[ADDRESS_TEXT])
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)socket;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)socket;
	struct address address = { .family = socket->ss_family };

	if (address.family == AF_INET)
		memcpy(address.bytes, &in4->sin_addr, sizeof(in4->sin_addr));
	else if (address.family == AF_INET6)
		memcpy(address.bytes, &in6->sin6_addr, sizeof(in6->sin6_addr));
	else
		address.family = 0;
	(void)address_text(&address, out);
}

int subnet_parse(const char *text, struct subnet *ret_subnet)
{
	const char *slash = strchr(text, '/');
	char front[ADDRESS_TEXT] = "";
	struct subnet subnet;
	uint64_t prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(front))
		return -EINVAL;
	memcpy(front, text, (size_t)(slash - text));
	if (address_parse(front, &subnet.address) < 0 ||
	    str_to_u64(slash + 1, (uint64_t)address_length(subnet.address.family) * 8, &prefix) < 0)
		return -EINVAL;
	subnet.prefix = (unsigned int)prefix;
	*ret_subnet = subnet;
	return 0;
}

const char *subnet_text(const struct subnet *subnet, char out[SUBNET_TEXT])
{
	char text[ADDRESS_TEXT];

	out[0] = '\0';
	if (subnet->address.family)
		(void)snprintf(out, SUBNET_TEXT, "%s/%u", address_text(&subnet->address, text),
			       subnet->prefix);
	return out;
}

static uint8_t mask_byte(unsigned int prefix, int i)
{
	int bits = (int)prefix - 8 * i;

	return bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits));
}

void subnet_mask(struct subnet *subnet)
{
	for (int i = 0; i < address_length(subnet->address.family); i++)
		subnet->address.bytes[i] &= mask_byte(subnet->prefix, i);
}

static bool same_front(const struct address *a, const struct address *b, unsigned int prefix)
{
	for (int i = 0; i < address_length(a->family); i++)
		if ((a->bytes[i] ^ b->bytes[i]) & mask_byte(prefix, i))
			return false;
	return true;
}

bool subnet_has(const struct subnet *subnet, const struct address *address)
{
	return subnet->address.family == address->family &&
	       same_front(&subnet->address, address, subnet->prefix);
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	return a->address.family == b->address.family &&
	       same_front(&a->address, &b->address, a->prefix < b->prefix ? a->prefix : b->prefix);
}

uint32_t subnet_size(const struct subnet *subnet)
{
	unsigned int bits =
		(unsigned int)address_length(subnet->address.family) * 8 - subnet->prefix;

	return bits >= 32 ? UINT32_MAX : (uint32_t)1 << bits;
}

void address_at(const struct subnet *subnet, uint32_t offset, struct address *ret_address)
{
	struct subnet base = *subnet;
	int length = address_length(subnet->address.family);
	uint64_t low;

	subnet_mask(&base);
	*ret_address = base.address;
	low = offset;
	for (int i = length - 1; i >= 0 && low > 0; i--) {
		low += ret_address->bytes[i];
		ret_address->bytes[i] = (uint8_t)low;
		low >>= 8;
	}
}

uint32_t address_offset(const struct subnet *subnet, const struct address *address)
{
	struct subnet base = *subnet;
	int length = address_length(subnet->address.family);
	uint32_t high = 0, low = 0;

	subnet_mask(&base);
	for (int i = length - 4; i < length; i++) {
		high = high << 8 | address->bytes[i];
		low = low << 8 | base.address.bytes[i];
	}
	return high - low;
}

int mac_parse(const char *text, uint8_t ret_mac[6])
{
	unsigned int b[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 ||
	    text[end] != '\0' || (b[0] & 1))
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		ret_mac[i] = (uint8_t)b[i];
	return 0;
}

const char *mac_text(const uint8_t mac[6], char out[MAC_TEXT])
{
	(void)snprintf(out, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
	return out;
}
