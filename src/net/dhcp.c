/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "net/dhcp_message.h"
#include "net/lan.h"
#include "net/link.h"

enum {
	RENEW_MS = 3000,
	AGAIN_MS =
		2000, /* for an earlier address: who does not know it may be silent (RFC 2131, 3.2) */
	CONFLICTS = 3,	 /* addresses that others had, then it is given up */
	SHORTEST_S = 10, /* less is not to be kept up with */
};

struct wire {
	int fd, index;
	uint8_t mac[6]; /* of the link */
	uint32_t xid;
	int64_t begin_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Of all that the link hears only what is UDP to a client of DHCP is given to us. Whole frames and every protocol: what a server
 * sends to the hardware address of a macvlan link is taken from the link below before others see it. */
static int filter_set(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, DHCP_FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int wire_open(const struct dhcp_client *client, struct wire *ret, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll name = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq own = { .mr_type = PACKET_MR_UNICAST, .mr_alen = 6 };
	struct ifreq request = { 0 };
	int on = 1;

	(void)str_append(request.ifr_name, sizeof(request.ifr_name), client->link);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return err_sys(err, errno, "speak DHCP on link %s", client->link);
	name.sll_ifindex = link_index(fd, client->link);
	*ret = (struct wire){ .index = name.sll_ifindex, .begin_ms = now_ms() };
	memcpy(ret->mac, request.ifr_hwaddr.sa_data, 6);
	/* some servers answer to the hardware address whatever is asked: the device is told of one more, which is not promiscuous mode */
	own.mr_ifindex = ret->index;
	memcpy(own.mr_address, client->mac, 6);
	(void)setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &own, sizeof(own));
	if (getrandom(&ret->xid, sizeof(ret->xid), 0) < 0 || filter_set(fd) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		return err_sys(err, errno, "speak DHCP on link %s", client->link);
	ret->fd = fd_take(&fd);
	return 0;
}

static struct dhcp_message message_of(const struct dhcp_client *client, const struct wire *wire,
				      enum dhcp_type type)
{
	struct dhcp_message m = { .type = type, .xid = wire->xid };
	int64_t waited = (now_ms() - wire->begin_ms) / 1000;

	m.seconds = waited > UINT16_MAX ? UINT16_MAX : (uint16_t)waited;
	memcpy(m.mac, client->mac, sizeof(m.mac));
	if (client->hostname)
		(void)str_append(m.hostname, sizeof(m.hostname), client->hostname);
	return m;
}

/* lease: to whom, NULL: everybody. */
static int wire_send(const struct dhcp_client *client, const struct wire *wire,
		     const struct dhcp_message *m, const struct dhcp_lease *lease, struct err *err)
{
	struct dhcp_ends ends = { .from = m->client, .to_mac = { 255, 255, 255, 255, 255, 255 } };
	uint8_t payload[DHCP_MESSAGE_MAX], frame[DHCP_FRAME_MAX];
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = wire->index,
				  .sll_halen = 6 };
	size_t length = dhcp_message_write(m, payload);

	memcpy(ends.from_mac, client->own_mac ? client->mac : wire->mac, 6);
	if (lease) {
		ends.to = lease->server;
		memcpy(ends.to_mac, lease->server_mac, 6);
	}
	memcpy(to.sll_addr, ends.to_mac, 6);
	length = dhcp_frame_write(&ends, payload, length, frame);
	if (sendto(wire->fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return err_sys(err, errno, "send DHCP on link %s", client->link);
	return 0;
}

/* Are the sums of this frame made already? A neighbour on the same host leaves them to a device that there is not (packet(7), PACKET_AUXDATA). */
static bool sums_are_made(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata data;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&data, CMSG_DATA(c), sizeof(data));
		return !(data.tp_status & TP_STATUS_CSUMNOTREADY);
	}
	return true;
}

/* 1: an answer to us, 0: something else. */
static int frame_hear(const struct dhcp_client *client, const struct wire *wire,
		      struct dhcp_message *ret_message, uint8_t ret_mac[6])
{
	uint8_t frame[DHCP_FRAME_MAX];
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct sockaddr_ll from = { 0 };
	struct iovec part = { frame, sizeof(frame) };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(wire->fd, &m, MSG_DONTWAIT);
	struct dhcp_ends ends;
	const uint8_t *payload;
	size_t length;

	if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING ||
	    dhcp_frame_read(frame, (size_t)n, sums_are_made(&m), &payload, &length, &ends) < 0 ||
	    dhcp_message_read(payload, length, ret_message) < 0 || ret_message->xid != wire->xid ||
	    memcmp(ret_message->mac, client->mac, sizeof(client->mac)) != 0)
		return 0;
	memcpy(ret_mac, ends.from_mac, 6);
	return 1;
}

/* The first answer to us of one of two kinds; 0: none. server: from this one alone, family 0: from any. */
static int hear(const struct dhcp_client *client, const struct wire *wire, int timeout_ms,
		enum dhcp_type one, enum dhcp_type other, const struct address *server,
		struct dhcp_message *ret_message, uint8_t ret_mac[6])
{
	int64_t end = now_ms() + timeout_ms;

	for (int64_t left = timeout_ms; left > 0; left = end - now_ms()) {
		struct pollfd p = { .fd = wire->fd, .events = POLLIN };
		struct dhcp_message m;
		uint8_t mac[6];

		if (poll(&p, 1, (int)left) <= 0 || frame_hear(client, wire, &m, mac) == 0 ||
		    (m.type != one && m.type != other) ||
		    (server && server->family && !address_equal(&m.server, server)))
			continue;
		*ret_message = m;
		memcpy(ret_mac, mac, 6);
		return (int)m.type;
	}
	return 0;
}

static void lease_fill(const struct dhcp_message *m, const uint8_t mac[6], struct dhcp_lease *lease)
{
	*lease = (struct dhcp_lease){ .address = m->yours,
				      .router = m->router,
				      .server = m->server,
				      .prefix = m->prefix ? m->prefix : 24,
				      .lease = m->lease < SHORTEST_S ? SHORTEST_S : m->lease,
				      .renew = m->renew,
				      .rebind = m->rebind };
	memcpy(lease->server_mac, mac, 6);
	/* RFC 2131, 4.4.5; what a server says counts when it is in order */
	if (lease->rebind == 0 || lease->rebind >= lease->lease)
		lease->rebind = lease->lease - lease->lease / 8;
	if (lease->renew == 0 || lease->renew >= lease->rebind)
		lease->renew = lease->lease / 2 < lease->rebind ? lease->lease / 2 :
								  lease->rebind / 2;
}

/* Ask, and ask again after pauses that grow, until an answer or the end. The type of the answer, 0, or -errno. */
static int ask(const struct dhcp_client *client, const struct wire *wire,
	       const struct dhcp_message *m, const struct dhcp_lease *to, int timeout_ms,
	       struct dhcp_message *ret_message, uint8_t ret_mac[6], struct err *err)
{
	bool offer = m->type == DHCP_DISCOVER;
	int pause_ms = 1000, r = 0;

	for (int64_t end = now_ms() + timeout_ms, left = timeout_ms; r == 0 && left > 0;
	     left = end - now_ms(), pause_ms *= 2) {
		r = wire_send(client, wire, m, to, err);
		if (r == 0)
			r = hear(client, wire, left < pause_ms ? (int)left : pause_ms,
				 offer ? DHCP_OFFER : DHCP_ACK, offer ? DHCP_OFFER : DHCP_NAK,
				 &m->server, ret_message, ret_mac);
	}
	return r;
}

/* The address of an earlier lease, without asking who else has one (RFC 2131, 3.2). 1, 0: no, -errno. */
static int again(const struct dhcp_client *client, const struct wire *wire,
		 const struct address *wanted, struct dhcp_lease *ret_lease, struct err *err)
{
	struct dhcp_message m = message_of(client, wire, DHCP_REQUEST), answer;
	uint8_t mac[6];
	int r;

	m.requested = *wanted;
	r = ask(client, wire, &m, NULL, AGAIN_MS, &answer, mac, err);
	if (r == DHCP_ACK)
		lease_fill(&answer, mac, ret_lease);
	return r < 0 ? r : r == DHCP_ACK;
}

static int discover(const struct dhcp_client *client, const struct wire *wire,
		    const struct address *wanted, struct dhcp_lease *ret_lease, struct err *err)
{
	enum { OFFER_MS = 10000, ACK_MS = 4000 };
	struct dhcp_message m = message_of(client, wire, DHCP_DISCOVER), answer;
	uint8_t mac[6];
	int r;

	if (wanted)
		m.requested = *wanted;
	r = ask(client, wire, &m, NULL, OFFER_MS, &answer, mac, err);
	if (r == 0) {
		err_set(err, ETIMEDOUT, "no DHCP server answers on link %s", client->link);
		return err_hint(err, "give an address of its network with --ip");
	}
	if (r < 0)
		return r;
	m = message_of(client, wire, DHCP_REQUEST);
	m.requested = answer.yours;
	m.server = answer.server;
	r = ask(client, wire, &m, NULL, ACK_MS, &answer, mac, err);
	if (r == DHCP_ACK) {
		lease_fill(&answer, mac, ret_lease);
		return 0;
	}
	return r < 0  ? r :
	       r == 0 ? err_set(err, ETIMEDOUT,
				"the DHCP server on link %s offered an address and fell silent",
				client->link) :
			err_set(err, EADDRNOTAVAIL, "the DHCP server on link %s refused an address",
				client->link);
}

static int decline(const struct dhcp_client *client, const struct wire *wire,
		   const struct dhcp_lease *lease, struct err *err)
{
	struct dhcp_message m = message_of(client, wire, DHCP_DECLINE);

	m.requested = lease->address;
	m.server = lease->server;
	return wire_send(client, wire, &m, NULL, err);
}

int dhcp_obtain(const struct dhcp_client *client, const struct address *wanted,
		struct dhcp_lease *ret_lease, struct err *err)
{
	struct dhcp_lease lease = { 0 };
	struct wire wire = { .fd = -1 };
	char mac[MAC_TEXT], text[ADDRESS_TEXT];
	bool taken = false;
	int r = wire_open(client, &wire, err);

	if (r == 0 && wanted)
		r = again(client, &wire, wanted, &lease, err);
	for (int tries = 0; r >= 0 && tries < CONFLICTS; tries++) {
		if (r == 0)
			r = discover(client, &wire, wanted, &lease, err);
		if (r >= 0)
			r = lan_probe(client->link, &lease.address, mac, err);
		taken = r > 0;
		if (!taken)
			break;
		r = decline(client, &wire, &lease, err);
		wanted = NULL;
	}
	fd_close(wire.fd);
	if (r < 0)
		return r;
	if (taken)
		return err_set(
			err, EADDRINUSE,
			"address %s, which the DHCP server on link %s gives, is in use by %s",
			address_text(&lease.address, text), client->link, mac);
	*ret_lease = lease;
	return 0;
}

int dhcp_renew(const struct dhcp_client *client, bool rebind, struct dhcp_lease *lease,
	       struct err *err)
{
	struct wire wire = { .fd = -1 };
	struct dhcp_message m, answer;
	uint8_t mac[6];
	int r = wire_open(client, &wire, err);

	if (r < 0)
		return r;
	m = message_of(client, &wire, DHCP_REQUEST);
	m.client = lease->address;
	r = ask(client, &wire, &m, rebind ? NULL : lease, RENEW_MS, &answer, mac, err);
	fd_close(wire.fd);
	if (r == DHCP_ACK && address_equal(&answer.yours, &lease->address)) {
		lease_fill(&answer, mac, lease);
		return 0;
	}
	return r < 0  ? r :
	       r == 0 ? err_set(err, ETIMEDOUT, "no DHCP server answers on link %s", client->link) :
			err_set(err, EADDRNOTAVAIL,
				"the DHCP server on link %s takes the address back", client->link);
}

int dhcp_release(const struct dhcp_client *client, const struct dhcp_lease *lease, struct err *err)
{
	struct wire wire = { .fd = -1 };
	struct dhcp_message m;
	int r = wire_open(client, &wire, err);

	if (r < 0)
		return r;
	m = message_of(client, &wire, DHCP_RELEASE);
	m.client = lease->address;
	m.server = lease->server;
	r = wire_send(client, &wire, &m, lease, err);
	fd_close(wire.fd);
	return r;
}
