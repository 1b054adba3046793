/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-publish of a container: started with its sockets open, and ended. RUN/ID/publish says who it is. */
#ifndef CLOCHE_ENGINE_PUBLISH_RELAY_H
#define CLOCHE_ENGINE_PUBLISH_RELAY_H

#include <stdbool.h>

struct engine;
struct err;
struct publication;
struct publish;
struct record;

/* pidfd: of the container's first process, with which it ends. aside: a child of our parent, not of ours. */
int publish_relay_spawn(struct engine *engine, struct publish *publish, const struct record *record,
			int pidfd, int run, bool aside, struct err *err);
bool publish_relay_runs(int run);
/* Give a running one the sockets of one more port, or let it close those that it has. */
int publish_relay_add(int run, const struct publish *publish, const struct publication *p,
		      struct err *err);
int publish_relay_drop(int run, const struct publication *p, struct err *err);
/* Its ports are free afterwards. */
void publish_relay_end(int run);

#endif
