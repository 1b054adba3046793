/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sockets that hold published ports. They are bound in the command, so that who has a port already is found, and named, before
 * anything runs. */
#ifndef CLOCHE_ENGINE_PUBLISH_TAKE_H
#define CLOCHE_ENGINE_PUBLISH_TAKE_H

#include <jansson.h>

struct endpoint;
struct engine;
struct err;
struct publication;
struct port_row;
struct publish;
struct record;

const char *publish_protocol(int protocol); /* "tcp", ... */
/* All that the record asks for, added to *publish. */
int publish_take(struct engine *engine, struct publish *publish, const struct record *record,
		 const struct endpoint *endpoint, struct err *err);
/* One: key "80/tcp", binding as in HostConfig.PortBindings. */
int publish_take_one(struct engine *engine, struct publish *publish, const struct record *record,
		     const struct endpoint *endpoint, const char *key, const json_t *binding,
		     struct err *err);
/* Those that it has already, of which the holder was killed. */
int publish_retake(struct publish *publish, const struct record *record,
		   const struct endpoint *endpoint, const struct port_row *rows, int count,
		   struct err *err);
/* The words for a port that somebody has: -EADDRINUSE. */
int publish_conflict(struct engine *engine, const struct publication *p, struct err *err);

#endif
