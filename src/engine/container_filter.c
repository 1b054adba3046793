/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/container_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/filter.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/image.h"
#include "engine/record.h"
#include "engine/status.h"

static const char *const names[] = {
	"ancestor", "before", "exited",	 "expose",  "health", "id",	"is-task", "isolation",
	"label",    "name",   "network", "publish", "since",  "status", "volume",  NULL,
};
static const char *const states[] = { "created", "restarting", "running", "removing",
				      "paused",	 "exited",     "dead",	  NULL };
static const char *const healths[] = { "none", "starting", "healthy", "unhealthy", NULL };

static int value_check(const char *name, const char *value, const char *const *known,
		       struct err *err)
{
	for (size_t i = 0; known[i]; i++)
		if (strcmp(known[i], value) == 0)
			return 0;
	return err_set(err, EINVAL, "invalid filter '%s=%s'", name, value);
}

static int one_init(struct container_filter *filter, struct engine *engine, const char *name,
		    const char *value, struct err *err)
{
	struct image_row image = { 0 };
	char *end;

	if (strcmp(name, "status") == 0)
		return value_check(name, value, states, err);
	if (strcmp(name, "health") == 0)
		return value_check(name, value, healths, err);
	if (strcmp(name, "exited") == 0) {
		(void)strtol(value, &end, 10);
		return *value && !*end ? 0 :
					 err_set(err, EINVAL,
						 "invalid filter 'exited=%s': not a number", value);
	}
	if (strcmp(name, "before") == 0 || strcmp(name, "since") == 0) {
		_cleanup_(record_clear) struct record record = RECORD_EMPTY;
		int r = record_find(engine, value, &record, err);

		if (r < 0)
			return r;
		*(*name == 'b' ? &filter->before_ns : &filter->since_ns) = record.row.created_ns;
	}
	if (strcmp(name, "ancestor") == 0) { /* Docker: one that is not there matches nothing */
		struct err ignored = ERR_NONE;

		if (image_resolve(engine, value, &image, &ignored) == 0)
			strv_add(&filter->ancestors, image.id);
		image_row_clear(&image);
	}
	return 0;
}

int container_filter_init(struct container_filter *filter, struct engine *engine,
			  char *const *filters, struct err *err)
{
	int r = filter_check(filters, names, err);

	*filter = (struct container_filter){ .engine = engine, .filters = filters };
	for (size_t i = 0; r == 0 && filters && filters[i]; i++) {
		_cleanup_free_ char *name = str_ndup(filters[i], strcspn(filters[i], "="));

		r = one_init(filter, engine, name, filters[i] + strlen(name) + 1, err);
	}
	return r;
}

void container_filter_clear(struct container_filter *filter)
{
	strv_clear(filter->ancestors);
	filter->ancestors = NULL;
}

/* "80", "80/tcp", "80-90/udp" against a key of Docker's port maps */
static bool port_is(const char *have, const char *wanted)
{
	_cleanup_free_ char *have_protocol =
		str_dup(strchr(have, '/') ? strchr(have, '/') + 1 : "tcp");
	const char *protocol = strchr(wanted, '/') ? strchr(wanted, '/') + 1 : "tcp";
	long port = strtol(have, NULL, 10), low, high;
	char *end;

	low = high = strtol(wanted, &end, 10);
	if (*end == '-')
		high = strtol(end + 1, NULL, 10);
	return strcmp(have_protocol, protocol) == 0 && port >= low && port <= high;
}

static bool published(const json_t *config, const char *wanted)
{
	const char *key;
	json_t *bindings, *binding;
	size_t i;

	json_object_foreach((json_t *)json_at(config, "HostConfig.PortBindings"), key, bindings)
	{
		const char *protocol = strchrnul(key, '/');

		json_array_foreach(bindings, i, binding)
		{
			_cleanup_free_ char *host = str_printf(
				"%s%s", json_string_at(binding, "HostPort", ""), protocol);

			if (port_is(host, wanted))
				return true;
		}
	}
	return false;
}

static bool exposed(const json_t *config, const char *wanted)
{
	static const char *const maps[] = { "Config.ExposedPorts", "HostConfig.PortBindings" };
	const char *key;
	json_t *value;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		json_object_foreach((json_t *)json_at(config, maps[i]), key, value)
		{
			(void)value;
			if (port_is(key, wanted))
				return true;
		}
	}
	return false;
}

static bool mounted(const json_t *config, const char *wanted)
{
	const json_t *mount;
	size_t i;

	json_array_foreach(json_at(config, "Mounts"), i, mount)
	{
		if (strcmp(json_string_at(mount, "Name", ""), wanted) == 0 ||
		    strcmp(json_string_at(mount, "Destination", ""), wanted) == 0)
			return true;
	}
	return false;
}

static bool on_network(const json_t *config, const char *wanted)
{
	const json_t *network;
	size_t i;

	json_array_foreach(json_at(config, "Cloche.Networks"), i, network)
	{
		if (strcmp(json_string_at(network, "Name", ""), wanted) == 0 ||
		    strcmp(json_string_at(network, "Network", ""), wanted) == 0)
			return true;
	}
	return strcmp(json_string_at(config, "HostConfig.NetworkMode", ""), wanted) == 0;
}

static bool ancestor_is(const struct container_filter *filter, const char *value)
{
	for (size_t i = 0; filter->ancestors && filter->ancestors[i]; i++)
		if (strcmp(filter->ancestors[i], filter->record->row.image_id) == 0)
			return true;
	return strcmp(json_string_at(filter->record->config, "Config.Image", ""), value) == 0;
}

static bool one_matches(const char *name, const char *value, void *data)
{
	const struct container_filter *filter = data;
	const struct container_row *row = &filter->record->row;
	const json_t *config = filter->record->config;

	if (strcmp(name, "id") == 0)
		return filter_pattern(row->id, value);
	if (strcmp(name, "name") == 0) {
		/* with and without its slash: both ^web and ^/web are typed */
		_cleanup_free_ char *slash = str_printf("/%s", row->name);

		return filter_pattern(row->name, value) || filter_pattern(slash, value);
	}
	if (strcmp(name, "label") == 0)
		return filter_label(json_at(config, "Config.Labels"), value);
	if (strcmp(name, "status") == 0)
		return strcmp(status_word(filter->status), value) == 0;
	if (strcmp(name, "exited") == 0)
		return filter->status->status == STATUS_EXITED &&
		       strtol(value, NULL, 10) == filter->status->exit_code;
	if (strcmp(name, "before") == 0)
		return row->created_ns < filter->before_ns;
	if (strcmp(name, "since") == 0)
		return row->created_ns > filter->since_ns;
	if (strcmp(name, "ancestor") == 0)
		return ancestor_is(filter, value);
	if (strcmp(name, "volume") == 0)
		return mounted(config, value);
	if (strcmp(name, "network") == 0)
		return on_network(config, value);
	if (strcmp(name, "publish") == 0)
		return published(config, value);
	if (strcmp(name, "expose") == 0)
		return exposed(config, value);
	if (strcmp(name, "is-task") == 0)
		return strcmp(value, "true") != 0;
	if (strcmp(name, "health") == 0) {
		_cleanup_json_ json_t *health = health_json(filter->engine, filter->record);

		return strcmp(health_word(health), value) == 0;
	}
	return true; /* isolation */
}

bool container_filter_matches(struct container_filter *filter, const struct record *record,
			      const struct container_status *status)
{
	filter->record = record;
	filter->status = status;
	return filter_match(filter->filters, one_matches, filter);
}
