/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/message.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"

void message_add(struct buf *report, enum message_kind kind, const void *data, size_t length)
{
	uint32_t head[2] = { kind, (uint32_t)length };

	buf_add(report, head, sizeof(head));
	buf_add(report, data, length);
}

int message_next(const struct buf *report, size_t *at, struct message *ret_message)
{
	size_t left = report->length - *at;
	uint32_t head[2];

	if (left == 0)
		return 0;
	if (left < sizeof(head))
		return -EBADMSG;
	memcpy(head, report->data + *at, sizeof(head));
	if (head[1] > left - sizeof(head))
		return -EBADMSG;
	*ret_message = (struct message){ .kind = head[0],
					 .length = head[1],
					 .data = report->data + *at + sizeof(head) };
	*at += sizeof(head) + head[1];
	return 1;
}

int message_send(int fd, enum message_kind kind, const void *data, size_t length)
{
	uint32_t head[2] = { kind, (uint32_t)length };
	const struct iovec parts[] = { { head, sizeof(head) },
				       { (void *)(uintptr_t)data, length } };
	ssize_t n;
	int r;

	do
		n = writev(fd, parts, 2);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(head)) {
		r = fd_write_all(fd, (const char *)head + n, sizeof(head) - (size_t)n);
		if (r < 0)
			return r;
		n = sizeof(head);
	}
	n -= (ssize_t)sizeof(head);
	return fd_write_all(fd, (const char *)data + n, length - (size_t)n);
}

/* All of it: 1, 0 when there is nothing at all. */
static int read_whole(int fd, void *bytes, size_t length)
{
	size_t have = 0;

	while (have < length) {
		ssize_t n = read(fd, (char *)bytes + have, length - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return have == 0 ? 0 : -EBADMSG;
		have += (size_t)n;
	}
	return 1;
}

int message_receive(int fd, size_t limit_bytes, struct buf *buf, uint32_t *ret_kind)
{
	uint32_t head[2];
	int r = read_whole(fd, head, sizeof(head));

	if (r <= 0)
		return r;
	if (head[1] > limit_bytes)
		return -EBADMSG;
	if (buf->room <= head[1]) {
		buf_clear(buf);
		buf->room = head[1] + 1;
		buf->data = mem_new(buf->room);
	}
	r = head[1] ? read_whole(fd, buf->data, head[1]) : 1;
	if (r <= 0)
		return r == 0 ? -EBADMSG : r;
	buf->length = head[1];
	buf->data[buf->length] = '\0';
	*ret_kind = head[0];
	return 1;
}
