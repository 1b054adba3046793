/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Translated connections of the host's network namespace, from the kernel's table (nfnetlink, ctnetlink): which address of the host a
 * client spoke to, when a container's socket has the connection. No module, no right, no entry: nothing is known, and that is no error.
 */
#ifndef CLOCHE_HOST_CONNTRACK_H
#define CLOCHE_HOST_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection_end {
	uint8_t address[16]; /* network order, v4 in the first four */
	uint16_t port;
};

struct connection { /* a translated one */
	bool v6;
	uint8_t protocol;		     /* IPPROTO_TCP... */
	struct connection_end client, asked; /* as the client sent it: from, to */
	struct connection_end server,
		answered; /* as it arrived: the container's socket, its peer */
};

struct connections {
	struct connection *list; /* by protocol, server and answered */
	size_t count;
};
#define CONNECTIONS_EMPTY ((struct connections){ 0 })

/* Of the calling thread's namespace; whoever asks calls it in the host's. */
void connections_read(struct connections *connections);
void connections_clear(struct connections *connections);
/* The one of a socket with this local end and peer; NULL: it was not translated. */
const struct connection *connections_find(const struct connections *connections, bool v6,
					  uint8_t protocol, const uint8_t local[16],
					  uint16_t local_port, const uint8_t peer[16],
					  uint16_t peer_port);
/* One message of a dump, after its nfgenmsg; false: it has no translation, or is not whole. */
bool connection_parse(const void *attributes, size_t length, bool v6, struct connection *ret);

#endif
