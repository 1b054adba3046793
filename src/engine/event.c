/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/event.h"

#include <stddef.h>

#include "engine/engine.h"
#include "state/event_log.h"
#include "state/store.h"

void event_container(struct engine *engine, const struct container_row *row, const char *action,
		     const char *const *extra)
{
	const char *attributes[16] = { "image", row->image_id, "name", row->name };
	size_t n = 4;

	for (size_t i = 0; extra && extra[i] && n + 2 < 16; i++)
		attributes[n++] = extra[i];
	attributes[n] = NULL;
	event_write(engine->root, "container", action, row->id, attributes);
}

void event_other(struct engine *engine, const char *type, const char *action, const char *id,
		 const char *name)
{
	const char *const attributes[] = { "name", name, NULL };

	event_write(engine->root, type, action, id, attributes);
}
