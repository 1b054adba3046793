/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names on networks: cloche-resolve, one for the instance while containers run, is told of each container with sockets that
 * were made at 127.0.0.11 inside its network namespace (src/resolve/members.h has the words).
 *
 * A container that listens at port 53 itself (EXPOSE 53, -p ...:53) has the host's servers instead.
 */
#ifndef CLOCHE_ENGINE_RESOLVER_H
#define CLOCHE_ENGINE_RESOLVER_H

#include <stdbool.h>
#include <sys/types.h>

struct endpoints;
struct engine;
struct err;
struct record;

#define RESOLVER_ADDRESS "127.0.0.11"

bool resolver_wanted(const struct record *record);
/* A connection to it, started when it is not there; others that run are told to it then. lock: the networks', shared. */
/* Where containers run that want names and nobody serves them: he is started anew. Costs little where he is there. */
int resolver_restore(struct engine *engine, struct err *err);
int resolver_open(struct engine *engine, int lock, struct err *err);
/* The two sockets, in the namespace that the caller is in. */
int resolver_sockets(int ret_sockets[2], struct err *err);
/* pidfd -1: new names of a container that is known already. Sockets are the caller's. */
int resolver_tell(int connection, const struct record *record, const struct endpoints *endpoints,
		  int pidfd, const int sockets[2], struct err *err);

#endif
