/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One session of a client with the container: two sockets, and a pipe for each direction through which the kernel moves the bytes
 * (splice(2)), so that they never come into this process. All sockets are edge-triggered in one epoll; after any event both
 * directions go on until nothing moves. */
#ifndef CLOCHE_PUBLISH_SESSION_H
#define CLOCHE_PUBLISH_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct door { /* a listener, and where its clients go */
	int fd;
	struct sockaddr_storage to;
	socklen_t to_length;
	unsigned int prefix; /* of the container's network */
	bool clients;	     /* the container is to see the client's address */
	bool datagrams;
};

struct session;

/* Accept one client. false: there is none. The new session is in epoll with itself as its data. */
bool session_accept(const struct door *door, int epoll, unsigned int mark);
/* Something happened at one of its sockets. true: more could be moved at once, call again; false: nothing to do, or it is
 * gone (freed at session_sweep). */
bool session_pump(struct session *session);
/* Sessions with work left, for a loop that is fair: take them one after the other. */
void session_later(struct session *session);
struct session *session_next(void);
/* Free those that ended since the last call: events of one round may still point to them. */
void session_sweep(void);

#endif
