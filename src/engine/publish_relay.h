/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-publish of a container: started with its sockets open, and ended. RUN/ID/publish says who it is. */
#ifndef CLOCHE_ENGINE_PUBLISH_RELAY_H
#define CLOCHE_ENGINE_PUBLISH_RELAY_H

struct engine;
struct err;
struct publish;
struct record;

/* pidfd: of the container's first process, with which it ends. */
int publish_relay_spawn(struct engine *engine, struct publish *publish, const struct record *record,
			int pidfd, int run, struct err *err);
/* Its ports are free afterwards. */
void publish_relay_end(int run);

#endif
