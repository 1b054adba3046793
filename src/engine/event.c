/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/event.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/engine.h"
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

void event_container(struct engine *engine, const struct record *record, const char *action,
		     const char *const *extra)
{
	size_t count = json_object_size(json_at(record->config, "Config.Labels")) + 2, more = 0;
	_cleanup_free_ const char **all = NULL;

	while (extra && extra[more])
		more++;
	all = mem_new((2 * count + more + 1) * sizeof(*all));
	attributes_of(record, extra, all);
	event_write(engine->root, "container", action, record->row.id, all);
}

void event_other(struct engine *engine, const char *type, const char *action, const char *id,
		 const char *name)
{
	const char *const attributes[] = { "name", name, NULL };

	event_write(engine->root, type, action, id, attributes);
}
