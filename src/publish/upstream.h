/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way to the container: a socket that is connected to it, or is going to be, by the client's own address where the container can answer to
 * that by way of us. What such sockets have in common they get before there is a client. */
#ifndef CLOCHE_PUBLISH_UPSTREAM_H
#define CLOCHE_PUBLISH_UPSTREAM_H

#include <stdbool.h>

struct door;
struct sockaddr_storage;

/* A socket that is the caller's; -1: there is none to be had. Mostly the container has answered by the time that this returns. */
int upstream_connect(const struct door *door, const struct sockaddr_storage *client,
		     unsigned int mark, bool *ret_connected);
/* Is there no socket for a next client like the last one? */
bool upstream_unprepared(void);
/* Make it. For when nobody waits: after accept(2) the container does, for this processor. */
void upstream_prepare(void);

#endif
