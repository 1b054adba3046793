/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
#include "engine/event.h"
#include "engine/inspect.h"
#include "engine/name.h"
#include "engine/network_builtin.h"
#include "engine/network_given.h"
#include "engine/network_up.h"
#include "engine/reserve.h"
#include "net/lan.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/pool.h"

#define DEFAULT_NETWORK "bridge"

void network_clear(struct network *network)
{
	network_row_clear(&network->row);
	json_decref(network->config);
	*network = (struct network){ 0 };
}

bool network_is_bridge(const struct network_row *row)
{
	return strcmp(row->driver, "bridge") == 0;
}

bool network_is_lan(const struct network_row *row)
{
	return strcmp(row->driver, "lan") == 0;
}

bool network_is_child(const char *driver)
{
	return strcmp(driver, "macvlan") == 0 || strcmp(driver, "ipvlan") == 0;
}

bool network_is_layer3(const struct network *network)
{
	return strcmp(network->row.driver, "ipvlan") == 0 &&
	       strcmp(network_option(network, "ipvlan_mode", "l2"), "l2") != 0;
}

void network_host_link(const struct network *network, char out[IFNAMSIZ])
{
	out[0] = '\0';
	if (str_equal(network_option(network, "com.cloche.host_access", ""), "true"))
		(void)snprintf(out, IFNAMSIZ, "cl-h%.8s", network->row.id);
}

bool network_internal(const struct network *network)
{
	return json_bool_at(network->config, "Internal");
}

bool network_config_only(const struct network *network)
{
	return json_bool_at(network->config, "ConfigOnly");
}

const char *network_option(const struct network *network, const char *name, const char *otherwise)
{
	const json_t *options = json_at(network->config, "Options");
	const char *value = json_string_value(json_object_get(options, name));

	return value ? value : otherwise;
}

uint32_t network_mtu(const struct network *network)
{
	uint64_t mtu = 0;

	(void)str_to_u64(network_option(network, "com.docker.network.driver.mtu", "0"), 65535,
			 &mtu);
	return (uint32_t)mtu;
}

static int network_read(struct network *network, struct err *err)
{
	json_error_t why;

	network->config = json_loads(network->row.config, 0, &why);
	if (!network->config ||
	    (*network->row.subnet4 && subnet_parse(network->row.subnet4, &network->subnet4) < 0) ||
	    (*network->row.subnet6 && subnet_parse(network->row.subnet6, &network->subnet6) < 0)) {
		err_set(err, EBADMSG, "the record of network %s is damaged", network->row.name);
		network_clear(network);
		return -EBADMSG;
	}
	return 0;
}

int network_find(struct engine *engine, const char *reference, struct network *ret_network,
		 struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct network network = { 0 };
	int r = store ? network_row_find(store, reference, &network.row, err) : -err->code;

	if (r == -ENOENT && strcmp(reference, DEFAULT_NETWORK) == 0) {
		static const struct network_options none = { 0 };
		_cleanup_free_ char *id = NULL;

		r = network_create(engine, DEFAULT_NETWORK, &none, &id, err);
		if (r == -EEXIST)
			err_clear(err); /* somebody was first */
		if (r == 0 || r == -EEXIST)
			r = network_row_find(store, reference, &network.row, err);
	}
	if (r == -ENOENT)
		return err_set(err, ENOENT, "network %s not found", reference);
	if (r == -ENOTUNIQ)
		return err_set(err, ENOTUNIQ, "network %s is ambiguous: several ids begin so",
			       reference);
	if (r == 0)
		r = network_read(&network, err);
	if (r < 0)
		return r;
	*ret_network = network;
	return 0;
}

/* -- making one ------------------------------------------------------------------------------- */

struct making {
	struct engine *engine;
	const char *name;
	const struct network_options *options;
	json_t *config;
	struct subnet subnet4, subnet6; /* with their gateways */
	struct subnet *taken;
	int taken_count;
};

static int pairs_put(json_t *object, char *const *list, const char *what, struct err *err)
{
	for (size_t i = 0; list && list[i]; i++) {
		_cleanup_free_ char *key = str_dup(list[i]);
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		if (!*key)
			return err_set(err, EINVAL, "invalid %s: %s", what, list[i]);
		json_put(object, key, json_text(value));
	}
	return 0;
}

static int options_check(const struct making *making, struct err *err)
{
	static const char *const known[] = {
		"com.docker.network.bridge.name",
		"com.docker.network.bridge.enable_icc",
		"com.docker.network.bridge.enable_ip_masquerade",
		"com.docker.network.driver.mtu",
		"com.cloche.spoofing",
		"com.cloche.host_access",
		"parent",
		"macvlan_mode",
		"ipvlan_mode",
	};
	static const struct {
		const char *name, *known;
	} shorts[] = {
		{ "mtu", "com.docker.network.driver.mtu" },
		{ "icc", "com.docker.network.bridge.enable_icc" },
		{ "name", "com.docker.network.bridge.name" },
		{ "spoofing", "com.cloche.spoofing" },
		{ "masquerade", "com.docker.network.bridge.enable_ip_masquerade" },
	};
	json_t *options = json_object_get(making->config, "Options"), *value;
	const char *name;
	uint64_t mtu;

	for (size_t i = 0; i < ARRAY_SIZE(shorts); i++) {
		value = json_object_get(options, shorts[i].name);
		if (value) {
			json_put(options, shorts[i].known, json_incref(value));
			(void)json_object_del(options, shorts[i].name);
		}
	}
	json_object_foreach(options, name, value)
	{
		const char *text = json_string_value(value);
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			found |= strcmp(known[i], name) == 0;
		if (!found)
			return err_set(err, EINVAL, "network option %s is not known", name);
		if (str_suffix(name, ".mtu") &&
		    (str_to_u64(text, 65535, &mtu) < 0 || (mtu != 0 && mtu < 68)))
			return err_set(err, EINVAL, "invalid MTU: %s", text);
		if (str_suffix(name, "bridge.name") &&
		    (strlen(text) > 15 || !*text || strpbrk(text, "/: \t\n")))
			return err_set(err, EINVAL, "invalid link name: %s", text);
	}
	return 0;
}

static int taken_fill(struct making *making, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct network_row *rows = NULL;
	int count, r = netlink_open(&nl, NETLINK_ROUTE, err);

	if (r == 0)
		r = link_subnets(&nl, &making->taken, err);
	if (r < 0)
		return r;
	making->taken_count = r;
	count = network_list(making->engine->store, &rows, err);
	if (count < 0)
		return count;
	making->taken = reallocarray(making->taken,
				     (size_t)making->taken_count + 2 * (size_t)count + 1,
				     sizeof(*making->taken));
	if (!making->taken)
		abort();
	for (int i = 0; i < count; i++) {
		const char *texts[] = { rows[i].subnet4, rows[i].subnet6 };

		for (int k = 0; k < 2; k++)
			if (subnet_parse(texts[k], &making->taken[making->taken_count]) == 0)
				making->taken_count++;
	}
	network_rows_free(rows, (size_t)count);
	return 0;
}

/* The gateway of this family among those given, else the first address. */
static int gateway_set(const struct making *making, struct subnet *subnet, struct err *err)
{
	char text[SUBNET_TEXT];

	subnet_mask(subnet);
	for (size_t i = 0; making->options->gateways && making->options->gateways[i]; i++) {
		struct address address;

		if (address_parse(making->options->gateways[i], &address) < 0)
			return err_set(err, EINVAL, "invalid gateway address %s",
				       making->options->gateways[i]);
		if (!subnet_has(subnet, &address))
			continue;
		subnet->address = address;
		return 0;
	}
	if (subnet->prefix > (unsigned int)address_length(subnet->address.family) * 8 - 2)
		return err_set(err, EINVAL, "subnet %s is too small", subnet_text(subnet, text));
	address_at(subnet, 1, &subnet->address);
	return 0;
}

/* All of those given are in one of the subnets. */
static int gateways_used(const struct making *making, struct err *err)
{
	for (size_t i = 0; making->options->gateways && making->options->gateways[i]; i++) {
		const char *text = making->options->gateways[i];
		struct address address;

		if (address_parse(text, &address) < 0 || !(subnet_has(&making->subnet4, &address) ||
							   subnet_has(&making->subnet6, &address)))
			return err_set(err, EINVAL, "no matching subnet for gateway %s", text);
	}
	return 0;
}

static int subnets_given(struct making *making, struct err *err)
{
	for (size_t i = 0; making->options->subnets && making->options->subnets[i]; i++) {
		const char *text = making->options->subnets[i];
		struct subnet subnet, *place;

		if (subnet_parse(text, &subnet) < 0) {
			err_set(err, EINVAL, "invalid subnet %s", text);
			return err_hint(err, "write it as 172.20.0.0/16 or fd20::/64");
		}
		place = subnet.address.family == AF_INET ? &making->subnet4 : &making->subnet6;
		if (place->address.family)
			return err_set(err, EINVAL,
				       "two subnets of one family (%s): a network has one of each",
				       text);
		for (int k = 0; k < making->taken_count; k++) {
			char other[SUBNET_TEXT];

			if (!subnet_overlaps(&subnet, &making->taken[k]))
				continue;
			subnet_mask(&making->taken[k]);
			err_set(err, EEXIST,
				"subnet %s overlaps %s, which the host or another network has",
				text, subnet_text(&making->taken[k], other));
			return err_hint(err, "see ip route and cloche network inspect");
		}
		*place = subnet;
		if (gateway_set(making, place, err) < 0)
			return -err->code;
	}
	return gateways_used(making, err);
}

static const char *driver_of(const struct making *making)
{
	return making->options->driver ? making->options->driver : "bridge";
}

static bool dhcp_of(const struct making *making)
{
	return str_equal(making->options->ipam_driver, "dhcp");
}

static int ipam_check(const struct making *making, struct err *err)
{
	const char *ipam = making->options->ipam_driver;

	if (!ipam || strcmp(ipam, "default") == 0)
		return 0;
	if (!dhcp_of(making)) {
		err_set(err, EINVAL, "ipam driver %s is not known", ipam);
		return err_hint(err, "use default or dhcp");
	}
	return strcmp(driver_of(making), "bridge") == 0 ?
		       err_set(err, EINVAL,
			       "--ipam-driver dhcp is for networks of driver lan, macvlan or ipvlan") :
		       0;
}

/* What the other drivers need: a parent, and addresses of its network. */
static int parent_fill(struct making *making, struct err *err)
{
	json_t *options = json_object_get(making->config, "Options");
	const char *parent = json_string_at(options, "parent", making->options->parent),
		   *mode = json_string_at(options, "macvlan_mode", "bridge");
	int r;

	if (!parent) {
		err_set(err, EINVAL, "a network of driver %s needs a parent", driver_of(making));
		return err_hint(err, "name a link of the host: --parent eth0");
	}
	json_put(options, "parent", json_text(parent));
	if (making->options->host_access)
		json_put(options, "com.cloche.host_access", json_text("true"));
	if (strcmp(driver_of(making), "macvlan") == 0)
		return link_add_macvlan(NULL, NULL, 0, mode) < 0 ?
			       err_set(err, EINVAL, "invalid macvlan_mode: %s", mode) :
			       0;
	mode = json_string_at(options, "ipvlan_mode", "l2");
	if (strcmp(driver_of(making), "ipvlan") == 0)
		return link_add_ipvlan(NULL, NULL, 0, mode) < 0 ?
			       err_set(err, EINVAL, "invalid ipvlan_mode: %s", mode) :
			       0;
	r = lan_subnet(parent, AF_INET, &making->subnet4, err);
	if (r == 0 && !making->options->ipv6_off &&
	    lan_subnet(parent, AF_INET6, &making->subnet6, err) < 0)
		err_clear(err); /* a LAN without IPv6 */
	if (r == 0 && making->options->subnets)
		r = err_set(err, EINVAL, "a network of driver lan has the subnet of its parent");
	return r;
}

static int subnets_choose(struct making *making, struct err *err)
{
	bool lan = strcmp(driver_of(making), "lan") == 0,
	     macvlan = network_is_child(driver_of(making));
	int r;

	if (making->options->host_access && strcmp(driver_of(making), "macvlan") != 0)
		return err_set(err, EINVAL, "--host-access is for the driver macvlan");
	r = lan || macvlan ? parent_fill(making, err) : taken_fill(making, err);
	if (lan)
		return r;
	if (r == 0)
		r = subnets_given(making, err);
	if (r == 0 && macvlan && !making->subnet4.address.family &&
	    !making->subnet6.address.family && !dhcp_of(making)) {
		err_set(err, EINVAL, "a network of driver %s needs --subnet and --gateway",
			driver_of(making));
		r = err_hint(err, "or --ipam-driver dhcp, where the LAN gives addresses");
	}
	if (r == 0 && macvlan)
		return 0;
	if (r == 0 && !making->subnet4.address.family && !making->options->ipv4_off)
		r = pool_free_subnet(making->taken, (size_t)making->taken_count, &making->subnet4,
				     err);
	if (r == 0 && !making->subnet6.address.family && !making->options->ipv6_off &&
	    access("/proc/sys/net/ipv6", F_OK) == 0)
		pool_random_ula(&making->subnet6);
	if (r == 0 && !making->subnet4.address.family && !making->subnet6.address.family)
		r = err_set(err, EINVAL, "a network needs IPv4 or IPv6");
	return r;
}

/* The range of this subnet among those given, and the addresses that nobody gets. */
static int ipam_one(const struct making *making, const struct subnet *subnet, json_t *list,
		    struct err *err)
{
	const struct network_options *o = making->options;
	struct subnet base = *subnet, range;
	json_t *one = json_object(), *aux = json_object();
	char text[SUBNET_TEXT];

	subnet_mask(&base);
	json_push(list, one);
	json_put(one, "Subnet", json_text(subnet_text(&base, text)));
	for (size_t i = 0; o->ip_ranges && o->ip_ranges[i]; i++) {
		if (subnet_parse(o->ip_ranges[i], &range) < 0)
			return err_set(err, EINVAL, "invalid IP range %s", o->ip_ranges[i]);
		if (subnet_has(&base, &range.address) && range.prefix >= base.prefix)
			json_put(one, "IPRange", json_text(o->ip_ranges[i]));
	}
	json_put(one, "Gateway", json_text(address_text(&subnet->address, text)));
	for (size_t i = 0; o->aux_addresses && o->aux_addresses[i]; i++) {
		const char *equals = strchr(o->aux_addresses[i], '=');
		_cleanup_free_ char *key = NULL;
		struct address address;

		if (!equals || address_parse(equals + 1, &address) < 0)
			return err_set(err, EINVAL, "invalid auxiliary address %s",
				       o->aux_addresses[i]);
		key = str_ndup(o->aux_addresses[i], (size_t)(equals - o->aux_addresses[i]));
		if (subnet_has(&base, &address))
			json_put(aux, key, json_text(equals + 1));
	}
	if (json_object_size(aux) > 0)
		json_put(one, "AuxiliaryAddresses", aux);
	else
		json_decref(aux);
	return 0;
}

static int config_fill(struct making *making, struct err *err)
{
	const struct network_options *o = making->options;
	json_t *ipam = json_object(), *list = json_array(), *options = json_object(),
	       *labels = json_object();
	int r;

	json_put(making->config, "Internal", json_boolean(o->internal));
	json_put(making->config, "Attachable", json_boolean(o->attachable));
	json_put(making->config, "IPAM", ipam);
	json_put(making->config, "Options", options);
	json_put(making->config, "Labels", labels);
	json_put(ipam, "Driver", json_text(dhcp_of(making) ? "dhcp" : "default"));
	json_put(ipam, "Options", json_object());
	json_put(ipam, "Config", list);
	json_put(making->config, "ConfigOnly", json_boolean(o->config_only));
	json_put(making->config, "ConfigFrom", json_text(o->config_from));
	if (o->config_only)
		json_put(making->config, "Given", network_given(o));
	if ((r = ipam_check(making, err)) < 0 ||
	    (r = pairs_put(options, o->options, "network option", err)) < 0 ||
	    (r = options_check(making, err)) < 0 ||
	    (r = pairs_put(labels, o->labels, "label", err)) < 0 ||
	    (r = o->config_only ? 0 : subnets_choose(making, err)) < 0)
		return r;
	if (o->config_only)
		return 0;
	if (making->subnet4.address.family)
		r = ipam_one(making, &making->subnet4, list, err);
	if (r == 0 && making->subnet6.address.family)
		r = ipam_one(making, &making->subnet6, list, err);
	if (r == 0 && o->gateways && strv_length(o->gateways) > json_array_size(list))
		r = err_set(err, EINVAL, "a gateway without its subnet");
	return r;
}

static char *link_name(const struct making *making, const char *id)
{
	const char *given = json_string_value(json_object_get(
		json_object_get(making->config, "Options"), "com.docker.network.bridge.name"));

	if (given)
		return str_dup(given);
	if (making->options->config_only)
		return str_dup("");
	if (strcmp(driver_of(making), "bridge") != 0)
		return str_dup(json_string_at(making->config, "Options.parent", ""));
	if (strcmp(making->name, DEFAULT_NETWORK) == 0)
		return str_printf("cloche0%s", making->engine->suffix);
	return str_printf("cl-%.12s", id);
}

static int create(struct engine *engine, const char *name, const struct network_options *options,
		  char **ret_id, struct err *err)
{
	struct making making = { .engine = engine,
				 .name = name,
				 .options = options,
				 .config = json_object() };
	struct network_row row = { .name = (char *)name, .created_ns = engine_now_ns() };
	char id[65], text4[SUBNET_TEXT], text6[SUBNET_TEXT];
	_cleanup_free_ char *link = NULL, *config = NULL;
	int r = engine_store(engine, err) ? 0 : -err->code;

	if (r == 0 && (strcmp(name, "none") == 0 || strcmp(name, "host") == 0 ||
		       strcmp(name, "default") == 0))
		r = err_set(err, EPERM, "operation is not permitted on predefined %s network",
			    name);
	if (r == 0 && (!name_valid(name) || strcmp(name, "container") == 0))
		r = err_set(err, EINVAL, "invalid network name: %s", name);
	if (r == 0 && strcmp(driver_of(&making), "bridge") != 0 &&
	    strcmp(driver_of(&making), "lan") != 0 && !network_is_child(driver_of(&making))) {
		err_set(err, EOPNOTSUPP, "network driver %s: not possible yet", options->driver);
		r = err_hint(err, "use bridge, lan, macvlan or ipvlan");
	}
	if (r == 0)
		r = config_fill(&making, err);
	if (r == 0) {
		engine_random_hex(id, 64);
		link = link_name(&making, id);
		config = json_dumps(making.config, JSON_COMPACT);
		row.id = id;
		row.driver = (char *)(options->config_only ? "null" : driver_of(&making));
		row.link = link;
		row.subnet4 = (char *)subnet_text(&making.subnet4, text4);
		row.subnet6 = (char *)subnet_text(&making.subnet6, text6);
		row.config = config;
		r = network_add(engine->store, &row, err);
		if (r == -EEXIST) {
			*err = ERR_NONE;
			err_set(err, EEXIST, "network with name %s already exists", name);
		}
	}
	json_decref(making.config);
	free(making.taken);
	if (r < 0)
		return r;
	event_network(engine, &row, "create", NULL);
	*ret_id = str_dup(id);
	return 0;
}

/* With what another one was given; labels and options of its own come on top. */
static int create_from(struct engine *engine, const char *name,
		       const struct network_options *options, char **ret_id, struct err *err)
{
	_cleanup_(network_clear) struct network from = { 0 };
	struct network_options all = { 0 };
	int r;

	if (options->config_only)
		return err_set(err, EINVAL, "--config-only and --config-from do not go together");
	if (options->subnets || options->gateways || options->ip_ranges || options->aux_addresses ||
	    options->ipam_driver || options->parent || options->internal || options->ipv4_off ||
	    options->ipv6_off || options->host_access) {
		err_set(err, EINVAL, "--config-from %s tells all but driver, options and labels",
			options->config_from);
		return err_hint(err, "see cloche network inspect %s", options->config_from);
	}
	r = network_find(engine, options->config_from, &from, err);
	if (r == 0 && !network_config_only(&from))
		r = err_set(err, EINVAL, "network %s was not made with --config-only",
			    options->config_from);
	if (r < 0)
		return r;
	network_given_read(json_object_get(from.config, "Given"), &all);
	all.driver = options->driver ? options->driver : all.driver;
	all.attachable |= options->attachable;
	all.config_from = from.row.name;
	for (size_t i = 0; options->options && options->options[i]; i++)
		strv_add(&all.options, options->options[i]);
	for (size_t i = 0; options->labels && options->labels[i]; i++)
		strv_add(&all.labels, options->labels[i]);
	r = create(engine, name, &all, ret_id, err);
	network_given_clear(&all);
	return r;
}

int network_create(struct engine *engine, const char *name, const struct network_options *options,
		   char **ret_id, struct err *err)
{
	return options->config_from ? create_from(engine, name, options, ret_id, err) :
				      create(engine, name, options, ret_id, err);
}

/* -- removing --------------------------------------------------------------------------------- */

/* Others that were made from it are told by it what they are. */
static int config_users_refuse(struct engine *engine, const struct network *network,
			       struct err *err)
{
	struct network_row *rows = NULL;
	int count = network_config_only(network) ? network_list(engine->store, &rows, err) : 0,
	    r = count < 0 ? count : 0;

	for (int i = 0; r == 0 && i < count; i++) {
		json_t *config = json_loads(rows[i].config, 0, NULL);

		if (strcmp(json_string_at(config, "ConfigFrom", ""), network->row.name) == 0)
			r = err_set(err, EBUSY, "configuration network %s is in use by network %s",
				    network->row.name, rows[i].name);
		json_decref(config);
	}
	if (count > 0)
		network_rows_free(rows, (size_t)count);
	return r;
}

static int users_refuse(struct engine *engine, const struct network *network, struct err *err)
{
	struct endpoint_row *rows = NULL;
	int count = endpoint_list(engine->store, network->row.id, NULL, &rows, err);
	struct container_row user = { 0 };

	if (count <= 0)
		return count;
	if (container_find(engine->store, rows[0].container, &user, err) < 0)
		err_clear(err);
	err_set(err, EBUSY, "error while removing network: network %s has active endpoints (%s%s)",
		network->row.name, user.name ? user.name : rows[0].container,
		count > 1 ? " and others" : "");
	err_hint(err, "disconnect or remove them first");
	container_row_clear(&user);
	endpoint_rows_free(rows, (size_t)count);
	return -EBUSY;
}

int network_remove(struct engine *engine, const char *reference, struct err *err)
{
	_cleanup_(network_clear) struct network network = { 0 };
	_cleanup_close_ int lock = -1;
	int r;

	(void)reserve_spend(engine);
	r = network_find_shown(engine, reference, &network, err);
	if (r < 0)
		return r;
	if (network_is_builtin(network.row.name))
		return err_set(err, EPERM, "%s is a pre-defined network and cannot be removed",
			       network.row.name);
	lock = network_lock(engine, true, err);
	if (lock < 0)
		return lock;
	r = users_refuse(engine, &network, err);
	if (r == 0)
		r = config_users_refuse(engine, &network, err);
	if (r < 0)
		return r;
	engine_kill_point("network-remove");
	/* the link first: a removal that is killed can be done again */
	r = network_down(engine, &network, err);
	if (r == 0)
		r = network_delete(engine->store, network.row.id, err);
	if (r == -ENOENT)
		r = 0; /* somebody else did */
	if (r < 0) {   /* a container that was created since we looked, most likely */
		struct err busy = ERR_NONE;

		if (users_refuse(engine, &network, &busy) == -EBUSY) {
			*err = busy;
			r = -EBUSY;
		}
	}
	if (r == 0)
		event_network(engine, &network.row, "destroy", NULL);
	return r;
}

/* -- showing ---------------------------------------------------------------------------------- */

static json_t *containers_json(struct engine *engine, const struct network *network,
			       struct err *err)
{
	struct endpoint_row *rows = NULL;
	int count = endpoint_list(engine->store, network->row.id, NULL, &rows, err);
	json_t *all = json_object();

	for (int i = 0; i < count; i++) {
		struct container_row container = { 0 };
		_cleanup_free_ char *ip4 = NULL, *ip6 = NULL;
		json_t *one;

		if (container_find(engine->store, rows[i].container, &container, err) < 0) {
			err_clear(err);
			continue;
		}
		ip4 = *rows[i].ip4 ? str_printf("%s/%u", rows[i].ip4, network->subnet4.prefix) :
				     str_dup("");
		ip6 = *rows[i].ip6 ? str_printf("%s/%u", rows[i].ip6, network->subnet6.prefix) :
				     str_dup("");
		one = json_object();
		json_put(one, "Name", json_text(container.name));
		json_put(one, "EndpointID", json_text(""));
		json_put(one, "MacAddress", json_text(rows[i].mac));
		json_put(one, "IPv4Address", json_text(ip4));
		json_put(one, "IPv6Address", json_text(ip6));
		json_put(all, container.id, one);
		container_row_clear(&container);
	}
	if (count > 0)
		endpoint_rows_free(rows, (size_t)count);
	return all;
}

json_t *network_inspect(struct engine *engine, const struct network *network, struct err *err)
{
	_cleanup_free_ char *created = time_text(network->row.created_ns);
	json_t *all = json_object(), *own = json_object();

	json_put(all, "Name", json_text(network->row.name));
	json_put(all, "Id", json_text(network->row.id));
	json_put(all, "Created", json_text(created));
	json_put(all, "Scope", json_text("local"));
	json_put(all, "Driver", json_text(network->row.driver));
	json_put(all, "EnableIPv4", json_boolean(network->subnet4.address.family));
	json_put(all, "EnableIPv6", json_boolean(network->subnet6.address.family));
	json_put(all, "IPAM", json_deep_copy(json_at(network->config, "IPAM")));
	json_put(all, "Internal", json_boolean(network_internal(network)));
	json_put(all, "Attachable", json_boolean(json_bool_at(network->config, "Attachable")));
	json_put(all, "Ingress", json_false());
	json_put(all, "ConfigFrom",
		 json_pack("{s:s}", "Network", json_string_at(network->config, "ConfigFrom", "")));
	json_put(all, "ConfigOnly", json_boolean(network_config_only(network)));
	json_put(all, "Containers",
		 network->row.link[0] || network_config_only(network) ?
			 containers_json(engine, network, err) :
			 network_builtin_containers(engine, network->row.name, err));
	json_put(all, "Options", json_deep_copy(json_at(network->config, "Options")));
	json_put(all, "Labels", json_deep_copy(json_at(network->config, "Labels")));
	json_put(own, "Link", json_text(network->row.link));
	json_put(own, "Up", json_boolean(network_is_up(network)));
	json_put(all, "Cloche", own);
	return all;
}
