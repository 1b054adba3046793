/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/doctor_legacy.h"
#include "engine/doctor_step.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/resolver.h"
#include "engine/traffic.h"
#include "net/name_ask.h"
#include "net/trace.h"

enum { PATIENCE_MS = 2500, ROUND_MS = 50, NAME_MS = 6000, NEIGHBOUR_MS = 3500 };

/* -- names ------------------------------------------------------------------------------------ */

static bool in_hosts(struct doctor *d)
{
	_cleanup_close_ int dir =
		engine_container_dir(d->engine, d->record.row.id, false, &(struct err){ 0 });
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *line;

	if (dir < 0 || file_read(dir, "hosts", 1 << 20, &text) < 0 || !text.data)
		return false;
	for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
		const char *address = strsep(&line, " \t"), *word;

		while ((word = strsep(&line, " \t")) != NULL)
			if (strcmp(word, d->host_name) == 0 && address_parse(address, &d->to) == 0)
				return true;
	}
	return false;
}

/* The first nameserver that the container's resolv.conf has. */
static bool server_of(struct doctor *d, struct address *server)
{
	_cleanup_close_ int dir =
		engine_container_dir(d->engine, d->record.row.id, false, &(struct err){ 0 });
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *line, address[ADDRESS_TEXT];

	if (dir < 0 || file_read(dir, "resolv.conf", 1 << 20, &text) < 0 || !text.data)
		return false;
	for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;)
		if (sscanf(line, "nameserver %45s", address) == 1 &&
		    address_parse(address, server) == 0)
			return true;
	return false;
}

static enum name_answer ask(struct doctor *d, const struct address *server, const char *name,
			    int family)
{
	_cleanup_close_ int s = doctor_socket(d, server->family, SOCK_DGRAM, 0);

	return s < 0 ? NAME_SILENT : name_ask(s, server, name, family, NAME_MS, &d->to);
}

static void silent(struct doctor *d, const struct address *server)
{
	char text[ADDRESS_TEXT];

	(void)address_text(server, text);
	if (strcmp(text, RESOLVER_ADDRESS) == 0)
		step_broken(
			d, "name", str_printf("cloche network reload"),
			"the container's name server %s does not answer: cloche-resolve was killed",
			text);
	else
		step_broken(d, "name", str_printf("create the container with another --dns"),
			    "the container's name server %s does not answer", text);
}

void doctor_name(struct doctor *d)
{
	struct address server = { 0 };
	char text[ADDRESS_TEXT];
	enum name_answer answer;

	if (in_hosts(d)) {
		step_ok(d, "name", "%s is %s, by the container's /etc/hosts", d->host_name,
			address_text(&d->to, text));
		return;
	}
	if (!server_of(d, &server)) {
		step_broken(d, "name", str_printf("create the container with --dns ADDRESS"),
			    "the container's resolv.conf has no name server");
		return;
	}
	answer = ask(d, &server, d->host_name, AF_INET);
	if (answer == NAME_NONE)
		answer = ask(d, &server, d->host_name, AF_INET6);
	(void)address_text(&server, text);
	if (answer == NAME_SILENT)
		silent(d, &server);
	else if (answer == NAME_SERVER_FAILED)
		step_broken(d, "name", str_printf("mend /etc/resolv.conf of the host"),
			    "the host's name servers do not answer for %s", d->host_name);
	else if (answer == NAME_NONE)
		step_broken(
			d, "name",
			str_printf("cloche network inspect %s, to see who is on it",
				   json_string_at(d->record.config, "HostConfig.NetworkMode", "")),
			"nobody knows the name %s (asked %s)", d->host_name, text);
	else
		step_ok(d, "name", "%s is %s, by %s", d->host_name, address_text(&d->to, text),
			*text ? "the container's name server" : "");
}

void doctor_resolver(struct doctor *d)
{
	struct address server = { 0 }, kept = d->to;
	char text[ADDRESS_TEXT];

	if (d->host_network || !server_of(d, &server))
		return;
	/* a name that it knows by itself */
	if (strcmp(address_text(&server, text), RESOLVER_ADDRESS) == 0 &&
	    ask(d, &server, "host.cloche.internal", AF_INET) == NAME_SILENT)
		silent(d, &server);
	else
		step_ok(d, "name", "the container's name server is %s", text);
	d->to = kept;
}

/* -- neighbours ------------------------------------------------------------------------------- */

/* A datagram, so that the kernel looks for the neighbour; nobody needs to want it. */
static void nudge(int s, const struct address *address)
{
	struct sockaddr_storage to;
	socklen_t length = address_socket(address, 9, &to);

	if (s >= 0)
		(void)sendto(s, "", 0, MSG_DONTWAIT, (const struct sockaddr *)&to, length);
}

/* Is nobody there? One that failed some time ago is asked once more. */
static bool neighbour_silent(struct netlink *nl, int s, int link, const struct address *address,
			     uint8_t mac[6], bool *fixed)
{
	enum neighbour state = NEIGHBOUR_UNKNOWN;
	struct err why = ERR_NONE;

	for (int waited = 0; waited < NEIGHBOUR_MS; waited += ROUND_MS) {
		if (neighbour_ask(nl, link, address, &state, mac, fixed, &why) < 0)
			return false;
		if (state == NEIGHBOUR_THERE || (state == NEIGHBOUR_SILENT && waited > 0))
			break;
		if (waited == 0)
			nudge(s, address);
		(void)poll(NULL, 0, ROUND_MS);
	}
	return state != NEIGHBOUR_THERE;
}

void doctor_neighbour(struct doctor *d)
{
	const struct address *next = d->inner.gateway.family ? &d->inner.gateway : &d->to;
	_cleanup_close_ int inside = doctor_socket(d, next->family, SOCK_DGRAM, 0), host = -1;
	char text[ADDRESS_TEXT], hex[MAC_TEXT];
	uint8_t mac[6] = { 0 };
	bool fixed = false;

	if (!d->host_network && !d->inner.local) {
		(void)address_text(next, text);
		if (neighbour_silent(&d->inside, inside, d->inner.link, next, mac, &fixed)) {
			step_broken(
				d, "neighbour",
				str_printf("ip -n %s neigh show; tcpdump -ni %s arp or icmp6",
					   d->netns, d->peer.name),
				"the container gets no answer from %s on %s (ARP, neighbour discovery)",
				text, d->link.name);
			return;
		}
		if (fixed && d->inner.gateway.family && d->bridge.index &&
		    memcmp(mac, d->bridge.mac, 6) != 0) {
			step_broken(
				d, "neighbour",
				str_printf("ip -n %s neigh del %s dev %s", d->netns, text,
					   d->link.name),
				"somebody entered a wrong address for the gateway %s in the container: %s",
				text, mac_text(mac, hex));
			return;
		}
		step_ok(d, "neighbour", "%s is at %s", text, mac_text(mac, hex));
	}
	if (d->within || !d->way_out.index)
		return;
	next = d->outer.gateway.family ? &d->outer.gateway : &d->to;
	host = socket(next->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)address_text(next, text);
	if (neighbour_silent(&d->host, host, d->way_out.index, next, mac, &fixed))
		step_broken(d, "neighbour",
			    str_printf("look whether %s is on and plugged in", text),
			    "%s %s does not answer the host on %s",
			    d->outer.gateway.family ? "the router" : "the host", text,
			    d->way_out.name);
	else
		step_ok(d, "neighbour", "%s is at %s", text, mac_text(mac, hex));
}

/* -- the packet ------------------------------------------------------------------------------- */

static void dropped(struct doctor *d, const char *who, const struct trace_drop *drop,
		    const char *direction)
{
	_cleanup_free_ char *own = network_table(d->engine);
	_cleanup_free_ char *place =
		str_printf("table %s %s, chain %s", drop->family, drop->table, drop->chain);

	if (strcmp(drop->table, own) == 0)
		step_broken(d, "firewall",
			    str_printf("cloche network connect NETWORK %s, or publish the port",
				       d->record.row.name),
			    "%s%s: Cloche keeps networks apart (%s)", direction, who, place);
	else if (drop->rule)
		step_broken(d, "firewall",
			    str_printf("nft delete rule %s %s %s handle %llu", drop->family,
				       drop->table, drop->chain, (unsigned long long)drop->rule),
			    "%s%s: dropped by a rule of the firewall, %s, rule handle %llu",
			    direction, who, place, (unsigned long long)drop->rule);
	else
		step_broken(d, "firewall",
			    str_printf("nft add rule %s %s %s accept, or a narrower rule",
				       drop->family, drop->table, drop->chain),
			    "%s%s: no rule lets it pass and the chain's policy is drop, %s",
			    direction, who, place);
}

/* An error that a router sent, or 0. */
static int router_error(int s, char offender[ADDRESS_TEXT])
{
	char room[512] __attribute__((aligned(8))), byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room) };

	offender[0] = '\0';
	if (recvmsg(s, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
		struct sock_extended_err e;
		struct sockaddr_storage who = { 0 };
		size_t rest = c->cmsg_len - CMSG_LEN(sizeof(e));

		if (c->cmsg_len < CMSG_LEN(sizeof(e)))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		memcpy(&who, CMSG_DATA(c) + sizeof(e), rest < sizeof(who) ? rest : sizeof(who));
		if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6) {
			address_from_socket(&who, offender);
			return (int)e.ee_errno;
		}
	}
	return 0;
}

/* 0: connected, an errno, or ETIMEDOUT. */
static int attempt(int s, const struct sockaddr_storage *to, socklen_t length, struct trace *trace)
{
	struct pollfd p = { .fd = s, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = 0;

	if (connect(s, (const struct sockaddr *)to, length) < 0 && errno != EINPROGRESS)
		return errno;
	for (int waited = 0; waited < PATIENCE_MS; waited += ROUND_MS) {
		trace_hear(trace, 0);
		if (poll(&p, 1, ROUND_MS) > 0) {
			(void)getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size);
			return error;
		}
		if (trace->there.dropped || trace->back.dropped)
			return ETIMEDOUT; /* it will not come */
	}
	return ETIMEDOUT;
}

/* Nothing of ours but --egress stands before the first chain that is traced. */
static void egress_denied(struct doctor *d, const char *who)
{
	_cleanup_strv_ char **kept = json_strv_at(d->record.config, "Cloche.Egress");
	_cleanup_(buf_clear) struct buf remedy = { 0 };
	char text[ADDRESS_TEXT];

	buf_printf(&remedy, "cloche recreate %s", d->record.row.name);
	for (size_t i = 0; kept && kept[i]; i++)
		buf_printf(&remedy, " --egress %s", kept[i]);
	buf_printf(&remedy,
		   d->to.family == AF_INET ? " --egress allow=%s:%u" : " --egress allow=[%s]:%u",
		   address_text(&d->to, text), d->port);
	step_broken(d, "egress", ptr_take(&remedy.data), "%s: the container's --egress denies it",
		    who);
}

static void unanswered(struct doctor *d, const char *who, const struct address *to,
		       const struct trace *trace)
{
	if (!trace->there.seen && address_equal(to, &d->to) &&
	    traffic_denies(&d->record, to, d->port))
		egress_denied(d, who);
	else if (!trace->there.seen)
		step_broken(
			d, "firewall",
			str_printf("ip netns exec %s nft list ruleset; nft list ruleset bridge",
				   d->netns),
			"%s: the packets do not come out of the container: its own firewall, or one of the bridge",
			who);
	else if (trace->back.seen)
		step_broken(
			d, "answer", str_printf("ip netns exec %s nft list ruleset", d->netns),
			"%s: answers come to the host and do not reach the container: its own firewall",
			who);
	else if (d->way_out.index)
		step_broken(
			d, "answer",
			str_printf("look at the firewall of the other host; tcpdump -ni %s port %u",
				   d->way_out.name, d->port),
			"%s: the packets leave by %s and no answer comes back", who,
			d->way_out.name);
	else
		step_broken(d, "answer",
			    str_printf("look at the firewall of the one that is asked"),
			    "%s: the packets arrive and no answer comes back", who);
}

/* Bound now, so that the answers are known from those of earlier attempts, which a server may repeat for a minute. 0: it could not be. */
static uint16_t own_port(int s, int family)
{
	struct address any = { .family = family };
	struct sockaddr_storage name;
	socklen_t length = address_socket(&any, 0, &name);

	if (bind(s, (const struct sockaddr *)&name, length) < 0 ||
	    getsockname(s, (struct sockaddr *)&name, &length) < 0)
		return 0;
	return ntohs(family == AF_INET ? ((struct sockaddr_in *)&name)->sin_port :
					 ((struct sockaddr_in6 *)&name)->sin6_port);
}

void doctor_connect(struct doctor *d, int s, const char *who, const struct address *to,
		    uint16_t port, const struct address *from, const struct address *answers,
		    uint16_t answers_port)
{
	_cleanup_(trace_end) struct trace trace = TRACE_NONE;
	struct trace_flow flow = { *from, port, own_port(s, to->family), *answers, answers_port };
	struct sockaddr_storage address;
	socklen_t length = address_socket(to, port, &address);
	char offender[ADDRESS_TEXT];
	_cleanup_(legacy_drop_clear) struct legacy_drop old = { 0 };
	struct err why = ERR_NONE;
	struct legacy legacy;
	int on = 1, result;
	bool by_old;

	legacy_begin(&legacy, to->family);
	if (trace_begin(&trace, &flow, &why) < 0) {
		step_ok(d, "firewall", "cannot be traced: %s", why.words);
		trace_end(&trace);
		trace = TRACE_NONE;
		trace.there.seen = true;
	}
	(void)setsockopt(s, to->family == AF_INET ? SOL_IP : SOL_IPV6,
			 to->family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on));
	result = attempt(s, &address, length, &trace);
	trace_hear(&trace, ROUND_MS);
	by_old = legacy_end(&legacy, &old) >
		 0; /* also when it worked: it has to be read to its end */
	if (result == 0) {
		step_ok(d, "firewall", "passed%s%s", trace.there.chains.length ? " " : "",
			trace.there.chains.length ? trace.there.chains.data : "");
		step_ok(d, "answer", "%s: connected", who);
		return;
	}
	(void)router_error(s, offender);
	if (trace.there.dropped)
		dropped(d, who, &trace.there.drop, "");
	else if (trace.back.dropped)
		dropped(d, who, &trace.back.drop, "the answer of ");
	else if (by_old)
		step_broken(d, "firewall", ptr_take(&old.remedy),
			    "%s: dropped by a rule of %s, table %s: %s", who, legacy.program,
			    old.table, old.rule);
	else if (*offender)
		step_broken(d, "answer", str_printf("look at %s", offender),
			    "%s: %s refuses it (%s)", who, offender, strerror(result));
	else if (result == ECONNREFUSED)
		step_broken(d, "answer", str_printf("start the server that should listen there"),
			    "%s: all the way is sound, and nobody listens at that port", who);
	else if (result == ETIMEDOUT)
		unanswered(d, who, to, &trace);
	else
		step_broken(d, "answer", str_printf("ip netns exec %s ip route", d->netns),
			    "%s: %s", who, strerror(result));
}

void doctor_packet(struct doctor *d)
{
	_cleanup_close_ int s = doctor_socket(d, d->to.family, SOCK_STREAM, 0);
	char text[ADDRESS_TEXT];
	_cleanup_free_ char *who = NULL;

	(void)address_text(&d->to, text);
	who = str_printf(d->to.family == AF_INET ? "%s to %s:%u" : "%s to [%s]:%u",
			 d->record.row.name, text, d->port);
	if (s < 0)
		return;
	doctor_connect(d, s, who, &d->to, d->port, &d->from, &d->to, d->port);
}
