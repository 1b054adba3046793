/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"
#include "net/netlink.h"

/* kinds of user data: libnftnl's udata.h */
enum { UDATA_COMMENT = 0, UDATA_SET_KEY_ORDER = 0, UDATA_SET_COMMENT = 7, COMMENT_MAX = 128 };
enum { LIST_FULL = 60000 }; /* of the 65535 bytes that an attribute has */

static void begin(struct netlink *nl, uint16_t type, uint16_t flags, uint8_t family,
		  uint16_t res_id)
{
	struct nfgenmsg header = { .nfgen_family = family,
				   .version = NFNETLINK_V0,
				   .res_id = htons(res_id) };

	netlink_begin(nl, type, flags, &header, sizeof(header));
}

static void message(struct netlink *nl, uint16_t type, uint16_t flags)
{
	begin(nl, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags,
	      nl->nft_family ? nl->nft_family : NFPROTO_INET, 0);
}

void nft_begin(struct netlink *nl)
{
	begin(nl, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

int nft_commit(struct netlink *nl, struct err *err)
{
	if (nl->message ==
	    0) { /* the beginning alone: nothing to do, and nothing that would be answered */
		netlink_drop(nl);
		return 0;
	}
	/* Linux acknowledges the end of a batch since 6.10 alone (nfnetlink_rcv_batch() in net/netfilter/nfnetlink.c); what is in it,
	 * always, and when all is done */
	netlink_wait_for_this(nl);
	begin(nl, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	return netlink_send(nl, err);
}

/* A comment as nft keeps it: type, length, text with its NUL. */
static size_t comment_put(uint8_t *out, uint8_t type, const char *comment)
{
	size_t length = strnlen(comment, COMMENT_MAX - 1);

	out[0] = type;
	out[1] = (uint8_t)(length + 1);
	memcpy(out + 2, comment, length);
	out[2 + length] = '\0';
	return length + 3;
}

static void comment(struct netlink *nl, uint16_t attribute, const char *text)
{
	uint8_t data[COMMENT_MAX + 4];

	if (text)
		netlink_put(nl, attribute, data, comment_put(data, UDATA_COMMENT, text));
}

/* -- table, chains, sets ---------------------------------------------------------------------- */

void nft_add_table(struct netlink *nl, const char *table, const char *text)
{
	message(nl, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	netlink_string(nl, NFTA_TABLE_NAME, table);
	comment(nl, NFTA_TABLE_USERDATA, text);
}

void nft_add_table_owned(struct netlink *nl, const char *table)
{
	message(nl, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	netlink_string(nl, NFTA_TABLE_NAME, table);
	netlink_be32(nl, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
}

void nft_delete_table(struct netlink *nl, const char *table)
{
	message(nl, NFT_MSG_DELTABLE, 0);
	netlink_string(nl, NFTA_TABLE_NAME, table);
}

void nft_add_chain(struct netlink *nl, const char *table, const char *name, const char *type,
		   uint32_t hook, int32_t priority, const char *text)
{
	message(nl, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	netlink_string(nl, NFTA_CHAIN_TABLE, table);
	netlink_string(nl, NFTA_CHAIN_NAME, name);
	if (type) {
		size_t nest = netlink_nest(nl, NFTA_CHAIN_HOOK);

		netlink_be32(nl, NFTA_HOOK_HOOKNUM, hook);
		netlink_be32(nl, NFTA_HOOK_PRIORITY, (uint32_t)priority);
		netlink_nest_end(nl, nest);
		netlink_string(nl, NFTA_CHAIN_TYPE, type);
		netlink_be32(nl, NFTA_CHAIN_POLICY, NF_ACCEPT);
	}
	comment(nl, NFTA_CHAIN_USERDATA, text);
}

void nft_add_set(struct netlink *nl, const char *table, const struct nft_set *set)
{
	/* key in the host's byte order (names), so that nft prints them */
	uint8_t data[8 + COMMENT_MAX + 4] = { UDATA_SET_KEY_ORDER, 4, 1 };
	size_t length = (set->key_type & 63) == NFT_TYPE_IFNAME ? 6 : 0;

	message(nl, NFT_MSG_NEWSET, NLM_F_CREATE);
	netlink_string(nl, NFTA_SET_TABLE, table);
	netlink_string(nl, NFTA_SET_NAME, set->name);
	netlink_be32(nl, NFTA_SET_FLAGS, set->data_length ? NFT_SET_MAP : 0);
	netlink_be32(nl, NFTA_SET_KEY_TYPE, set->key_type);
	netlink_be32(nl, NFTA_SET_KEY_LEN, set->key_length);
	if (set->data_length) {
		netlink_be32(nl, NFTA_SET_DATA_TYPE, set->data_type);
		netlink_be32(nl, NFTA_SET_DATA_LEN, set->data_length);
	}
	netlink_be32(nl, NFTA_SET_ID, set->id);
	length += comment_put(data + length, UDATA_SET_COMMENT, set->comment);
	netlink_put(nl, NFTA_SET_USERDATA, data, length);
}

static void value(struct netlink *nl, uint16_t attribute, const void *data, size_t length)
{
	size_t nest = netlink_nest(nl, attribute);

	netlink_put(nl, NFTA_DATA_VALUE, data, length);
	netlink_nest_end(nl, nest);
}

static void element_put(struct netlink *nl, const void *key, size_t key_length, const void *data,
			size_t data_length, const char *text)
{
	size_t one = netlink_nest(nl, NFTA_LIST_ELEM);

	value(nl, NFTA_SET_ELEM_KEY, key, key_length);
	if (data)
		value(nl, NFTA_SET_ELEM_DATA, data, data_length);
	comment(nl, NFTA_SET_ELEM_USERDATA, text);
	netlink_nest_end(nl, one);
}

static void element(struct netlink *nl, const char *table, const char *set, const void *key,
		    size_t key_length, const void *data, size_t data_length, const char *text)
{
	size_t list;

	netlink_string(nl, NFTA_SET_ELEM_LIST_TABLE, table);
	netlink_string(nl, NFTA_SET_ELEM_LIST_SET, set);
	list = netlink_nest(nl, NFTA_SET_ELEM_LIST_ELEMENTS);
	element_put(nl, key, key_length, data, data_length, text);
	netlink_nest_end(nl, list);
}

static bool is_word(const struct nlattr *attr, int type, const char *word)
{
	return attr && (attr->nla_type & NLA_TYPE_MASK) == type &&
	       netlink_length(attr) == strlen(word) + 1 && strcmp(netlink_data(attr), word) == 0;
}

/* Where the list of the message begun last is, if that does the same with the same set and has room; 0. */
static size_t list_open(const struct netlink *nl, uint16_t type, const char *table, const char *set)
{
	const struct nlmsghdr *last =
		(const struct nlmsghdr *)(const void *)(nl->out.data + nl->message);
	const struct nlattr *attr;

	if (nl->out.length == 0 || last->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | type))
		return 0;
	attr = nft_first(last);
	if (!is_word(attr, NFTA_SET_ELEM_LIST_TABLE, table) ||
	    !is_word(attr = netlink_next(last, attr), NFTA_SET_ELEM_LIST_SET, set))
		return 0;
	attr = netlink_next(last, attr);
	return attr && attr->nla_len < LIST_FULL ? (size_t)((const char *)attr - nl->out.data) : 0;
}

/* The kernel keeps elements that come behind each other as one change (Linux 6.13), and tells its listeners of one. */
static void element_change(struct netlink *nl, uint16_t type, uint16_t flags, const char *table,
			   const char *set, const struct nft_element *e, const char *text)
{
	size_t list = list_open(nl, type, table, set);

	if (list) {
		element_put(nl, e->key, e->key_length, e->data, e->data_length, text);
		netlink_nest_end(nl, list);
		return;
	}
	message(nl, type, flags);
	element(nl, table, set, e->key, e->key_length, e->data, e->data_length, text);
}

void nft_add_element(struct netlink *nl, const char *table, const char *set, const void *key,
		     size_t key_length, const void *data, size_t data_length, const char *text)
{
	const struct nft_element e = { .key = key,
				       .data = data,
				       .key_length = key_length,
				       .data_length = data_length };

	element_change(nl, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, &e, text);
}

void nft_delete_element(struct netlink *nl, const char *table, const char *set, const void *key,
			size_t key_length)
{
	const struct nft_element e = { .key = key, .key_length = key_length };

	element_change(nl, NFT_MSG_DELSETELEM, 0, table, set, &e, NULL);
}

/* -- rules ------------------------------------------------------------------------------------ */

size_t nft_rule(struct netlink *nl, const char *table, const char *chain, const char *text)
{
	return nft_family_rule(nl, nl->nft_family ? nl->nft_family : NFPROTO_INET, table, chain, 0,
			       text);
}

size_t nft_family_rule(struct netlink *nl, uint8_t family, const char *table, const char *chain,
		       uint64_t before, const char *text)
{
	uint64_t position = htobe64(before);

	begin(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE,
	      (uint16_t)(NLM_F_CREATE | (before ? 0 : NLM_F_APPEND)), family, 0);
	netlink_string(nl, NFTA_RULE_TABLE, table);
	netlink_string(nl, NFTA_RULE_CHAIN, chain);
	if (before)
		netlink_put(nl, NFTA_RULE_POSITION, &position, sizeof(position));
	comment(nl, NFTA_RULE_USERDATA, text);
	return netlink_nest(nl, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct netlink *nl, size_t rule)
{
	netlink_nest_end(nl, rule);
}

struct expression {
	size_t element, data;
};

static struct expression expression(struct netlink *nl, const char *name)
{
	struct expression e;

	e.element = netlink_nest(nl, NFTA_LIST_ELEM);
	netlink_string(nl, NFTA_EXPR_NAME, name);
	e.data = netlink_nest(nl, NFTA_EXPR_DATA);
	return e;
}

static void expression_end(struct netlink *nl, struct expression e)
{
	netlink_nest_end(nl, e.data);
	netlink_nest_end(nl, e.element);
}

void nft_meta(struct netlink *nl, uint32_t key, uint32_t reg)
{
	struct expression e = expression(nl, "meta");

	netlink_be32(nl, NFTA_META_KEY, key);
	netlink_be32(nl, NFTA_META_DREG, reg);
	expression_end(nl, e);
}

void nft_payload(struct netlink *nl, uint32_t base, uint32_t offset, uint32_t length, uint32_t reg)
{
	struct expression e = expression(nl, "payload");

	netlink_be32(nl, NFTA_PAYLOAD_DREG, reg);
	netlink_be32(nl, NFTA_PAYLOAD_BASE, base);
	netlink_be32(nl, NFTA_PAYLOAD_OFFSET, offset);
	netlink_be32(nl, NFTA_PAYLOAD_LEN, length);
	expression_end(nl, e);
}

void nft_cmp(struct netlink *nl, uint32_t op, uint32_t reg, const void *data, size_t length)
{
	struct expression e = expression(nl, "cmp");

	netlink_be32(nl, NFTA_CMP_SREG, reg);
	netlink_be32(nl, NFTA_CMP_OP, op);
	value(nl, NFTA_CMP_DATA, data, length);
	expression_end(nl, e);
}

static void bitwise(struct netlink *nl, uint32_t mask, uint32_t flip)
{
	struct expression e = expression(nl, "bitwise");

	netlink_be32(nl, NFTA_BITWISE_SREG, NFT_REG32_00);
	netlink_be32(nl, NFTA_BITWISE_DREG, NFT_REG32_00);
	netlink_be32(nl, NFTA_BITWISE_LEN, sizeof(mask));
	value(nl, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	value(nl, NFTA_BITWISE_XOR, &flip, sizeof(flip));
	expression_end(nl, e);
}

void nft_ct_has(struct netlink *nl, uint32_t key, uint32_t bits)
{
	struct expression e = expression(nl, "ct");
	uint32_t zero = 0;

	netlink_be32(nl, NFTA_CT_DREG, NFT_REG32_00);
	netlink_be32(nl, NFTA_CT_KEY, key);
	expression_end(nl, e);
	bitwise(nl, bits, 0);
	nft_cmp(nl, NFT_CMP_NEQ, NFT_REG32_00, &zero, sizeof(zero));
}

void nft_in_set(struct netlink *nl, uint32_t reg, const char *set, bool inverted)
{
	struct expression e = expression(nl, "lookup");

	netlink_string(nl, NFTA_LOOKUP_SET, set);
	netlink_be32(nl, NFTA_LOOKUP_SREG, reg);
	if (inverted)
		netlink_be32(nl, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	expression_end(nl, e);
}

void nft_map(struct netlink *nl, uint32_t reg, const char *map, uint32_t to)
{
	struct expression e = expression(nl, "lookup");

	netlink_string(nl, NFTA_LOOKUP_SET, map);
	netlink_be32(nl, NFTA_LOOKUP_SREG, reg);
	netlink_be32(nl, NFTA_LOOKUP_DREG, to);
	expression_end(nl, e);
}

void nft_fib_daddr_local(struct netlink *nl)
{
	struct expression e = expression(nl, "fib");
	uint32_t local = 2; /* RTN_LOCAL */

	netlink_be32(nl, NFTA_FIB_DREG, NFT_REG32_00);
	netlink_be32(nl, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	netlink_be32(nl, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	expression_end(nl, e);
	nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, &local, sizeof(local));
}

void nft_socket_transparent(struct netlink *nl)
{
	struct expression e = expression(nl, "socket");
	uint8_t one = 1;

	netlink_be32(nl, NFTA_SOCKET_KEY, NFT_SOCKET_TRANSPARENT);
	netlink_be32(nl, NFTA_SOCKET_DREG, NFT_REG32_00);
	expression_end(nl, e);
	nft_cmp(nl, NFT_CMP_EQ, NFT_REG32_00, &one, sizeof(one));
}

void nft_tcp_flags(struct netlink *nl, uint8_t bits)
{
	const uint8_t bytes[4] = { bits }; /* a register's first byte, in either byte order */
	uint32_t mask, zero = 0;

	memcpy(&mask, bytes, sizeof(mask));
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG32_00);
	bitwise(nl, mask, 0);
	nft_cmp(nl, NFT_CMP_NEQ, NFT_REG32_00, &zero, sizeof(zero));
}

void nft_trace(struct netlink *nl)
{
	struct expression e = expression(nl, "immediate");
	uint8_t one = 1;

	netlink_be32(nl, NFTA_IMMEDIATE_DREG, NFT_REG32_00);
	value(nl, NFTA_IMMEDIATE_DATA, &one, sizeof(one));
	expression_end(nl, e);
	e = expression(nl, "meta");
	netlink_be32(nl, NFTA_META_KEY, NFT_META_NFTRACE);
	netlink_be32(nl, NFTA_META_SREG, NFT_REG32_00);
	expression_end(nl, e);
}

void nft_mark_or(struct netlink *nl, uint32_t bits)
{
	struct expression e;

	nft_meta(nl, NFT_META_MARK, NFT_REG32_00);
	bitwise(nl, ~bits, bits);
	e = expression(nl, "meta");
	netlink_be32(nl, NFTA_META_KEY, NFT_META_MARK);
	netlink_be32(nl, NFTA_META_SREG, NFT_REG32_00);
	expression_end(nl, e);
}

void nft_mark_has(struct netlink *nl, uint32_t bits)
{
	uint32_t zero = 0;

	nft_meta(nl, NFT_META_MARK, NFT_REG32_00);
	bitwise(nl, bits, 0);
	nft_cmp(nl, NFT_CMP_NEQ, NFT_REG32_00, &zero, sizeof(zero));
}

void nft_dnat(struct netlink *nl, uint32_t family, uint32_t address_reg, uint32_t port_reg)
{
	struct expression e = expression(nl, "nat");

	netlink_be32(nl, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_be32(nl, NFTA_NAT_FAMILY, family);
	netlink_be32(nl, NFTA_NAT_REG_ADDR_MIN, address_reg);
	netlink_be32(nl, NFTA_NAT_REG_PROTO_MIN, port_reg);
	expression_end(nl, e);
}

void nft_masquerade(struct netlink *nl)
{
	expression_end(nl, expression(nl, "masq"));
}

void nft_verdict(struct netlink *nl, int code, const char *chain)
{
	struct expression e = expression(nl, "immediate");
	size_t data, verdict;

	netlink_be32(nl, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_nest(nl, NFTA_IMMEDIATE_DATA);
	verdict = netlink_nest(nl, NFTA_DATA_VERDICT);
	netlink_be32(nl, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		netlink_string(nl, NFTA_VERDICT_CHAIN, chain);
	netlink_nest_end(nl, verdict);
	netlink_nest_end(nl, data);
	expression_end(nl, e);
}

/* -- asking ----------------------------------------------------------------------------------- */

const struct nlattr *nft_first(const struct nlmsghdr *m)
{
	return netlink_first(m, sizeof(struct nfgenmsg));
}

const struct nlattr *nft_attribute(const struct nlmsghdr *message, int type)
{
	for (const struct nlattr *a = nft_first(message); a; a = netlink_next(message, a))
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

const char *nft_family_word(uint8_t family)
{
	return family == NFPROTO_INET	? "inet" :
	       family == NFPROTO_IPV4	? "ip" :
	       family == NFPROTO_IPV6	? "ip6" :
	       family == NFPROTO_BRIDGE ? "bridge" :
					  "other";
}

const struct nlattr *nft_part(const struct nlattr *nest, int type)
{
	const struct nlattr *attr = NULL;

	do
		attr = nest ? netlink_within(nest, attr) : NULL;
	while (attr && (attr->nla_type & NLA_TYPE_MASK) != type);
	return attr;
}

uint32_t nft_number(const struct nlattr *nest, int type)
{
	const struct nlattr *attr = nft_part(nest, type);

	return attr && netlink_length(attr) == 4 ? ntohl(*(const uint32_t *)netlink_data(attr)) :
						   UINT32_MAX;
}

bool nft_is(const struct nlattr *attr, const char *word)
{
	return attr && netlink_length(attr) == strlen(word) + 1 &&
	       memcmp(netlink_data(attr), word, strlen(word)) == 0;
}

int nft_chain(struct netlink *nl, uint8_t family, const char *table, const char *chain,
	      int (*each)(const struct nlmsghdr *, void *), void *data, struct err *err)
{
	begin(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_ACK, family, 0);
	netlink_string(nl, NFTA_CHAIN_TABLE, table);
	netlink_string(nl, NFTA_CHAIN_NAME, chain);
	return netlink_dump(nl, each, data, err);
}

int nft_chains(struct netlink *nl, int (*each)(const struct nlmsghdr *, void *), void *data,
	       struct err *err)
{
	begin(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC, 0);
	return netlink_dump(nl, each, data, err);
}

int nft_rules(struct netlink *nl, uint8_t family, const char *table, const char *chain,
	      int (*each)(const struct nlmsghdr *, void *), void *data, struct err *err)
{
	begin(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP, family, 0);
	if (table) {
		netlink_string(nl, NFTA_RULE_TABLE, table);
		if (chain)
			netlink_string(nl, NFTA_RULE_CHAIN, chain);
	}
	return netlink_dump(nl, each, data, err);
}

void nft_delete_rule(struct netlink *nl, uint8_t family, const char *table, const char *chain,
		     uint64_t handle)
{
	uint64_t wire = htobe64(handle);

	begin(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE, 0, family, 0);
	netlink_string(nl, NFTA_RULE_TABLE, table);
	netlink_string(nl, NFTA_RULE_CHAIN, chain);
	netlink_put(nl, NFTA_RULE_HANDLE, &wire, sizeof(wire));
}

int nft_has_table(struct netlink *nl, const char *table, struct err *err)
{
	int r;

	message(nl, NFT_MSG_GETTABLE, 0);
	netlink_string(nl, NFTA_TABLE_NAME, table);
	r = netlink_send(nl, err);
	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return r < 0 ? r : 1;
}

static int element_seen(const struct nlmsghdr *answer, void *data)
{
	(void)answer;
	(void)data;
	return 0;
}

int nft_has_element(struct netlink *nl, const char *table, const char *set, const void *key,
		    size_t key_length, struct err *err)
{
	int r;

	message(nl, NFT_MSG_GETSETELEM, NLM_F_ACK);
	element(nl, table, set, key, key_length, NULL, 0, NULL);
	r = netlink_dump(nl, element_seen, NULL, err);
	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return r < 0 ? r : 1;
}

struct elements {
	void (*each)(const struct nft_element *element, void *data);
	void *data;
};

/* The value inside an attribute of an element. */
static const void *value_of(const struct nlattr *attr, size_t *ret_length)
{
	const struct nlattr *inner = netlink_within(attr, NULL);

	if (!inner || (inner->nla_type & NLA_TYPE_MASK) != NFTA_DATA_VALUE)
		return NULL;
	*ret_length = netlink_length(inner);
	return netlink_data(inner);
}

static int elements_of(const struct nlmsghdr *message, void *data)
{
	const struct elements *to = data;
	const struct nlattr *list, *one = NULL;

	for (list = nft_first(message); list; list = netlink_next(message, list))
		if ((list->nla_type & NLA_TYPE_MASK) == NFTA_SET_ELEM_LIST_ELEMENTS)
			break;
	while (list && (one = netlink_within(list, one)) != NULL) {
		struct nft_element element = { 0 };
		const struct nlattr *attr = NULL;
		size_t end_length = 0;

		while ((attr = netlink_within(one, attr)) != NULL) {
			if ((attr->nla_type & NLA_TYPE_MASK) == NFTA_SET_ELEM_KEY)
				element.key = value_of(attr, &element.key_length);
			else if ((attr->nla_type & NLA_TYPE_MASK) == NFTA_SET_ELEM_KEY_END)
				element.key_end = value_of(attr, &end_length);
			else if ((attr->nla_type & NLA_TYPE_MASK) == NFTA_SET_ELEM_FLAGS)
				element.ends = nft_number(one, NFTA_SET_ELEM_FLAGS) &
					       NFT_SET_ELEM_INTERVAL_END;
			else if ((attr->nla_type & NLA_TYPE_MASK) == NFTA_SET_ELEM_DATA) {
				element.data = value_of(attr, &element.data_length);
				element.verdict = nft_part(attr, NFTA_DATA_VERDICT);
			}
		}
		if (element.key_end && end_length != element.key_length)
			element.key_end = NULL;
		if (element.key)
			to->each(&element, to->data);
	}
	return 0;
}

int nft_elements(struct netlink *nl, uint8_t family, const char *table, const char *set,
		 void (*each)(const struct nft_element *element, void *data), void *data,
		 struct err *err)
{
	struct elements to = { each, data };

	begin(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, NLM_F_DUMP, family, 0);
	netlink_string(nl, NFTA_SET_ELEM_LIST_TABLE, table);
	netlink_string(nl, NFTA_SET_ELEM_LIST_SET, set);
	return netlink_dump(nl, elements_of, &to, err);
}

int nft_has_name(struct netlink *nl, const char *table, const char *set, const char *name,
		 struct err *err)
{
	char key[IFNAMSIZ] = "";

	(void)str_append(key, sizeof(key), name);
	return nft_has_element(nl, table, set, key, sizeof(key), err);
}
