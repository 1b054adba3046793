/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/network_up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/firewall_zone.h"
#include "engine/lan_endpoint.h"
#include "engine/netns_name.h"
#include "engine/network.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/repair.h"
#include "engine/resolver.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/nft.h"

char *network_table(struct engine *engine)
{
	return str_printf("cloche%s", engine->suffix);
}

int network_lock(struct engine *engine, bool alone, struct err *err)
{
	int fd = openat(engine->run, "network.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0)
		return err_sys(err, errno, "open the networks' lock");
	while (flock(fd, alone ? LOCK_EX : LOCK_SH) < 0) {
		if (errno != EINTR) {
			fd_close(fd);
			return err_sys(err, errno, "lock the networks");
		}
	}
	return fd;
}

static int any_socket(struct err *err)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return s < 0 ? err_sys(err, errno, "open a socket") : s;
}

bool network_is_up(const struct network *network)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int s = any_socket(&ignored);

	return s >= 0 && link_index(s, network->row.link) > 0;
}

/* -- sysctls ---------------------------------------------------------------------------------- */

static void sysctl_set(const char *family, const char *link, const char *name, const char *value)
{
	_cleanup_free_ char *path = str_printf("/proc/sys/net/%s/conf/%s/%s", family, link, name);

	(void)file_poke(AT_FDCWD, path, value); /* a kernel without that family */
}

static bool sysctl_is(const char *path, char value)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	return file_read(AT_FDCWD, path, 64, &text) == 0 && text.length > 0 &&
	       text.data[0] == value;
}

/* A link that hears routers goes deaf when the host forwards, unless it is told not to (ip-sysctl, accept_ra). */
static void routers_still_heard(void)
{
	DIR *d = opendir("/proc/sys/net/ipv6/conf");
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		_cleanup_free_ char *path = NULL;

		if (e->d_name[0] == '.')
			continue;
		path = str_printf("/proc/sys/net/ipv6/conf/%s/accept_ra", e->d_name);
		if (sysctl_is(path, '1') && strcmp(e->d_name, "all") != 0)
			(void)file_poke(AT_FDCWD, path, "2");
	}
	if (d)
		(void)closedir(d);
}

/* Of all links: answers to containers come in by any of those that have other hosts behind them. */
static int forwarding_on(struct engine *engine, bool v4, bool v6, struct err *err)
{
	int r = 0;

	if (v4 && !sysctl_is("/proc/sys/net/ipv4/ip_forward", '1')) {
		r = file_poke(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1");
		engine->forwarding_begun = true;
	}
	if (r == 0 && v6 && sysctl_is("/proc/sys/net/ipv6/conf/all/forwarding", '0')) {
		routers_still_heard();
		r = file_poke(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/forwarding", "1");
		engine->forwarding_begun = true;
	}
	return r < 0 ? err_sys(err, r, "let the host forward packets") : 0;
}

static void link_sysctls(const char *link)
{
	/* a published port is reached by 127.x too; the guard chain keeps containers from it */
	sysctl_set("ipv4", link, "route_localnet", "1");
	sysctl_set("ipv4", link, "send_redirects", "0");
	sysctl_set("ipv4", link, "accept_redirects", "0");
	sysctl_set("ipv6", link, "accept_ra", "0");
	sysctl_set("ipv6", link, "accept_redirects", "0");
}

/* -- link ------------------------------------------------------------------------------------- */

static int link_make(struct engine *engine, struct network *network, int s, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	link_add_bridge(&nl, network->row.link, network_mtu(network));
	r = netlink_send(&nl, err);
	if (r == -EEXIST)
		err_clear(err);
	else if (r < 0)
		return err_wrap(err, "make link %s", network->row.link);
	engine_kill_point("network-link");
	network->index = link_index(s, network->row.link);
	if (!network->index)
		return err_set(err, ENODEV, "link %s went away", network->row.link);
	link_sysctls(network->row.link);
	if (network->subnet4.address.family)
		link_add_address(&nl, network->index, &network->subnet4);
	if (network->subnet6.address.family)
		link_add_address(&nl, network->index, &network->subnet6);
	link_set_up(&nl, network->index);
	r = netlink_send(&nl, err);
	if (r < 0)
		return err_wrap(err, "give link %s its addresses", network->row.link);
	return network_internal(network) ? 0 :
					   forwarding_on(engine, network->subnet4.address.family,
							 network->subnet6.address.family, err);
}

struct ruleset_network network_ruleset(const struct network *network)
{
	return (struct ruleset_network){
		.link = network->row.link,
		.internal = network_internal(network),
		.masquerade = !str_equal(
			network_option(network, "com.docker.network.bridge.enable_ip_masquerade",
				       "true"),
			"false"),
	};
}

int network_rulesets(struct engine *engine, int s,
		     void (*each)(const char *name, const struct ruleset_network *of, void *data),
		     void *data, struct err *err)
{
	struct network_row *rows = NULL;
	struct store *store = engine_store(engine, err);
	int count = store ? network_list(store, &rows, err) : -err->code;

	for (int i = 0; i < count; i++) {
		struct network network = { .row = rows[i] };
		struct ruleset_network of;

		if (!network_is_bridge(&rows[i]) || !link_index(s, rows[i].link))
			continue;
		network.config = json_loads(rows[i].config, 0, NULL);
		of = network_ruleset(&network);
		each(rows[i].name, &of, data);
		json_decref(network.config);
	}
	if (count > 0)
		network_rows_free(rows, (size_t)count);
	return count < 0 ? count : 0;
}

struct loading {
	struct netlink *nl;
	const char *table;
};

static void network_load(const char *name, const struct ruleset_network *of, void *data)
{
	const struct loading *loading = data;

	(void)name;
	ruleset_add_network(loading->nl, loading->table, of);
}

/* The table anew, with every network that has a link, and all published ports. */
static int table_load(struct engine *engine, struct netlink *nl, int s, struct err *err)
{
	_cleanup_free_ char *table = network_table(engine);
	struct loading loading = { nl, table };
	int r;

	nft_begin(nl);
	ruleset_load(nl, table);
	r = network_rulesets(engine, s, network_load, &loading, err);
	if (r == 0)
		r = publish_elements(engine, nl, err);
	if (r < 0) {
		netlink_drop(nl);
		return r;
	}
	r = nft_commit(nl, err);
	return r < 0 ? err_wrap(err, "load the nftables table %s", table) : 0;
}

static int table_add(struct engine *engine, const struct network *network, struct netlink *nl,
		     struct err *err)
{
	_cleanup_free_ char *table = network_table(engine);
	struct ruleset_network of = network_ruleset(network);
	int r;

	nft_begin(nl);
	ruleset_add_network(nl, table, &of);
	r = nft_commit(nl, err);
	return r < 0 ? err_wrap(err, "add network %s to the nftables table", network->row.name) : 0;
}

/* eth0.10, where there is an eth0: the tagged link is made, as Docker does. It stays. */
static int vlan_make(struct network *network, int s, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	const char *name = network->row.link, *dot = strrchr(name, '.');
	_cleanup_free_ char *parent = dot ? str_ndup(name, (size_t)(dot - name)) : NULL;
	int index = parent ? link_index(s, parent) : 0, r;
	uint64_t id;

	if (!index || str_to_u64(dot + 1, 4094, &id) < 0 || id == 0)
		return 0;
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	link_add_vlan(&nl, name, index, (uint16_t)id);
	r = netlink_send(&nl, err);
	if (r < 0 && r != -EEXIST) {
		(void)err_wrap(err, "make the VLAN link %s", name);
		return err_hint(err, "the kernel needs 8021q");
	}
	err_clear(err);
	network->index = link_index(s, name);
	return 0;
}

/* A macvlan link reaches those of the same parent, the parent does not: the host gets one of its own, by which it routes to containers. */
static int host_link_make(struct network *network, int s, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_close_ int own = -1;
	char name[IFNAMSIZ];
	struct veth link = { .peer = name };
	int r;

	network_host_link(network, name);
	if (!*name || link_index(s, name))
		return 0;
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	r = own < 0 ? err_sys(err, errno, "open our network namespace") :
		      netlink_open(&nl, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	link.namespace = own;
	link.mac[0] = 2;
	for (int i = 0; i < 4; i++) /* of its own, and the same each time */
		link.mac[2 + i] = (uint8_t)strtoul((char[]){ network->row.id[2 * i],
							     network->row.id[2 * i + 1], '\0' },
						   NULL, 16);
	(void)link_add_macvlan(&nl, &link, network->index, "bridge");
	r = netlink_send(&nl, err);
	if (r == -EEXIST) {
		err_clear(err);
		r = 0;
	}
	if (r == 0) {
		link_set_up(&nl, link_index(s, name));
		r = netlink_send(&nl, err);
	}
	return r < 0 ? err_wrap(err, "make the host's link %s", name) : 0;
}

static int host_link_remove(const struct network *network, int s, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	char name[IFNAMSIZ];
	int index, r;

	network_host_link(network, name);
	index = *name ? link_index(s, name) : 0;
	if (!index)
		return 0;
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	link_delete(&nl, index);
	r = netlink_send(&nl, err);
	return r < 0 ? err_wrap(err, "remove link %s", name) : 0;
}

int network_up(struct engine *engine, struct network *network, int lock, struct err *err)
{
	_cleanup_free_ char *table = network_table(engine);
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_close_ int s = any_socket(err);
	int loaded, r;

	if (s < 0)
		return s;
	r = netlink_open(&nl, NETLINK_NETFILTER, err);
	if (r < 0)
		return r;
	network->index = link_index(s, network->row.link);
	if (!network_is_bridge(&network->row)) {
		if (!network->index)
			r = vlan_make(network, s, err);
		if (r < 0)
			return r;
		if (!network->index)
			return err_set(err, ENODEV, "network %s: the host has no link %s",
				       network->row.name, network->row.link);
		r = host_link_make(network, s, err);
		if (r < 0)
			return r;
		return network_is_lan(&network->row) ?
			       forwarding_on(engine, true, network->subnet6.address.family != 0,
					     err) :
			       0;
	}
	loaded = nft_has_table(&nl, table, err);
	if (loaded < 0)
		return err_wrap(err, "ask for the nftables table %s", table);
	if (network->index && loaded)
		return network_internal(network) ? 0 :
						   firewall_zone_allow(&nl, network->row.link, err);
	(void)flock(lock, LOCK_EX);
	if (!network->index) {
		r = link_make(engine, network, s, err);
		if (r < 0)
			return err_wrap(err, "network %s", network->row.name);
	}
	/* somebody may have been first while we waited for the lock */
	loaded = nft_has_table(&nl, table, err);
	r = loaded < 0 ? loaded :
	    loaded     ? table_add(engine, network, &nl, err) :
			 table_load(engine, &nl, s, err);
	if (r == 0 && !network_internal(network))
		r = firewall_zone_allow(&nl, network->row.link, err);
	(void)flock(lock, LOCK_SH);
	return r;
}

static int forward_allow_all(struct engine *engine, struct netlink *nl, int s, struct err *err)
{
	struct network_row *rows = NULL;
	struct store *store = engine_store(engine, err);
	int count = store ? network_list(store, &rows, err) : -err->code, r = 0;

	for (int i = 0; r == 0 && i < count; i++) {
		struct network network = { .row = rows[i] };

		if (!network_is_bridge(&rows[i]) || !link_index(s, rows[i].link))
			continue;
		network.config = json_loads(rows[i].config, 0, NULL);
		if (!network_internal(&network))
			r = firewall_zone_allow(nl, rows[i].link, err);
		json_decref(network.config);
	}
	if (count > 0)
		network_rows_free(rows, (size_t)count);
	return count < 0 ? count : r;
}

static bool any_up(struct engine *engine, int s)
{
	struct store *store = engine_store(engine, &(struct err){ 0 });
	struct network_row *rows = NULL;
	int count = store ? network_list(store, &rows, &(struct err){ 0 }) : 0;
	bool any = false;

	for (int i = 0; i < count; i++)
		any |= network_is_bridge(&rows[i]) && link_index(s, rows[i].link) > 0;
	if (count > 0)
		network_rows_free(rows, (size_t)count);
	return any;
}

/* Whole, or where it is missing although networks are up. */
static int ruleset_reload(struct engine *engine, bool whole, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	_cleanup_close_ int lock = network_lock(engine, true, err), s = any_socket(err);
	int r = lock < 0 || s < 0 ? -err->code : netlink_open(&nl, NETLINK_NETFILTER, err);

	if (r == 0 && !whole) {
		r = nft_has_table(&nl, table, err);
		whole = r == 0 && any_up(engine, s);
		r = r < 0 ? r : 0;
	}
	if (r == 0 && whole)
		r = table_load(engine, &nl, s, err);
	return r < 0 ? r : forward_allow_all(engine, &nl, s, err);
}

int network_table_missing(struct engine *engine, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	_cleanup_close_ int s = any_socket(err);
	int r = s < 0 ? s : 0;

	if (r == 0 && !any_up(engine, s))
		return 0;
	if (r == 0)
		r = netlink_open(&nl, NETLINK_NETFILTER, err);
	if (r == 0)
		r = nft_has_table(&nl, table, err);
	return r < 0 ? r : r == 0;
}

/* Each that can be; the first that cannot be is told. On a LAN a container's link is let by what others forbid, as a bridge is. */
static int running_restore(struct engine *engine, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	int count = store ? container_list(store, true, &rows, err) : -err->code, result = 0;

	for (int i = 0; i < count; i++) {
		struct record record = { .row = rows[i],
					 .config = json_loads(rows[i].config, 0, NULL) };
		struct err why = ERR_NONE;
		_cleanup_close_ int run = engine_run_dir(engine, rows[i].id, false, &why);
		int r;

		err_clear(&why); /* one that does not run has none */
		lan_endpoints_allow(run);
		r = publish_wanted(&record) ? publish_restore(engine, &record, &why) : 0;
		if (r < 0 && result == 0) {
			*err = why;
			result = r;
		}
		json_decref(record.config);
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	return count < 0 ? count : result;
}

static int reload(struct engine *engine, bool whole, struct err *err)
{
	int r;

	/* before: what ended gives its ports back */
	repair_ended(engine);
	(void)netns_names_stale(engine, true);
	r = ruleset_reload(engine, whole, err);
	if (r == 0)
		r = resolver_restore(engine, err);
	return r < 0 ? r : running_restore(engine, err);
}

int network_reload(struct engine *engine, struct err *err)
{
	return reload(engine, true, err);
}

int network_mend(struct engine *engine, struct err *err)
{
	return reload(engine, false, err);
}

/* -- down ------------------------------------------------------------------------------------- */

static int link_down(struct network_row *row, struct netlink *route, int s, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	int index = link_index(s, row->link), r;
	struct err ignored = ERR_NONE;

	if (!network_is_bridge(row))
		return 0;
	if (netlink_open(&nl, NETLINK_NETFILTER, err) < 0 ||
	    firewall_zone_forget(&nl, row->link, err) < 0)
		return -err->code;
	link_delete_local_rule(route, AF_INET, row->link, RULESET_MARK);
	(void)netlink_send(route, &ignored); /* only visible publishing made one */
	link_delete_local_rule(route, AF_INET6, row->link, RULESET_MARK);
	(void)netlink_send(route, &ignored);
	if (!index)
		return 0;
	link_delete(route, index);
	r = netlink_send(route, err);
	return r == -ENODEV || r == 0 ? 0 : err_wrap(err, "remove link %s", row->link);
}

int network_down(struct engine *engine, const struct network *network, struct err *err)
{
	_cleanup_(netlink_close) struct netlink route = NETLINK_NONE, nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	_cleanup_close_ int s = any_socket(err);
	struct ruleset_network of = network_ruleset(network);
	int r = s < 0 ? s : netlink_open(&route, NETLINK_ROUTE, err);

	if (!network_is_bridge(&network->row))
		return r < 0 ? r : host_link_remove(network, s, err);
	if (r == 0)
		r = link_down((struct network_row *)&network->row, &route, s, err);
	if (r == 0)
		r = netlink_open(&nl, NETLINK_NETFILTER, err);
	if (r < 0)
		return r;
	nft_begin(&nl);
	ruleset_remove_network(&nl, table, &of);
	r = nft_commit(&nl, err);
	if (r == -ENOENT) { /* it never was up, or the table went */
		err_clear(err);
		r = 0;
	}
	return r;
}

int network_all_down(struct engine *engine, struct err *err)
{
	_cleanup_(netlink_close) struct netlink route = NETLINK_NONE, nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	_cleanup_close_ int lock = network_lock(engine, true, err), s = any_socket(err);
	struct network_row *rows = NULL;
	int count, r = lock < 0 || s < 0 ? -err->code : netlink_open(&route, NETLINK_ROUTE, err);

	count = r < 0 ? r : network_list(engine->store, &rows, err);
	r = count < 0 ? count : 0;
	for (int i = 0; r == 0 && i < count; i++)
		r = link_down(&rows[i], &route, s, err);
	if (count > 0)
		network_rows_free(rows, (size_t)count);
	if (r == 0)
		r = netlink_open(&nl, NETLINK_NETFILTER, err);
	if (r == 0 && (r = nft_has_table(&nl, table, err)) > 0) {
		nft_begin(&nl);
		nft_delete_table(&nl, table);
		r = nft_commit(&nl, err);
	}
	return r;
}
