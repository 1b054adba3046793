/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The floor of `cloche sockets`: ask the kernel for the TCP, UDP and unix sockets of the network namespaces of some processes
 * (sock_diag(7)), count the answers, and print nothing but their number.
 *
 *	diag PID...
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char room[1 << 17] __attribute__((aligned(8)));

static long count_answers(int s)
{
	long count = 0;

	for (;;) {
		ssize_t n = recv(s, room, sizeof(room), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)room;

		if (n <= 0)
			return count;
		for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return count;
			count++;
		}
	}
}

static long inet(int s, unsigned char family, unsigned char protocol)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} ask = {
		{ .nlmsg_len = sizeof(ask),
		  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		{ .sdiag_family = family, .sdiag_protocol = protocol, .idiag_states = 0xffffffff }
	};

	return send(s, &ask, sizeof(ask), 0) < 0 ? 0 : count_answers(s);
}

static long unix_sockets(int s)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req body;
	} ask = { { .nlmsg_len = sizeof(ask),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		  { .sdiag_family = AF_UNIX,
		    .udiag_states = 0xffffffff,
		    .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER } };

	return send(s, &ask, sizeof(ask), 0) < 0 ? 0 : count_answers(s);
}

int main(int argc, char **argv)
{
	long count = 0;

	for (int i = 1; i < argc; i++) {
		char path[64];
		int ns, s;

		(void)snprintf(path, sizeof(path), "/proc/%s/ns/net", argv[i]);
		ns = open(path, O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) {
			perror(path);
			return 1;
		}
		s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
		if (s < 0)
			return 1;
		count += inet(s, AF_INET, IPPROTO_TCP) + inet(s, AF_INET6, IPPROTO_TCP) +
			 inet(s, AF_INET, IPPROTO_UDP) + inet(s, AF_INET6, IPPROTO_UDP) +
			 unix_sockets(s);
		(void)close(s);
		(void)close(ns);
	}
	(void)printf("%ld\n", count);
	return 0;
}
