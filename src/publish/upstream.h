/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way to the container: a socket that is connected to it, or is going to be, by the client's own address where the container can answer to
 * that by way of us. What such sockets have in common they get before there is a client. */
#ifndef CLOCHE_PUBLISH_UPSTREAM_H
#define CLOCHE_PUBLISH_UPSTREAM_H

#include <stdbool.h>

struct door;
struct sockaddr_storage;

/* A socket that is the caller's; -1: there is none to be had. */
int upstream_connect(const struct door *door, const struct sockaddr_storage *client,
		     unsigned int mark);
/* Make the socket of the next client, of the kind that the last one had. For when there is nothing else to do. */
void upstream_prepare(void);

#endif
