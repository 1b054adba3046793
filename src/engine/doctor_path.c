/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The size of packets on the way: a connection is made of small ones, and hangs with the first large one where a link takes less and the router's
 * word of it is lost (RFC 2923). Asked by echo requests that may not be divided, from the container's namespace; who does not answer those tells nothing. */
#include "engine/doctor_step.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum {
	IP_HEADER = 20,
	SMALL = 84,
	LEAST = 576, /* what every host takes */
	MOST = 9216,
	WAIT_MS = 1000, /* for the first; then by the time that it took */
	WAIT_LEAST_MS = 150,
	TRIES = 2,
	PLAUSIBLE = 1000, /* a path that takes less is none: somebody drops large echo requests */
};

struct path {
	int s;
	struct sockaddr_in to;
	uint16_t id, seq;
	int64_t wait_ms;
};

static uint16_t sum(const uint8_t *data, size_t length)
{
	uint32_t total = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		total += (uint32_t)data[i] << 8 | data[i + 1];
	if (length % 2)
		total += (uint32_t)data[length - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

static bool is_answer(const struct path *path, const uint8_t *packet, size_t length)
{
	size_t header = length ? (size_t)(packet[0] & 15) * 4 : 0;
	struct icmphdr icmp;

	if (header < IP_HEADER || length < header + sizeof(icmp))
		return false;
	memcpy(&icmp, packet + header, sizeof(icmp));
	return icmp.type == ICMP_ECHOREPLY && icmp.un.echo.id == path->id &&
	       icmp.un.echo.sequence == path->seq;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A packet of so many bytes: 1 it was answered, 0 it was not, -errno it could not even be sent, or a router said that it is too large (-EMSGSIZE). */
static int echo(struct path *path, size_t size)
{
	uint8_t packet[MOST] = { 0 }, answer[MOST];
	struct icmphdr icmp = { .type = ICMP_ECHO, .un.echo.id = path->id };
	size_t length = size - IP_HEADER;
	int64_t end;

	path->seq = icmp.un.echo.sequence = htons((uint16_t)(ntohs(path->seq) + 1));
	memcpy(packet, &icmp, sizeof(icmp));
	icmp.checksum = sum(packet, length);
	memcpy(packet, &icmp, sizeof(icmp));
	if (sendto(path->s, packet, length, 0, (struct sockaddr *)&path->to, sizeof(path->to)) < 0)
		return -errno;
	end = now_ms() + path->wait_ms;
	for (int64_t left = path->wait_ms; left > 0; left = end - now_ms()) {
		struct pollfd p = { .fd = path->s, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, (int)left) <= 0)
			break;
		n = recv(path->s, answer, sizeof(answer), 0);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n > 0 && is_answer(path, answer, (size_t)n))
			return 1;
	}
	return 0;
}

static int echo_again(struct path *path, size_t size)
{
	int r = 0;

	for (int i = 0; r == 0 && i < TRIES; i++)
		r = echo(path, size);
	return r;
}

void doctor_path(struct doctor *d)
{
	_cleanup_close_ int s =
		d->to.family == AF_INET ? doctor_socket(d, AF_INET, SOCK_RAW, IPPROTO_ICMP) : -1;
	struct path path = { .s = s, .id = htons((uint16_t)getpid()), .wait_ms = WAIT_MS };
	size_t whole = d->link.mtu < MOST ? d->link.mtu : MOST, arrives = LEAST, lost = whole;
	int probe = IP_PMTUDISC_PROBE, on = 1, r;
	char text[ADDRESS_TEXT];
	int64_t begin;

	if (s < 0 || whole <= LEAST || d->inner.local)
		return;
	path.to.sin_family = AF_INET;
	memcpy(&path.to.sin_addr, d->to.bytes, 4);
	(void)setsockopt(s, SOL_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
	(void)setsockopt(s, SOL_IP, IP_RECVERR, &on, sizeof(on));
	(void)address_text(&d->to, text);
	begin = now_ms();
	if (echo_again(&path, SMALL) != 1)
		return; /* it does not answer any */
	path.wait_ms = WAIT_LEAST_MS + 4 * (now_ms() - begin);
	r = echo_again(&path, whole);
	if (r == 1) {
		step_ok(d, "path", "packets of %zu bytes come to %s", whole, text);
		return;
	}
	if (r == -EMSGSIZE) {
		step_ok(d, "path",
			"a router on the way to %s takes less than %zu bytes, and says so", text,
			whole);
		return;
	}
	if (r < 0 || echo_again(&path, LEAST) != 1)
		return; /* what answers small ones alone tells nothing */
	while (lost - arrives > 1) {
		size_t middle = arrives + (lost - arrives) / 2;

		if (echo_again(&path, middle) == 1)
			arrives = middle;
		else
			lost = middle;
	}
	if (arrives < PLAUSIBLE)
		return;
	step_broken(
		d, "path",
		str_printf("ip -n %s link set %s mtu %zu", d->netns, d->link.name, arrives),
		"packets of more than %zu bytes are lost on the way to %s or back, and no router says so: connections hang with the first large one (for all containers: a network with -o mtu=%zu)",
		arrives, text, arrives);
}
