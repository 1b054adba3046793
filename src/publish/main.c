/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-publish: holds the published ports of one container, and relays where the kernel's translation does not reach or is not
 * wanted. Made by the engine with its sockets open; ends with the container.
 *
 *	cloche-publish NAME end=PIDFD control=FD mark=N hold=FD... listen=FD,ADDRESS,PORT[/PREFIX][,clients]...
 *
 * control: a listening SOCK_SEQPACKET socket, by which the ports change while it runs: control.h.
 *
 * It keeps the rights that it needs and no other: to have pipes of a good size, and, when it shows them, to bind a client's address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "publish/control.h"
#include "publish/datagram.h"
#include "publish/session.h"
#include "publish/upstream.h"

enum { EVENTS = 256, ROOM = 4096 };

/* With ROOM for those that come later, since epoll points into it; one with fd -1 is free. Memory that is not used is not there. */
static struct door *doors;
static size_t door_count, door_room;
static int *kept; /* and the sockets that only hold a port; -1 is free */
static size_t kept_count, kept_room, kept_free;

static _Noreturn void fail(const char *words)
{
	static const char name[] = "cloche-publish: ";

	(void)!write(2, name, sizeof(name) - 1);
	(void)!write(2, words, strlen(words));
	(void)!write(2, "\n", 1);
	_exit(1);
}

/* -- beginning -------------------------------------------------------------------------------- */

static bool keep(int fd)
{
	for (size_t i = 0; kept_free > 0 && i < kept_count; i++) {
		if (kept[i] < 0) {
			kept[i] = fd;
			kept_free--;
			return true;
		}
	}
	if (kept_count == kept_room)
		return false;
	kept[kept_count++] = fd;
	return true;
}

static bool address_read(const char *text, unsigned int port, struct door *door)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&door->to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&door->to;

	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		door->to_length = sizeof(*in4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	door->to_length = sizeof(*in6);
	return true;
}

/* words: ADDRESS,PORT[/PREFIX][,clients]. NULL: it is not whole, or there are too many. */
static struct door *door_add(int fd, char *words)
{
	struct door *door = doors;
	char *port = strchr(words, ','), *rest;
	int type = 0, on = 1;
	socklen_t size = sizeof(type);

	while (door < doors + door_count && door->fd >= 0)
		door++;
	if (!port || door == doors + door_room)
		return NULL;
	*port++ = '\0';
	*door = (struct door){ .fd = -1 };
	if (!address_read(words, (unsigned int)strtoul(port, &rest, 10), door))
		return NULL;
	if (*rest == '/')
		door->prefix = (unsigned int)strtoul(rest + 1, &rest, 10);
	door->clients = strcmp(rest, ",clients") == 0;
	door->fd = fd;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
			 sizeof(on)); /* its sessions have it, too */
	door->datagrams = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
			  type == SOCK_DGRAM;
	if (door == doors + door_count)
		door_count++;
	return door;
}

static void door_first(char *words)
{
	char *rest;
	int fd = (int)strtol(words, &rest, 10);

	if (*rest != ',' || !door_add(fd, rest + 1))
		fail("listen= wants FD,ADDRESS,PORT");
	(void)keep(fd);
}

static int descriptor_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All else that was open is somebody else's business: a pipe that waits for its end, for instance. */
static void others_close(void)
{
	unsigned int from = 3;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	qsort(kept, kept_count, sizeof(*kept), descriptor_compare);
	for (size_t i = 0; i < kept_count; i++) {
		if ((unsigned int)kept[i] > from)
			(void)syscall(SYS_close_range, from, (unsigned int)kept[i] - 1, 0);
		from = (unsigned int)kept[i] + 1;
	}
	(void)syscall(SYS_close_range, from, ~0U, 0);
	(void)syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */);
}

/* A pipe of who has neither CAP_SYS_RESOURCE nor CAP_SYS_ADMIN is 8 KiB when root has many on this host (pipe(7),
 * pipe-user-pages-soft), and such a relay takes three times the processor's time. So the first of them is kept; a root that has
 * but the second makes some pipes now. */
static void rights_drop(bool transparent)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint32_t keep = 1U << CAP_SYS_RESOURCE | (transparent ? 1U << CAP_NET_ADMIN : 0);

	if (syscall(SYS_capget, &header, data) < 0)
		fail("cannot read its rights");
	if (!(data[0].permitted & 1U << CAP_SYS_RESOURCE))
		session_prepare();
	data[0] = (struct __user_cap_data_struct){ .effective = data[0].permitted & keep,
						   .permitted = data[0].permitted & keep };
	data[1] = (struct __user_cap_data_struct){ 0 };
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_capset, &header, data) < 0)
		fail("cannot drop rights");
}

/* A session has two descriptors, and two for each direction that is held up. */
static void limits_raise(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void watch(int epoll, int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("cannot watch a socket");
}

/* -- changes ---------------------------------------------------------------------------------- */

/* Is it bound to this port and address? [::1] goes with [::], beside which it is. */
static bool is_at(int fd, const struct control_port *port)
{
	struct sockaddr_storage at = { 0 };
	struct sockaddr_in *in4 = (struct sockaddr_in *)&at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at;
	socklen_t length = sizeof(at);
	int protocol = 0;
	socklen_t size = sizeof(protocol);

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&at, &length) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0 ||
	    protocol != port->protocol || at.ss_family != port->family)
		return false;
	if (at.ss_family == AF_INET)
		return in4->sin_port == htons(port->port) &&
		       memcmp(&in4->sin_addr, port->address, 4) == 0;
	return in6->sin6_port == htons(port->port) &&
	       (memcmp(&in6->sin6_addr, port->address, 16) == 0 ||
		(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) &&
		 IN6_IS_ADDR_UNSPECIFIED((struct in6_addr *)port->address)));
}

static bool port_drop(const struct control_port *port)
{
	bool any = false;

	for (size_t i = 0; i < door_count; i++) {
		if (!is_at(doors[i].fd, port))
			continue;
		datagram_forget(&doors[i]);
		doors[i].fd = -1; /* kept has it, too */
	}
	for (size_t i = 0; i < kept_count; i++) {
		if (!is_at(kept[i], port))
			continue;
		(void)close(kept[i]); /* epoll forgets it */
		kept[i] = -1;
		kept_free++;
		any = true;
	}
	return any;
}

static bool change_do(int epoll, struct control_message *message, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (message->verb == CONTROL_DROP)
		return port_drop(&message->port);
	if (fd < 0 || !keep(fd))
		return false;
	if (message->verb == CONTROL_HOLD)
		return true;
	message->listen[sizeof(message->listen) - 1] = '\0';
	event.data.ptr = message->verb == CONTROL_LISTEN ? door_add(fd, message->listen) : NULL;
	return event.data.ptr && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* One request of the engine. Only root reaches the socket's folder. */
static void control_serve(int control, int epoll)
{
	struct control_message message = { 0 };
	char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { &message, sizeof(message) };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room) };
	struct timeval patience = { .tv_sec = 5 };
	struct cmsghdr *extra;
	ssize_t n;
	int client = accept4(control, NULL, NULL, SOCK_CLOEXEC), fd = -1;
	char done = 0;

	if (client < 0)
		return;
	(void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do /* with a time-out SIGCONT interrupts, also where it has no handler: signal(7) */
		n = recvmsg(client, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(message)) {
		extra = CMSG_FIRSTHDR(&header);
		if (extra && extra->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(extra), sizeof(fd));
		done = change_do(epoll, &message, fd);
		(void)send(client, &done, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	(void)close(client);
}

/* -- the loop --------------------------------------------------------------------------------- */

static bool is_door(const void *data)
{
	return data >= (const void *)doors && data < (const void *)(doors + door_count);
}

static bool is_listener(const void *data)
{
	return is_door(data) && !((const struct door *)data)->datagrams;
}

static void event_do(int epoll, int control, const struct epoll_event *event)
{
	void *data = event->data.ptr;

	if (!data)
		_exit(0); /* the container has ended */
	if (data == &kept)
		control_serve(control, epoll);
	else if (datagram_is(data))
		datagram_back(data);
	else if (is_door(data))
		datagram_in(data, epoll);
	else
		session_event(event->data.u64, event->events);
}

/* Who is new goes first: while the container wakes up for him there is time for the others, and for those who are leaving. */
static void round_do(int epoll, int control, unsigned int mark, const struct epoll_event *events,
		     int count)
{
	for (int i = 0; i < count; i++)
		/* one, since mostly there is one; the others are told again */
		if (is_listener(events[i].data.ptr))
			(void)session_accept(events[i].data.ptr, epoll, mark);
	for (int i = 0; i < count; i++)
		if (!is_listener(events[i].data.ptr))
			event_do(epoll, control, &events[i]);
}

static _Noreturn void loop(int epoll, int control, unsigned int mark)
{
	static const struct timespec at_once, soon = { .tv_nsec = 1000000 };
	struct epoll_event events[EVENTS];
	bool busy = false;

	for (;;) {
		struct timespec room;
		const struct timespec *patience = busy ? &at_once : session_patience(&room);
		bool left;
		int count;

		if (!patience && upstream_unprepared())
			patience = &soon;
		count = epoll_pwait2(epoll, events, EVENTS, patience, NULL);
		round_do(epoll, control, mark, events, count > 0 ? count : 0);
		session_tick();
		/* one turn for each that has work left, then look for events again */
		busy = session_work(EVENTS);
		left = session_sweep();
		if (!busy && (count == 0 || left))
			upstream_prepare();
	}
}

int main(int argc, char **argv)
{
	unsigned int mark = 0;
	int end = -1, control = -1, epoll;
	bool transparent = false;

	door_room = (size_t)argc + ROOM;
	kept_room = 2 * door_room;
	doors = calloc(door_room, sizeof(*doors));
	kept = calloc(kept_room, sizeof(*kept));
	if (!doors || !kept)
		fail("no memory");
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "end=", 4) == 0)
			(void)keep(end = (int)strtol(argv[i] + 4, NULL, 10));
		else if (strncmp(argv[i], "control=", 8) == 0)
			(void)keep(control = (int)strtol(argv[i] + 8, NULL, 10));
		else if (strncmp(argv[i], "mark=", 5) == 0)
			mark = (unsigned int)strtoul(argv[i] + 5, NULL, 10);
		else if (strncmp(argv[i], "hold=", 5) == 0)
			(void)keep((int)strtol(argv[i] + 5, NULL, 10));
		else if (strncmp(argv[i], "listen=", 7) == 0)
			door_first(strdup(argv[i] + 7)); /* argv is what ps shows */
		else
			fail("unknown word");
	}
	if (end < 0)
		fail("usage: cloche-publish NAME end=PIDFD [control=FD] [hold=FD] [listen=FD,ADDRESS,PORT]; the engine starts it");
	others_close();
	(void)setsid();
	(void)!chdir("/");
	(void)signal(SIGPIPE, SIG_IGN);
	limits_raise();
	for (size_t i = 0; i < door_count; i++)
		transparent |= doors[i].clients;
	transparent |= mark != 0; /* one that comes later may want it, too */
	rights_drop(transparent);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		fail("cannot make an epoll");
	watch(epoll, end, NULL);
	if (control >= 0)
		watch(epoll, control, &kept);
	for (size_t i = 0; i < door_count; i++)
		watch(epoll, doors[i].fd, &doors[i]);
	loop(epoll, control, mark);
}
