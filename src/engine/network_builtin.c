/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/network_builtin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/network.h"
#include "engine/status.h"
#include "state/store.h"

#define NO_ADDRESSES \
	"{\"Internal\":false,\"Attachable\":false,\"Options\":{},\"Labels\":{},\"IPAM\":{" \
	"\"Driver\":\"default\",\"Options\":null,\"Config\":[]}}"

/* In the order of their names. The ids mean nothing, and are the same everywhere. */
static const struct network_row builtin[] = {
	{ .id = (char *)"0a4c95e1f3d27b68c05e9a41d8b37f26094ce1a85d7f3b60e2c81954a7d6f03b",
	  .name = (char *)"host",
	  .driver = (char *)"host",
	  .link = (char *)"",
	  .subnet4 = (char *)"",
	  .subnet6 = (char *)"",
	  .config = (char *)NO_ADDRESSES },
	{ .id = (char *)"f71d0b8e52ac46937e90d4c1b6a2583f19ec70d5a84b3261fd97c08e4b5a6d12",
	  .name = (char *)"none",
	  .driver = (char *)"null",
	  .link = (char *)"",
	  .subnet4 = (char *)"",
	  .subnet6 = (char *)"",
	  .config = (char *)NO_ADDRESSES },
};

const struct network_row *network_builtin(size_t i)
{
	return i < ARRAY_SIZE(builtin) ? &builtin[i] : NULL;
}

bool network_is_builtin(const char *name)
{
	bool found = strcmp(name, "bridge") == 0;

	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		found |= strcmp(name, builtin[i].name) == 0;
	return found;
}

static int builtin_copy(const struct network_row *row, int64_t created_ns,
			struct network *ret_network)
{
	ret_network->row = (struct network_row){ .id = str_dup(row->id),
						 .name = str_dup(row->name),
						 .created_ns = created_ns,
						 .driver = str_dup(row->driver),
						 .link = str_dup(row->link),
						 .subnet4 = str_dup(row->subnet4),
						 .subnet6 = str_dup(row->subnet6),
						 .config = str_dup(row->config) };
	ret_network->config = json_loads(row->config, 0, NULL);
	return 0;
}

int network_find_shown(struct engine *engine, const char *reference, struct network *ret_network,
		       struct err *err)
{
	_cleanup_(network_clear) struct network bridge = { 0 };
	const struct network_row *found = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		if (strcmp(reference, builtin[i].name) == 0)
			found = &builtin[i];
	r = found ? -ENOENT : network_find(engine, reference, ret_network, err);
	for (size_t i = 0; r == -ENOENT && !found && *reference && i < ARRAY_SIZE(builtin); i++)
		if (str_prefix(builtin[i].id, reference))
			found = &builtin[i];
	if (!found)
		return r;
	err_clear(err);
	r = network_find(engine, "bridge", &bridge, err); /* they are as old as this one */
	return r < 0 ? r : builtin_copy(found, bridge.row.created_ns, ret_network);
}

json_t *network_builtin_containers(struct engine *engine, const char *name, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	int count = store ? container_list(store, true, &rows, err) : -err->code;
	json_t *all = json_object();

	for (int i = 0; i < count; i++) {
		json_t *config = json_loads(rows[i].config ? rows[i].config : "{}", 0, NULL);
		bool on = strcmp(json_string_at(config, "HostConfig.NetworkMode", ""), name) == 0;
		struct container_status status = { 0 };

		if (on)
			status_get(engine, rows[i].id, &status);
		if (status.status == STATUS_RUNNING)
			json_put(all, rows[i].id,
				 json_pack("{s:s,s:s,s:s,s:s,s:s}", "Name", rows[i].name,
					   "EndpointID", "", "MacAddress", "", "IPv4Address", "",
					   "IPv6Address", ""));
		json_decref(config);
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	return all;
}
