/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sockets of the host and of all containers, with what the commands sockets, netstat and whois say about each. */
#ifndef CLOCHE_CLI_SOCKET_VIEW_H
#define CLOCHE_CLI_SOCKET_VIEW_H

#include "cli/host_view.h"
#include "host/conntrack.h"
#include "host/net_space.h"
#include "host/socket.h"

struct port_row;

struct socket_view {
	struct host_view host;
	struct net_spaces spaces;
	struct socket_table sockets;
	struct connections connections;
	char **ports; /* parallel to host.table.owners: what is published, "0.0.0.0:80->8080/tcp, ..."; NULL until asked */
	struct port_row *published; /* all of this instance */
	size_t published_count;
	bool published_read;
};
#define SOCKET_VIEW_EMPTY ((struct socket_view){ .sockets = SOCKET_TABLE_EMPTY })

/* what: enum socket_what; processes: find the process of every socket, not only of those in shared namespaces. */
int socket_view_open(struct cli *cli, unsigned int what, bool processes, struct socket_view *view,
		     struct err *err);
void socket_view_clear(struct socket_view *view);

/* "web"; for a namespace that is no container's "netns NAME" or "netns 4026531840"; "-" for the host. */
void socket_view_container(const struct socket_view *view, const struct socket *socket, char *out,
			   size_t size);
/* As what address of the host it is known outside: from the kernel's translations, or for one that listens from what the engine
 * published. "" when neither knows. */
void socket_view_published(struct socket_view *view, const struct socket *socket, char *out,
			   size_t size);
/* What the engine published of a container: "0.0.0.0:80->8080/tcp, ..."; "" for nothing. */
const char *socket_view_ports(struct socket_view *view, int owner);
/* "10.88.0.2:3270", "[fd00::2]:3270"; port 0 is "*". At least 64 bytes. */
void socket_view_end(const struct socket *socket, bool peer, char *out, size_t size);

#endif
