/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "publish/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { CHUNK = 1 << 20, ROUNDS = 16, PIPES_KEPT = 64, PIPE_SIZE = 256 << 10 };

struct flow { /* one direction */
	int from, to;
	int pipe[2];
	size_t held; /* bytes in the pipe */
	bool ended;  /* no more to read */
	bool shut;   /* told to the other side */
};

struct session {
	int client, upstream;
	bool connected, over, queued;
	struct flow flows[2];
	struct session *next, *next_over;
};

static struct session *queue, **queue_end = &queue, *over;
static int pipes[PIPES_KEPT][2];
static int pipe_count;

/* -- pipes: those of ended sessions serve the next ones --------------------------------------- */

static bool pipe_take(int out[2])
{
	if (pipe_count > 0) {
		memcpy(out, pipes[--pipe_count], sizeof(pipes[0]));
		return true;
	}
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	(void)fcntl(out[0], F_SETPIPE_SZ, PIPE_SIZE); /* 64 KiB does it too */
	return true;
}

static void pipe_give(struct flow *flow)
{
	if (flow->pipe[0] < 0)
		return;
	if (flow->held == 0 && pipe_count < PIPES_KEPT) {
		memcpy(pipes[pipe_count++], flow->pipe, sizeof(pipes[0]));
	} else {
		(void)close(flow->pipe[0]);
		(void)close(flow->pipe[1]);
	}
	flow->pipe[0] = flow->pipe[1] = -1;
}

/* -- the way to the container ----------------------------------------------------------------- */

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

static int upstream_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), on = 1;

	if (fd >= 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

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
	int fd = upstream_socket(client->ss_family), on = 1;
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
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT,
		       &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&as,
		 v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) < 0 ||
	    (connect(fd, (const struct sockaddr *)&door->to, door->to_length) < 0 &&
	     errno != EINPROGRESS)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static int upstream_connect(const struct door *door, const struct sockaddr_storage *client,
			    unsigned int mark)
{
	int fd = -1;

	if (door->clients && can_show(door, client)) {
		fd = connect_as(door, client, true, mark);
		if (fd < 0)
			fd = connect_as(door, client, false, mark);
	}
	return fd >= 0 ? fd : connect_plain(door);
}

/* -- life ------------------------------------------------------------------------------------- */

static bool watch(int epoll, int fd, struct session *session)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				     .data.ptr = session };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void session_end(struct session *s, bool reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->over)
		return;
	s->over = true;
	/* who was cut off is to know it: no clean end where there was none */
	if (reset && s->client >= 0)
		(void)setsockopt(s->client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (reset && s->upstream >= 0)
		(void)setsockopt(s->upstream, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (s->client >= 0)
		(void)close(s->client);
	if (s->upstream >= 0)
		(void)close(s->upstream);
	pipe_give(&s->flows[0]);
	pipe_give(&s->flows[1]);
	s->next_over = over;
	over = s;
}

bool session_accept(const struct door *door, int epoll, unsigned int mark)
{
	struct sockaddr_storage client = { 0 };
	socklen_t length = sizeof(client);
	struct session *s;
	int fd = accept4(door->fd, (struct sockaddr *)&client, &length,
			 SOCK_CLOEXEC | SOCK_NONBLOCK),
	    on = 1;

	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	s = calloc(1, sizeof(*s));
	if (!s) {
		(void)close(fd);
		return true;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->client = fd;
	s->flows[0].pipe[0] = s->flows[1].pipe[0] = -1;
	s->upstream = upstream_connect(door, &client, mark);
	s->flows[0].from = s->flows[1].to = s->client;
	s->flows[0].to = s->flows[1].from = s->upstream;
	if (s->upstream < 0 || !pipe_take(s->flows[0].pipe) || !pipe_take(s->flows[1].pipe) ||
	    !watch(epoll, s->upstream, s) || !watch(epoll, s->client, s))
		session_end(s, true);
	return true;
}

/* true: something moved */
static bool flow_pump(struct session *s, struct flow *f)
{
	bool moved = false;
	ssize_t n;

	if (!f->ended) {
		n = splice(f->from, NULL, f->pipe[1], NULL, CHUNK,
			   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n > 0) {
			f->held += (size_t)n;
			moved = true;
		} else if (n == 0) {
			f->ended = true;
		} else if (errno != EAGAIN && errno != EINTR) {
			session_end(s, true);
			return false;
		}
	}
	if (f->held > 0) {
		n = splice(f->pipe[0], NULL, f->to, NULL, f->held,
			   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n > 0) {
			f->held -= (size_t)n;
			moved = true;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			session_end(s, true);
			return false;
		}
	}
	if (f->ended && f->held == 0 && !f->shut) {
		f->shut = true;
		(void)shutdown(f->to, SHUT_WR);
	}
	return moved;
}

bool session_pump(struct session *s)
{
	if (s->over)
		return false;
	if (!s->connected) {
		int error = 0;
		socklen_t length = sizeof(error);
		struct sockaddr_storage peer;
		socklen_t peer_length = sizeof(peer);

		if (getsockopt(s->upstream, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error) {
			session_end(s, true);
			return false;
		}
		if (getpeername(s->upstream, (struct sockaddr *)&peer, &peer_length) < 0)
			return false; /* still on its way */
		s->connected = true;
	}
	for (int i = 0; i < ROUNDS; i++) {
		bool moved = flow_pump(s, &s->flows[0]);

		if (s->over)
			return false;
		moved |= flow_pump(s, &s->flows[1]);
		if (s->over)
			return false;
		if (s->flows[0].shut && s->flows[1].shut) {
			session_end(s, false);
			return false;
		}
		if (!moved)
			return false;
	}
	return true;
}

void session_later(struct session *s)
{
	if (s->queued)
		return;
	s->queued = true;
	s->next = NULL;
	*queue_end = s;
	queue_end = &s->next;
}

struct session *session_next(void)
{
	struct session *s = queue;

	if (!s)
		return NULL;
	queue = s->next;
	if (!queue)
		queue_end = &queue;
	s->queued = false;
	return s;
}

void session_sweep(void)
{
	struct session **p = &over;

	while (*p) {
		struct session *s = *p;

		if (s->queued) { /* freed once it was taken from the queue */
			p = &s->next_over;
			continue;
		}
		*p = s->next_over;
		free(s);
	}
}
