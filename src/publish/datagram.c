/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "publish/datagram.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "publish/session.h"

enum { CLIENTS = 256, BURST = 64, LARGEST = 65536 };

struct talk {
	const struct door *door; /* NULL: free */
	int upstream;
	struct sockaddr_storage client;
	uint64_t used; /* when, counted in datagrams */
};

static struct talk talks[CLIENTS];
static uint64_t clock;
static char datagram[LARGEST];

bool datagram_is(const void *data)
{
	return data >= (const void *)talks && data < (const void *)(talks + CLIENTS);
}

static void talk_end(struct talk *t)
{
	if (t->door)
		(void)close(t->upstream); /* epoll forgets it */
	t->door = NULL;
}

void datagram_forget(const struct door *door)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (talks[i].door == door)
			talk_end(&talks[i]);
}

static bool same_client(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;

	return x->sin6_port == y->sin6_port &&
	       memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) == 0;
}

static struct talk *talk_of(const struct door *door, const struct sockaddr_storage *client,
			    int epoll)
{
	struct talk *oldest = &talks[0];
	struct epoll_event event = { .events = EPOLLIN };

	for (size_t i = 0; i < CLIENTS; i++) {
		struct talk *t = &talks[i];

		if (t->door == door && same_client(&t->client, client))
			return t;
		if (oldest->door && (!t->door || t->used < oldest->used))
			oldest = t;
	}
	talk_end(oldest);
	oldest->upstream = socket(door->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	event.data.ptr = oldest;
	if (oldest->upstream < 0 ||
	    connect(oldest->upstream, (const struct sockaddr *)&door->to, door->to_length) < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, oldest->upstream, &event) < 0) {
		if (oldest->upstream >= 0)
			(void)close(oldest->upstream);
		return NULL;
	}
	oldest->door = door;
	oldest->client = *client;
	return oldest;
}

void datagram_in(const struct door *door, int epoll)
{
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage client = { 0 };
		socklen_t length = sizeof(client);
		ssize_t n = recvfrom(door->fd, datagram, sizeof(datagram), MSG_DONTWAIT,
				     (struct sockaddr *)&client, &length);
		struct talk *t = n < 0 ? NULL : talk_of(door, &client, epoll);

		if (n < 0)
			return;
		if (!t)
			continue; /* a datagram may be lost */
		t->used = ++clock;
		(void)send(t->upstream, datagram, (size_t)n, MSG_DONTWAIT);
	}
}

void datagram_back(void *data)
{
	struct talk *t = data;

	for (int i = 0; i < BURST && t->door; i++) {
		ssize_t n = recv(t->upstream, datagram, sizeof(datagram), MSG_DONTWAIT);

		if (n < 0)
			return; /* nothing more, or nobody listens there: then it is lost */
		t->used = ++clock;
		(void)sendto(t->door->fd, datagram, (size_t)n, MSG_DONTWAIT,
			     (const struct sockaddr *)&t->client, sizeof(struct sockaddr_in6));
	}
}
