/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/ruleset.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>

#include "base/err.h"
#include "base/str.h"
#include "net/netlink.h"
#include "net/nft.h"

enum {
	REG = NFT_REG32_00,
	/* offsets in the headers */
	IP4_SADDR = 12,
	IP4_DADDR = 16,
	IP6_SADDR = 8,
	IP6_DADDR = 24,
	PORT_DESTINATION = 2,
	STATE_KNOWN = 1 << 1 | 1 << 2, /* nft's bits: established, related */
};

/* -- pieces ----------------------------------------------------------------------------------- */

static void family_is(struct netlink *nl, uint8_t family)
{
	nft_meta(nl, NFT_META_NFPROTO, REG);
	nft_cmp(nl, NFT_CMP_EQ, REG, &family, sizeof(family));
}

static void link_in(struct netlink *nl, uint32_t key, const char *set, bool inverted)
{
	nft_meta(nl, key, REG);
	nft_in_set(nl, REG, set, inverted);
}

static void within_network(struct netlink *nl)
{
	nft_meta(nl, NFT_META_IIFNAME, REG);
	nft_meta(nl, NFT_META_OIFNAME, REG + IFNAMSIZ / 4);
	nft_in_set(nl, REG, "own", false);
}

static void loopback4(struct netlink *nl, uint32_t offset)
{
	uint8_t net = 127;

	family_is(nl, NFPROTO_IPV4);
	nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, offset, sizeof(net), REG);
	nft_cmp(nl, NFT_CMP_EQ, REG, &net, sizeof(net));
}

static void loopback6(struct netlink *nl, uint32_t offset)
{
	static const uint8_t one[16] = { [15] = 1 };

	family_is(nl, NFPROTO_IPV6);
	nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, offset, sizeof(one), REG);
	nft_cmp(nl, NFT_CMP_EQ, REG, one, sizeof(one));
}

/* -- the chains ------------------------------------------------------------------------------- */

static void publish_rule(struct netlink *nl, const char *table, int family, bool at,
			 const char *map, const char *comment)
{
	uint32_t words = family == AF_INET ? 1 : 4, reg = REG;
	size_t rule = nft_rule(nl, table, "publish", comment);

	family_is(nl, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	if (at) {
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER,
			    family == AF_INET ? IP4_DADDR : IP6_DADDR, words * 4, reg);
		reg += words;
	}
	nft_meta(nl, NFT_META_L4PROTO, reg);
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, PORT_DESTINATION, 2, reg + 1);
	nft_map(nl, REG, map, REG);
	nft_dnat(nl, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6, REG, REG + words);
	nft_rule_end(nl, rule);
}

static void publish_chain(struct netlink *nl, const char *table)
{
	nft_add_chain(nl, table, "publish", NULL, 0, 0, "published ports");
	publish_rule(nl, table, AF_INET, true, "published4_at", "ports of one address");
	publish_rule(nl, table, AF_INET, false, "published4", "ports of every address");
	publish_rule(nl, table, AF_INET6, true, "published6_at", NULL);
	publish_rule(nl, table, AF_INET6, false, "published6", NULL);
}

static void nat_chains(struct netlink *nl, const char *table)
{
	size_t rule;

	nft_add_chain(nl, table, "prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST, NULL);
	rule = nft_rule(nl, table, "prerouting", "from other hosts and from containers");
	nft_fib_daddr_local(nl);
	nft_verdict(nl, NFT_JUMP, "publish");
	nft_rule_end(nl, rule);

	nft_add_chain(nl, table, "output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST, NULL);
	rule = nft_rule(nl, table, "output", "[::1] cannot be translated: cloche-publish listens");
	loopback6(nl, IP6_DADDR);
	nft_verdict(nl, NFT_RETURN, NULL);
	nft_rule_end(nl, rule);
	rule = nft_rule(nl, table, "output", "from the host itself");
	nft_fib_daddr_local(nl);
	nft_verdict(nl, NFT_JUMP, "publish");
	nft_rule_end(nl, rule);

	nft_add_chain(nl, table, "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC,
		      NULL);
	rule = nft_rule(nl, table, "postrouting",
			"a published port from its own network: answers must come back here");
	nft_mark_has(nl, RULESET_MARK_WITHIN);
	nft_masquerade(nl);
	nft_rule_end(nl, rule);
	rule = nft_rule(nl, table, "postrouting", "a published port by localhost");
	loopback4(nl, IP4_SADDR);
	link_in(nl, NFT_META_OIFNAME, "bridges", false);
	nft_masquerade(nl);
	nft_rule_end(nl, rule);
	rule = nft_rule(nl, table, "postrouting", "containers leave with the host's address");
	link_in(nl, NFT_META_IIFNAME, "masqueraded", false);
	link_in(nl, NFT_META_OIFNAME, "bridges", true);
	nft_masquerade(nl);
	nft_rule_end(nl, rule);
}

static void forward_rule(struct netlink *nl, const char *table, uint32_t key, const char *set,
			 bool published, int verdict, const char *comment)
{
	size_t rule = nft_rule(nl, table, "forward", comment);

	link_in(nl, key, set, false);
	if (published)
		nft_ct_has(nl, NFT_CT_STATUS, IPS_DST_NAT);
	nft_verdict(nl, verdict, NULL);
	nft_rule_end(nl, rule);
}

static void filter_chains(struct netlink *nl, const char *table)
{
	size_t rule;

	nft_add_chain(nl, table, "guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW, NULL);
	rule = nft_rule(nl, table, "guard", "localhost of the host is not for containers");
	loopback4(nl, IP4_DADDR);
	link_in(nl, NFT_META_IIFNAME, "bridges", false);
	nft_verdict(nl, NF_DROP, NULL);
	nft_rule_end(nl, rule);

	nft_add_chain(nl, table, "relay", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE, NULL);
	rule = nft_rule(nl, table, "relay", "answers to a relay that shows the client's address");
	link_in(nl, NFT_META_IIFNAME, "bridges", false);
	nft_socket_transparent(nl);
	nft_mark_or(nl, RULESET_MARK);
	nft_rule_end(nl, rule);

	nft_add_chain(nl, table, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER, NULL);
	rule = nft_rule(nl, table, "forward", "answers");
	nft_ct_has(nl, NFT_CT_STATE, STATE_KNOWN);
	nft_verdict(nl, NF_ACCEPT, NULL);
	nft_rule_end(nl, rule);
	/* here, since with br_netfilter the postrouting hook does not know where a packet came in */
	rule = nft_rule(nl, table, "forward", "a published port from its own network");
	within_network(nl);
	nft_ct_has(nl, NFT_CT_STATUS, IPS_DST_NAT);
	nft_mark_or(nl, RULESET_MARK_WITHIN);
	nft_rule_end(nl, rule);
	rule = nft_rule(nl, table, "forward", "within a network");
	within_network(nl);
	nft_verdict(nl, NF_ACCEPT, NULL);
	nft_rule_end(nl, rule);
	forward_rule(nl, table, NFT_META_IIFNAME, "internal", false, NF_DROP,
		     "internal networks have no way out");
	forward_rule(nl, table, NFT_META_OIFNAME, "internal", false, NF_DROP, "and none in");
	forward_rule(nl, table, NFT_META_OIFNAME, "bridges", true, NF_ACCEPT, "published ports");
	forward_rule(nl, table, NFT_META_OIFNAME, "bridges", false, NF_DROP,
		     "nothing else: networks are closed to each other and to the outside");
}

static void sets(struct netlink *nl, const char *table)
{
	static const struct nft_set all[] = {
		{ .name = "bridges",
		  .comment = "links of all networks",
		  .key_type = NFT_TYPE_IFNAME,
		  .key_length = IFNAMSIZ },
		{ .name = "own",
		  .comment = "each network's link with itself",
		  .key_type = NFT_CONCAT2(NFT_TYPE_IFNAME, NFT_TYPE_IFNAME),
		  .key_length = 2 * IFNAMSIZ },
		{ .name = "internal",
		  .comment = "networks made with --internal",
		  .key_type = NFT_TYPE_IFNAME,
		  .key_length = IFNAMSIZ },
		{ .name = "masqueraded",
		  .comment = "networks whose containers leave with the host's address",
		  .key_type = NFT_TYPE_IFNAME,
		  .key_length = IFNAMSIZ },
		{ .name = "published4_at",
		  .comment = "-p ADDRESS:PORT:PORT",
		  .key_type = NFT_CONCAT3(NFT_TYPE_IPV4, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE),
		  .key_length = 12,
		  .data_type = NFT_CONCAT2(NFT_TYPE_IPV4, NFT_TYPE_SERVICE),
		  .data_length = 8 },
		{ .name = "published4",
		  .comment = "-p PORT:PORT",
		  .key_type = NFT_CONCAT2(NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE),
		  .key_length = 8,
		  .data_type = NFT_CONCAT2(NFT_TYPE_IPV4, NFT_TYPE_SERVICE),
		  .data_length = 8 },
		{ .name = "published6_at",
		  .comment = "-p [ADDRESS]:PORT:PORT",
		  .key_type = NFT_CONCAT3(NFT_TYPE_IPV6, NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE),
		  .key_length = 24,
		  .data_type = NFT_CONCAT2(NFT_TYPE_IPV6, NFT_TYPE_SERVICE),
		  .data_length = 20 },
		{ .name = "published6",
		  .comment = "-p PORT:PORT",
		  .key_type = NFT_CONCAT2(NFT_TYPE_PROTOCOL, NFT_TYPE_SERVICE),
		  .key_length = 8,
		  .data_type = NFT_CONCAT2(NFT_TYPE_IPV6, NFT_TYPE_SERVICE),
		  .data_length = 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct nft_set set = all[i];

		set.id = (uint32_t)i + 1;
		nft_add_set(nl, table, &set);
	}
}

void ruleset_load(struct netlink *nl, const char *table)
{
	nft_add_table(nl, table, NULL);
	nft_delete_table(nl, table);
	nft_add_table(nl, table,
		      "made by cloche, remade when it is missing: cloche network reload");
	sets(nl, table);
	publish_chain(nl, table);
	filter_chains(nl, table);
	nat_chains(nl, table);
}

/* -- elements --------------------------------------------------------------------------------- */

struct network_element {
	const char *set;
	bool wanted;
	size_t length; /* of the key */
};
enum { NETWORK_SETS = 4, OWN_LENGTH = 2 * IFNAMSIZ };

static void network_elements_of(const struct ruleset_network *network,
				struct network_element rows[NETWORK_SETS], char key[OWN_LENGTH])
{
	rows[0] = (struct network_element){ "bridges", true, IFNAMSIZ };
	rows[1] = (struct network_element){ "own", true, OWN_LENGTH };
	rows[2] = (struct network_element){ "internal", network->internal, IFNAMSIZ };
	rows[3] = (struct network_element){ "masqueraded",
					    network->masquerade && !network->internal, IFNAMSIZ };
	memset(key, 0, OWN_LENGTH);
	(void)str_append(key, IFNAMSIZ, network->link);
	(void)str_append(key + IFNAMSIZ, IFNAMSIZ, network->link);
}

static void network_elements(struct netlink *nl, const char *table,
			     const struct ruleset_network *network, bool add)
{
	struct network_element rows[NETWORK_SETS];
	char key[OWN_LENGTH];

	network_elements_of(network, rows, key);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].wanted)
			continue;
		if (add)
			nft_add_element(nl, table, rows[i].set, key, rows[i].length, NULL, 0, NULL);
		else
			nft_delete_element(nl, table, rows[i].set, key, rows[i].length);
	}
}

void ruleset_add_network(struct netlink *nl, const char *table,
			 const struct ruleset_network *network)
{
	network_elements(nl, table, network, true);
}

void ruleset_remove_network(struct netlink *nl, const char *table,
			    const struct ruleset_network *network)
{
	network_elements(nl, table, network, false);
}

struct port_element {
	const char *map;
	uint8_t key[24], data[20];
	size_t key_length, data_length;
};

static void port_element(const struct ruleset_port *port, struct port_element *e)
{
	bool v4 = port->to.family == AF_INET, at = !address_is_any(&port->host);
	size_t length = (size_t)address_length(port->to.family);
	uint16_t number = htons(port->host_port), to = htons(port->to_port);

	memset(e, 0, sizeof(*e));
	e->map = v4 ? (at ? "published4_at" : "published4") : at ? "published6_at" : "published6";
	if (at) {
		memcpy(e->key, port->host.bytes, length);
		e->key_length = length;
	}
	e->key[e->key_length] = (uint8_t)port->protocol;
	memcpy(e->key + e->key_length + 4, &number, sizeof(number));
	e->key_length += 8;
	memcpy(e->data, port->to.bytes, length);
	memcpy(e->data + length, &to, sizeof(to));
	e->data_length = length + 4;
}

void ruleset_publish(struct netlink *nl, const char *table, const struct ruleset_port *port,
		     const char *comment)
{
	struct port_element e;

	port_element(port, &e);
	nft_add_element(nl, table, e.map, e.key, e.key_length, e.data, e.data_length, comment);
}

void ruleset_unpublish(struct netlink *nl, const char *table, const struct ruleset_port *port)
{
	struct port_element e;

	port_element(port, &e);
	nft_delete_element(nl, table, e.map, e.key, e.key_length);
}

int ruleset_published(struct netlink *nl, const char *table, const struct ruleset_port *port,
		      struct err *err)
{
	struct port_element e;

	port_element(port, &e);
	return nft_has_element(nl, table, e.map, e.key, e.key_length, err);
}

/* -- comparing -------------------------------------------------------------------------------- */

static char *line_of(const char *set, const void *key, size_t key_length, const void *data,
		     size_t data_length)
{
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;

	buf_printf(&line, "%s ", set);
	buf_hex(&line, key, key_length);
	buf_puts(&line, " ");
	buf_hex(&line, data, data_length);
	return ptr_take(&line.data);
}

void ruleset_network_lines(const struct ruleset_network *network, char ***lines)
{
	struct network_element rows[NETWORK_SETS];
	char key[OWN_LENGTH];

	network_elements_of(network, rows, key);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].wanted)
			strv_add_take(lines, line_of(rows[i].set, key, rows[i].length, NULL, 0));
}

void ruleset_port_line(const struct ruleset_port *port, char ***lines)
{
	struct port_element e;

	port_element(port, &e);
	strv_add_take(lines, line_of(e.map, e.key, e.key_length, e.data, e.data_length));
}

struct set_lines {
	const char *set;
	char ***lines;
};

static void element_line(const struct nft_element *element, void *data)
{
	const struct set_lines *to = data;

	strv_add_take(to->lines, line_of(to->set, element->key, element->key_length, element->data,
					 element->data ? element->data_length : 0));
}

int ruleset_lines(struct netlink *nl, const char *table, char ***ret_lines, struct err *err)
{
	static const char *const sets_of[] = { "bridges",     "own",	      "internal",
					       "masqueraded", "published4",   "published4_at",
					       "published6",  "published6_at" };
	_cleanup_strv_ char **lines = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sets_of); i++) {
		struct set_lines to = { sets_of[i], &lines };

		r = nft_elements(nl, NFPROTO_INET, table, sets_of[i], element_line, &to, err);
	}
	if (r < 0)
		return err_wrap(err, "read the nftables table %s", table);
	*ret_lines = ptr_take(&lines);
	return 0;
}

bool ruleset_line_is_link(const char *line)
{
	return !str_prefix(line, "published");
}

/* The byte that stands at hex, two digits of our own. */
static unsigned int byte_at(const char *hex)
{
	return (unsigned int)strtoul((char[]){ hex[0], hex[1], '\0' }, NULL, 16);
}

char *ruleset_line_words(const char *line)
{
	const char *key = strchr(line, ' ') + 1;
	size_t length = strcspn(key, " ") / 2;
	char link[IFNAMSIZ] = "";
	unsigned int protocol;

	if (ruleset_line_is_link(line)) {
		for (size_t i = 0; i < IFNAMSIZ - 1 && i < length; i++)
			link[i] = (char)byte_at(key + 2 * i);
		return str_dup(link);
	}
	if (length < 8)
		return str_dup("port");
	/* protocol and port, each in four bytes, are its end (port_element) */
	protocol = byte_at(key + 2 * (length - 8));
	return str_printf("%u/%s",
			  byte_at(key + 2 * (length - 4)) << 8 | byte_at(key + 2 * (length - 3)),
			  protocol == IPPROTO_TCP ? "tcp" :
			  protocol == IPPROTO_UDP ? "udp" :
						    "sctp");
}
