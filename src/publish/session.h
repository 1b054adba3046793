/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One session of a client with the container: two sockets, and pipes through which the kernel moves the bytes (splice(2)), so that they
 * never come into this process; but for pieces of less than a page, which are copied. All sockets are edge-triggered in one epoll; what each event told is remembered, so that nobody
 * is asked for what he has not. */
#ifndef CLOCHE_PUBLISH_SESSION_H
#define CLOCHE_PUBLISH_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct door { /* a listener, and where its clients go */
	int fd;
	struct sockaddr_storage to;
	socklen_t to_length;
	unsigned int prefix; /* of the container's network */
	bool clients;	     /* the container is to see the client's address */
	bool datagrams;
};

struct timespec;

/* Pipes to begin with, for who cannot make good ones later. */
void session_prepare(void);
/* Accept one client. false: there is none. */
bool session_accept(const struct door *door, int epoll, unsigned int mark);
/* What epoll says of one of the sockets: its data, its events. */
void session_event(uint64_t data, uint32_t events);
/* So many turns for sessions that could move more at once, one after the other. true: some are left. */
bool session_work(int turns);
/* What is due by the clock; and how long to wait for events until the next such thing. NULL: for ever. */
void session_tick(void);
const struct timespec *session_patience(struct timespec *room);
/* Free those that ended since the last call: events of one round may still point to them. true: there were some. */
bool session_sweep(void);

#endif
