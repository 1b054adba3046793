/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Internet addresses and subnets of both families, as bytes in network order.
 *
 *	subnet_parse("172.30.0.0/16", &subnet);
 *	address_at(&subnet, 5, &address);      172.30.0.5
 *	address_text(&address, text);
 */
#ifndef CLOCHE_NET_ADDRESS_H
#define CLOCHE_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { ADDRESS_TEXT = INET6_ADDRSTRLEN, SUBNET_TEXT = INET6_ADDRSTRLEN + 4, MAC_TEXT = 18 };

struct address {
	int family; /* AF_INET, AF_INET6, or 0: none */
	uint8_t bytes[16];
};

struct subnet {
	struct address address; /* as written: host bits may be set */
	unsigned int prefix;
};

int address_length(int family); /* 4 or 16 */
/* 0 or -EINVAL. */
int address_parse(const char *text, struct address *ret_address);
const char *address_text(const struct address *address, char out[ADDRESS_TEXT]); /* "" for none */
bool address_equal(const struct address *a, const struct address *b);
bool address_is_any(const struct address *address);
bool address_is_loopback(const struct address *address);
/* As sockets have it: the length of what was filled in, and back to text ("" for another family). */
socklen_t address_socket(const struct address *address, uint16_t port,
			 struct sockaddr_storage *ret_socket);
void address_from_socket(const struct sockaddr_storage *socket, char out[ADDRESS_TEXT]);

/* "ADDRESS/PREFIX". -EINVAL. */
int subnet_parse(const char *text, struct subnet *ret_subnet);
const char *subnet_text(const struct subnet *subnet, char out[SUBNET_TEXT]);
void subnet_mask(struct subnet *subnet); /* clear the host bits */
bool subnet_has(const struct subnet *subnet, const struct address *address);
bool subnet_overlaps(const struct subnet *a, const struct subnet *b);
/* How many addresses it has, at most 2^32 - 1. */
uint32_t subnet_size(const struct subnet *subnet);
/* The address number `offset` of it, and back. */
void address_at(const struct subnet *subnet, uint32_t offset, struct address *ret_address);
uint32_t address_offset(const struct subnet *subnet, const struct address *address);

/* "02:42:ac:1e:00:02". -EINVAL; also for a multicast address. */
int mac_parse(const char *text, uint8_t ret_mac[6]);
const char *mac_text(const uint8_t mac[6], char out[MAC_TEXT]);

#endif
