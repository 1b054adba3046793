/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every socket of every network namespace, by sock_diag(7), asked in each namespace by threads that enter it: nothing is started in a
 * container. What the kernel has no sock_diag for is read from the namespace's own /proc/net.
 *
 *	_cleanup_(socket_table_clear) struct socket_table sockets = SOCKET_TABLE_EMPTY;
 *	if (socket_table_many(containers, what))		the walk for TCP goes on while namespaces are looked for
 *		tcp_table_begin(&tcp, libexec);
 *	net_spaces_find(&spaces, &table);
 *	socket_table_read(&sockets, &spaces, what, &tcp, err);
 *	socket_owners(&sockets, &spaces, &table, true, NULL);       which process has each
 */
#ifndef CLOCHE_HOST_SOCKET_H
#define CLOCHE_HOST_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct net_spaces;
struct process_table;
struct tcp_table;

enum socket_proto {
	SOCKET_TCP,
	SOCKET_UDP,
	SOCKET_UDPLITE,
	SOCKET_SCTP,
	SOCKET_RAW,
	SOCKET_ICMP,
	SOCKET_PACKET,
	SOCKET_UNIX_PROTO,
	SOCKET_PROTOS,
};
const char *socket_proto_word(enum socket_proto proto); /* "tcp" */

enum {
	SOCKET_ESTABLISHED = 1,
	SOCKET_CLOSE = 7,
	SOCKET_LISTEN = 10
};					  /* the kernel's tcp_states.h */
const char *socket_state_word(int state); /* netstat's: "LISTEN"; "" for none */

struct socket {
	enum socket_proto proto;
	bool v6;
	uint8_t local[16], peer[16]; /* network order, v4 in the first four */
	uint16_t local_port, peer_port;
	int state;
	uint32_t recv_queue, send_queue;
	uint32_t uid; /* UINT32_MAX: nobody's, as in TIME-WAIT */
	uint64_t inode;
	uint64_t cookie, received,
		sent; /* of TCP, with SOCKET_WANT_BYTES: the kernel's name for it, and bytes so far */
	int space;    /* of the namespaces' list */
	int owner; /* of the processes' owners; socket_owners corrects it where several share a namespace */
	pid_t pid; /* 0: not asked, or nobody's */
	int type;  /* unix, packet: SOCK_STREAM... ; raw: the protocol's number is local_port */
	uint32_t references, flags; /* unix, as in /proc/net/unix */
	char *path;		    /* unix: "@name" for an abstract one; NULL: none */
};

struct socket_table {
	struct socket *list;
	size_t count;
	bool partial; /* a namespace could not be entered */
};
#define SOCKET_TABLE_EMPTY ((struct socket_table){ 0 })

enum socket_what {
	SOCKET_WANT_TCP = 1,
	SOCKET_WANT_UDP = 2,
	SOCKET_WANT_OTHER = 4, /* udplite, sctp, raw, ping */
	SOCKET_WANT_PACKET = 8,
	SOCKET_WANT_UNIX = 16,
	SOCKET_WANT_BYTES = 32, /* with TCP */
};

/* In the order of the namespaces; within one, tcp, tcp6, udp... as the kernel gives them. tcp: one that was begun is ended; else each
 * namespace is asked for TCP, too. On failure the table is to be cleared. */
int socket_table_read(struct socket_table *sockets, const struct net_spaces *spaces,
		      unsigned int what, struct tcp_table *tcp, struct err *err);
/* With so many namespaces one walk for TCP is worth its price (tcp_table.h). */
bool socket_table_many(size_t spaces, unsigned int what);
void socket_table_clear(struct socket_table *sockets);
/* Which process has each socket: of all (every_process), or only where a namespace has several owners, so that each socket gets its
 * container. iterator: see socket_holder.h; or NULL. */
void socket_owners(struct socket_table *sockets, const struct net_spaces *spaces,
		   const struct process_table *table, bool every_process, const char *iterator);

/* "10.88.0.2", "fd00::2"; at least 46 bytes. */
void socket_address(const struct socket *socket, bool peer, char *out, size_t size);

#endif
