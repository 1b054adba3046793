/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One transaction of nf_tables (linux/netfilter/nf_tables.h): all of it happens or nothing.
 *
 *	nft_begin(&nl);
 *	nft_add_table(&nl, "cloche", "who made it");
 *	nft_add_set(&nl, "cloche", &(struct nft_set){ ... });
 *	rule = nft_rule(&nl, "cloche", "forward", "what it is for");
 *	nft_meta(&nl, NFT_META_OIFNAME, NFT_REG32_00); nft_in_set(&nl, NFT_REG32_00, "bridges", 0); nft_verdict(&nl, NF_DROP, NULL);
 *	nft_rule_end(&nl, rule);
 *	nft_commit(&nl, err);
 *
 * Registers are those of 4 bytes, NFT_REG32_00 to NFT_REG32_15; the parts of a concatenation stand in registers that follow each
 * other, each rounded up to 4 bytes. Our table is of the family inet. After a deletion the socket's close waits for the kernel (15 ms):
 * leave that to somebody nobody waits for.
 */
#ifndef CLOCHE_NET_NFT_H
#define CLOCHE_NET_NFT_H

#include <netinet/in.h> /* before those of linux */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct netlink;
struct nlattr;
struct nlmsghdr;

/* nft's own numbers of data types (its datatype.h), by which it prints a set */
enum nft_datatype {
	NFT_TYPE_IPV4 = 7,
	NFT_TYPE_IPV6 = 8,
	NFT_TYPE_ETHER = 9,
	NFT_TYPE_PROTOCOL = 12,
	NFT_TYPE_SERVICE = 13,
	NFT_TYPE_IFNAME = 41,
};
#define NFT_CONCAT2(a, b) ((uint32_t)(a) << 6 | (uint32_t)(b))
#define NFT_CONCAT3(a, b, c) (NFT_CONCAT2(a, b) << 6 | (uint32_t)(c))

struct nft_set {
	const char *name, *comment;
	uint32_t key_type, key_length;
	uint32_t data_type, data_length; /* a map when not 0 */
	uint32_t id;			 /* unique in the transaction */
};

void nft_begin(struct netlink *nl);
int nft_commit(struct netlink *nl, struct err *err);

void nft_add_table(struct netlink *nl, const char *table, const char *comment);
/* Of the family inet, and gone when the socket is closed. */
void nft_add_table_owned(struct netlink *nl, const char *table);
void nft_delete_table(struct netlink *nl, const char *table);
/* type NULL: a chain that is jumped to. */
void nft_add_chain(struct netlink *nl, const char *table, const char *name, const char *type,
		   uint32_t hook, int32_t priority, const char *comment);
void nft_add_set(struct netlink *nl, const char *table, const struct nft_set *set);

/* An element; data NULL for a set; an equal one is no error. Those of one set that follow each other go in one message. */
void nft_add_element(struct netlink *nl, const char *table, const char *set, const void *key,
		     size_t key_length, const void *data, size_t data_length, const char *comment);
void nft_delete_element(struct netlink *nl, const char *table, const char *set, const void *key,
			size_t key_length);

/* A rule at the end of its chain; expressions follow until nft_rule_end. */
size_t nft_rule(struct netlink *nl, const char *table, const char *chain, const char *comment);
void nft_rule_end(struct netlink *nl, size_t rule);
void nft_meta(struct netlink *nl, uint32_t key, uint32_t reg);
void nft_payload(struct netlink *nl, uint32_t base, uint32_t offset, uint32_t length, uint32_t reg);
void nft_cmp(struct netlink *nl, uint32_t op, uint32_t reg, const void *value, size_t length);
/* ct status or state has one of these bits */
void nft_ct_has(struct netlink *nl, uint32_t key, uint32_t bits);
void nft_in_set(struct netlink *nl, uint32_t reg, const char *set, bool inverted);
void nft_map(struct netlink *nl, uint32_t reg, const char *map, uint32_t to);
void nft_fib_daddr_local(struct netlink *nl);
void nft_socket_transparent(struct netlink *nl);
/* tcp flags & bits != 0 */
void nft_tcp_flags(struct netlink *nl, uint8_t bits);
void nft_trace(struct netlink *nl); /* meta nftrace set 1 */
void nft_mark_or(struct netlink *nl, uint32_t bits);
void nft_mark_has(struct netlink *nl, uint32_t bits);
void nft_dnat(struct netlink *nl, uint32_t family, uint32_t address_reg, uint32_t port_reg);
void nft_masquerade(struct netlink *nl);
/* NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_JUMP with chain. */
void nft_verdict(struct netlink *nl, int code, const char *chain);

/* Tables of others, of any family. The answers go to `each`; -ENOENT: there is no such. */
const struct nlattr *nft_first(const struct nlmsghdr *message);
/* Of the message itself; NULL: it has none. */
const struct nlattr *nft_attribute(const struct nlmsghdr *message, int type);
/* As nft(8) writes it: "inet", "ip", "ip6", "bridge"; "other". */
const char *nft_family_word(uint8_t family);
/* Of this type inside an attribute that holds others; NULL: there is none, or no nest. */
const struct nlattr *nft_part(const struct nlattr *nest, int type);
/* Its number; UINT32_MAX: there is none. */
uint32_t nft_number(const struct nlattr *nest, int type);
bool nft_is(const struct nlattr *attr, const char *word);
int nft_chain(struct netlink *nl, uint8_t family, const char *table, const char *chain,
	      int (*each)(const struct nlmsghdr *, void *), void *data, struct err *err);
/* All of all families. */
int nft_chains(struct netlink *nl, int (*each)(const struct nlmsghdr *, void *), void *data,
	       struct err *err);
/* table NULL: of all tables, chain NULL: of all its chains; family NFPROTO_UNSPEC: of all families. */
int nft_rules(struct netlink *nl, uint8_t family, const char *table, const char *chain,
	      int (*each)(const struct nlmsghdr *, void *), void *data, struct err *err);
/* before: the handle of another one, 0: at the end. */
size_t nft_family_rule(struct netlink *nl, uint8_t family, const char *table, const char *chain,
		       uint64_t before, const char *comment);
void nft_delete_rule(struct netlink *nl, uint8_t family, const char *table, const char *chain,
		     uint64_t handle);

struct nft_element {
	const void *key, *data; /* data: of a map */
	size_t key_length, data_length;
	const void *key_end; /* the last of an interval of its own, as long; NULL */
	bool ends; /* where an interval of the set has ended, which begins with the element before it by value */
	const struct nlattr *verdict; /* of a verdict map: NFTA_VERDICT_* */
};
/* Each of a set or map. -ENOENT: there is no such. */
int nft_elements(struct netlink *nl, uint8_t family, const char *table, const char *set,
		 void (*each)(const struct nft_element *element, void *data), void *data,
		 struct err *err);
/* Has the set this key, or this name? 1, 0, -errno. */
int nft_has_element(struct netlink *nl, const char *table, const char *set, const void *key,
		    size_t key_length, struct err *err);
int nft_has_name(struct netlink *nl, const char *table, const char *set, const char *name,
		 struct err *err);
/* Is there such a table? 1, 0, -errno. */
int nft_has_table(struct netlink *nl, const char *table, struct err *err);

#endif
