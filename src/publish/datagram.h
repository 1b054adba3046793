/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams to [::1], which cannot be translated: each client has a socket of his own to the container, so that the answers find him.
 * There is no end of a session with UDP: the client that was silent for longest gives way to a new one. */
#ifndef CLOCHE_PUBLISH_DATAGRAM_H
#define CLOCHE_PUBLISH_DATAGRAM_H

#include <stdbool.h>

struct door;

/* Is this epoll data one of ours? */
bool datagram_is(const void *data);
/* What waits at the door goes to the container. */
void datagram_in(const struct door *door, int epoll);
/* And back. */
void datagram_back(void *data);
/* The door is closed. */
void datagram_forget(const struct door *door);

#endif
