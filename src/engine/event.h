/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLOCHE_ENGINE_EVENT_H
#define CLOCHE_ENGINE_EVENT_H

#include <stdint.h>

struct endpoints;
struct engine;
struct network_row;
struct record;

/* An event of a container with Docker's attributes (its labels, image, name). extra: NULL or name, value, ..., NULL. */
void event_container(struct engine *engine, const struct record *record, const char *action,
		     const char *const *extra);
void event_other(struct engine *engine, const char *type, const char *action, const char *id,
		 const char *name);
/* With the network's name and driver, and the container that it is about; NULL: none. */
void event_network(struct engine *engine, const struct network_row *row, const char *action,
		   const char *container);
void event_volume(struct engine *engine, const char *name, const char *action);
/* Of all its networks ("connect", "disconnect") and of its volumes ("mount", "unmount"). */
void event_networks(struct engine *engine, const struct record *record,
		    const struct endpoints *endpoints, const char *action);
void event_volumes(struct engine *engine, const struct record *record, const char *action);
/* prune of "container", "image", "network", "volume" */
void event_prune(struct engine *engine, const char *type, int64_t reclaimed_bytes);
/* What is told between the two is written at once. */
void event_begin(struct engine *engine);
void event_end(struct engine *engine);

#endif
