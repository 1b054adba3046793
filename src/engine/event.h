/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLOCHE_ENGINE_EVENT_H
#define CLOCHE_ENGINE_EVENT_H

struct engine;
struct record;

/* An event of a container with Docker's attributes (its labels, image, name). extra: NULL or name, value, ..., NULL. */
void event_container(struct engine *engine, const struct record *record, const char *action,
		     const char *const *extra);
void event_other(struct engine *engine, const char *type, const char *action, const char *id,
		 const char *name);

#endif
