/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/net_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "runtime/spec.h"

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char room[256];
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

/* One request and its acknowledgement. 0 or -errno. */
static int talk(int socket_fd, struct request *request)
{
	_Alignas(struct nlmsghdr) char answer[4096];
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)answer;
	ssize_t n;

	request->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (send(socket_fd, request, request->head.nlmsg_len, 0) < 0)
		return -errno;
	do
		n = recv(socket_fd, answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || head->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
}

static int move_one(int socket_fd, const struct spec_net_device *device, int ns)
{
	unsigned int index = if_nametoindex(device->host_name);
	struct request request = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			  .nlmsg_type = RTM_NEWLINK },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index },
	};

	if (index == 0)
		return -ENODEV;
	attribute(&request, IFLA_NET_NS_FD, &ns, sizeof(ns));
	if (device->name)
		attribute(&request, IFLA_IFNAME, device->name, strlen(device->name) + 1);
	return talk(socket_fd, &request);
}

int net_device_move(const struct spec *spec, pid_t pid, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_cleanup_close_ int ns = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ns < 0)
		return err_sys(err, errno, "reach the container's network");
	for (size_t i = 0; i < spec->net_device_count; i++) {
		int r = move_one(fd, &spec->net_devices[i], ns);

		if (r < 0)
			return err_sys(err, r, "move network device %s into the container",
				       spec->net_devices[i].host_name);
	}
	return 0;
}
