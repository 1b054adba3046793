/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/fd_pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

int fd_pass_send_bytes(int socket, const void *data, size_t length, const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)] = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = length };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (count > FD_PASS_MAX)
		return -E2BIG;
	if (count > 0) {
		struct cmsghdr *head;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * count);
	}
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int fd_pass_send(int socket, char word, const int *fds, size_t count)
{
	return fd_pass_send_bytes(socket, &word, 1, fds, count);
}

int fd_pass_send_text(int socket, const char *text, int fd)
{
	return fd_pass_send_bytes(socket, text, strlen(text), &fd, 1);
}

int fd_pass_receive(int socket, char word, int *fds, size_t room)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	char got = 0;
	struct iovec iov = { .iov_base = &got, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *head;
	size_t count = 0;
	ssize_t n;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (got != word || count > room || msg.msg_flags & MSG_CTRUNC) {
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
			fd_close(fd);
		}
		return -EPROTO;
	}
	if (count > 0)
		memcpy(fds, CMSG_DATA(head), count * sizeof(int));
	return (int)count;
}
