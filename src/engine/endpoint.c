/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/lan_endpoint.h"
#include "engine/lease.h"
#include "engine/network_option.h"
#include "engine/record.h"
#include "engine/resolver.h"
#include "engine/traffic.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/spoof_guard.h"

static void endpoint_clear(struct endpoint *endpoint)
{
	endpoint_row_clear(&endpoint->row);
	network_clear(&endpoint->network);
	json_decref(endpoint->request);
}

void endpoints_clear(struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->count; i++)
		endpoint_clear(&endpoints->list[i]);
	free(endpoints->list);
	fd_close(endpoints->lock);
	fd_close(endpoints->resolver);
	traffic_free(endpoints->traffic);
	*endpoints = ENDPOINTS_NONE;
}

int endpoints_load(struct engine *engine, const struct record *record,
		   struct endpoints *ret_endpoints, struct err *err)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	struct endpoint_row *rows = NULL;
	int count;

	if (network_mode_of(json_string_at(record->config, "HostConfig.NetworkMode", "none")) !=
	    NETWORK_NAMED)
		return 0;
	if (!engine_store(engine, err))
		return -err->code;
	count = endpoint_list(engine->store, NULL, record->row.id, &rows, err);
	if (count < 0)
		return count;
	endpoints.list = mem_new(((size_t)count + 1) * sizeof(*endpoints.list));
	for (int i = 0; i < count; i++) {
		struct endpoint *endpoint = &endpoints.list[i];

		endpoint->row = rows[i];
		endpoint->run = -1;
		endpoint->request = json_loads(rows[i].config, 0, NULL);
		endpoints.count++;
	}
	free(rows);
	for (size_t i = 0; i < endpoints.count; i++) {
		int r = network_find(engine, endpoints.list[i].row.network,
				     &endpoints.list[i].network, err);

		if (r < 0)
			return r;
		lease_apply(&endpoints.list[i]);
	}
	*ret_endpoints = endpoints;
	endpoints = ENDPOINTS_NONE;
	return 0;
}

int endpoints_up(struct engine *engine, const struct record *record, struct endpoints *endpoints,
		 const char *lease, struct err *err)
{
	if (endpoints->count == 0)
		return 0;
	endpoints->lock = network_lock(engine, false, err);
	if (endpoints->lock < 0)
		return endpoints->lock;
	for (size_t i = 0; i < endpoints->count; i++) {
		int r = network_up(engine, &endpoints->list[i].network, endpoints->lock, err);

		if (r < 0)
			return r;
	}
	if (lease && leases_obtain(engine, record, endpoints, lease, err) < 0)
		return -err->code;
	/* behind what may take long: it ends when it waits in vain */
	if (resolver_wanted(record)) {
		endpoints->resolver = resolver_open(engine, endpoints->lock, err);
		if (endpoints->resolver < 0)
			return endpoints->resolver;
	}
	return 0;
}

const struct endpoint *endpoints_gateway(const struct endpoints *endpoints)
{
	const struct endpoint *best = NULL;

	for (size_t i = 0; i < endpoints->count; i++) {
		const struct endpoint *one = &endpoints->list[i];

		if (network_internal(&one->network))
			continue;
		if (!best || json_int_at(one->request, "GwPriority", 0) >
				     json_int_at(best->request, "GwPriority", 0))
			best = one;
	}
	return best;
}

/* In the namespace that we are in. */
static int index_of(const char *name)
{
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return s < 0 ? 0 : link_index(s, name);
}

static int guard_add(const struct endpoint *endpoint, struct netlink *nl, const uint8_t mac[6],
		     struct err *err)
{
	struct address ip4 = { 0 }, ip6 = { 0 };
	int r;

	(void)address_parse(endpoint->row.ip4, &ip4);
	(void)address_parse(endpoint->row.ip6, &ip6);
	spoof_guard_add(nl, index_of(endpoint->veth), mac, &ip4, &ip6);
	r = netlink_send(nl, err);
	if (r < 0) {
		(void)err_wrap(err, "keep the container from forging addresses");
		return err_hint(
			err,
			"the kernel needs sch_ingress and cls_bpf; drop NET_ADMIN and NET_RAW, or make the "
			"network with -o spoofing=allow");
	}
	return 0;
}

static int macvlan_make(const struct endpoint *endpoint, const char *inside, int namespace,
			struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct veth link = { .peer = inside,
			     .namespace = namespace,
			     .mtu = network_mtu(&endpoint->network) };
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (endpoint->traffic) {
		netlink_close(&nl);
		return err_set(err, EINVAL,
			       "--egress and --bandwidth do not reach a link of driver %s",
			       endpoint->network.row.driver);
	}
	(void)mac_parse(endpoint->row.mac, link.mac);
	if (r == 0 && strcmp(endpoint->network.row.driver, "ipvlan") == 0)
		r = link_add_ipvlan(&nl, &link, endpoint->network.index,
				    network_option(&endpoint->network, "ipvlan_mode", "l2"));
	else if (r == 0)
		r = link_add_macvlan(&nl, &link, endpoint->network.index,
				     network_option(&endpoint->network, "macvlan_mode", "bridge"));
	if (r == 0)
		r = netlink_send(&nl, err);
	if (r == -EOPNOTSUPP)
		err_hint(err, "the kernel needs the module %s", endpoint->network.row.driver);
	return r < 0 ? err_wrap(err, "make a link of %s", endpoint->network.row.link) : 0;
}

/* systemd-networkd has rules of its own for links that begin with these and a dash (those of systemd-nspawn and of virtual machines): it would give
 * them addresses and a DHCP server. NetworkManager leaves all veth pairs alone but those that are called eth and a number
 * (its 85-nm-unmanaged.rules), which it would take off their bridge. */
static void name_apart(char name[IFNAMSIZ])
{
	static const char *const theirs[] = { "ve-", "vb-", "vz-", "vt-", "mv-", "iv-" };

	for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
		if (str_prefix(name, theirs[i]))
			name[2] = '_';
	if (str_prefix(name, "eth") && name[3] >= '0' && name[3] <= '9')
		name[3] = '_';
}

/* The host's end: eight letters of the container's name, so that `ip link` tells whose it is. */
static int veth_make(struct endpoint *endpoint, const struct record *record, const char *inside,
		     int namespace, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct veth veth = { .name = endpoint->veth,
			     .bridge = network_is_bridge(&endpoint->network.row) ?
					       endpoint->network.index :
					       0,
			     .peer = inside,
			     .namespace = namespace,
			     .mtu = network_mtu(&endpoint->network) };
	struct port_flags flags = {
		.isolated =
			str_equal(network_option(&endpoint->network,
						 "com.docker.network.bridge.enable_icc", "true"),
				  "false"),
		.hairpin = true,
	};
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	(void)mac_parse(endpoint->row.mac, veth.mac);
	for (int tries = 0; r == 0 && tries < 20; tries++) {
		char random[5];

		engine_random_hex(random, 4);
		(void)snprintf(endpoint->veth, sizeof(endpoint->veth), "%.8s-%s", record->row.name,
			       random);
		name_apart(endpoint->veth);
		link_add_veth(&nl, &veth);
		r = netlink_send(&nl, err);
		if (r != -EEXIST)
			break;
		r = 0;
		err_clear(err);
	}
	if (r == 0 && endpoint->guarded &&
	    !str_equal(network_option(&endpoint->network, "com.cloche.spoofing", ""), "allow"))
		r = guard_add(endpoint, &nl, veth.mac, err);
	/* hairpin is for a container that reaches itself by a published port */
	flags.hairpin = network_is_bridge(&endpoint->network.row) &&
			(json_object_size(json_at(record->config, "HostConfig.PortBindings")) > 0 ||
			 json_bool_at(record->config, "HostConfig.PublishAllPorts"));
	flags.isolated &= network_is_bridge(&endpoint->network.row);
	if (r == 0 && endpoint->traffic)
		r = traffic_outside(endpoint->traffic, &nl, index_of(endpoint->veth), err);
	if (r == 0 && (flags.isolated || flags.hairpin)) {
		link_set_port(&nl, endpoint->veth, &flags);
		r = netlink_send(&nl, err);
	}
	return r < 0 ? err_wrap(err, "make the link to network %s", endpoint->network.row.name) : 0;
}

static void address_add(struct netlink *nl, int index, const char *text,
			const struct subnet *subnet)
{
	struct subnet own = { .prefix = subnet->prefix };

	if (address_parse(text, &own.address) == 0)
		link_add_address(nl, index, &own);
}

/* Of ipvlan's layer 3 there is no gateway: the host routes what leaves. */
static void default_routes(const struct endpoint *endpoint, struct netlink *nl, int index)
{
	static const struct address router = { AF_INET6, { 0xfe, 0x80, [15] = 1 } };
	const struct network *network = &endpoint->network;
	bool layer3 = network_is_layer3(network);
	struct subnet all4 = { .address = { .family = AF_INET } },
		      all6 = { .address = { .family = AF_INET6 } };

	if (network->subnet4.address.family)
		link_add_route(nl, index, layer3 ? &all4 : NULL,
			       layer3 ? NULL : &network->subnet4.address, 0);
	if (network->subnet6.address.family && *endpoint->row.ip6)
		link_add_route(nl, index, layer3 ? &all6 : NULL,
			       layer3			     ? NULL :
			       network_is_lan(&network->row) ? &router :
							       &network->subnet6.address,
			       0);
}

/* In the container's namespace. */
enum { LOOPBACK_INDEX = 1 }; /* LOOPBACK_IFINDEX of the kernel's flow.h, in every namespace */

static int inside_fill(const struct endpoint *endpoint, const char *inside, bool default_route,
		       struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	const struct network *network = &endpoint->network;
	/* of a LAN the container has its address alone: what is asked of its neighbours, its router answers */
	struct subnet own6 = { network->subnet6.address,
			       network_is_lan(&network->row) ? 128 : network->subnet6.prefix };
	int index, r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	index = index_of(inside);
	if (!index)
		return err_set(err, ENODEV, "link %s is not in the container", inside);
	r = network_request_sysctls(endpoint->request, inside, err);
	if (r < 0)
		return r;
	/* init does it, too, perhaps later: the name server's sockets are on it */
	link_set_up(&nl, LOOPBACK_INDEX);
	link_set_up(&nl, index);
	if (network->subnet4.address.family)
		address_add(&nl, index, endpoint->row.ip4, &network->subnet4);
	if (network->subnet6.address.family)
		address_add(&nl, index, endpoint->row.ip6, &own6);
	if (default_route)
		default_routes(endpoint, &nl, index);
	r = netlink_send(&nl, err);
	if (r == 0 && endpoint->traffic)
		r = traffic_inside(endpoint->traffic, &nl, index, err);
	return r < 0 ? err_wrap(err, "give %s its addresses", inside) : 0;
}

static int namespace_open(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, errno, "open network namespace %s", path) : fd;
}

void endpoint_inside_name(const struct endpoint *endpoint, char inside[IFNAMSIZ])
{
	const char *name = json_string_at(endpoint->request, "InterfaceName", "");

	inside[0] = '\0';
	if (*name)
		(void)str_append(inside, IFNAMSIZ, name);
	else
		(void)snprintf(inside, IFNAMSIZ, "eth%u", (unsigned int)endpoint->row.position);
}

/* Enter the container's namespace: a descriptor of the host's, for inside_leave. */
static int inside_enter(pid_t pid, int *ret_inside, struct err *err)
{
	_cleanup_close_ int host = namespace_open("/proc/self/ns/net", err), other = -1;
	char path[64];

	if (host < 0)
		return host;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	other = namespace_open(path, err);
	if (other < 0)
		return other;
	if (!ret_inside && setns(other, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter the container's network namespace");
	if (ret_inside)
		*ret_inside = fd_take(&other);
	return fd_take(&host);
}

static int inside_leave(int host, int r, struct err *err)
{
	if (setns(host, CLONE_NEWNET) < 0)
		r = err_sys(err, errno, "return to the host's network namespace");
	fd_close(host);
	return r;
}

int endpoint_hairpin(const struct endpoint *endpoint, int pidfd, struct err *err)
{
	struct port_flags flags = {
		.isolated =
			str_equal(network_option(&endpoint->network,
						 "com.docker.network.bridge.enable_icc", "true"),
				  "false"),
		.hairpin = true,
	};
	_cleanup_close_ int host = namespace_open("/proc/self/ns/net", err);
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	char inside[IFNAMSIZ], name[IFNAMSIZ];
	int peer = 0, r;

	if (host < 0 || !network_is_bridge(&endpoint->network.row))
		return host < 0 ? host : 0;
	endpoint_inside_name(endpoint, inside);
	if (setns(pidfd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter the container's network namespace");
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r == 0)
		r = link_peer(&nl, inside, &peer, err);
	netlink_close(&nl);
	if (setns(host, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "return to the host's network namespace");
	if (r < 0 || !if_indextoname((unsigned int)peer, name))
		return r < 0 ? r : err_set(err, ENODEV, "the host's end of %s is gone", inside);
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	link_set_port(&nl, name, &flags);
	r = netlink_send(&nl, err);
	return r < 0 ? err_wrap(err, "change the link %s", name) : 0;
}

static int inside_delete(const struct endpoint *endpoint, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	char inside[IFNAMSIZ];
	int index, r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	endpoint_inside_name(endpoint, inside);
	index = index_of(inside);
	if (!index)
		return 0;
	link_delete(&nl, index);
	r = netlink_send(&nl, err);
	return r < 0 ? err_wrap(err, "remove link %s of the container", inside) : 0;
}

int endpoint_detach(const struct endpoint *endpoint, pid_t pid, struct err *err)
{
	int host;

	lan_endpoint_detach(endpoint);
	host = inside_enter(pid, NULL, err);
	return host < 0 ? host : inside_leave(host, inside_delete(endpoint, err), err);
}

static int inside_route(const struct endpoint *endpoint, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	char inside[IFNAMSIZ];
	int index, r = netlink_open(&nl, NETLINK_ROUTE, err);

	endpoint_inside_name(endpoint, inside);
	index = r < 0 ? 0 : index_of(inside);
	if (!index)
		return r;
	default_routes(endpoint, &nl, index);
	r = netlink_send(&nl, err);
	return r < 0 ? err_wrap(err, "give %s the default route", inside) : 0;
}

int endpoint_route(const struct endpoint *endpoint, pid_t pid, struct err *err)
{
	int host = inside_enter(pid, NULL, err);

	return host < 0 ? host : inside_leave(host, inside_route(endpoint, err), err);
}

/* In the container's namespace. */
static int inside_readdress(const struct endpoint *endpoint, const char *old_ip4,
			    bool default_route, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	char inside[IFNAMSIZ];
	struct address old;
	int index, r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	endpoint_inside_name(endpoint, inside);
	index = index_of(inside);
	if (!index)
		return err_set(err, ENODEV, "link %s is not in the container", inside);
	if (address_parse(old_ip4, &old) == 0) {
		link_delete_address(&nl, index, &old);
		r = netlink_send(&nl, err);
		if (r == -EADDRNOTAVAIL) { /* somebody inside was first */
			err_clear(err);
			r = 0;
		}
	}
	if (r < 0 || !*endpoint->row.ip4)
		return r;
	address_add(&nl, index, endpoint->row.ip4, &endpoint->network.subnet4);
	if (default_route)
		link_add_route(&nl, index, NULL, &endpoint->network.subnet4.address, 0);
	return netlink_send(&nl, err);
}

static int outside_readdress(struct endpoint *endpoint, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct address ip4 = { 0 }, ip6 = { 0 };
	uint8_t mac[6] = { 0 };
	int r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r < 0)
		return r;
	(void)mac_parse(endpoint->row.mac, mac);
	(void)address_parse(endpoint->row.ip4, &ip4);
	(void)address_parse(endpoint->row.ip6, &ip6);
	r = spoof_guard_replace(&nl, index_of(endpoint->veth), mac, &ip4, &ip6, err);
	return r < 0 || !*endpoint->row.ip4 ? r : lan_endpoint_attach(endpoint, err);
}

int endpoint_readdress(struct endpoint *endpoint, const char *old_ip4, pid_t pid,
		       bool default_route, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	char inside[IFNAMSIZ];
	int peer = 0, host = inside_enter(pid, NULL, err), r;

	if (host < 0)
		return host;
	endpoint_inside_name(endpoint, inside);
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r == 0 && network_is_lan(&endpoint->network.row))
		r = link_peer(&nl, inside, &peer, err);
	if (r == 0)
		r = inside_readdress(endpoint, old_ip4, default_route, err);
	r = inside_leave(host, r, err);
	lan_endpoint_detach(endpoint);
	if (r < 0)
		return err_wrap(err, "give %s its address", inside);
	if (!network_is_lan(&endpoint->network.row))
		return *endpoint->row.ip4 ? lan_endpoint_attach(endpoint, err) : 0;
	if (!if_indextoname((unsigned int)peer, endpoint->veth))
		return err_set(err, ENODEV, "the host's end of %s is gone", inside);
	return outside_readdress(endpoint, err);
}

int endpoint_attach(struct endpoint *endpoint, const struct record *record, pid_t pid,
		    bool default_route, int sockets[2], struct err *err)
{
	_cleanup_close_ int other = -1;
	char inside[IFNAMSIZ];
	int r, host = inside_enter(pid, &other, err);

	if (host < 0)
		return host;
	endpoint_inside_name(endpoint, inside);
	r = network_is_child(endpoint->network.row.driver) ?
		    macvlan_make(endpoint, inside, other, err) :
		    veth_make(endpoint, record, inside, other, err);
	if (r == 0)
		r = lan_endpoint_attach(endpoint, err);
	if (r < 0 || setns(other, CLONE_NEWNET) < 0) {
		fd_close(host);
		return r < 0 ? r : err_sys(err, errno, "enter the container's network namespace");
	}
	r = inside_fill(endpoint, inside, default_route, err);
	if (r == 0 && sockets)
		r = resolver_sockets(sockets, err);
	return inside_leave(host, r, err);
}

static int routes_add(const struct endpoints *endpoints, pid_t pid, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	int host = inside_enter(pid, NULL, err), r;

	if (host < 0)
		return host;
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	if (r == 0)
		r = traffic_routes(endpoints->traffic, endpoints, &nl, index_of, err);
	return inside_leave(host, r, err);
}

int endpoints_attach(struct endpoints *endpoints, const struct record *record, pid_t pid, int pidfd,
		     int run, struct err *err)
{
	const struct endpoint *gateway = endpoints_gateway(endpoints);
	int sockets[2] = { -1, -1 }, r = 0;

	for (size_t i = 0; r == 0 && i < endpoints->count; i++) {
		struct endpoint *one = &endpoints->list[i];

		one->guarded = endpoints->guarded;
		one->traffic = endpoints->traffic;
		one->run = run;
		r = endpoint_attach(one, record, pid, one == gateway,
				    i == 0 && endpoints->resolver >= 0 ? sockets : NULL, err);
	}
	if (r == 0 && endpoints->traffic)
		r = routes_add(endpoints, pid, err);
	if (r == 0 && sockets[0] >= 0)
		r = resolver_tell(endpoints->resolver, record, endpoints, pidfd, sockets, err);
	fd_close(sockets[0]);
	fd_close(sockets[1]);
	return r;
}

void endpoints_hosts(const struct endpoints *endpoints, const struct record *record,
		     struct buf *out)
{
	const char *hostname = json_string_at(record->config, "Config.Hostname", ""),
		   *domain = json_string_at(record->config, "Config.Domainname", "");

	for (size_t i = 0; *hostname && i < endpoints->count; i++) {
		const char *texts[] = { endpoints->list[i].row.ip4, endpoints->list[i].row.ip6 };

		for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
			if (!*texts[k])
				continue;
			buf_printf(out, "%s\t", texts[k]);
			if (*domain)
				buf_printf(out, "%s.%s ", hostname, domain);
			buf_printf(out, "%s\n", hostname);
		}
	}
}
