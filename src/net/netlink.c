/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

enum { ANSWER_SIZE = 32768 };

static size_t aligned(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

int netlink_open(struct netlink *nl, int protocol, struct err *err)
{
	int on = 1, room = 4 << 20;

	*nl = NETLINK_NONE;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (nl->fd < 0)
		return err_sys(err, errno, "open a netlink socket");
	/* answers without a copy of the request, and with words */
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	fd_close(nl->fd);
	buf_clear(&nl->out);
	*nl = NETLINK_NONE;
}

void netlink_drop(struct netlink *nl)
{
	nl->out.length = 0;
	nl->until = 0;
	nl->first = nl->seq + 1;
}

/* -- putting together ------------------------------------------------------------------------- */

static void pad(struct netlink *nl)
{
	static const char zero[4];

	buf_add(&nl->out, zero, aligned(nl->out.length) - nl->out.length);
}

/* The last message's length is kept right after each addition. */
static void grown(struct netlink *nl)
{
	struct nlmsghdr *header;

	pad(nl);
	header = (struct nlmsghdr *)(void *)(nl->out.data + nl->message);
	header->nlmsg_len = (uint32_t)(nl->out.length - nl->message);
}

void netlink_begin(struct netlink *nl, uint16_t type, uint16_t flags, const void *header,
		   size_t header_length)
{
	struct nlmsghdr message = { .nlmsg_type = type,
				    .nlmsg_flags = NLM_F_REQUEST | flags,
				    .nlmsg_seq = ++nl->seq };

	if (nl->out.length == 0)
		nl->first = nl->seq;
	nl->message = nl->out.length;
	buf_add(&nl->out, &message, sizeof(message));
	buf_add(&nl->out, header, header_length);
	grown(nl);
}

void netlink_raw(struct netlink *nl, const void *data, size_t length)
{
	buf_add(&nl->out, data, length);
	grown(nl);
}

void netlink_put(struct netlink *nl, uint16_t type, const void *data, size_t length)
{
	struct nlattr attr = { .nla_len = (uint16_t)(sizeof(attr) + length), .nla_type = type };

	buf_add(&nl->out, &attr, sizeof(attr));
	buf_add(&nl->out, data, length);
	grown(nl);
}

void netlink_u8(struct netlink *nl, uint16_t type, uint8_t value)
{
	netlink_put(nl, type, &value, sizeof(value));
}

void netlink_u16(struct netlink *nl, uint16_t type, uint16_t value)
{
	netlink_put(nl, type, &value, sizeof(value));
}

void netlink_u32(struct netlink *nl, uint16_t type, uint32_t value)
{
	netlink_put(nl, type, &value, sizeof(value));
}

void netlink_be32(struct netlink *nl, uint16_t type, uint32_t value)
{
	netlink_u32(nl, type, htonl(value));
}

void netlink_string(struct netlink *nl, uint16_t type, const char *value)
{
	netlink_put(nl, type, value, strlen(value) + 1);
}

size_t netlink_nest(struct netlink *nl, uint16_t type)
{
	size_t at = nl->out.length;

	netlink_put(nl, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void netlink_nest_end(struct netlink *nl, size_t nest)
{
	struct nlattr *attr = (struct nlattr *)(void *)(nl->out.data + nest);

	attr->nla_len = (uint16_t)(nl->out.length - nest);
}

/* -- asking and hearing ----------------------------------------------------------------------- */

static const struct nlattr *attribute_at(const struct nlmsghdr *message, size_t offset)
{
	const struct nlattr *attr =
		(const struct nlattr *)(const void *)((const char *)message + offset);

	return offset + sizeof(*attr) <= message->nlmsg_len && attr->nla_len >= sizeof(*attr) &&
			       offset + attr->nla_len <= message->nlmsg_len ?
		       attr :
		       NULL;
}

const struct nlattr *netlink_first(const struct nlmsghdr *message, size_t header_length)
{
	return attribute_at(message, sizeof(*message) + aligned(header_length));
}

const struct nlattr *netlink_next(const struct nlmsghdr *message, const struct nlattr *attr)
{
	return attribute_at(message, (size_t)((const char *)attr - (const char *)message) +
					     aligned(attr->nla_len));
}

const struct nlattr *netlink_within(const struct nlattr *nest, const struct nlattr *after)
{
	size_t offset = after ? (size_t)((const char *)after - (const char *)nest) +
					aligned(after->nla_len) :
				sizeof(*nest);
	const struct nlattr *attr =
		(const struct nlattr *)(const void *)((const char *)nest + offset);

	return offset + sizeof(*attr) <= nest->nla_len && attr->nla_len >= sizeof(*attr) &&
			       offset + attr->nla_len <= nest->nla_len ?
		       attr :
		       NULL;
}

/* The message at *offset of what was received, which goes behind it; NULL at the end. */
static const struct nlmsghdr *message_at(const char *answer, ssize_t length, size_t *offset)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)(answer + *offset);

	if (*offset + sizeof(*message) > (size_t)length || message->nlmsg_len < sizeof(*message) ||
	    *offset + message->nlmsg_len > (size_t)length)
		return NULL;
	*offset += aligned(message->nlmsg_len);
	return message;
}

static const void *payload(const struct nlmsghdr *message)
{
	return message + 1;
}

static ssize_t receive(struct netlink *nl, char *answer)
{
	ssize_t n;

	do
		n = recv(nl->fd, answer, ANSWER_SIZE, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int send_all(struct netlink *nl, struct err *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do
		n = sendto(nl->fd, nl->out.data, nl->out.length, 0, (struct sockaddr *)&kernel,
			   sizeof(kernel));
	while (n < 0 && errno == EINTR);
	nl->out.length = 0;
	return n < 0 ? err_sys(err, errno, "send to the kernel's network") : 0;
}

/* The kernel's sentence behind an error, when it has one. */
static int explain(const struct nlmsghdr *message, struct err *err)
{
	const struct nlmsgerr *error = payload(message);
	size_t skip = sizeof(*error);

	if (!(message->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	if (message->nlmsg_flags & NLM_F_ACK_TLVS) {
		for (const struct nlattr *attr = netlink_first(message, skip); attr;
		     attr = netlink_next(message, attr)) {
			if (attr->nla_type == NLMSGERR_ATTR_MSG)
				return err_set(err, -error->error, "%s: %.*s",
					       strerror(-error->error), (int)netlink_length(attr),
					       (const char *)netlink_data(attr));
		}
	}
	return err_set(err, -error->error, "%s", strerror(-error->error));
}

void netlink_wait_for_this(struct netlink *nl)
{
	((struct nlmsghdr *)(void *)(nl->out.data + nl->message))->nlmsg_flags |= NLM_F_ACK;
	nl->until = nl->seq;
}

int netlink_send(struct netlink *nl, struct err *err)
{
	char answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint32_t first = nl->first, last;
	int r;

	if (nl->out.length == 0)
		return 0;
	if (nl->until == 0)
		netlink_wait_for_this(nl);
	last = nl->until;
	nl->until = 0;
	r = send_all(nl, err);
	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = receive(nl, answer);
		const struct nlmsghdr *message;
		size_t offset = 0;

		if (n < 0)
			return err_sys(err, (int)n, "hear from the kernel's network");
		while ((message = message_at(answer, n, &offset)) != NULL) {
			const struct nlmsgerr *error = payload(message);

			/* older: of a batch that failed and was not heard to its end */
			if (message->nlmsg_type != NLMSG_ERROR ||
			    (int32_t)(message->nlmsg_seq - first) < 0)
				continue;
			if (error->error != 0)
				return explain(message, err);
			if (message->nlmsg_seq == last)
				return 0;
		}
	}
}

int netlink_dump(struct netlink *nl, int (*each)(const struct nlmsghdr *message, void *data),
		 void *data, struct err *err)
{
	char answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint32_t seq = nl->seq;
	int r = send_all(nl, err), result = 0;

	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = receive(nl, answer);
		const struct nlmsghdr *message;
		size_t offset = 0;

		if (n < 0)
			return err_sys(err, (int)n, "hear from the kernel's network");
		while ((message = message_at(answer, n, &offset)) != NULL) {
			if (message->nlmsg_seq != seq)
				continue;
			nl->changed |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (message->nlmsg_type == NLMSG_DONE)
				return result;
			if (message->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)payload(message))->error ?
					       explain(message, err) :
					       result; /* of a request that is no dump */
			if (result == 0)
				result = each(message, data);
		}
	}
}
