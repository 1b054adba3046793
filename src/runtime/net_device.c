/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/net_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/spec.h"

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg info;
		struct ifaddrmsg address;
	};
	char room[256];
};

enum { ADDRESSES_MAX = 64 };

struct addresses { /* ready to be given to a link whose index is filled in */
	struct request list[ADDRESSES_MAX];
	size_t count;
};

static void attribute(struct request *request, unsigned short type, const void *data, size_t length)
{
	struct rtattr *rta =
		(struct rtattr *)(void *)((char *)request + NLMSG_ALIGN(request->head.nlmsg_len));

	rta->rta_type = type;
	rta->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(rta), data, length);
	request->head.nlmsg_len =
		NLMSG_ALIGN(request->head.nlmsg_len) + (uint32_t)RTA_ALIGN(rta->rta_len);
}

static int receive(int socket_fd, void *answer, size_t size)
{
	ssize_t n;

	do
		n = recv(socket_fd, answer, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* One request and its acknowledgement. 0 or -errno. */
static int talk(int socket_fd, struct request *request)
{
	_Alignas(struct nlmsghdr) char answer[4096];
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)answer;
	int n;

	request->head.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(socket_fd, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	n = receive(socket_fd, answer, sizeof(answer));
	if (n < 0)
		return n;
	if ((size_t)n < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || head->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
}

/* -- addresses -------------------------------------------------------------------------------- */

/* One that somebody gave the link and that is of use elsewhere: permanent, of global scope. */
static void address_take(struct nlmsghdr *head, unsigned int index, struct addresses *addresses)
{
	struct ifaddrmsg *found = NLMSG_DATA(head);
	long length = (long)IFA_PAYLOAD(head);
	struct request *request = &addresses->list[addresses->count];

	if (found->ifa_index != index || found->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(found->ifa_flags & IFA_F_PERMANENT) || addresses->count == ADDRESSES_MAX)
		return;
	*request = (struct request){
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
			  .nlmsg_type = RTM_NEWADDR,
			  .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL },
		.address = { .ifa_family = found->ifa_family,
			     .ifa_prefixlen = found->ifa_prefixlen },
	};
	for (struct rtattr *rta = IFA_RTA(found); RTA_OK(rta, length); rta = RTA_NEXT(rta, length))
		if ((rta->rta_type == IFA_ADDRESS || rta->rta_type == IFA_LOCAL ||
		     rta->rta_type == IFA_BROADCAST) &&
		    RTA_PAYLOAD(rta) <= 16)
			attribute(request, rta->rta_type, RTA_DATA(rta), RTA_PAYLOAD(rta));
	addresses->count++;
}

static int addresses_read(int socket_fd, unsigned int index, struct addresses *addresses)
{
	_Alignas(struct nlmsghdr) char answer[32768];
	struct request request = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
			  .nlmsg_type = RTM_GETADDR,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.address = { .ifa_family = AF_UNSPEC },
	};

	addresses->count = 0;
	if (send(socket_fd, &request, request.head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		long n = receive(socket_fd, answer, sizeof(answer));

		if (n < 0)
			return (int)n;
		for (struct nlmsghdr *head = (void *)answer; NLMSG_OK(head, n);
		     head = NLMSG_NEXT(head, n)) {
			if (head->nlmsg_type == NLMSG_DONE)
				return 0;
			if (head->nlmsg_type == NLMSG_ERROR)
				return -EPROTO;
			if (head->nlmsg_type == RTM_NEWADDR)
				address_take(head, index, addresses);
		}
	}
}

/* -- moving ----------------------------------------------------------------------------------- */

/* With another name in the same step, so that none is in the way in between. */
static int move(int socket_fd, unsigned int index, const char *name, int ns)
{
	struct request request = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			  .nlmsg_type = RTM_NEWLINK },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index },
	};

	attribute(&request, IFLA_NET_NS_FD, &ns, sizeof(ns));
	if (name)
		attribute(&request, IFLA_IFNAME, name, strlen(name) + 1);
	return talk(socket_fd, &request);
}

/* In its new place: its addresses, then up. */
static int settle(int inside, unsigned int index, struct addresses *addresses)
{
	struct request up = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			  .nlmsg_type = RTM_NEWLINK },
		.info = { .ifi_family = AF_UNSPEC,
			  .ifi_index = (int)index,
			  .ifi_flags = IFF_UP,
			  .ifi_change = IFF_UP },
	};

	for (size_t i = 0; i < addresses->count; i++) {
		int r;

		addresses->list[i].address.ifa_index = index;
		r = talk(inside, &addresses->list[i]);
		if (r < 0)
			return r;
	}
	return talk(inside, &up);
}

/* A socket of the namespace; it stays there when we go back. */
static int socket_inside(int ns)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;

	if (own < 0 || setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (setns(own, CLONE_NEWNET) < 0)
		return -errno;
	return fd < 0 ? -errno : fd_take(&fd);
}

/* The index may be another one after the move: it was taken there. */
static int index_inside(int ns, const char *name)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	unsigned int index;

	if (own < 0 || setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	index = if_nametoindex(name);
	if (setns(own, CLONE_NEWNET) < 0)
		return -errno;
	return index == 0 ? -ENODEV : (int)index;
}

/* The name that a link gets inside, before it moves, since one that cannot stay there would go with its namespace: -EEXIST when it
 * is taken. The %d of a template becomes the lowest number that is free, as the kernel would choose it. */
static int name_inside(int ns, const char *told, char ret_name[IFNAMSIZ])
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const char *percent = strchr(told, '%');
	int number = 0;
	bool taken;

	if (own < 0 || setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	do {
		if (percent)
			(void)snprintf(ret_name, IFNAMSIZ, "%.*s%d%s", (int)(percent - told), told,
				       number++, percent + 2);
		else
			(void)snprintf(ret_name, IFNAMSIZ, "%s", told);
		taken = if_nametoindex(ret_name) > 0;
	} while (taken && percent && number < 1000);
	return setns(own, CLONE_NEWNET) < 0 ? -errno : taken ? -EEXIST : 0;
}

static int move_one(int outside, int inside, const char *host_name, const char *name, int ns)
{
	_cleanup_free_ struct addresses *addresses = mem_new(sizeof(*addresses));
	unsigned int index = if_nametoindex(host_name);
	char inner[IFNAMSIZ];
	int r;

	if (index == 0)
		return -ENODEV;
	r = name_inside(ns, name ? name : host_name, inner);
	if (r < 0)
		return r;
	r = addresses_read(outside, index, addresses);
	if (r == 0)
		r = move(outside, index, name ? inner : NULL, ns);
	if (r < 0)
		return r;
	index = 0;
	r = index_inside(ns, inner);
	if (r > 0) {
		index = (unsigned int)r;
		r = settle(inside, index, addresses);
	}
	return r < 0 ? r : (int)index;
}

int net_device_move_one(const char *host_name, const char *name, pid_t pid, struct err *err)
{
	_cleanup_close_ int outside = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_cleanup_close_ int ns = -1, inside = -1;
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	inside = ns < 0 ? ns : socket_inside(ns);
	if (outside < 0 || inside < 0)
		return err_sys(err, inside < 0 && ns >= 0 ? inside : errno,
			       "reach the container's network");
	r = move_one(outside, inside, host_name, name, ns);
	return r < 0 ? err_sys(err, r, "move network device %s into the container", host_name) : r;
}

int net_device_move(const struct spec *spec, pid_t pid, struct err *err)
{
	for (size_t i = 0; i < spec->net_device_count; i++) {
		int r = net_device_move_one(spec->net_devices[i].host_name,
					    spec->net_devices[i].name, pid, err);

		if (r < 0)
			return r;
	}
	return 0;
}
