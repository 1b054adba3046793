/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of DHCP (RFC 2131, options of RFC 2132) and the Ethernet frames that carry them. What is read comes from whoever is on the LAN:
 * every length is checked, what is not understood is left out, and nothing is believed that makes no sense for a host.
 *
 *	length = dhcp_message_write(&message, payload);
 *	dhcp_frame_read(frame, length, &payload, &payload_length, sender) == 0 && dhcp_message_read(payload, payload_length, &message) == 0
 */
#ifndef CLOCHE_NET_DHCP_MESSAGE_H
#define CLOCHE_NET_DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
};

enum {
	DHCP_MESSAGE_MAX = 576, /* what every server takes, RFC 2131, 2 */
	DHCP_FRAME_MAX = 1514,
	DHCP_HOSTNAME = 64,
	DHCP_SERVER_PORT = 67,
	DHCP_CLIENT_PORT = 68,
};

struct dhcp_message {
	enum dhcp_type type;
	uint32_t xid;
	uint16_t seconds;
	bool answer; /* from a server */
	uint8_t mac[6];
	struct address client;	       /* ciaddr: has it already; family 0: none, as below */
	struct address yours;	       /* yiaddr */
	struct address requested;      /* option 50 */
	struct address server;	       /* option 54 */
	struct address router;	       /* option 3, the first */
	unsigned int prefix;	       /* option 1; 0: not told */
	uint32_t lease, renew, rebind; /* seconds, options 51, 58, 59; 0: not told */
	char hostname[DHCP_HOSTNAME];  /* option 12, written only */
};

/* Of a client. The client identifier is the hardware address (type 1). */
size_t dhcp_message_write(const struct dhcp_message *message, uint8_t out[DHCP_MESSAGE_MAX]);
/* Of a server. 0, or -EBADMSG: it is none, it is cut, or tells an address that no host can have. */
int dhcp_message_read(const uint8_t *data, size_t length, struct dhcp_message *ret_message);

struct dhcp_ends { /* of a frame */
	uint8_t from_mac[6], to_mac[6];
	struct address from, to; /* family 0: 0.0.0.0 and 255.255.255.255 */
};
/* A client's message as it goes over the wire. Its length. */
size_t dhcp_frame_write(const struct dhcp_ends *ends, const uint8_t *payload, size_t length,
			uint8_t out[DHCP_FRAME_MAX]);
/* A whole frame of Ethernet. -EBADMSG: it is not UDP to a client of DHCP, is cut, is a fragment, or its sums are wrong.
 * sums false: the sender's link would have made them (a veth pair). */
int dhcp_frame_read(const uint8_t *frame, size_t length, bool sums, const uint8_t **ret_payload,
		    size_t *ret_length, struct dhcp_ends *ret_ends);

#endif
