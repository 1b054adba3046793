/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/link_peer.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

struct message {
	struct nlmsghdr head;
	char body[256];
};

/* Send one request and take its one answer. Length or -errno. */
static ssize_t ask(int fd, const struct message *request, char *answer, size_t size)
{
	const struct nlmsghdr *h = (const void *)answer;
	ssize_t n;

	if (send(fd, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	do
		n = recv(fd, answer, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(h, (unsigned int)n))
		return -EIO;
	return h->nlmsg_type == NLMSG_ERROR ? ((const struct nlmsgerr *)NLMSG_DATA(h))->error : n;
}

/* A 32-bit attribute of this type behind `skip` bytes of fixed head. */
static bool attribute(const char *answer, size_t skip, unsigned short type, int32_t *ret_value)
{
	const struct nlmsghdr *h = (const void *)answer;
	size_t at = NLMSG_SPACE(skip);

	while (at + sizeof(struct rtattr) <= h->nlmsg_len) {
		const struct rtattr *a = (const void *)(answer + at);

		if (a->rta_len < sizeof(*a) || a->rta_len > h->nlmsg_len - at)
			return false;
		if (a->rta_type == type && RTA_PAYLOAD(a) >= sizeof(*ret_value)) {
			memcpy(ret_value, RTA_DATA(a), sizeof(*ret_value));
			return true;
		}
		at += RTA_ALIGN(a->rta_len);
	}
	return false;
}

static int32_t space_id(int fd, int space)
{
	struct message request = { .head = { .nlmsg_type = RTM_GETNSID,
					     .nlmsg_flags = NLM_F_REQUEST } };
	struct rtattr *a = (void *)(request.body + NLMSG_ALIGN(sizeof(struct rtgenmsg)));
	char answer[4096] __attribute__((aligned(8)));
	int32_t value = space, id = -1;

	a->rta_type = NETNSA_FD;
	a->rta_len = RTA_LENGTH(sizeof(value));
	memcpy(RTA_DATA(a), &value, sizeof(value));
	request.head.nlmsg_len =
		(uint32_t)(NLMSG_SPACE(sizeof(struct rtgenmsg)) + RTA_SPACE(sizeof(value)));
	if (ask(fd, &request, answer, sizeof(answer)) < 0 ||
	    !attribute(answer, sizeof(struct rtgenmsg), NETNSA_NSID, &id))
		return -1;
	return id;
}

int link_peer_space(const char *name, const struct net_spaces *spaces)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct message request = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
					     .nlmsg_type = RTM_GETLINK,
					     .nlmsg_flags = NLM_F_REQUEST } };
	struct ifinfomsg *info = (void *)request.body;
	char answer[16384] __attribute__((aligned(8)));
	unsigned int index = if_nametoindex(name);
	int32_t id;

	if (index == 0)
		return -ENODEV;
	info->ifi_index = (int)index;
	if (fd < 0 || ask(fd, &request, answer, sizeof(answer)) < 0 ||
	    !attribute(answer, sizeof(struct ifinfomsg), IFLA_LINK_NETNSID, &id))
		return -ENOENT;
	for (size_t i = 1; i < spaces->count; i++)
		if (spaces->list[i].fd >= 0 && space_id(fd, spaces->list[i].fd) == id)
			return (int)i;
	return -ENOENT;
}
