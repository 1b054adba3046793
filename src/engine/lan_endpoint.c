/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lan_endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/firewall_zone.h"
#include "engine/lease.h"
#include "net/lan.h"
#include "net/netlink.h"

enum { LINES = 16384 };

/* -- RUN/ID/lan ------------------------------------------------------------------------------- */

static int lines_read(int run, struct buf *text)
{
	int r = run < 0 ? -ENOENT : file_read(run, "lan", LINES, text);

	return r == 0 && text->data ? 0 : -ENOENT;
}

static int line_add(const struct endpoint *endpoint, const char *kind, const char *link,
		    struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (endpoint->run < 0)
		return 0;
	(void)lines_read(endpoint->run, &text); /* the first one */
	buf_printf(&text, "%s %s %s %s\n", kind, link, endpoint->row.ip4, endpoint->row.ip6);
	if (strcmp(kind, "lan") == 0)
		buf_printf(&text, "pass %s %s\n", endpoint->veth, link);
	return file_replace(endpoint->run, "lan", text.data, text.length, 0600, false, err);
}

/* What others forbid to be forwarded is let by for the container's own link (engine/firewall_zone.h). */
static int pass_allow(const char *veth, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_NETFILTER, err);

	return r < 0 ? r : firewall_zone_allow(&nl, veth, err);
}

static void pass_forget(const char *veth)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err ignored = ERR_NONE;

	if (netlink_open(&nl, NETLINK_NETFILTER, &ignored) == 0)
		(void)firewall_zone_forget(&nl, veth, &ignored);
}

static void line_undo(const char *line)
{
	char kind[8], link[IFNAMSIZ], ips[2][ADDRESS_TEXT] = { "", "" };
	struct err ignored = ERR_NONE;
	struct address address;

	if (sscanf(line, "%7s %15s %45s %45s", kind, link, ips[0], ips[1]) < 3)
		return;
	if (strcmp(kind, "pass") == 0)
		pass_forget(link);
	for (size_t i = 0; i < ARRAY_SIZE(ips); i++)
		if (address_parse(ips[i], &address) == 0)
			(void)lan_close(link, &address,
					&ignored); /* a link that went has nothing to answer */
}

/* Of the link; in a line "pass VETH LINK" it stands last. */
static bool line_is_of(const char *line, const char *link)
{
	char kind[8], words[2][IFNAMSIZ] = { "", "" };

	return sscanf(line, "%7s %15s %15s", kind, words[0], words[1]) == 3 &&
	       str_equal(words[strcmp(kind, "pass") == 0], link);
}

/* All lines, or those of one link alone, are undone; the others stay. */
static void lines_undo(int run, const char *link)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY, rest = BUF_EMPTY;
	_cleanup_strv_ char **lines = NULL;
	struct err ignored = ERR_NONE;

	if (lines_read(run, &text) < 0)
		return;
	lines = strv_split(text.data, '\n');
	for (size_t i = 0; lines[i]; i++) {
		if (!*lines[i])
			continue;
		if (!link || line_is_of(lines[i], link))
			line_undo(lines[i]);
		else
			buf_printf(&rest, "%s\n", lines[i]);
	}
	if (link)
		(void)file_replace(run, "lan", rest.data ? rest.data : "", rest.length, 0600, false,
				   &ignored);
}

/* -- links ------------------------------------------------------------------------------------ */

static int probe_one(const struct endpoint *endpoint, const char *text, struct err *err)
{
	struct address address = { 0 };
	char mac[MAC_TEXT];
	int r;

	if (address_parse(text, &address) < 0 || (address.family == AF_INET && lease_of(endpoint)))
		return 0;
	r = lan_probe(endpoint->network.row.link, &address, mac, err);
	if (r > 0) {
		err_set(err, EADDRINUSE, "address %s is in use on the LAN, by %s", text, mac);
		return err_hint(err, "choose another one with --ip%s",
				address.family == AF_INET6 ? "6" : "");
	}
	return r;
}

static int open_one(const struct endpoint *endpoint, const char *text, const struct subnet *subnet,
		    struct err *err)
{
	struct address address = { 0 };

	return address_parse(text, &address) < 0 ?
		       0 :
		       lan_open(endpoint->network.row.link, endpoint->veth, &address,
				&subnet->address, err);
}

/* The line is what the keeper defends: not before nobody else was found to have it. */
static int lan_attach(const struct endpoint *endpoint, struct err *err)
{
	const struct network *network = &endpoint->network;
	int r;

	if ((r = probe_one(endpoint, endpoint->row.ip4, err)) < 0 ||
	    (r = probe_one(endpoint, endpoint->row.ip6, err)) < 0 ||
	    (r = line_add(endpoint, "lan", network->row.link, err)) < 0 ||
	    (r = pass_allow(endpoint->veth, err)) < 0 ||
	    (r = open_one(endpoint, endpoint->row.ip4, &network->subnet4, err)) < 0)
		return r;
	return open_one(endpoint, endpoint->row.ip6, &network->subnet6, err);
}

/* --host-access: the host reaches the container by a link of its own. */
static int host_route(const struct endpoint *endpoint, const char *name, struct err *err)
{
	const char *texts[] = { endpoint->row.ip4, endpoint->row.ip6 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
		struct address address;
		struct subnet own;

		if (address_parse(texts[i], &address) < 0)
			continue;
		r = lan_subnet(endpoint->network.row.link, address.family, &own, err);
		if (r < 0) /* the host has no address there, from which it could speak */
			return i == 0 ? err_wrap(err, "--host-access") : (err_clear(err), 0);
		r = lan_route(name, &address, &own.address, err);
	}
	return r;
}

int lan_endpoint_attach(const struct endpoint *endpoint, struct err *err)
{
	char name[IFNAMSIZ];
	int r;

	if (network_is_lan(&endpoint->network.row))
		return lan_attach(endpoint, err);
	network_host_link(&endpoint->network, name);
	if (!*name)
		return 0;
	r = line_add(endpoint, "route", name, err);
	return r < 0 ? r : host_route(endpoint, name, err);
}

void lan_endpoint_detach(const struct endpoint *endpoint)
{
	char name[IFNAMSIZ];

	network_host_link(&endpoint->network, name);
	if (network_is_lan(&endpoint->network.row) || *name)
		lines_undo(endpoint->run, *name ? name : endpoint->network.row.link);
}

void lan_endpoints_allow(int run)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_strv_ char **lines = NULL;
	char link[IFNAMSIZ];

	if (lines_read(run, &text) < 0)
		return;
	lines = strv_split(text.data, '\n');
	for (size_t i = 0; lines[i]; i++) {
		struct err ignored = ERR_NONE;

		if (sscanf(lines[i], "pass %15s", link) == 1)
			(void)pass_allow(link, &ignored); /* its next start says why not */
	}
}

void lan_endpoints_release(int run)
{
	lines_undo(run, NULL);
}
