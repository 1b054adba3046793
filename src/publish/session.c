/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "publish/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "publish/upstream.h"

enum {
	ROUNDS = 16,
	PIPES_KEPT = 4, /* of those that nobody uses */
	PIPES_FIRST = 2,
	PIPE_SIZE = 256 << 10, /* 1 MiB is no faster, and is more of what root may have */
	PIPE_PAGE = 4096,
	/* A flow of much is read in pieces of this size, see batch_join. */
	BATCH = 256 << 10,
	BATCH_NEEDS = 2 << 20,
	BATCH_NEEDS_MOST = 64 << 20,
	BATCH_WAIT_NS = 250000,
};

enum side { CLIENT, UPSTREAM };

struct flow { /* one direction: flows[side] comes from that side */
	int from, to;
	int pipe[2];   /* only while bytes are in it */
	size_t held;   /* these */
	bool readable; /* there may be something to read: edge-triggered, so it is remembered */
	bool writable; /* the other side may take something */
	bool more;  /* a read may stop short of what is there: before the end, or at urgent bytes */
	bool large; /* the last piece was: the next one is spliced */
	bool ended; /* no more to read */
	bool shut;  /* told to the other side */
	bool batched;	/* it is on the list of those that are read in large pieces */
	size_t streak;	/* bytes in a row without waiting for them */
	size_t needs;	/* so many are needed before it is batched */
	uint64_t moved; /* when, in ns; of those that are batched */
	struct flow *next_batched;
	struct session *session;
};

struct session {
	int client, upstream, epoll;
	bool connected, over, queued;
	bool asked[2]; /* epoll is to tell when that side takes bytes */
	struct flow flows[2];
	struct session *next, *next_over;
};

static struct session *queue, **queue_end = &queue, *over;
static int pipes[PIPES_KEPT][2];
static int pipe_count;
static size_t pipe_slots = 16;
static struct flow *batched;
static uint64_t batch_next; /* when the list is looked through; 0: not at all */

/* -- pipes: a flow has one only while the other side does not take the bytes ------------------- */

static bool pipe_take(int out[2])
{
	int size;

	if (pipe_count > 0) {
		memcpy(out, pipes[--pipe_count], sizeof(pipes[0]));
		return true;
	}
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	size = fcntl(out[0], F_SETPIPE_SZ, PIPE_SIZE); /* past the user's limit 64 KiB do it, too */
	if (size >= PIPE_PAGE)
		pipe_slots = (size_t)size / PIPE_PAGE;
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

void session_prepare(void)
{
	int made[PIPES_FIRST][2];
	int n = 0;

	while (n < PIPES_FIRST && pipe_take(made[n]))
		n++;
	while (n-- > 0)
		memcpy(pipes[pipe_count++], made[n], sizeof(made[n]));
}

/* -- large pieces ----------------------------------------------------------------------------- */

/* Whoever reads each packet as it comes sends as many small ones: with an acknowledgement for each the sender's packets get
 * small, too (16 KiB where 64 would do), and every one costs the way through the kernel, whatever its size. So a flow that
 * brought much in a row wakes us for BATCH bytes only. What is less, the end of a burst, is fetched after BATCH_WAIT_NS, and the flow
 * has to bring twice as much before it is batched again. */

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void batch_set(struct flow *f, int bytes)
{
	(void)setsockopt(f->from, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

static void batch_leave(struct flow *f)
{
	struct flow **p = &batched;

	if (!f->batched)
		return;
	while (*p != f)
		p = &(*p)->next_batched;
	*p = f->next_batched;
	f->batched = false;
	f->streak = 0;
}

/* From now on it is waited for, but not long. */
static void batch_wait(struct flow *f)
{
	f->moved = now_ns();
	if (batch_next == 0)
		batch_next = f->moved + BATCH_WAIT_NS;
}

/* It brought so many bytes at once. */
static void batch_join(struct flow *f, size_t bytes)
{
	f->streak += bytes;
	if (f->batched || f->more || f->streak < f->needs)
		return;
	f->batched = true;
	f->next_batched = batched;
	batched = f;
	batch_set(f, BATCH);
}

/* -- life ------------------------------------------------------------------------------------- */

/* The lowest bit of what epoll knows says which side it is. That a side takes bytes is asked for only once it did not: it would be told
 * at once otherwise, while somebody waits for us to be done. */
static bool watch(struct session *s, enum side side, int operation, bool ask)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET,
				     .data.u64 = (uintptr_t)s | (uintptr_t)side };

	if (ask)
		event.events |= EPOLLOUT;
	s->asked[side] = ask;
	return epoll_ctl(s->epoll, operation, side == CLIENT ? s->client : s->upstream, &event) ==
	       0;
}

static void session_end(struct session *s, bool reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->over)
		return;
	s->over = true;
	batch_leave(&s->flows[CLIENT]);
	batch_leave(&s->flows[UPSTREAM]);
	/* who was cut off is to know it: no clean end where there was none */
	if (reset && s->client >= 0)
		(void)setsockopt(s->client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (reset && s->upstream >= 0)
		(void)setsockopt(s->upstream, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (s->client >= 0)
		(void)close(s->client);
	if (s->upstream >= 0)
		(void)close(s->upstream);
	pipe_give(&s->flows[CLIENT]);
	pipe_give(&s->flows[UPSTREAM]);
	s->next_over = over;
	over = s;
}

bool session_accept(const struct door *door, int epoll, unsigned int mark)
{
	struct sockaddr_storage client = { 0 };
	socklen_t length = sizeof(client);
	struct session *s;
	int fd = accept4(door->fd, (struct sockaddr *)&client, &length,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	s = calloc(1, sizeof(*s));
	if (!s) {
		(void)close(fd);
		return true;
	}
	s->client = fd;
	s->epoll = epoll;
	s->upstream = upstream_connect(door, &client, mark, &s->connected);
	for (int side = CLIENT; side <= UPSTREAM; side++) {
		struct flow *f = &s->flows[side];

		f->pipe[0] = f->pipe[1] = -1;
		f->needs = BATCH_NEEDS;
		f->from = side == CLIENT ? s->client : s->upstream;
		f->to = side == CLIENT ? s->upstream : s->client;
		f->writable = side == UPSTREAM || s->connected;
		f->session = s;
	}
	if (s->upstream < 0 || !watch(s, UPSTREAM, EPOLL_CTL_ADD, !s->connected) ||
	    !watch(s, CLIENT, EPOLL_CTL_ADD, false))
		session_end(s, true);
	return true;
}

/* The other side takes no more now. */
static void flow_stall(struct flow *f)
{
	struct session *s = f->session;
	enum side other = f == &s->flows[CLIENT] ? UPSTREAM : CLIENT;

	f->writable = false;
	if (!s->asked[other] && !watch(s, other, EPOLL_CTL_MOD, true))
		session_end(s, true);
}

/* Into the flow's pipe, which is empty, so that it takes as much as a page has (pipe(7)). */
static bool piece_hold(struct flow *f, const char *bytes, size_t length)
{
	if ((f->pipe[0] < 0 && !pipe_take(f->pipe)) ||
	    write(f->pipe[1], bytes, length) != (ssize_t)length) {
		session_end(f->session, true);
		return false;
	}
	f->held = length;
	return true;
}

/* A small piece is copied, which is quicker than to hand it on. When its end is there, too, both go in one packet. */
static bool piece_small(struct flow *f)
{
	char bytes[PIPE_PAGE];
	size_t length = 0;
	ssize_t n;

	do {
		n = recv(f->from, bytes + length, sizeof(bytes) - length, MSG_DONTWAIT);
		if (n > 0)
			length += (size_t)n;
	} while (n > 0 && f->more && length < sizeof(bytes));
	f->ended = n == 0;
	if (length == 0) {
		if (n < 0 && errno == EAGAIN)
			f->readable = false;
		else if (n < 0 && errno != EINTR)
			session_end(f->session, true);
		return false;
	}
	f->large = length == sizeof(bytes);
	f->readable = f->large || f->more;
	batch_join(f, length);
	n = 0;
	if (f->writable) {
		n = send(f->to, bytes, length,
			 MSG_DONTWAIT | MSG_NOSIGNAL | (f->ended ? MSG_MORE : 0));
		if (n < 0 && errno == EAGAIN)
			flow_stall(f);
		else if (n < 0 && errno != EINTR)
			session_end(f->session, true);
		if (f->session->over)
			return false;
	}
	if (n < 0)
		n = 0;
	return (size_t)n == length || piece_hold(f, bytes + n, length - (size_t)n);
}

static bool piece_large(struct flow *f)
{
	ssize_t n;

	if (f->pipe[0] < 0 && !pipe_take(f->pipe)) {
		session_end(f->session, true);
		return false;
	}
	n = splice(f->from, NULL, f->pipe[1], NULL, PIPE_SIZE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n > 0) {
		f->held = (size_t)n;
		f->large = n >= PIPE_PAGE;
		/* a pipe that cannot be full has taken all that there was */
		f->readable = (size_t)n >= pipe_slots || f->more;
		batch_join(f, (size_t)n);
		return true;
	}
	/* splice(2) goes past no urgent byte, and does not tell it from the end */
	if (n == 0 || (errno == EAGAIN && f->more))
		return piece_small(f);
	if (errno == EAGAIN)
		f->readable = false;
	else if (errno != EINTR)
		session_end(f->session, true);
	return false;
}

/* One piece in, one piece out. true: something moved. */
static bool flow_step(struct flow *f)
{
	bool moved = false;
	ssize_t n;

	if (f->held == 0 && f->readable && !f->ended) {
		moved = f->large || f->batched ? piece_large(f) : piece_small(f);
		if (f->session->over)
			return false;
	}
	if (f->held > 0 && f->writable) {
		n = splice(f->pipe[0], NULL, f->to, NULL, f->held,
			   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (n > 0) {
			f->held -= (size_t)n;
			moved = true;
		} else if (n < 0 && errno == EAGAIN) {
			flow_stall(f);
		} else if (n < 0 && errno != EINTR) {
			session_end(f->session, true);
		}
		if (f->session->over)
			return false;
	}
	if (f->held == 0) {
		pipe_give(f);
		if (f->batched && moved)
			batch_wait(f);
	}
	if (f->ended && f->held == 0 && !f->shut) {
		f->shut = true;
		/* the second end is told by close(2) */
		if (!f->session->flows[f == f->session->flows].shut)
			(void)shutdown(f->to, SHUT_WR);
	}
	return moved;
}

static bool session_pump(struct session *s)
{
	if (s->over || !s->connected)
		return false;
	for (int i = 0; i < ROUNDS; i++) {
		bool moved = false;

		for (int side = CLIENT; side <= UPSTREAM; side++) {
			moved |= flow_step(&s->flows[side]);
			if (s->over)
				return false;
		}
		if (s->flows[CLIENT].shut && s->flows[UPSTREAM].shut) {
			session_end(s, false);
			return false;
		}
		if (!moved)
			return false;
	}
	return true;
}

static void session_later(struct session *s)
{
	if (s->queued)
		return;
	s->queued = true;
	s->next = NULL;
	*queue_end = s;
	queue_end = &s->next;
}

void session_event(uint64_t data, uint32_t events)
{
	enum side side = (enum side)(data & 1);
	struct session *s = (struct session *)(uintptr_t)(data & ~(uint64_t)1);
	struct flow *from = &s->flows[side], *to = &s->flows[!side];

	if (s->over)
		return;
	if (!s->connected && side == UPSTREAM) {
		if (events & (EPOLLERR | EPOLLHUP)) {
			session_end(s, true);
			return;
		}
		s->connected = (events & EPOLLOUT) != 0;
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
		from->more = from->readable = true;
	if (events & EPOLLIN)
		from->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		to->writable = true;
	if (session_pump(s))
		session_later(s);
}

bool session_work(int turns)
{
	while (queue && turns-- > 0) {
		struct session *s = queue;

		queue = s->next;
		if (!queue)
			queue_end = &queue;
		s->queued = false;
		if (session_pump(s))
			session_later(s);
	}
	return queue != NULL;
}

/* Of what waits in a batched flow, nothing is known: it is looked at when it was quiet for a while. One that the other side holds up is
 * woken by that side. */
void session_tick(void)
{
	struct flow *f = batched, *next;
	uint64_t now;

	if (batch_next == 0 || (now = now_ns()) < batch_next)
		return;
	batch_next = 0;
	for (; f; f = next) {
		next = f->next_batched;
		if (f->held > 0)
			continue;
		if (now - f->moved >= BATCH_WAIT_NS) {
			batch_leave(f);
			batch_set(f, 1);
			if (f->needs < BATCH_NEEDS_MOST)
				f->needs *= 2;
			f->readable = true;
			session_later(f->session);
		} else if (batch_next == 0 || f->moved + BATCH_WAIT_NS < batch_next) {
			batch_next = f->moved + BATCH_WAIT_NS;
		}
	}
}

const struct timespec *session_patience(struct timespec *room)
{
	uint64_t now;

	if (batch_next == 0)
		return NULL;
	now = now_ns();
	*room = (struct timespec){ .tv_nsec = batch_next > now ? (long)(batch_next - now) : 0 };
	return room;
}

bool session_sweep(void)
{
	struct session **p = &over;
	bool any = over != NULL;

	while (*p) {
		struct session *s = *p;

		if (s->queued) { /* freed once it was taken from the queue */
			p = &s->next_over;
			continue;
		}
		*p = s->next_over;
		free(s);
	}
	return any;
}
