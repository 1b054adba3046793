/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "base/fd.h"

int frame_send(int socket, enum frame_type type, const void *data, size_t length)
{
	struct frame_head head = { .type = (uint8_t)type, .length = htonl((uint32_t)length) };
	char packet[sizeof(head) + FRAME_LIMIT];
	size_t total = sizeof(head) + length, done = 0;

	if (length > FRAME_LIMIT)
		return -EMSGSIZE;
	memcpy(packet, &head, sizeof(head));
	if (length > 0)
		memcpy(packet + sizeof(head), data, length);
	while (done < total) {
		ssize_t n = send(socket, packet + done, total - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ECONNRESET ? -EPIPE : -errno;
		done += (size_t)n;
	}
	return 0;
}

static int receive_all(int socket, void *data, size_t length)
{
	char *p = data;

	while (length > 0) {
		ssize_t n = recv(socket, p, length, MSG_WAITALL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 || errno == ECONNRESET ? -EPIPE : -errno;
		p += n;
		length -= (size_t)n;
	}
	return 0;
}

int frame_receive(int socket, struct frame *frame)
{
	struct frame_head head;
	int r = receive_all(socket, &head, sizeof(head));

	if (r < 0)
		return r;
	frame->type = head.type;
	frame->length = ntohl(head.length);
	if (frame->length > FRAME_LIMIT)
		return -EPROTO;
	return receive_all(socket, frame->data, frame->length);
}

int frame_hello(int socket, uint32_t flags)
{
	struct frame_hello hello = { .flags = flags };

	return frame_send(socket, FRAME_HELLO, &hello, sizeof(hello));
}

int frame_connect(int run)
{
	_cleanup_close_ int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	/* by descriptor: the path is ours, but may be too long for a sun_path */
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/attach.sock",
		       run);
	if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return fd_take(&s);
}
