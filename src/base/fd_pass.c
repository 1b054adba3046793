/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fd_pass.h"

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

/* What came with a packet that is not taken. */
static void drop(struct cmsghdr *head, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
		fd_close(fd);
	}
}

int fd_pass_receive_bytes(int socket, void *data, size_t length, int *fds, size_t room)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
	struct iovec iov = { .iov_base = data, .iov_len = length };
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
	if ((size_t)n != length || count > room || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		drop(head, count);
		return -EPROTO;
	}
	if (count > 0)
		memcpy(fds, CMSG_DATA(head), count * sizeof(int));
	return (int)count;
}

int fd_pass_receive(int socket, char word, int *fds, size_t room)
{
	char got = 0;
	int count = fd_pass_receive_bytes(socket, &got, 1, fds, room);

	if (count < 0 || got == word)
		return count;
	for (int i = 0; i < count; i++)
		fd_close(fds[i]);
	return -EPROTO;
}
