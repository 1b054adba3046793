/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/network_option.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "net/address.h"

enum network_mode network_mode_of(const char *mode)
{
	return strcmp(mode, "none") == 0      ? NETWORK_NONE :
	       strcmp(mode, "host") == 0      ? NETWORK_HOST :
	       str_prefix(mode, "container:") ? NETWORK_CONTAINER :
	       str_prefix(mode, "ns:")	      ? NETWORK_PATH :
	       str_prefix(mode, "cni:")	      ? NETWORK_CNI :
						NETWORK_NAMED;
}

static bool is_long_form(const char *text)
{
	return strchr(text, '=') && !str_prefix(text, "container:") && !str_prefix(text, "ns:");
}

static const char *named(const char *name)
{
	return strcmp(name, "default") == 0 ? "bridge" : name;
}

const char *network_option_mode(const struct create_options *o)
{
	const char *first = o->networks && o->networks[0] ? o->networks[0] : "bridge";

	return is_long_form(first) ? "" : named(first);
}

static int address_check(const char *text, int family, const char *option, struct err *err)
{
	struct address address;

	if (text && family == AF_INET && strcmp(text, "dhcp") == 0)
		return 0;
	if (text && (address_parse(text, &address) < 0 || address.family != family))
		return err_set(err, EINVAL,
			       "invalid argument \"%s\" for \"%s\": not an IPv%d address", text,
			       option, family == AF_INET ? 4 : 6);
	return 0;
}

static int mac_check(const char *text, struct err *err)
{
	uint8_t mac[6];

	return text && mac_parse(text, mac) < 0 ?
		       err_set(err, EINVAL, "%s is not a valid mac address", text) :
		       0;
}

static const char docker_options[] = "com.docker.network.endpoint.", option_ifname[] = "ifname",
		  option_sysctls[] = "sysctls";

json_t *network_request(const char *name, char *const *aliases, const char *ip4, const char *ip6,
			const char *mac)
{
	json_t *request = json_object();

	json_put(request, "Name", json_text(named(name)));
	json_put(request, "Aliases", json_from_strv(aliases));
	json_put(request, "IPv4Address", json_text(ip4));
	json_put(request, "IPv6Address", json_text(ip6));
	json_put(request, "MacAddress", json_text(mac));
	json_put(request, "GwPriority", json_integer(0));
	json_put(request, "InterfaceName", json_text(""));
	json_put(request, "DriverOpts", json_object());
	return request;
}

static int interface_name(json_t *request, const char *name, struct err *err)
{
	if (!*name || strlen(name) > 15 || strpbrk(name, "/: \t\n"))
		return err_set(err, EINVAL, "invalid interface name: %s", name);
	json_put(request, "InterfaceName", json_text(name));
	return 0;
}

/* -- options of a connection ------------------------------------------------------------------ */

/* NAME=VALUE of a link's sysctl: its path below /proc/sys, for the link. */
static int sysctl_read(const char *text, const char *link, char **ret_path, const char **ret_value,
		       struct err *err)
{
	static const char *const kinds[] = { "net.ipv4.conf.", "net.ipv6.conf.", "net.ipv4.neigh.",
					     "net.ipv6.neigh.", "net.mpls.conf." };
	static const char stand_in[] = "IFNAME.";
	const char *equals = strchr(text, '='), *name;
	size_t length;

	for (size_t i = 0; equals && i < ARRAY_SIZE(kinds); i++) {
		size_t kind = strlen(kinds[i]);

		if (!str_prefix(text, kinds[i]) || !str_prefix(text + kind, stand_in))
			continue;
		name = text + kind + sizeof(stand_in) - 1;
		length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (length == 0 || name + length != equals)
			break;
		*ret_path = str_printf("/proc/sys/net/%.4s/%.*s/%s/%.*s", kinds[i] + 4,
				       (int)kind - 10, kinds[i] + 9, link, (int)length, name);
		*ret_value = equals + 1;
		return 0;
	}
	return err_set(
		err, EINVAL,
		"driver option %s%s: '%s' is not net.{ipv4,ipv6}.{conf,neigh}.IFNAME.NAME=VALUE",
		docker_options, option_sysctls, text);
}

static int sysctls_each(const char *list, const char *link, bool write, struct err *err)
{
	_cleanup_strv_ char **words = strv_split(list, ',');
	int r = 0;

	for (size_t i = 0; r == 0 && words[i]; i++) {
		_cleanup_free_ char *path = NULL;
		const char *value = NULL;

		r = sysctl_read(words[i], link, &path, &value, err);
		if (r == 0 && write && (r = file_poke(AT_FDCWD, path, value)) < 0)
			err_sys(err, -r, "write %s into %s", value, path);
	}
	return r;
}

int network_request_option(json_t *request, const char *text, struct err *err)
{
	const char *equals = strchr(text, '='), *name;
	_cleanup_free_ char *key = equals ? str_ndup(text, (size_t)(equals - text)) : NULL;
	int r;

	if (!equals)
		return err_set(err, EINVAL, "invalid key value pair format in driver options");
	name = str_prefix(key, docker_options) ? key + sizeof(docker_options) - 1 : "";
	if (strcmp(name, option_ifname) == 0)
		r = interface_name(request, equals + 1, err);
	else if (strcmp(name, option_sysctls) == 0)
		r = sysctls_each(equals + 1, "", false, err);
	else
		r = err_set(err, EINVAL,
			    "driver option %s: a connection has %s%s and %s%s, and no other", key,
			    docker_options, option_ifname, docker_options, option_sysctls);
	if (r == 0)
		json_put(json_object_get(request, "DriverOpts"), key, json_text(equals + 1));
	return r;
}

int network_request_sysctls(const json_t *request, const char *link, struct err *err)
{
	const json_t *options = json_at(request, "DriverOpts");
	_cleanup_free_ char *key = str_printf("%s%s", docker_options, option_sysctls);
	const char *list = json_string_value(json_object_get(options, key));

	return list ? sysctls_each(list, link, true, err) : 0;
}

/* -- what the user wrote ---------------------------------------------------------------------- */

/* key=value of --network name=...,alias=...; */
static int long_word(json_t *request, const char *key, const char *value, struct err *err)
{
	int r = 0;

	if (strcmp(key, "name") == 0) {
		json_put(request, "Name", json_text(named(value)));
	} else if (strcmp(key, "alias") == 0) {
		json_push(json_object_get(request, "Aliases"), json_text(value));
	} else if (strcmp(key, "ip") == 0) {
		r = address_check(value, AF_INET, "ip", err);
		json_put(request, "IPv4Address", json_text(value));
	} else if (strcmp(key, "ip6") == 0) {
		r = address_check(value, AF_INET6, "ip6", err);
		json_put(request, "IPv6Address", json_text(value));
	} else if (strcmp(key, "mac-address") == 0) {
		r = mac_check(value, err);
		json_put(request, "MacAddress", json_text(value));
	} else if (strcmp(key, "gw-priority") == 0) {
		char *end;
		long priority = strtol(value, &end, 10);

		if (*end || !*value)
			return err_set(err, EINVAL, "invalid gw-priority: %s", value);
		json_put(request, "GwPriority", json_integer(priority));
	} else if (strcmp(key, "interface-name") == 0) {
		r = interface_name(request, value, err);
	} else if (strcmp(key, "driver-opt") == 0) {
		r = network_request_option(request, value, err);
	} else {
		return err_set(err, EINVAL, "invalid field %s", key);
	}
	return r;
}

static int long_form(const char *text, json_t *request, struct err *err)
{
	_cleanup_strv_ char **words = strv_split(text, ',');

	for (size_t i = 0; words[i]; i++) {
		char *equals = strchr(words[i], '=');
		int r;

		if (!equals)
			return err_set(err, EINVAL, "invalid field %s: must be a key=value pair",
				       words[i]);
		*equals = '\0';
		r = long_word(request, words[i], equals + 1, err);
		if (r < 0)
			return r;
	}
	return *json_string_at(request, "Name", "") ?
		       0 :
		       err_set(err, EINVAL, "--network %s: name is missing", text);
}

static bool is_listed(const json_t *list, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (strcmp(json_string_at(one, "Name", ""), name) == 0)
			return true;
	}
	return false;
}

static int one_network(const struct create_options *o, const char *text, json_t *list,
		       struct err *err)
{
	json_t *request = network_request("", NULL, NULL, NULL, NULL);
	const char *name;
	int r = 0;

	if (is_long_form(text))
		r = long_form(text, request, err);
	else
		json_put(request, "Name", json_text(named(text)));
	name = json_string_at(request, "Name", "");
	if (r == 0 && strcmp(name, "cni:") == 0)
		r = err_set(err, EINVAL,
			    "--network cni: wants the name of a list in /etc/cni/net.d");
	if (r == 0 && !*name)
		r = err_set(err, EINVAL, "--network: no network name");
	if (r == 0 && is_listed(list, name))
		r = err_set(err, EINVAL, "network \"%s\" is specified multiple times", name);
	if (r == 0 && network_mode_of(name) != NETWORK_NAMED && o->networks && o->networks[1]) {
		err_set(err, EINVAL,
			"conflicting options: cannot attach both user-defined and non-user-defined network-modes");
		r = -EINVAL;
	}
	if (r < 0) {
		json_decref(request);
		return r;
	}
	json_push(list, request);
	return 0;
}

/* --ip, --ip6, --mac-address, --network-alias are of the first network. */
static int first_network(const struct create_options *o, json_t *first, struct err *err)
{
	bool named_mode = network_mode_of(json_string_at(first, "Name", "")) == NETWORK_NAMED;
	int r;

	if ((r = address_check(o->ip, AF_INET, "--ip", err)) < 0 ||
	    (r = address_check(o->ip6, AF_INET6, "--ip6", err)) < 0 ||
	    (r = mac_check(o->mac_address, err)) < 0)
		return r;
	if (!named_mode && (o->ip || o->ip6 || o->mac_address || o->network_aliases)) {
		err_set(err, EINVAL,
			"conflicting options: --ip, --ip6, --mac-address and --network-alias need a network");
		return err_hint(err, "this container has --network %s",
				json_string_at(first, "Name", ""));
	}
	if (o->ip)
		json_put(first, "IPv4Address", json_text(o->ip));
	if (o->ip6)
		json_put(first, "IPv6Address", json_text(o->ip6));
	if (o->mac_address)
		json_put(first, "MacAddress", json_text(o->mac_address));
	for (size_t i = 0; o->network_aliases && o->network_aliases[i]; i++)
		json_push(json_object_get(first, "Aliases"), json_text(o->network_aliases[i]));
	return 0;
}

/* NAME:IP or NAME=IP, kept as NAME:IP; an IPv6 address may stand in brackets. */
static int add_host(const char *text, json_t *list, struct err *err)
{
	size_t n = strcspn(text, "=:");
	_cleanup_free_ char *name = str_ndup(text, n), *ip = NULL, *kept = NULL;
	struct address address;

	if (!text[n] || n == 0)
		return err_set(err, EINVAL, "bad format for add-host: \"%s\"", text);
	ip = str_dup(text + n + 1);
	if (*ip == '[' && str_suffix(ip, "]")) {
		memmove(ip, ip + 1, strlen(ip));
		ip[strlen(ip) - 1] = '\0';
	}
	if (strcmp(ip, "host-gateway") != 0 && address_parse(ip, &address) < 0)
		return err_set(err, EINVAL, "invalid IP address in add-host: \"%s\"", ip);
	kept = str_printf("%s:%s", name, ip);
	json_push(list, json_text(kept));
	return 0;
}

static int dns_options(const struct create_options *o, json_t *host, struct err *err)
{
	json_t *hosts = json_array();
	struct address address;

	json_put(host, "ExtraHosts", hosts);
	json_put(host, "Dns", json_from_strv(o->dns));
	json_put(host, "DnsSearch", json_from_strv(o->dns_search));
	json_put(host, "DnsOptions", json_from_strv(o->dns_options));
	for (size_t i = 0; o->dns && o->dns[i]; i++)
		if (address_parse(o->dns[i], &address) < 0)
			return err_set(err, EINVAL, "%s is not an ip address", o->dns[i]);
	for (size_t i = 0; o->add_hosts && o->add_hosts[i]; i++) {
		int r = add_host(o->add_hosts[i], hosts, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int network_options(const struct create_options *o, json_t *host, json_t *own, struct err *err)
{
	static char bridge[] = "bridge";
	char *otherwise[] = { bridge, NULL };
	char **networks = o->networks ? o->networks : otherwise;
	json_t *list = json_array();
	const char *mode;
	int r = 0;

	json_put(own, "Networks", list);
	for (size_t i = 0; r == 0 && networks[i]; i++)
		r = one_network(o, networks[i], list, err);
	if (r == 0)
		r = first_network(o, json_array_get(list, 0), err);
	if (r < 0)
		return r;
	r = dns_options(o, host, err);
	if (r < 0)
		return r;
	mode = json_string_at(json_array_get(list, 0), "Name", "");
	json_put(host, "NetworkMode", json_text(mode));
	if (network_mode_of(mode) != NETWORK_NAMED)
		(void)json_array_clear(list);
	return 0;
}
