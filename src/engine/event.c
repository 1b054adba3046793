/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/event.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "state/event_log.h"

/* Docker's: all labels, of which those that have a name of ours are lost, then image and name, then what the action has of its own. */
static void attributes_of(const struct record *record, const char *const *extra, const char **all)
{
	const json_t *labels = json_at(record->config, "Config.Labels");
	const char *image = json_string_at(record->config, "Config.Image", "");
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)labels, key, value)
	{
		if (!json_is_string(value) || strcmp(key, "image") == 0 || strcmp(key, "name") == 0)
			continue;
		all[n++] = key;
		all[n++] = json_string_value(value);
	}
	all[n++] = "image";
	all[n++] = *image ? image : record->row.image_id;
	all[n++] = "name";
	all[n++] = record->row.name;
	for (size_t i = 0; extra && extra[i]; i++)
		all[n++] = extra[i];
	all[n] = NULL;
}

static void tell_event(struct engine *engine, const char *type, const char *action, const char *id,
		       const char *const *attributes)
{
	if (engine->events)
		event_line(engine->events, type, action, id, attributes);
	else
		event_write(engine->root, type, action, id, attributes);
}

void event_container(struct engine *engine, const struct record *record, const char *action,
		     const char *const *extra)
{
	size_t count = json_object_size(json_at(record->config, "Config.Labels")) + 2, more = 0;
	_cleanup_free_ const char **all = NULL;

	while (extra && extra[more])
		more++;
	all = mem_new((2 * count + more + 1) * sizeof(*all));
	attributes_of(record, extra, all);
	tell_event(engine, "container", action, record->row.id, all);
}

void event_other(struct engine *engine, const char *type, const char *action, const char *id,
		 const char *name)
{
	const char *const attributes[] = { "name", name, NULL };

	tell_event(engine, type, action, id, attributes);
}

void event_network(struct engine *engine, const struct network_row *row, const char *action,
		   const char *container)
{
	const char *const attributes[] = {
		"name",	   row->name, "type", row->driver, container ? "container" : NULL,
		container, NULL
	};

	tell_event(engine, "network", action, row->id, attributes);
}

void event_networks(struct engine *engine, const struct record *record,
		    const struct endpoints *endpoints, const char *action)
{
	for (size_t i = 0; i < endpoints->count; i++)
		event_network(engine, &endpoints->list[i].network.row, action, record->row.id);
}

void event_volume(struct engine *engine, const char *name, const char *action)
{
	tell_event(engine, "volume", action, name,
		   (const char *const[]){ "driver", "local", NULL });
}

void event_volumes(struct engine *engine, const struct record *record, const char *action)
{
	bool mount = strcmp(action, "mount") == 0;
	const json_t *one;
	size_t i;

	json_array_foreach(json_at(record->config, "Mounts"), i, one)
	{
		const char *name = json_string_at(one, "Name", "");
		const char *const attributes[] = { "container",
						   record->row.id,
						   "driver",
						   "local",
						   mount ? "destination" :
							   NULL, /* the end for the other */
						   json_string_at(one, "Destination", ""),
						   "propagation",
						   json_string_at(one, "Propagation", ""),
						   "read/write",
						   json_bool_at(one, "RW") ? "true" : "false",
						   NULL };

		if (strcmp(json_string_at(one, "Type", ""), "volume") == 0)
			tell_event(engine, "volume", action, name, attributes);
	}
}

void event_prune(struct engine *engine, const char *type, int64_t reclaimed_bytes)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)reclaimed_bytes);
	tell_event(engine, type, "prune", "", (const char *const[]){ "reclaimed", text, NULL });
}

void event_begin(struct engine *engine)
{
	engine->events = mem_new(sizeof(*engine->events));
}

void event_end(struct engine *engine)
{
	if (engine->events && engine->events->length > 0)
		event_lines_write(engine->root, engine->events);
	if (engine->events)
		buf_clear(engine->events);
	free(ptr_take(&engine->events));
}
