/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keeper/defend.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/if_packet.h>

static struct wire {
	char link[IFNAMSIZ]; /* empty: free */
	int fd, index;
	uint8_t mac[6];
	bool wanted;
	long told[8]; /* when, by the last bits of the address: not more often than DEFEND_AGAIN_S */
} wires[DEFEND_LINKS];

static struct {
	uint32_t address; /* as in the packet */
	uint32_t wire;
} ours[DEFEND_ADDRESSES];
static size_t count;

static int wire_open(struct wire *wire)
{
	struct sockaddr_ll name = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	struct ifreq request = { 0 };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(request.ifr_name, wire->link, sizeof(wire->link));
	if (fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &request) == 0) {
		memcpy(wire->mac, request.ifr_hwaddr.sa_data, 6);
		if (ioctl(fd, SIOCGIFINDEX, &request) == 0) {
			wire->index = name.sll_ifindex = request.ifr_ifindex;
			if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
				return fd;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

void defend_begin(void)
{
	count = 0;
	for (size_t i = 0; i < DEFEND_LINKS; i++)
		wires[i].wanted = false;
}

static struct wire *wire_of(const char *link)
{
	struct wire *unused = NULL;

	for (size_t i = 0; i < DEFEND_LINKS; i++) {
		if (strcmp(wires[i].link, link) == 0)
			return &wires[i];
		if (!wires[i].link[0] && !unused)
			unused = &wires[i];
	}
	if (unused && strlen(link) < IFNAMSIZ) {
		memcpy(unused->link, link, strlen(link) + 1);
		unused->fd = -1;
		return unused;
	}
	return NULL;
}

void defend_add(const char *link, uint32_t address)
{
	struct wire *wire = count < DEFEND_ADDRESSES ? wire_of(link) : NULL;

	if (!wire)
		return;
	wire->wanted = true;
	ours[count].address = address;
	ours[count++].wire = (uint32_t)(wire - wires);
}

static void filter_set(const struct wire *wire)
{
	/* 2 for each address and side, and 6 around them */
	static struct sock_filter code[4 * DEFEND_ADDRESSES + 6];
	struct sock_fprog program = { .filter = code };
	unsigned short n = 0;

	for (int side = 0; side < 2; side++) {
		/* who claims one of ours; then, of who has none yet, what he asks for */
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, side ? offsetof(struct ether_arp, arp_tpa) :
							 offsetof(struct ether_arp, arp_spa));
		for (size_t i = 0; i < count; i++) {
			if (ours[i].wire != (uint32_t)(wire - wires))
				continue;
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								 ntohl(ours[i].address), 0, 1);
			code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 64);
		}
		if (side == 0) {
			code[n++] =
				(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
			code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
		}
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	program.len = n;
	(void)setsockopt(wire->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void defend_end(void (*opened)(int fd, size_t index))
{
	for (size_t i = 0; i < DEFEND_LINKS; i++) {
		struct wire *wire = &wires[i];

		if (!wire->link[0])
			continue;
		if (!wire->wanted) {
			if (wire->fd >= 0)
				(void)close(wire->fd);
			wire->link[0] = '\0';
			continue;
		}
		if (wire->fd < 0) {
			wire->fd = wire_open(wire);
			if (wire->fd >= 0)
				opened(wire->fd, i);
		}
		if (wire->fd >= 0)
			filter_set(wire);
	}
}

/* Not too often: two hosts that both insist would fill the LAN. */
static bool patient(struct wire *wire, const uint8_t address[4])
{
	long *told = &wire->told[address[3] % 8];
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	if (*told && now.tv_sec < *told + DEFEND_AGAIN_S)
		return true;
	*told = now.tv_sec;
	return false;
}

/* to NULL: everybody hears that it is ours. */
static void say(const struct wire *wire, const uint8_t address[4], const struct ether_arp *to)
{
	struct sockaddr_ll whom = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ARP),
				    .sll_ifindex = wire->index,
				    .sll_halen = 6,
				    .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	struct ether_arp arp = { .ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
					     .ar_pro = htons(ETH_P_IP),
					     .ar_hln = 6,
					     .ar_pln = 4,
					     .ar_op = htons(to ? ARPOP_REPLY : ARPOP_REQUEST) } };

	memcpy(arp.arp_sha, wire->mac, 6);
	memcpy(arp.arp_spa, address, 4);
	if (to) {
		memcpy(arp.arp_tha, to->arp_sha, 6);
		memcpy(whom.sll_addr, to->arp_sha, 6);
	} else {
		memcpy(arp.arp_tpa, address, 4);
	}
	(void)sendto(wire->fd, &arp, sizeof(arp), 0, (const struct sockaddr *)&whom, sizeof(whom));
}

static bool is_ours(const struct wire *wire, const uint8_t bytes[4])
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&ours[i].address, bytes, 4) == 0 &&
		    ours[i].wire == (uint32_t)(wire - wires))
			return true;
	return false;
}

void defend_hear(size_t index)
{
	struct wire *wire = &wires[index];
	struct ether_arp arp;
	ssize_t n = recv(wire->fd, &arp, sizeof(arp), MSG_DONTWAIT);

	if (n < 0) { /* the link went: the next look opens another */
		if (if_nametoindex(wire->link) != (unsigned int)wire->index) {
			(void)close(wire->fd);
			wire->fd = -1;
		}
		return;
	}
	if (n != (ssize_t)sizeof(arp) || memcmp(arp.arp_sha, wire->mac, 6) == 0)
		return;
	if (is_ours(wire, arp.arp_spa)) {
		if (!patient(wire, arp.arp_spa))
			say(wire, arp.arp_spa, NULL);
	} else if (arp.ea_hdr.ar_op == htons(ARPOP_REQUEST) && is_ours(wire, arp.arp_tpa)) {
		say(wire, arp.arp_tpa, &arp);
	}
}
