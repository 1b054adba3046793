/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-publish: holds the published ports of one container, and relays where the kernel's translation does not reach or is not
 * wanted. Made by the engine with its sockets open; ends with the container.
 *
 *	cloche-publish NAME end=PIDFD mark=N hold=FD... listen=FD,ADDRESS,PORT[/PREFIX][,clients]...
 *
 * It keeps the one right that it needs, to bind a client's address, and only when it shows them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include <unistd.h>

#include <linux/capability.h>

#include "publish/session.h"

enum { EVENTS = 256, ACCEPTS = 64 };

static struct door *doors;
static size_t door_count;
static int *kept;
static size_t kept_count;

static _Noreturn void fail(const char *words)
{
	static const char name[] = "cloche-publish: ";

	(void)!write(2, name, sizeof(name) - 1);
	(void)!write(2, words, strlen(words));
	(void)!write(2, "\n", 1);
	_exit(1);
}

/* -- beginning -------------------------------------------------------------------------------- */

static void keep(int fd)
{
	kept[kept_count++] = fd;
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

static void door_add(char *words)
{
	struct door door = { .fd = -1 };
	char *address = !words ? NULL : strchr(words, ','),
	     *port = address ? strchr(address + 1, ',') : NULL, *rest;

	if (!port)
		fail("listen= wants FD,ADDRESS,PORT");
	*address++ = '\0';
	*port++ = '\0';
	door.fd = (int)strtol(words, NULL, 10);
	if (!address_read(address, (unsigned int)strtoul(port, &rest, 10), &door))
		fail("listen= has no address");
	if (*rest == '/')
		door.prefix = (unsigned int)strtoul(rest + 1, &rest, 10);
	door.clients = strcmp(rest, ",clients") == 0;
	keep(door.fd);
	doors[door_count++] = door;
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
		(void)fcntl(kept[i], F_SETFD, FD_CLOEXEC);
		from = (unsigned int)kept[i] + 1;
	}
	(void)syscall(SYS_close_range, from, ~0U, 0);
}

static void rights_drop(bool transparent)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (transparent)
		data[0].effective = data[0].permitted = 1U << CAP_NET_ADMIN;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_capset, &header, data) < 0)
		fail("cannot drop rights");
}

/* A session has six descriptors. */
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

/* -- the loop --------------------------------------------------------------------------------- */

static bool is_door(const void *data)
{
	return data >= (const void *)doors && data < (const void *)(doors + door_count);
}

static void round_do(int epoll, unsigned int mark, struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		void *data = events[i].data.ptr;

		if (!data)
			_exit(0); /* the container has ended */
		if (is_door(data)) {
			for (int n = 0; n < ACCEPTS && session_accept(data, epoll, mark); n++)
				;
		} else if (session_pump(data)) {
			session_later(data);
		}
	}
}

static _Noreturn void loop(int epoll, unsigned int mark)
{
	struct epoll_event events[EVENTS];
	bool busy = false;

	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, busy ? 0 : -1);
		struct session *s;

		round_do(epoll, mark, events, count > 0 ? count : 0);
		/* one turn for each that has work left, then look for events again */
		for (int n = 0; n < EVENTS && (s = session_next()) != NULL; n++)
			if (session_pump(s))
				session_later(s);
		s = session_next();
		busy = s != NULL;
		if (s)
			session_later(s);
		session_sweep();
	}
}

int main(int argc, char **argv)
{
	unsigned int mark = 0;
	int end = -1, epoll;
	bool transparent = false;

	doors = calloc((size_t)argc + 1, sizeof(*doors));
	kept = calloc((size_t)argc + 1, sizeof(*kept));
	if (!doors || !kept)
		fail("no memory");
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "end=", 4) == 0)
			keep(end = (int)strtol(argv[i] + 4, NULL, 10));
		else if (strncmp(argv[i], "mark=", 5) == 0)
			mark = (unsigned int)strtoul(argv[i] + 5, NULL, 10);
		else if (strncmp(argv[i], "hold=", 5) == 0)
			keep((int)strtol(argv[i] + 5, NULL, 10));
		else if (strncmp(argv[i], "listen=", 7) == 0)
			door_add(strdup(argv[i] + 7)); /* argv is what ps shows */
		else
			fail("unknown word");
	}
	if (end < 0)
		fail("usage: cloche-publish NAME end=PIDFD [hold=FD] [listen=FD,ADDRESS,PORT]; the engine starts it");
	others_close();
	(void)setsid();
	(void)!chdir("/");
	(void)signal(SIGPIPE, SIG_IGN);
	limits_raise();
	for (size_t i = 0; i < door_count; i++)
		transparent |= doors[i].clients;
	rights_drop(transparent);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		fail("cannot make an epoll");
	watch(epoll, end, NULL);
	for (size_t i = 0; i < door_count; i++)
		watch(epoll, doors[i].fd, &doors[i]);
	loop(epoll, mark);
}
