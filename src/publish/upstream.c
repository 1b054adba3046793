/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "publish/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "publish/session.h"

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* -- as whom ----------------------------------------------------------------------------------- */

static bool same_front(const uint8_t *a, const uint8_t *b, unsigned int prefix)
{
	unsigned int whole = prefix / 8, rest = prefix % 8;

	return memcmp(a, b, whole) == 0 &&
	       (rest == 0 || ((a[whole] ^ b[whole]) & (0xff << (8 - rest)) & 0xff) == 0);
}

/* Can the container answer this address by way of us? Known from the address alone: finding out by a time-out is too late. */
static bool can_show(const struct door *door, const struct sockaddr_storage *client)
{
	if (client->ss_family != door->to.ss_family)
		return false;
	if (client->ss_family == AF_INET) {
		const struct sockaddr_in *c = (const void *)client, *t = (const void *)&door->to;

		return (ntohl(c->sin_addr.s_addr) >> 24) != 127 &&
		       !same_front((const uint8_t *)&c->sin_addr, (const uint8_t *)&t->sin_addr,
				   door->prefix);
	} else {
		const struct sockaddr_in6 *c = (const void *)client, *t = (const void *)&door->to;

		return !IN6_IS_ADDR_LOOPBACK(&c->sin6_addr) &&
		       !IN6_IS_ADDR_LINKLOCAL(&c->sin6_addr) &&
		       !same_front(c->sin6_addr.s6_addr, t->sin6_addr.s6_addr, door->prefix);
	}
}

/* Between us and the container nothing is narrow: a control that paces its packets (bbr) spends a quarter of the processor's time on
 * timers there. */
static void unpaced(int fd)
{
	static const char simple[] = "reno"; /* every kernel has it, everybody may have it */
	static int wanted = -1;
	char name[16] = "";
	socklen_t length = sizeof(name) - 1;

	if (wanted < 0)
		wanted = getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) == 0 &&
			 strcmp(name, "cubic") != 0 && strcmp(name, simple) != 0;
	if (wanted)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, simple, sizeof(simple) - 1);
}

/* -- sockets made before they are needed ------------------------------------------------------- */

/* For the next client who is shown, by family, with all that is the same for every one: he does not wait for that. */
static struct ready {
	int family, fd;
	unsigned int mark;
	bool wanted; /* there was such a client */
} ready[] = { { AF_INET, -1, 0, false }, { AF_INET6, -1, 0, false } };

static int upstream_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), on = 1;

	if (fd >= 0) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		unpaced(fd);
	}
	return fd;
}

/* One that may be bound to a client's address. */
static int transparent_socket(int family, unsigned int mark)
{
	int fd = upstream_socket(family), on = 1;
	bool v4 = family == AF_INET;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT,
		       &on, sizeof(on)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int transparent_take(int family, unsigned int mark)
{
	struct ready *r = &ready[family == AF_INET6];
	int fd = r->fd;

	r->wanted = true;
	r->mark = mark; /* of the one relay that we are: always the same */
	r->fd = -1;
	return fd >= 0 ? fd : transparent_socket(family, mark);
}

bool upstream_unprepared(void)
{
	for (struct ready *r = ready; r < ready + ARRAY_SIZE(ready); r++)
		if (r->wanted && r->fd < 0)
			return true;
	return false;
}

void upstream_prepare(void)
{
	for (struct ready *r = ready; r < ready + ARRAY_SIZE(ready); r++)
		if (r->wanted && r->fd < 0) {
			r->fd = transparent_socket(r->family, r->mark);
			r->wanted = r->fd >= 0; /* or by the next client */
		}
}

/* -- connections ------------------------------------------------------------------------------- */

static int connect_plain(const struct door *door)
{
	int fd = upstream_socket(door->to.ss_family);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&door->to, door->to_length) < 0 &&
	    errno != EINPROGRESS) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* As the client, by its own port when that is free (a client on this host has it itself). */
static int connect_as(const struct door *door, const struct sockaddr_storage *client, bool own_port,
		      unsigned int mark)
{
	struct sockaddr_storage as = *client;
	int fd = transparent_take(client->ss_family, mark), on = 1;
	bool v4 = client->ss_family == AF_INET;

	if (fd < 0)
		return -1;
	if (!own_port) {
		if (v4)
			((struct sockaddr_in *)&as)->sin_port = 0;
		else
			((struct sockaddr_in6 *)&as)->sin6_port = 0;
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	}
	if (bind(fd, (struct sockaddr *)&as,
		 v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) < 0 ||
	    (connect(fd, (const struct sockaddr *)&door->to, door->to_length) < 0 &&
	     errno != EINPROGRESS)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int upstream_connect(const struct door *door, const struct sockaddr_storage *client,
		     unsigned int mark, bool *ret_connected)
{
	int fd = -1;

	if (door->clients && can_show(door, client)) {
		fd = connect_as(door, client, true, mark);
		if (fd < 0)
			fd = connect_as(door, client, false, mark);
	}
	if (fd < 0)
		fd = connect_plain(door);
	if (fd < 0)
		return -1;
	/* a second connect(2) tells how the first one went: the answer from a local bridge came while it was on its way out */
	*ret_connected = connect(fd, (const struct sockaddr *)&door->to, door->to_length) == 0 ||
			 errno == EISCONN;
	if (!*ret_connected && errno != EALREADY) {
		(void)close(fd);
		return -1;
	}
	return fd;
}
