/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/lease.h"

static int config_only_refuse(const struct network *network, struct err *err)
{
	if (!network_config_only(network))
		return 0;
	err_set(err, EINVAL, "network %s is configuration-only: no container can be on it",
		network->row.name);
	return err_hint(err, "cloche network create --config-from %s makes one", network->row.name);
}

int endpoints_check(struct engine *engine, const json_t *requests, struct err *err)
{
	const json_t *request;
	size_t i;

	json_array_foreach(requests, i, request)
	{
		_cleanup_(network_clear) struct network network = { 0 };
		int r = network_find(engine, json_string_at(request, "Name", ""), &network, err);

		if (r == 0)
			r = config_only_refuse(&network, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The slots that may be given: those of --ip-range, else of the whole subnet. */
static void slot_range(const struct network *network, int64_t *ret_first, int64_t *ret_last)
{
	const struct subnet *subnet = network->subnet4.address.family ? &network->subnet4 :
									&network->subnet6;
	const json_t *list = json_at(network->config, "IPAM.Config"), *one;
	int64_t size = subnet_size(subnet);
	struct subnet range;
	size_t i;

	bool lan = network_is_lan(&network->row);

	*ret_first = 1;
	*ret_last = subnet->prefix == 31 ? 1 : size - 2;
	json_array_foreach(list, i, one)
	{
		if (subnet_parse(json_string_at(one, "IPRange", ""), &range) < 0 ||
		    !subnet_has(subnet, &range.address))
			continue;
		subnet_mask(&range);
		*ret_first = address_offset(subnet, &range.address);
		size = *ret_first + subnet_size(&range) - 1;
		*ret_last = size < *ret_last ? size : *ret_last;
		*ret_first = *ret_first ? *ret_first : 1;
		lan = false;
	}
	/* others give addresses there, too: only those that were set apart for us */
	if (lan)
		*ret_last = 0;
}

/* --aux-address NAME=ADDRESS: the name of who has it; NULL: nobody. */
static const char *auxiliary_of(const struct network *network, const struct address *address)
{
	const json_t *list = json_at(network->config, "IPAM.Config"), *one;
	struct address other;
	const char *name;
	json_t *value;
	size_t i;

	json_array_foreach(list, i, one)
	{
		json_object_foreach(json_object_get(one, "AuxiliaryAddresses"), name, value)
		{
			if (address_parse(json_string_value(value), &other) == 0 &&
			    address_equal(&other, address))
				return name;
		}
	}
	return NULL;
}

static bool slot_reserved(const struct network *network, int64_t slot)
{
	const struct subnet *subnet = network->subnet4.address.family ? &network->subnet4 :
									&network->subnet6;
	struct address address;

	address_at(subnet, (uint32_t)slot, &address);
	return slot == address_offset(subnet, &subnet->address) ||
	       auxiliary_of(network, &address) != NULL;
}

/* The next free one behind the last that was given: an address rests as long as it can before it is somebody else's. */
static int slot_take(struct engine *engine, struct network *network, int64_t *ret_slot,
		     struct err *err)
{
	int64_t first, last, slot = network->row.slot;

	slot_range(network, &first, &last);
	for (int64_t tries = 0; tries <= last - first; tries++) {
		int r;

		slot = slot < first || slot >= last ? first : slot + 1;
		if (slot_reserved(network, slot))
			continue;
		r = endpoint_slot_taken(engine->store, network->row.id, slot, err);
		if (r < 0)
			return r;
		if (r == 0) {
			*ret_slot = slot;
			return network_set_slot(engine->store, network->row.id, slot, err);
		}
	}
	if (last == 0) {
		err_set(err, EINVAL, "network %s has no --ip-range: whose address is it to be?",
			network->row.name);
		return err_hint(err, "use --ip with an address of the LAN that is free");
	}
	err_set(err, ENOSPC, "no available IPv4 addresses on network %s", network->row.name);
	return err_hint(err, "remove containers, or use a network with a larger subnet");
}

static int static_slot(struct engine *engine, const struct network *network, const char *text,
		       int64_t *ret_slot, struct err *err)
{
	const struct subnet *subnet = strchr(text, ':') ? &network->subnet6 : &network->subnet4;
	struct address address;
	char name[SUBNET_TEXT];
	int r;

	if (address_parse(text, &address) < 0 || !subnet_has(subnet, &address)) {
		struct subnet base = *subnet;

		if (!base.address.family)
			return err_set(err, EINVAL, "invalid address %s: network %s has no IPv%d",
				       text, network->row.name, strchr(text, ':') ? 6 : 4);
		subnet_mask(&base);
		return err_set(err, EINVAL, "invalid address %s: it is not of network %s, %s", text,
			       network->row.name, subnet_text(&base, name));
	}
	if (address_equal(&address, &subnet->address))
		return err_set(err, EADDRINUSE, "address %s is the gateway of network %s", text,
			       network->row.name);
	if (auxiliary_of(network, &address))
		return err_set(err, EADDRINUSE,
			       "Address already in use: %s is kept for %s on network %s", text,
			       auxiliary_of(network, &address), network->row.name);
	*ret_slot = address_offset(subnet, &address);
	r = endpoint_slot_taken(engine->store, network->row.id, *ret_slot, err);
	return r > 0 ? err_set(err, EADDRINUSE,
			       "Address already in use: %s has a container on network %s", text,
			       network->row.name) :
		       r;
}

static void mac_fill(const struct endpoint_row *row, const struct subnet *subnet4,
		     char out[MAC_TEXT])
{
	uint8_t mac[6] = { 0x02, 0x42 };
	struct address address;

	/* from the address, unique where it matters */
	if (subnet4->address.family && address_parse(row->ip4, &address) == 0)
		memcpy(mac + 2, address.bytes, 4);
	else
		for (int i = 0; i < 4; i++)
			mac[2 + i] = (uint8_t)(row->slot >> (8 * (3 - i)));
	(void)mac_text(mac, out);
}

static int row_fill(struct engine *engine, struct network *network, const json_t *request,
		    struct endpoint_row *row, char ip4[ADDRESS_TEXT], char ip6[ADDRESS_TEXT],
		    char mac[MAC_TEXT], struct err *err)
{
	const char *want4 = json_string_at(request, "IPv4Address", ""),
		   *want6 = json_string_at(request, "IPv6Address", ""),
		   *want_mac = json_string_at(request, "MacAddress", "");
	struct address address;
	int64_t other;
	bool leased = lease_wanted(request, network);
	int r;

	if (leased) {
		r = lease_slot(row, network, &row->slot, err);
		want4 = "";
	} else if (*want4 || (*want6 && !network->subnet4.address.family))
		r = static_slot(engine, network, *want4 ? want4 : want6, &row->slot, err);
	else
		r = slot_take(engine, network, &row->slot, err);
	if (r == 0 && *want6 && *want4)
		r = static_slot(engine, network, want6, &other, err);
	else if (r == 0 && *want6 && (leased || network->subnet4.address.family))
		r = static_slot(engine, network, want6, &other, err);
	if (r < 0)
		return r;
	if (network->subnet4.address.family && !leased) {
		address_at(&network->subnet4, (uint32_t)row->slot, &address);
		(void)address_text(&address, ip4);
	}
	if (*want6) {
		(void)address_parse(want6, &address);
		(void)address_text(&address, ip6);
	} else if (network->subnet6.address.family && !network_is_lan(&network->row)) {
		/* of a lease the slot is below nought */
		address_at(&network->subnet6,
			   (uint32_t)(row->slot < 0 ? INT32_MAX + row->slot / 2 : row->slot),
			   &address);
		(void)address_text(&address, ip6);
	}
	row->ip4 = ip4;
	row->ip6 = ip6;
	row->mac = mac;
	if (*want_mac)
		(void)str_append(mac, MAC_TEXT, want_mac);
	else
		mac_fill(row, &network->subnet4, mac);
	return 0;
}

int endpoint_record(struct engine *engine, const char *id, const json_t *request, int64_t position,
		    struct err *err)
{
	_cleanup_(network_clear) struct network network = { 0 };
	char ip4[ADDRESS_TEXT] = "", ip6[ADDRESS_TEXT] = "", mac[MAC_TEXT] = "";
	_cleanup_free_ char *config = json_dumps(request, JSON_COMPACT);
	struct endpoint_row row = { .container = (char *)id,
				    .position = position,
				    .config = config };
	int r = network_find(engine, json_string_at(request, "Name", ""), &network, err);

	if (r == 0)
		r = config_only_refuse(&network, err);
	if (r == 0)
		r = row_fill(engine, &network, request, &row, ip4, ip6, mac, err);
	if (r < 0)
		return r;
	row.network = network.row.id;
	r = endpoint_add(engine->store, &row, err);
	if (r == -EEXIST) {
		*err = ERR_NONE;
		return err_set(err, EADDRINUSE,
			       "Address already in use: %s or %s has a container on network %s",
			       ip4, ip6, network.row.name);
	}
	return r;
}

int endpoints_record(struct engine *engine, const char *id, const json_t *requests, struct err *err)
{
	const json_t *request;
	size_t i;

	json_array_foreach(requests, i, request)
	{
		int r = endpoint_record(engine, id, request, (int64_t)i, err);

		if (r < 0)
			return r;
	}
	return 0;
}
