/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A netlink socket (netlink(7)) and the messages for it: put together in one buffer, sent by one system call, answered by one
 * acknowledgement. Requests are small and known, so the 200 lines here replace a library that every run would have to load.
 *
 *	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
 *	netlink_open(&nl, NETLINK_ROUTE, err);
 *	netlink_begin(&nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
 *	netlink_string(&nl, IFLA_IFNAME, "veth0");
 *	nest = netlink_nest(&nl, IFLA_LINKINFO); ... netlink_nest_end(&nl, nest);
 *	... more messages ...
 *	netlink_send(&nl, err);          all were done, or -errno of the first that was not
 *
 * Do not keep one across a fork.
 */
#ifndef CLOCHE_NET_NETLINK_H
#define CLOCHE_NET_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;

struct netlink {
	int fd;
	uint32_t seq;	    /* of the last message begun */
	uint32_t first;	    /* of the first that was not sent yet */
	size_t message;	    /* where the last message begins */
	uint32_t until;	    /* whose acknowledgement netlink_send waits for; 0: that of the last */
	uint8_t nft_family; /* of nftables' messages; 0: inet */
	bool changed; /* a dump was cut in two by a change (NLM_F_DUMP_INTR): something may be missing in it, or there twice */
	struct buf out;
};
#define NETLINK_NONE ((struct netlink){ .fd = -1 })

int netlink_open(struct netlink *nl, int protocol, struct err *err);
void netlink_close(struct netlink *nl);

/* The flags NLM_F_REQUEST is added, and NLM_F_ACK to the last message. header: the family's own, aligned to 4 bytes. */
void netlink_begin(struct netlink *nl, uint16_t type, uint16_t flags, const void *header,
		   size_t header_length);
void netlink_put(struct netlink *nl, uint16_t type, const void *data, size_t length);
void netlink_u8(struct netlink *nl, uint16_t type, uint8_t value);
void netlink_u16(struct netlink *nl, uint16_t type, uint16_t value);
void netlink_u32(struct netlink *nl, uint16_t type, uint32_t value);
void netlink_be32(struct netlink *nl, uint16_t type, uint32_t value); /* network byte order */
void netlink_string(struct netlink *nl, uint16_t type, const char *value);
/* Raw bytes inside a nest (a struct that stands before attributes). */
void netlink_raw(struct netlink *nl, const void *data, size_t length);
size_t netlink_nest(struct netlink *nl, uint16_t type);
void netlink_nest_end(struct netlink *nl, size_t nest);

/* Send what was put together. 0, or -errno of the first message that failed, with the kernel's own words when it has some; those
 * behind it may have been done. The buffer is empty afterwards. */
int netlink_send(struct netlink *nl, struct err *err);
/* netlink_send is to wait for the acknowledgement of the message begun last, not of those that are begun behind it. */
void netlink_wait_for_this(struct netlink *nl);
/* Forget what was put together. */
void netlink_drop(struct netlink *nl);
/* Send one request that was begun with NLM_F_DUMP, or with NLM_F_ACK when it is for one thing; each answer goes to `each` (a value other than 0 ends it and is returned). */
int netlink_dump(struct netlink *nl, int (*each)(const struct nlmsghdr *message, void *data),
		 void *data, struct err *err);

/* Walk attributes: `first` behind the family's header; NULL at the end. */
const struct nlattr *netlink_first(const struct nlmsghdr *message, size_t header_length);
const struct nlattr *netlink_next(const struct nlmsghdr *message, const struct nlattr *attr);
/* Inside an attribute that holds others: behind `after`, the first when it is NULL. */
const struct nlattr *netlink_within(const struct nlattr *nest, const struct nlattr *after);
static inline const void *netlink_data(const struct nlattr *attr)
{
	return attr + 1;
}
static inline size_t netlink_length(const struct nlattr *attr)
{
	return attr->nla_len > sizeof(*attr) ? attr->nla_len - sizeof(*attr) : 0;
}

#endif
