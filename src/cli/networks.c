/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network create, ls, inspect, connect, disconnect, rm, reload. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/filter.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/docker_type.h"
#include "engine/engine.h"
#include "engine/network.h"
#include "engine/network_builtin.h"
#include "engine/network_connect.h"
#include "engine/network_option.h"

/* -- create ----------------------------------------------------------------------------------- */

struct create_args {
	struct network_options options;
};

static const struct opt create_opts[] = {
	OPT_BOOL(0, "attachable", struct create_args, options.attachable,
		 "kept for scripts; every network is"),
	OPT_LIST(0, "aux-address", "NAME=IP", struct create_args, options.aux_addresses,
		 "an address that no container gets"),
	OPT_STRING(0, "config-from", "NETWORK", struct create_args, options.config_from,
		   "with what a --config-only network was given"),
	OPT_BOOL(0, "config-only", struct create_args, options.config_only,
		 "keep the options for --config-from of others; no container can be on it"),
	OPT_STRING('d', "driver", "NAME", struct create_args, options.driver,
		   "bridge, lan (addresses of the host's own LAN), macvlan or ipvlan"),
	OPT_LIST(0, "gateway", "IP", struct create_args, options.gateways,
		 "the host's address on the network (default: the first of the subnet)"),
	OPT_BOOL(0, "host-access", struct create_args, options.host_access,
		 "of macvlan: the host reaches the containers, too"),
	OPT_BOOL(0, "internal", struct create_args, options.internal,
		 "no way out of the network, and none in"),
	OPT_LIST(0, "ip-range", "SUBNET", struct create_args, options.ip_ranges,
		 "part of the subnet that containers get addresses from"),
	OPT_STRING(0, "ipam-driver", "NAME", struct create_args, options.ipam_driver,
		   "who gives the addresses: default, or dhcp, a server of the LAN"),
	OPT_OFF(0, "ipv4", struct create_args, options.ipv4_off,
		"IPv4 addresses; they are there unless =false"),
	OPT_OFF(0, "ipv6", struct create_args, options.ipv6_off,
		"IPv6 addresses; they are there unless =false"),
	OPT_LIST(0, "label", "NAME[=VALUE]", struct create_args, options.labels, "set a label"),
	OPT_LIST(
		'o', "opt", "NAME=VALUE", struct create_args, options.options,
		"option of the driver: mtu, icc=false, name, masquerade=false, spoofing=allow, or Docker's long names"),
	OPT_STRING(0, "parent", "LINK", struct create_args, options.parent,
		   "the host's link of a lan or macvlan network"),
	OPT_LIST(0, "subnet", "SUBNET", struct create_args, options.subnets,
		 "subnet, such as 172.20.0.0/16 or fd20::/64 (default: a free one)"),
	OPT_LATER(0, "ingress", NULL, "there is no swarm"),
	OPT_LATER(0, "ipam-opt", "NAME=VALUE", "addresses are given by Cloche itself"),
	OPT_LATER(0, "scope", "SCOPE", "networks are local"),
	OPT_END,
};

static int create_run(void *data, void *args, char **operands, struct err *err)
{
	struct create_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_free_ char *id = NULL;

	if (!engine || network_create(engine, operands[0], &a->options, &id, err) < 0)
		return 1;
	(void)printf("%s\n", id);
	return 0;
}

const struct command command_network_create = {
	.group = "network",
	.name = "create",
	.args = "NAME",
	.summary = "create a network",
	.details =
		"A network has a bridge on the host, which is made when the first container is on it, and addresses of IPv4 and IPv6. "
		"Containers on one network reach each other; networks are closed to each other.",
	.opts = create_opts,
	.args_size = sizeof(struct create_args),
	.run = create_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- ls --------------------------------------------------------------------------------------- */

struct ls_args {
	bool quiet, no_trunc;
	const char *format;
	char **filters;
};

static const struct opt ls_opts[] = {
	OPT_LIST('f', "filter", "NAME=VALUE", struct ls_args, filters,
		 "dangling=true|false, driver, id, label, name, scope, type=builtin|custom"),
	OPT_STRING(0, "format", "TEMPLATE", struct ls_args, format,
		   "json, a template, or table TEMPLATE"),
	OPT_BOOL(0, "no-trunc", struct ls_args, no_trunc, "whole ids"),
	OPT_BOOL('q', "quiet", struct ls_args, quiet, "print ids only"),
	OPT_END,
};

static const struct table_column headings[] = {
	{ "NETWORK ID", "ID" },	       { "NAME", "Name" },     { "DRIVER", "Driver" },
	{ "SCOPE", "Scope" },	       { "IPV4", "IPv4" },     { "IPV6", "IPv6" },
	{ "INTERNAL", "Internal" },    { "LABELS", "Labels" }, { "LINK", "Link" },
	{ "CREATED AT", "CreatedAt" }, { NULL, NULL },
};
static const struct table_column columns[] = { { NULL, "ID" },
					       { NULL, "Name" },
					       { NULL, "Driver" },
					       { NULL, "Scope" },
					       { NULL, NULL } };

struct network_at { /* for network_filter() */
	struct engine *engine;
	const struct network_row *row;
	const json_t *labels;
};

static bool is_used(const struct network_at *at)
{
	struct endpoint_row *users = NULL;
	struct err ignored = ERR_NONE; /* that of a store which cannot be read came before */
	int n = endpoint_list(at->engine->store, at->row->id, NULL, &users, &ignored);

	if (n > 0)
		endpoint_rows_free(users, (size_t)n);
	return n > 0;
}

static bool network_filter(const char *name, const char *value, void *data)
{
	const struct network_at *at = data;
	const struct network_row *row = at->row;
	bool truth = false;

	if (strcmp(name, "name") == 0)
		return filter_pattern(row->name, value);
	if (strcmp(name, "id") == 0)
		return str_prefix(row->id, value);
	if (strcmp(name, "driver") == 0)
		return strcmp(row->driver, value) == 0;
	if (strcmp(name, "scope") == 0)
		return strcmp(value, "local") == 0;
	if (strcmp(name, "label") == 0)
		return filter_label(at->labels, value);
	if (strcmp(name, "type") == 0)
		return (strcmp(value, "builtin") == 0) == network_is_builtin(row->name);
	if (strcmp(name, "dangling") == 0) {
		struct err checked = ERR_NONE;

		(void)filter_bool(name, value, &truth, &checked);
		return (network_is_builtin(row->name) || is_used(at)) != truth;
	}
	return true;
}

static int filters_check(char *const *filters, struct err *err)
{
	static const char *const names[] = { "dangling", "driver", "id",   "label",
					     "name",	 "scope",  "type", NULL };
	const char *dangling = filter_value(filters, "dangling"),
		   *type = filter_value(filters, "type");
	bool truth;
	int r = filter_check(filters, names, err);

	if (r == 0 && dangling)
		r = filter_bool("dangling", dangling, &truth, err);
	if (r == 0 && type && strcmp(type, "builtin") != 0 && strcmp(type, "custom") != 0)
		r = err_set(err, EINVAL, "invalid filter 'type=%s'; builtin or custom", type);
	return r;
}

static void row_push(json_t *rows, const struct network_row *row, json_t *config, bool whole)
{
	_cleanup_free_ char *id = str_ndup(row->id, whole ? 64 : 12);
	json_t *labels = json_object_get(config, "Labels"), *one = json_object();
	_cleanup_free_ char *text = table_labels_text(labels);
	_cleanup_free_ char *created = table_time_text(row->created_ns);

	json_put(one, "CreatedAt", json_text(created));
	json_put(one, "ID", json_text(id));
	json_put(one, "Name", json_text(row->name));
	json_put(one, "Driver", json_text(row->driver));
	json_put(one, "Scope", json_text("local"));
	json_put(one, "IPv4", json_text(*row->subnet4 ? "true" : "false"));
	json_put(one, "IPv6", json_text(*row->subnet6 ? "true" : "false"));
	json_put(one, "Internal", json_text(json_bool_at(config, "Internal") ? "true" : "false"));
	json_put(one, "Labels", json_text(text));
	json_put(one, TABLE_LABELS, labels ? json_incref(labels) : json_object());
	json_put(one, "Link", json_text(row->link));
	json_push(rows, one);
}

static void row_try(json_t *rows, const struct ls_args *a, struct engine *engine,
		    const struct network_row *row)
{
	_cleanup_json_ json_t *config = json_loads(row->config, 0, NULL);
	struct network_at at = { engine, row, json_at(config, "Labels") };

	if (filter_match(a->filters, network_filter, &at))
		row_push(rows, row, config, a->no_trunc);
}

/* Among those that have rows, by name, as Docker lists them. */
static size_t builtin_before(json_t *rows, const struct ls_args *a, struct engine *engine, size_t i,
			     const struct network *bridge, const char *name)
{
	const struct network_row *row;

	while ((row = network_builtin(i)) && (!name || strcmp(row->name, name) < 0)) {
		struct network_row shown = *row;

		shown.created_ns = bridge->row.created_ns;
		row_try(rows, a, engine, &shown);
		i++;
	}
	return i;
}

static int ls_run(void *data, void *args, char **operands, struct err *err)
{
	struct ls_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_(network_clear) struct network bridge = { 0 };
	_cleanup_json_ json_t *rows = json_array();
	struct network_row *networks = NULL;
	size_t shown = 0;
	int count = -1;

	(void)operands;
	if (filters_check(a->filters, err) < 0)
		return 1;
	if (engine && network_find(engine, "bridge", &bridge, err) == 0)
		count = network_list(engine->store, &networks, err);
	if (count < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		shown = builtin_before(rows, a, engine, shown, &bridge, networks[i].name);
		row_try(rows, a, engine, &networks[i]);
	}
	(void)builtin_before(rows, a, engine, shown, &bridge, NULL);
	network_rows_free(networks, (size_t)count);
	return table_print(a->quiet ? "{{.ID}}" : a->format, columns, headings, rows, err) < 0;
}

const struct command command_network_ls = {
	.group = "network",
	.name = "ls",
	.args = "",
	.summary = "list networks",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = ls_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- inspect ---------------------------------------------------------------------------------- */

struct inspect_args {
	const char *format;
	bool verbose;
};

static const struct opt inspect_opts[] = {
	OPT_STRING('f', "format", "TEMPLATE", struct inspect_args, format, "json or a template"),
	OPT_BOOL('v', "verbose", struct inspect_args, verbose, "kept for scripts"),
	OPT_END,
};

static int inspect_run(void *data, void *args, char **operands, struct err *err)
{
	struct inspect_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *all = json_array();
	int status = 0;

	if (!engine)
		return 1;
	for (size_t i = 0; operands[i]; i++) {
		_cleanup_(network_clear) struct network network = { 0 };
		struct err why = ERR_NONE;

		if (network_find_shown(engine, operands[i], &network, &why) < 0) {
			status = cli_fail(&why);
			continue;
		}
		json_push(all, network_inspect(engine, &network, &why));
	}
	if (a->format && strcmp(a->format, "json") != 0) {
		const json_t *one;
		size_t i;

		json_array_foreach(all, i, one)
		{
			if (format_typed(a->format, one, &docker_network, err) < 0)
				return 1;
		}
	} else {
		(void)json_dumpf(all, stdout, a->format ? JSON_COMPACT : JSON_INDENT(4));
		(void)printf("\n");
	}
	return status;
}

const struct command command_network_inspect = {
	.group = "network",
	.name = "inspect",
	.args = "NETWORK...",
	.summary = "show networks and who is on them",
	.opts = inspect_opts,
	.args_size = sizeof(struct inspect_args),
	.run = inspect_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- connect, disconnect ---------------------------------------------------------------------- */

struct connect_args {
	const char *ip, *ip6, *mac, *gw_priority;
	char **aliases, **driver_options;
};

static const struct opt connect_opts[] = {
	OPT_LIST(0, "driver-opt", "NAME=VALUE", struct connect_args, driver_options,
		 "com.docker.network.endpoint.ifname, or .sysctls of the link in the container"),
	OPT_LIST(0, "alias", "NAME", struct connect_args, aliases,
		 "one more name of the container on the network"),
	OPT_STRING(0, "gw-priority", "NUMBER", struct connect_args, gw_priority,
		   "the network with the highest one is the way out"),
	OPT_STRING(0, "ip", "IP", struct connect_args, ip, "IPv4 address, or dhcp"),
	OPT_STRING(0, "ip6", "IP", struct connect_args, ip6, "IPv6 address"),
	OPT_STRING(0, "mac-address", "MAC", struct connect_args, mac, "hardware address"),
	OPT_LATER(0, "link", "CONTAINER", "names are known on every network"),
	OPT_LATER(0, "link-local-ip", "IP", "a link-local address is the kernel's own choice"),
	OPT_END,
};

static int connect_run(void *data, void *args, char **operands, struct err *err)
{
	struct connect_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *request =
		network_request(operands[0], a->aliases, a->ip, a->ip6, a->mac);

	for (size_t i = 0; a->driver_options && a->driver_options[i]; i++) {
		if (network_request_option(request, a->driver_options[i], err) < 0)
			return 1;
	}
	if (a->gw_priority) {
		char *end;
		long priority = strtol(a->gw_priority, &end, 10);

		if (*end || !*a->gw_priority) {
			err_set(err, EINVAL, "invalid gw-priority: %s", a->gw_priority);
			return 1;
		}
		json_put(request, "GwPriority", json_integer(priority));
	}
	return !engine || network_connect(engine, operands[0], operands[1], request, err) < 0;
}

const struct command command_network_connect = {
	.group = "network",
	.name = "connect",
	.args = "NETWORK CONTAINER",
	.summary = "put a container on one more network",
	.opts = connect_opts,
	.args_size = sizeof(struct connect_args),
	.run = connect_run,
	.flags = COMMAND_INTERSPERSED,
};

struct disconnect_args {
	bool force;
};

static const struct opt disconnect_opts[] = {
	OPT_BOOL('f', "force", struct disconnect_args, force, "kept for scripts"),
	OPT_END,
};

static int disconnect_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	return !engine || network_disconnect(engine, operands[0], operands[1], err) < 0;
}

const struct command command_network_disconnect = {
	.group = "network",
	.name = "disconnect",
	.args = "NETWORK CONTAINER",
	.summary = "take a container off a network",
	.opts = disconnect_opts,
	.args_size = sizeof(struct disconnect_args),
	.run = disconnect_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- rm, reload ------------------------------------------------------------------------------- */

struct rm_args {
	bool force;
};

static const struct opt rm_opts[] = {
	OPT_BOOL('f', "force", struct rm_args, force, "a network that is not there is no error"),
	OPT_END,
};

static int rm_one(struct cli *cli, const char *name, void *data, struct err *err)
{
	struct rm_args *a = data;
	struct engine *engine = cli_engine(cli, err);
	int r = engine ? network_remove(engine, name, err) : -err->code;

	return r == -ENOENT && a->force ? 0 : r;
}

static int rm_run(void *data, void *args, char **operands, struct err *err)
{
	(void)err;
	return cli_each(data, operands, rm_one, args);
}

const struct command command_network_rm = {
	.group = "network",
	.name = "rm",
	.args = "NETWORK...",
	.summary = "remove one or more networks",
	.opts = rm_opts,
	.args_size = sizeof(struct rm_args),
	.run = rm_run,
	.flags = COMMAND_INTERSPERSED,
};

struct reload_args {
	bool unused;
};

static const struct opt reload_opts[] = { OPT_END };

static int reload_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	(void)operands;
	return !engine || network_reload(engine, err) < 0;
}

const struct command command_network_reload = {
	.group = "network",
	.name = "reload",
	.args = "",
	.summary = "load the nftables table anew, and start again what was killed",
	.details =
		"For after `nft flush ruleset` or the reload of a firewall that flushes it. Connections that are established go on. What was killed of "
		"the name server and of the holders of published ports is started again, too.",
	.opts = reload_opts,
	.args_size = sizeof(struct reload_args),
	.run = reload_run,
};
