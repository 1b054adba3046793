/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/message.h"

#include <errno.h>
#include <string.h>

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
