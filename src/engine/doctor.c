/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/cni.h"
#include "engine/doctor_step.h"
#include "engine/engine.h"
#include "engine/netns_name.h"
#include "engine/network_option.h"
#include "engine/status.h"
#include "net/foreign_forward.h"
#include "net/link.h"
#include "net/nft.h"
#include "net/ruleset.h"

/* -- the report ------------------------------------------------------------------------------- */

static struct doctor_step *step_add(struct doctor *d, const char *what, const char *fmt,
				    va_list args)
{
	struct doctor_report *report = &d->report;
	struct doctor_step *step;

	report->steps = reallocarray(report->steps, report->count + 1, sizeof(*report->steps));
	if (!report->steps)
		abort();
	step = &report->steps[report->count++];
	*step = (struct doctor_step){ .what = what };
	if (vasprintf(&step->words, fmt, args) < 0)
		abort();
	return step;
}

void step_ok(struct doctor *d, const char *what, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)step_add(d, what, fmt, args);
	va_end(args);
}

void step_broken(struct doctor *d, const char *what, char *remedy, const char *fmt, ...)
{
	struct doctor_step *step;
	va_list args;

	va_start(args, fmt);
	step = step_add(d, what, fmt, args);
	va_end(args);
	step->broken = true;
	step->remedy = remedy;
}

const struct doctor_step *doctor_verdict(const struct doctor_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->steps[i].broken)
			return &report->steps[i];
	return NULL;
}

bool step_is_broken(const struct doctor *d)
{
	return doctor_verdict(&d->report) != NULL;
}

void doctor_report_clear(struct doctor_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->steps[i].words);
		free(report->steps[i].remedy);
	}
	free(report->steps);
	*report = DOCTOR_REPORT_EMPTY;
}

/* -- the container ---------------------------------------------------------------------------- */

int doctor_socket(struct doctor *d, int family, int type, int protocol)
{
	int s;

	if (d->host_network)
		return socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (setns(d->pidfd, CLONE_NEWNET) < 0)
		return -1;
	s = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (setns(d->own_space, CLONE_NEWNET) < 0)
		abort(); /* we had it a moment ago */
	return s;
}

static int spaces_open(struct doctor *d, struct err *err)
{
	int r = netlink_open(&d->host, NETLINK_ROUTE, err);

	d->own_space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (r == 0 && d->own_space < 0)
		r = err_sys(err, errno, "open our network namespace");
	if (r == 0 && !d->host_network && setns(d->pidfd, CLONE_NEWNET) < 0)
		r = err_sys(err, errno, "enter the container's network namespace");
	if (r < 0)
		return r;
	r = netlink_open(&d->inside, NETLINK_ROUTE, err);
	if (!d->host_network && setns(d->own_space, CLONE_NEWNET) < 0)
		r = err_sys(err, errno, "return to the host's network namespace");
	return r;
}

/* The container whose network it is. false: the packet ends before it begins. */
static bool container_ready(struct doctor *d, struct err *err)
{
	const char *mode = json_string_at(d->record.config, "HostConfig.NetworkMode", "none");
	const char *name = d->record.row.name;
	_cleanup_close_ int run = engine_run_dir(d->engine, d->record.row.id, false, err);
	struct container_status status;

	err_clear(err);
	status_get(d->engine, d->record.row.id, &status);
	if (status.status != STATUS_RUNNING) {
		step_broken(d, "container", str_printf("cloche start %s", name),
			    "container %s is not running", name);
		return false;
	}
	if (status.paused) {
		step_broken(d, "container", str_printf("cloche unpause %s", name),
			    "container %s is paused", name);
		return false;
	}
	if (network_mode_of(mode) == NETWORK_NONE) {
		step_broken(d, "container", str_printf("create it anew, without --network none"),
			    "container %s has no network (--network none)", name);
		return false;
	}
	d->host_network = network_mode_of(mode) == NETWORK_HOST;
	d->pid = status.pid;
	d->pidfd = status_pidfd(d->engine, d->record.row.id);
	if (run < 0 || !netns_name_get(run, d->netns))
		(void)snprintf(d->netns, sizeof(d->netns), "%.200s", name);
	if (network_mode_of(mode) == NETWORK_CNI) {
		if (cni_check(d->engine, &d->record, d->pid, err) < 0)
			step_broken(d, "cni", str_printf("cloche restart %s", name), "%s",
				    err->words);
		else
			step_ok(d, "cni", "its plugins find all as they made it");
		err_clear(err);
		return false;
	}
	step_ok(d, "container", "%s runs, pid %d%s", name, (int)d->pid,
		d->host_network ? ", in the host's own network" : "");
	return true;
}

static const struct endpoint *endpoint_named(const struct doctor *d, const char *link)
{
	for (size_t i = 0; i < d->endpoints.count; i++) {
		char inside[IFNAMSIZ];

		endpoint_inside_name(&d->endpoints.list[i], inside);
		if (strcmp(inside, link) == 0)
			return &d->endpoints.list[i];
	}
	return NULL;
}

/* Its links with their addresses, as they were given: whichever the packet takes. */
static void links_look(struct doctor *d)
{
	for (size_t i = 0; i < d->endpoints.count; i++) {
		const struct endpoint *one = &d->endpoints.list[i];
		const char *texts[] = { one->row.ip4, one->row.ip6 };
		struct err why = ERR_NONE;
		struct link_state link;
		char inside[IFNAMSIZ];

		endpoint_inside_name(one, inside);
		if (link_ask(&d->inside, inside, 0, &link, &why) < 0) {
			step_broken(d, "link", str_printf("cloche restart %s", d->record.row.name),
				    "the container's link %s to network %s is gone", inside,
				    one->network.row.name);
			continue;
		}
		if (!link.up) {
			step_broken(d, "link",
				    str_printf("ip -n %s link set %s up", d->netns, inside),
				    "the container's link %s is down", inside);
			continue;
		}
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
			const struct subnet *subnet = k == 0 ? &one->network.subnet4 :
							       &one->network.subnet6;
			struct address address;

			if (address_parse(texts[k], &address) < 0 ||
			    (d->to.family && d->to.family != address.family))
				continue;
			if (address_ask(&d->inside, link.index, &address, &why) == 0)
				step_broken(d, "address",
					    str_printf("ip -n %s address add %s/%u dev %s",
						       d->netns, texts[k], subnet->prefix, inside),
					    "the container's address %s is not on its link %s",
					    texts[k], inside);
			else
				step_ok(d, "address", "%s has %s/%u, mtu %u", inside, texts[k],
					subnet->prefix, link.mtu);
		}
	}
}

static void route_look(struct doctor *d)
{
	char text[ADDRESS_TEXT], via[ADDRESS_TEXT], gateway[ADDRESS_TEXT] = "";
	const struct endpoint *way = endpoints_gateway(&d->endpoints);
	struct err why = ERR_NONE;
	int r = route_ask(&d->inside, &d->to, NULL, 0, &d->inner, &why);

	if (way && d->to.family == AF_INET)
		(void)address_text(&way->network.subnet4.address, gateway);
	else if (way)
		(void)address_text(&way->network.subnet6.address, gateway);
	(void)address_text(&d->to, text);
	if (r == -ENETUNREACH && *gateway) {
		step_broken(d, "route",
			    str_printf("ip -n %s route add default via %s", d->netns, gateway),
			    "the container has no route to %s: its default route is gone", text);
		return;
	}
	if (r == -ENETUNREACH) {
		step_broken(
			d, "route",
			str_printf("cloche network connect bridge %s", d->record.row.name),
			"the container has no route to %s: its networks are internal, or have no addresses of that family",
			text);
		return;
	}
	if (r < 0) {
		step_broken(d, "route",
			    str_printf("ip -n %s route show %s, and delete it", d->netns, text),
			    "a route in the container refuses packets to %s (%s)", text,
			    strerror(-r));
		return;
	}
	if (link_ask(&d->inside, NULL, d->inner.link, &d->link, &why) < 0)
		return;
	d->endpoint = endpoint_named(d, d->link.name);
	d->from = d->inner.source;
	step_ok(d, "route", "to %s %s%s by %s", text, d->inner.gateway.family ? "via " : "direct",
		address_text(&d->inner.gateway, via), d->link.name);
}

/* -- the host's end --------------------------------------------------------------------------- */

static bool gateway_there(struct doctor *d, const struct network *network, int family)
{
	const struct subnet *subnet = family == AF_INET6 ? &network->subnet6 : &network->subnet4;
	struct err why = ERR_NONE;
	char text[ADDRESS_TEXT];

	if (!subnet->address.family ||
	    address_ask(&d->host, d->bridge.index, &subnet->address, &why) != 0)
		return true;
	(void)address_text(&subnet->address, text);
	step_broken(d, "bridge",
		    str_printf("ip address add %s/%u dev %s", text, subnet->prefix, d->bridge.name),
		    "the gateway's address %s is not on the bridge %s", text, d->bridge.name);
	return false;
}

static void peer_look(struct doctor *d)
{
	const struct network *network = &d->endpoint->network;
	const struct subnet *subnet = d->to.family == AF_INET6 ? &network->subnet6 :
								 &network->subnet4;
	const char *bridge = network->row.link;
	struct err why = ERR_NONE;
	char text[ADDRESS_TEXT];

	if (strcmp(network->row.driver, "macvlan") == 0)
		return;
	if (!d->link.peer || link_ask(&d->host, NULL, d->link.peer, &d->peer, &why) < 0) {
		step_broken(d, "host's link", str_printf("cloche restart %s", d->record.row.name),
			    "the host's end of %s is gone", d->link.name);
		return;
	}
	if (!d->peer.up) {
		step_broken(d, "host's link", str_printf("ip link set %s up", d->peer.name),
			    "the host's end %s of %s is down", d->peer.name, d->link.name);
		return;
	}
	step_ok(d, "host's link", "%s is %s on the host", d->link.name, d->peer.name);
	if (!network_is_bridge(&network->row))
		return;
	if (link_ask(&d->host, bridge, 0, &d->bridge, &why) < 0) {
		step_broken(d, "bridge", str_printf("cloche restart %s", d->record.row.name),
			    "the bridge %s of network %s is gone", bridge, network->row.name);
		return;
	}
	if (!d->bridge.up) {
		step_broken(d, "bridge", str_printf("ip link set %s up", bridge),
			    "the bridge %s is down", bridge);
		return;
	}
	if (d->peer.master != d->bridge.index) {
		step_broken(d, "bridge",
			    /* what the port is allowed to do went with it */
			    str_printf("cloche restart %s", d->record.row.name),
			    "%s is not on the bridge %s", d->peer.name, bridge);
		return;
	}
	if (!gateway_there(d, network, d->to.family) ||
	    (!d->port && !gateway_there(d, network, AF_INET6)))
		return;
	step_ok(d, "bridge", "%s is on %s, which has %s", d->peer.name, bridge,
		address_text(&subnet->address, text));
	if (d->link.mtu > d->peer.mtu || d->link.mtu > d->bridge.mtu)
		step_broken(
			d, "mtu",
			str_printf("ip -n %s link set %s mtu %u", d->netns, d->link.name,
				   d->peer.mtu < d->bridge.mtu ? d->peer.mtu : d->bridge.mtu),
			"large packets of the container are lost without a word: its %s has mtu %u, %s on the host only %u",
			d->link.name, d->link.mtu,
			d->link.mtu > d->peer.mtu ? d->peer.name : bridge,
			d->link.mtu > d->peer.mtu ? d->peer.mtu : d->bridge.mtu);
}

static void forward_chain_look(struct doctor *d, struct netlink *nl, const char *link)
{
	struct err why = ERR_NONE;

	if (foreign_forward_missing(nl, link, &why) > 0)
		step_broken(
			d, "ruleset", str_printf("cloche network reload"),
			"iptables' chain FORWARD drops what is for %s: the rules that let it pass are gone",
			link);
}

static void ruleset_look(struct doctor *d)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(d->engine);
	const struct network *network = &d->endpoint->network;
	struct err why = ERR_NONE;
	int there;

	if (netlink_open(&nl, NETLINK_NETFILTER, &why) < 0)
		return;
	if (network_is_lan(&network->row) && *d->peer.name)
		forward_chain_look(d, &nl, d->peer.name);
	if (!network_is_bridge(&network->row))
		return;
	there = nft_has_table(&nl, table, &why);
	if (there > 0)
		there = nft_has_name(&nl, table, "bridges", network->row.link, &why);
	if (there == 0) {
		step_broken(
			d, "ruleset", str_printf("cloche network reload"),
			"the nftables table inet %s was flushed: nothing translates addresses for the container",
			table);
		return;
	}
	step_ok(d, "ruleset", "table inet %s has network %s", table, network->row.name);
	if (!network_internal(network))
		forward_chain_look(d, &nl, network->row.link);
}

/* -- from the host on ------------------------------------------------------------------------- */

static bool switch_off(const char *family, const char *link)
{
	_cleanup_free_ char *path = str_printf("/proc/sys/net/%s/conf/%s/forwarding", family, link);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	return file_read(AT_FDCWD, path, 16, &text) == 0 && text.length > 0 && *text.data == '0';
}

static void forwarding_look(struct doctor *d)
{
	const char *family = d->to.family == AF_INET ? "ipv4" : "ipv6",
		   *link = d->bridge.index ? d->bridge.name : d->peer.name;

	if (switch_off(family, "all") || switch_off(family, link)) {
		bool all = switch_off(family, "all");

		step_broken(d, "forwarding",
			    str_printf("sysctl -w net.%s.conf.%s.forwarding=1", family,
				       all ? "all" : link),
			    "the host does not forward %s packets%s%s",
			    d->to.family == AF_INET ? "IPv4" : "IPv6", all ? "" : " of ",
			    all ? "" : link);
		return;
	}
	step_ok(d, "forwarding", "the host forwards packets of %s", link);
}

static bool way_out_look(struct doctor *d, const char *text)
{
	if (d->way_out.up && d->way_out.carrier)
		return true;
	step_broken(d, "way out",
		    d->way_out.up ? str_printf("plug in the cable of %s", d->way_out.name) :
				    str_printf("ip link set %s up", d->way_out.name),
		    "the host's link %s, the way to %s, is %s", d->way_out.name, text,
		    d->way_out.up ? "not connected" : "down");
	return false;
}

static void outer_look(struct doctor *d)
{
	char text[ADDRESS_TEXT], via[ADDRESS_TEXT];
	struct err why = ERR_NONE;
	int r, in = d->bridge.index ? d->bridge.index : d->peer.index;

	(void)address_text(&d->to, text);
	r = route_ask(&d->host, &d->to, d->host_network ? NULL : &d->from, d->host_network ? 0 : in,
		      &d->outer, &why);
	d->within |= r == 0 && (d->outer.local || d->outer.link == in);
	if (d->within) {
		step_ok(d, "host's route", "%s is %s", text,
			d->outer.local ? "the host's own" : "on the same network");
		return;
	}
	if (!d->host_network)
		forwarding_look(d);
	if (r == -EXDEV || r == -EINVAL) {
		step_broken(d, "host's route",
			    str_printf("ip route get %s, and mend the route back", text),
			    "the host's reverse path filter refuses packets of the container to %s",
			    text);
		return;
	}
	if (r == -EHOSTUNREACH || r == -ENETUNREACH || r == -EACCES) {
		struct route plain;
		struct err again = ERR_NONE;

		/* with forwarding off the answer is the same */
		if (route_ask(&d->host, &d->to, NULL, 0, &plain, &again) == 0) {
			d->outer = plain;
			r = 0;
		}
	}
	if (r < 0) {
		int index = link_of_subnet(&d->host, &d->to, &why);

		/* a link that is down has no routes */
		if (index > 0 && link_ask(&d->host, NULL, index, &d->way_out, &why) == 0 &&
		    !d->way_out.up) {
			(void)way_out_look(d, text);
			return;
		}
		step_broken(d, "host's route", str_printf("ip route add %s via YOUR-ROUTER", text),
			    "the host has no route to %s (%s)", text, strerror(-r));
		return;
	}
	if (link_ask(&d->host, NULL, d->outer.link, &d->way_out, &why) < 0)
		return;
	if (!way_out_look(d, text))
		return;
	step_ok(d, "host's route", "to %s %s%s by %s, mtu %u", text,
		d->outer.gateway.family ? "via " : "direct", address_text(&d->outer.gateway, via),
		d->way_out.name, d->way_out.mtu);
	if (d->endpoint && network_internal(&d->endpoint->network))
		step_broken(d, "network",
			    str_printf("cloche network connect bridge %s", d->record.row.name),
			    "network %s is internal: it has no way out",
			    d->endpoint->network.row.name);
}

/* -- the walk --------------------------------------------------------------------------------- */

static int target_read(struct doctor *d, const char *target, struct err *err)
{
	const char *colon = strrchr(target, ':');
	size_t length = colon ? (size_t)(colon - target) : 0;
	uint64_t port;

	if (!colon || length == 0 || str_to_u64(colon + 1, 65535, &port) < 0 || port == 0)
		return err_set(err, EINVAL, "%s is not HOST:PORT", target);
	if (*target == '[' && colon[-1] == ']') {
		target++;
		length -= 2;
	}
	d->host_name = str_ndup(target, length);
	d->port = (uint16_t)port;
	(void)address_parse(d->host_name, &d->to); /* or a name */
	return 0;
}

static void walk(struct doctor *d)
{
	if (!d->to.family)
		doctor_name(d);
	if (!d->to.family)
		return;
	if (!d->host_network)
		links_look(d);
	if (step_is_broken(d))
		return;
	route_look(d);
	if (step_is_broken(d))
		return;
	d->within = d->inner.local || (!d->inner.gateway.family && !d->host_network);
	if (d->endpoint && !d->inner.local) {
		peer_look(d);
		ruleset_look(d);
	}
	if (!d->within && !step_is_broken(d))
		outer_look(d);
	if (!step_is_broken(d))
		doctor_neighbour(d);
	if (!step_is_broken(d))
		doctor_packet(d);
	if (!step_is_broken(d))
		doctor_path(d);
}

/* Without a target: the networks that it is on, its names, and what is published. */
static void look_around(struct doctor *d)
{
	links_look(d);
	for (size_t i = 0; !step_is_broken(d) && i < d->endpoints.count; i++) {
		const struct network *network = &d->endpoints.list[i].network;
		struct err why = ERR_NONE;
		char inside[IFNAMSIZ];

		d->endpoint = &d->endpoints.list[i];
		endpoint_inside_name(d->endpoint, inside);
		d->to.family = network->subnet4.address.family ? AF_INET : AF_INET6;
		if (link_ask(&d->inside, inside, 0, &d->link, &why) < 0)
			continue;
		peer_look(d);
		ruleset_look(d);
		if (!network_internal(network) && !step_is_broken(d))
			forwarding_look(d);
	}
	if (!step_is_broken(d))
		doctor_resolver(d);
	if (!step_is_broken(d))
		doctor_ports(d);
}

static void doctor_end(struct doctor *d)
{
	record_clear(&d->record);
	endpoints_clear(&d->endpoints);
	netlink_close(&d->inside);
	netlink_close(&d->host);
	free(d->host_name);
	fd_close(d->pidfd);
	fd_close(d->own_space);
	doctor_report_clear(&d->report);
}

/* The container, or the one whose network it shares. */
static int record_of(struct doctor *d, const char *container, struct err *err)
{
	int r = record_find(d->engine, container, &d->record, err);

	for (int hops = 0; r == 0 && hops < 8; hops++) {
		const char *mode =
			json_string_at(d->record.config, "HostConfig.NetworkMode", "none");
		_cleanup_free_ char *other = NULL;

		if (network_mode_of(mode) != NETWORK_CONTAINER)
			break;
		other = str_dup(mode + strlen("container:"));
		record_clear(&d->record);
		r = record_find(d->engine, other, &d->record, err);
	}
	return r;
}

int doctor_examine(struct engine *engine, const char *container, const char *target,
		   struct doctor_report *ret_report, struct err *err)
{
	struct doctor d = { .engine = engine,
			    .endpoints = ENDPOINTS_NONE,
			    .pidfd = -1,
			    .own_space = -1,
			    .inside = NETLINK_NONE,
			    .host = NETLINK_NONE };
	int r = record_of(&d, container, err);

	if (r == 0 && target)
		r = target_read(&d, target, err);
	if (r == 0 && container_ready(&d, err)) {
		r = endpoints_load(engine, &d.record, &d.endpoints, err);
		if (r == 0)
			r = spaces_open(&d, err);
		if (r == 0 && target)
			walk(&d);
		else if (r == 0)
			look_around(&d);
	}
	if (r == 0) {
		*ret_report = d.report;
		d.report = DOCTOR_REPORT_EMPTY;
	}
	doctor_end(&d);
	return r;
}
