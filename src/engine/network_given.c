/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/network_given.h"

#include <stddef.h>

#include "base/json.h"
#include "base/str.h"
#include "engine/network.h"

static const struct {
	const char *name;
	size_t offset;
} lists[] = {
	{ "Subnets", offsetof(struct network_options, subnets) },
	{ "Gateways", offsetof(struct network_options, gateways) },
	{ "IPRanges", offsetof(struct network_options, ip_ranges) },
	{ "AuxAddresses", offsetof(struct network_options, aux_addresses) },
	{ "Options", offsetof(struct network_options, options) },
	{ "Labels", offsetof(struct network_options, labels) },
}, switches[] = {
	{ "Internal", offsetof(struct network_options, internal) },
	{ "Attachable", offsetof(struct network_options, attachable) },
	{ "NoIPv4", offsetof(struct network_options, ipv4_off) },
	{ "NoIPv6", offsetof(struct network_options, ipv6_off) },
	{ "HostAccess", offsetof(struct network_options, host_access) },
}, texts[] = {
	{ "Driver", offsetof(struct network_options, driver) },
	{ "Parent", offsetof(struct network_options, parent) },
	{ "IPAMDriver", offsetof(struct network_options, ipam_driver) },
};

#define FIELD(options, type, offset) ((type *)(void *)((char *)(uintptr_t)(options) + (offset)))

json_t *network_given(const struct network_options *options)
{
	json_t *given = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		json_put(given, lists[i].name,
			 json_from_strv(*FIELD(options, char **, lists[i].offset)));
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		json_put(given, switches[i].name,
			 json_boolean(*FIELD(options, bool, switches[i].offset)));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (*FIELD(options, const char *, texts[i].offset))
			json_put(given, texts[i].name,
				 json_text(*FIELD(options, const char *, texts[i].offset)));
	return given;
}

void network_given_read(const json_t *given, struct network_options *ret_options)
{
	*ret_options = (struct network_options){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		*FIELD(ret_options, char **, lists[i].offset) = json_strv_at(given, lists[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		*FIELD(ret_options, bool, switches[i].offset) =
			json_bool_at(given, switches[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*FIELD(ret_options, const char *, texts[i].offset) =
			json_string_at(given, texts[i].name, NULL);
}

void network_given_clear(struct network_options *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_clear(*FIELD(options, char **, lists[i].offset));
	*options = (struct network_options){ 0 };
}
