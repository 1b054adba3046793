/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/traffic.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/endpoint.h"
#include "net/address.h"
#include "net/egress_guard.h"
#include "net/link.h"
#include "net/netlink.h"

struct way {
	struct subnet to;
	struct address gateway;
};

struct traffic {
	bool deny;
	struct egress_place places[EGRESS_GUARD_PLACES];
	size_t place_count;
	uint16_t udp[EGRESS_GUARD_PLACES];
	size_t udp_count;
	uint64_t in, out; /* bits in a second; 0: as fast as it goes */
	struct way *ways;
	size_t way_count;
};

/* -- reading ---------------------------------------------------------------------------------- */

/* "10mbit", as tc has it. 0: it is none. */
static uint64_t rate_parse(const char *text)
{
	static const struct {
		const char *unit;
		uint64_t bits;
	} units[] = { { "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 }, { "gbit", 1000000000 } };
	char *unit;
	unsigned long long number = strtoull(text, &unit, 10);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*text >= '0' && *text <= '9' && strcasecmp(unit, units[i].unit) == 0 &&
		    number <= 1000000000000ULL / units[i].bits)
			return number * units[i].bits;
	return 0;
}

static int bandwidth_parse(const char *text, uint64_t *in, uint64_t *out, struct err *err)
{
	_cleanup_strv_ char **words = strv_split(text, ',');

	for (size_t i = 0; words[i]; i++) {
		bool inward = str_prefix(words[i], "in=");
		uint64_t rate = inward || str_prefix(words[i], "out=") ?
					rate_parse(strchr(words[i], '=') + 1) :
					0;

		if (rate < 8000)
			return err_set(
				err, EINVAL,
				"invalid --bandwidth %s: in=RATE,out=RATE, a rate such as 500kbit, 10mbit or 1gbit, at least 8kbit",
				text);
		*(inward ? in : out) = rate;
	}
	return 0;
}

static int way_parse(const char *text, struct way *way, struct err *err)
{
	const char *via = strstr(text, " via ");
	_cleanup_free_ char *to = via ? str_ndup(text, (size_t)(via - text)) : NULL;

	if (!via || subnet_parse(to, &way->to) < 0 || address_parse(via + 5, &way->gateway) < 0 ||
	    way->to.address.family != way->gateway.family)
		return err_set(err, EINVAL, "invalid --route \"%s\": \"SUBNET via GATEWAY\"", text);
	subnet_mask(&way->to);
	return 0;
}

/* CIDR[:PORT], [CIDR6]:PORT, NAME[:PORT]. *ret_name: when it is a name; the caller frees. */
static int place_parse(const char *text, struct egress_place *place, char **ret_name,
		       struct err *err)
{
	const char *colon = strrchr(text, ':'), *end = text + strlen(text);
	_cleanup_free_ char *host = NULL;
	bool bracket = *text == '[', many = colon && strchr(text, ':') != colon;
	uint64_t port = 0;

	*place = (struct egress_place){ 0 };
	if (colon && (!many || (bracket && colon > text && colon[-1] == ']'))) {
		if (str_to_u64(colon + 1, 65535, &port) < 0 || port == 0)
			return err_set(err, EINVAL, "invalid --egress allow=%s: not a port", text);
		end = colon;
	}
	if (bracket && end > text + 2 && end[-1] == ']') {
		text++;
		end--;
	}
	host = str_ndup(text, (size_t)(end - text));
	place->port = (uint16_t)port;
	if (subnet_parse(host, &place->to) == 0) {
		subnet_mask(&place->to);
		return 0;
	}
	if (address_parse(host, &place->to.address) == 0) {
		place->to.prefix = 8 * (unsigned int)address_length(place->to.address.family);
		return 0;
	}
	if (!*host || strpbrk(host, "/ \t\n:[]"))
		return err_set(err, EINVAL,
			       "invalid --egress allow=%s: CIDR, address or name, and a port",
			       text);
	*ret_name = ptr_take(&host);
	return 0;
}

int traffic_options(const struct create_options *o, json_t *own, struct err *err)
{
	uint64_t in = 0, out = 0;
	size_t count = 0;

	for (size_t i = 0; o->egress && o->egress[i]; i++) {
		_cleanup_free_ char *name = NULL;
		struct egress_place place;

		if (strcmp(o->egress[i], "deny") == 0)
			continue;
		if (!str_prefix(o->egress[i], "allow="))
			return err_set(err, EINVAL,
				       "invalid --egress %s: deny, or allow=CIDR|NAME[:PORT]",
				       o->egress[i]);
		if (place_parse(o->egress[i] + 6, &place, &name, err) < 0)
			return -err->code;
		if (++count > EGRESS_GUARD_PLACES / 2)
			return err_set(err, E2BIG, "more than %d places of --egress",
				       EGRESS_GUARD_PLACES / 2);
	}
	if (o->bandwidth && bandwidth_parse(o->bandwidth, &in, &out, err) < 0)
		return -err->code;
	for (size_t i = 0; o->routes && o->routes[i]; i++) {
		struct way way;

		if (way_parse(o->routes[i], &way, err) < 0)
			return -err->code;
	}
	for (size_t i = 0; o->network_devices && o->network_devices[i]; i++) {
		const char *text = o->network_devices[i], *equals = strchr(text, '=');
		size_t length = equals ? (size_t)(equals - text) : strlen(text);

		if (length == 0 || length >= IFNAMSIZ || strpbrk(text, "/: \t\n") ||
		    (equals && (!equals[1] || strlen(equals + 1) >= IFNAMSIZ)))
			return err_set(err, EINVAL, "invalid --network-device %s: LINK[=NAME]",
				       text);
	}
	if (o->network_devices)
		json_put(own, "NetworkDevices", json_from_strv(o->network_devices));
	if (o->egress)
		json_put(own, "Egress", json_from_strv(o->egress));
	if (o->bandwidth)
		json_put(own, "Bandwidth", json_text(o->bandwidth));
	if (o->routes)
		json_put(own, "Routes", json_from_strv(o->routes));
	return 0;
}

/* -- a start ---------------------------------------------------------------------------------- */

static int place_add(struct traffic *t, const struct egress_place *place, struct err *err)
{
	if (t->place_count == EGRESS_GUARD_PLACES)
		return err_set(err, E2BIG, "--egress: its names have too many addresses");
	t->places[t->place_count++] = *place;
	return 0;
}

static int name_add(struct traffic *t, const char *name, uint16_t port, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int r = getaddrinfo(name, NULL, &hints, &found);

	if (r != 0)
		return err_set(err, ENOENT, "--egress allow=%s: %s", name, gai_strerror(r));
	r = 0;
	for (const struct addrinfo *one = found; one && r == 0; one = one->ai_next) {
		struct egress_place place = { .port = port };
		struct sockaddr_storage address = { 0 };
		char text[ADDRESS_TEXT];

		memcpy(&address, one->ai_addr, one->ai_addrlen);
		address_from_socket(&address, text);
		if (address_parse(text, &place.to.address) < 0)
			continue;
		place.to.prefix = 8 * (unsigned int)address_length(place.to.address.family);
		r = place_add(t, &place, err);
	}
	freeaddrinfo(found);
	return r;
}

static int egress_load(struct traffic *t, char *const *texts, bool guarded, struct err *err)
{
	if (guarded) {
		err_set(err, EINVAL, "--egress cannot hold a container with NET_RAW or NET_ADMIN");
		return err_hint(err, "drop these capabilities");
	}
	t->deny = true;
	for (size_t i = 0; texts[i]; i++) {
		_cleanup_free_ char *name = NULL;
		struct egress_place place;
		int r;

		if (strcmp(texts[i], "deny") == 0)
			continue;
		r = place_parse(texts[i] + 6, &place, &name, err);
		if (r == 0)
			r = name ? name_add(t, name, place.port, err) : place_add(t, &place, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Answers of published UDP ports pass, as those of TCP do. */
static void udp_load(struct traffic *t, const json_t *bindings)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)bindings, key, value)
	{
		if (str_suffix(key, "/udp") && t->udp_count < EGRESS_GUARD_PLACES)
			t->udp[t->udp_count++] = (uint16_t)strtoul(key, NULL, 10);
	}
}

static const struct endpoint *way_endpoint(const struct endpoints *endpoints, const struct way *way)
{
	for (size_t i = 0; i < endpoints->count; i++) {
		const struct network *network = &endpoints->list[i].network;
		const struct subnet *subnet = way->gateway.family == AF_INET ? &network->subnet4 :
									       &network->subnet6;

		if (subnet->address.family && subnet_has(subnet, &way->gateway))
			return &endpoints->list[i];
	}
	return NULL;
}

static int ways_load(struct traffic *t, const struct endpoints *endpoints, char *const *texts,
		     struct err *err)
{
	t->ways = mem_new((strv_length(texts) + 1) * sizeof(*t->ways));
	for (size_t i = 0; texts[i]; i++) {
		struct way *way = &t->ways[t->way_count];
		int r = way_parse(texts[i], way, err);

		if (r < 0)
			return r;
		if (!way_endpoint(endpoints, way))
			return err_set(
				err, ENETUNREACH,
				"--route \"%s\": the gateway is on none of the container's networks",
				texts[i]);
		t->way_count++;
	}
	return 0;
}

void traffic_free(struct traffic *t)
{
	if (t)
		free(t->ways);
	free(t);
}

static void traffic_freep(struct traffic **t)
{
	traffic_free(*t);
}

int traffic_load(const struct record *record, const struct endpoints *endpoints, bool guarded,
		 struct traffic **ret_traffic, struct err *err)
{
	_cleanup_strv_ char **egress = json_strv_at(record->config, "Cloche.Egress"),
			    **routes = json_strv_at(record->config, "Cloche.Routes");
	const char *bandwidth = json_string_at(record->config, "Cloche.Bandwidth", "");
	struct traffic *t;
	int r = 0;

	if (!egress && !routes && !*bandwidth)
		return 0;
	if (endpoints->count == 0)
		return err_set(
			err, EINVAL,
			"--egress, --bandwidth and --route need a network of the container's own");
	t = mem_new(sizeof(*t));
	udp_load(t, json_at(record->config, "HostConfig.PortBindings"));
	if (egress)
		r = egress_load(t, egress, guarded, err);
	if (r == 0 && *bandwidth)
		r = bandwidth_parse(bandwidth, &t->in, &t->out, err);
	if (r == 0 && t->out && guarded)
		r = err_set(err, EINVAL,
			    "--bandwidth out= cannot hold a container with NET_RAW or NET_ADMIN");
	if (r == 0 && routes)
		r = ways_load(t, endpoints, routes, err);
	if (r < 0) {
		traffic_free(t);
		return r;
	}
	*ret_traffic = t;
	return 0;
}

bool traffic_denies(const struct record *record, const struct address *to, uint16_t port)
{
	_cleanup_strv_ char **egress = json_strv_at(record->config, "Cloche.Egress");
	_cleanup_(traffic_freep) struct traffic *t = NULL;
	struct err err = ERR_NONE;

	if (!egress)
		return false;
	t = mem_new(sizeof(*t));
	if (egress_load(t, egress, false, &err) < 0)
		err_clear(&err); /* a name that is not found now: the others tell */
	for (size_t i = 0; i < t->place_count; i++)
		if (subnet_has(&t->places[i].to, to) &&
		    (t->places[i].port == 0 || t->places[i].port == port))
			return false;
	return true;
}

int traffic_outside(const struct traffic *t, struct netlink *nl, int index, struct err *err)
{
	int r = 0;

	if (t->in) {
		link_add_shaper(nl, index, t->in);
		r = netlink_send(nl, err);
	}
	if (r < 0)
		return err_wrap(err, "--bandwidth (the kernel needs sch_tbf)");
	if (!t->deny)
		return 0;
	link_add_clsact(nl, index);
	r = netlink_send(nl, err);
	if (r == -EEXIST)
		err_clear(err);
	egress_guard_add(nl, index, t->places, t->place_count, t->udp, t->udp_count);
	r = netlink_send(nl, err);
	return r < 0 ? err_wrap(err, "--egress (the kernel needs sch_ingress and cls_bpf)") : 0;
}

int traffic_inside(const struct traffic *t, struct netlink *nl, int index, struct err *err)
{
	int r;

	if (!t->out)
		return 0;
	link_add_shaper(nl, index, t->out);
	r = netlink_send(nl, err);
	return r < 0 ? err_wrap(err, "--bandwidth (the kernel needs sch_tbf)") : 0;
}

int traffic_routes(const struct traffic *t, const struct endpoints *endpoints, struct netlink *nl,
		   int (*index_of)(const char *), struct err *err)
{
	for (size_t i = 0; i < t->way_count; i++) {
		const struct endpoint *one = way_endpoint(endpoints, &t->ways[i]);
		char inside[IFNAMSIZ];
		int r;

		endpoint_inside_name(one, inside);
		link_add_route(nl, index_of(inside), &t->ways[i].to, &t->ways[i].gateway, 0);
		r = netlink_send(nl, err);
		if (r < 0)
			return err_wrap(err, "--route");
	}
	return 0;
}
