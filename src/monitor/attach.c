/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/attach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "monitor/pages.h"

enum { PATIENCE_MS = 10000 };

static struct {
	char in[FRAME_IN], out[FRAME_OUT];
} rooms[CLIENTS];

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void attach_init(struct attach *attach, int input, bool terminal)
{
	for (int i = 0; i < CLIENTS; i++)
		attach->clients[i] =
			(struct client){ .fd = -1, .in = rooms[i].in, .out = rooms[i].out };
	attach->listener = -1;
	attach->input = input;
	attach->holder = 0;
	attach->terminal = terminal;
	if (input >= 0)
		(void)fcntl(input, F_SETFL, fcntl(input, F_GETFL) | O_NONBLOCK);
}

void attach_add(struct attach *attach, int fd, bool first)
{
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &attach->clients[i];

		if (c->fd >= 0)
			continue;
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		c->fd = fd;
		c->flags = 0;
		c->first = first;
		c->hello = c->deaf = false;
		c->in_length = c->in_done = c->out_length = c->out_done = 0;
		return;
	}
	(void)close(fd); /* as many as there may be */
}

void attach_accept(struct attach *attach)
{
	int fd = accept4(attach->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who;
	socklen_t length = sizeof(who);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0 || who.uid != 0) {
		(void)close(fd);
		return;
	}
	attach_add(attach, fd, false);
}

static void input_end(struct attach *attach)
{
	if (attach->input >= 0 && !attach->terminal) {
		/* the holder first: killed in between, we leave a stdin that has ended, not one that never will */
		if (attach->holder > 0)
			(void)kill(attach->holder, SIGUSR1);
		(void)close(attach->input);
		attach->input = -1;
	}
}

static void client_drop(struct attach *attach, struct client *c)
{
	(void)close(c->fd);
	c->fd = -1;
	if (c->flags & HELLO_STDIN_ONCE)
		input_end(attach);
}

/* Who cannot be sent to has perhaps sent something before it went: it is dropped at the end of that. */
static void client_deafen(struct client *c)
{
	c->deaf = true;
	c->out_length = c->out_done = 0;
	(void)shutdown(c->fd, SHUT_WR);
}

size_t attach_poll(const struct attach *attach, struct pollfd *polls)
{
	size_t n = 0;
	bool input_full = false;

	for (; n < CLIENTS; n++) {
		const struct client *c = &attach->clients[n];
		bool stuck = c->in_done >
			     0; /* a frame of stdin that the container has not taken whole */

		polls[n] = (struct pollfd){ .fd = c->fd, .events = 0 };
		if (c->fd < 0)
			continue;
		if (!stuck)
			polls[n].events |= POLLIN;
		if (c->out_length > c->out_done)
			polls[n].events |= POLLOUT;
		/* it may be gone, but what it sent still counts; POLLHUP would come again and again */
		if (polls[n].events == 0)
			polls[n].fd = -1;
		input_full |= stuck;
	}
	polls[n++] = (struct pollfd){ .fd = input_full ? attach->input : -1, .events = POLLOUT };
	return n;
}

static size_t frame_length(const struct client *c)
{
	struct frame_head head;

	memcpy(&head, c->in, sizeof(head));
	return ntohl(head.length);
}

/* A whole frame of stdin: what the container does not take now is kept, and the client waits. false: it is gone. */
static bool input_write(struct attach *attach, struct client *c)
{
	size_t head = sizeof(struct frame_head), end = head + frame_length(c);

	if (c->in_done == 0)
		c->in_done = head;
	while (c->in_done < end && attach->input >= 0) {
		ssize_t n = write(attach->input, c->in + c->in_done, end - c->in_done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			input_end(attach); /* nobody reads it any more */
			break;
		}
		c->in_done += (size_t)n;
	}
	c->in_length = c->in_done = 0;
	return true;
}

static bool frame_take(struct attach *attach, struct client *c)
{
	const void *body = c->in + sizeof(struct frame_head);
	struct frame_winsize size;
	struct frame_hello hello;

	switch ((enum frame_type)c->in[0]) {
	case FRAME_HELLO:
		if (frame_length(c) != sizeof(hello))
			return false;
		memcpy(&hello, body, sizeof(hello));
		c->flags = hello.flags;
		c->hello = true;
		break;
	case FRAME_STDIN:
		if (c->flags & HELLO_STDIN)
			return input_write(attach, c);
		break;
	case FRAME_STDIN_END:
		if (c->flags & HELLO_STDIN_ONCE)
			input_end(attach);
		break;
	case FRAME_WINSIZE:
		if (frame_length(c) != sizeof(size))
			return false;
		memcpy(&size, body, sizeof(size));
		if (attach->terminal) {
			struct winsize window = { .ws_row = size.rows, .ws_col = size.columns };

			(void)ioctl(attach->input, TIOCSWINSZ, &window);
		}
		break;
	default:
		return false;
	}
	c->in_length = 0;
	return true;
}

static bool client_read(struct attach *attach, struct client *c)
{
	size_t head = sizeof(struct frame_head);

	for (;;) {
		size_t wanted = c->in_length < head ? head : head + frame_length(c);
		ssize_t n;

		if (c->in_length >= head && frame_length(c) > FRAME_ROOM)
			return false;
		if (c->in_length < wanted) {
			n = recv(c->fd, c->in + c->in_length, wanted - c->in_length, MSG_DONTWAIT);
			if (n < 0)
				return errno == EAGAIN || errno == EINTR;
			if (n == 0)
				return false;
			c->in_length += (size_t)n;
			continue;
		}
		if (!frame_take(attach, c))
			return false;
		if (c->in_done > 0)
			return true; /* the container is to take it first */
	}
}

static bool client_write(struct client *c)
{
	while (c->out_done < c->out_length) {
		ssize_t n = send(c->fd, c->out + c->out_done, c->out_length - c->out_done,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->out_done += (size_t)n;
		c->waiting_since_ms = now_ms();
	}
	c->out_length = c->out_done = 0;
	return true;
}

void attach_serve(struct attach *attach, const struct pollfd *polls)
{
	int64_t now = now_ms();

	if (polls[CLIENTS].revents)
		for (int i = 0; i < CLIENTS; i++)
			if (attach->clients[i].fd >= 0 && attach->clients[i].in_done > 0)
				(void)input_write(attach, &attach->clients[i]);
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &attach->clients[i];
		bool well = true;

		if (c->fd < 0 || c->fd != polls[i].fd)
			continue;
		if (polls[i].revents & POLLOUT && !client_write(c))
			client_deafen(c);
		if (polls[i].revents & (POLLIN | POLLHUP | POLLERR) && c->in_done == 0)
			well = client_read(attach, c);
		if (well && !c->first && c->out_length > 0 &&
		    now - c->waiting_since_ms > PATIENCE_MS)
			well = false;
		if (!well)
			client_drop(attach, c);
	}
}

bool attach_full(const struct attach *attach)
{
	for (int i = 0; i < CLIENTS; i++)
		if (attach->clients[i].fd >= 0 && attach->clients[i].out_length > 0)
			return true;
	return false;
}

static void out_keep(struct client *c, const void *data, size_t length)
{
	if (length > 0)
		memcpy(c->out + c->out_length, data, length);
	c->out_length += length;
}

/* Only called while nothing is waiting, or for the small frames that have room besides one large. What the socket takes at
 * once is never copied. */
static bool client_send(struct client *c, enum frame_type type, const void *data, size_t length)
{
	struct frame_head head = { .type = (uint8_t)type, .length = htonl((uint32_t)length) };
	struct iovec parts[] = { { &head, sizeof(head) }, { (void *)data, length } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	size_t sent = 0, of_head;
	ssize_t n;

	if (FRAME_OUT - c->out_length < sizeof(head) + length)
		return false;
	if (c->out_length == 0) {
		do
			n = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno != EAGAIN)
			return false;
		sent = n < 0 ? 0 : (size_t)n;
		if (sent == sizeof(head) + length)
			return true;
	}
	of_head = sent < sizeof(head) ? sent : sizeof(head);
	out_keep(c, (const char *)&head + of_head, sizeof(head) - of_head);
	out_keep(c, (const char *)data + (sent - of_head), length - (sent - of_head));
	c->waiting_since_ms = now_ms();
	return true;
}

void attach_idle(struct attach *attach)
{
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &attach->clients[i];

		if (c->fd < 0 || c->in_length == 0)
			pages_forget(c->in, FRAME_IN);
		if (c->fd < 0 || c->out_length == 0)
			pages_forget(c->out, FRAME_OUT);
	}
}

void attach_send(struct attach *attach, enum frame_type type, const void *data, size_t length,
		 uint32_t only_flags)
{
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &attach->clients[i];

		if (c->fd >= 0 && !c->deaf && (c->flags & only_flags) == only_flags &&
		    !client_send(c, type, data, length))
			client_deafen(c);
	}
}

/* MSG_WAITALL may still end early (recv(2)). */
static bool receive_all(int socket, void *data, size_t length)
{
	for (char *p = data; length > 0;) {
		ssize_t n = recv(socket, p, length, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		length -= (size_t)n;
	}
	return true;
}

/* That a socket has taken the frame says nothing about the client: it says so itself, or is gone. */
static bool client_took(struct client *c)
{
	struct frame_head head;
	char rest[512];

	(void)fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) & ~O_NONBLOCK);
	/* what is in c->in belongs to a frame that nobody needs any more: only its tail is skipped */
	if (c->in_length > 0 && c->in_length < sizeof(head)) {
		if (!receive_all(c->fd, c->in + c->in_length, sizeof(head) - c->in_length))
			return false;
		c->in_length = sizeof(head);
	}
	for (size_t skip = c->in_length ? sizeof(head) + frame_length(c) - c->in_length : 0;;) {
		for (size_t n; skip > 0; skip -= n) {
			n = skip < sizeof(rest) ? skip : sizeof(rest);
			if (!receive_all(c->fd, rest, n))
				return false;
		}
		if (!receive_all(c->fd, &head, sizeof(head)))
			return false;
		if (head.type == FRAME_TAKEN)
			return true;
		skip = ntohl(head.length);
	}
}

/* true: the client has been sent everything. It may itself be waiting for us to take stdin that nobody needs any more. */
static bool client_drain(struct attach *attach, struct client *c, int64_t deadline)
{
	while (c->out_length > 0) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLOUT };
		int64_t left = deadline - now_ms();

		/* the starting client may take its time: its output is not lost */
		if (poll(&p, 1, c->first ? -1 : left > 0 ? (int)left : 0) == 0)
			return false;
		if (p.revents & (POLLOUT | POLLERR | POLLHUP) && !client_write(c))
			return false;
		if (c->out_length > 0 && p.revents & POLLIN && !client_read(attach, c))
			return false;
	}
	return true;
}

bool attach_finish(struct attach *attach, const struct frame_exit *end)
{
	int64_t deadline = now_ms() + PATIENCE_MS;
	bool released = false;

	input_end(attach);
	attach->input = -1; /* frames of stdin are read and forgotten */
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &attach->clients[i];

		if (c->fd >= 0 && !c->deaf && client_send(c, FRAME_EXIT, end, sizeof(*end)) &&
		    client_drain(attach, c, deadline) && c->flags & HELLO_REAPS)
			released |= client_took(c);
	}
	return released;
}
