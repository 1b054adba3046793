/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The containers that the resolver serves and their names. Each was told in one message with its sockets, which are inside
 * the container's network namespace, so that whoever asks by them is known:
 *
 *	container ID
 *	net NETWORK-ID IP4 IP6 NAME NAME...	"-": no address; once for each of its networks
 *	gateway IP4 IP6				what host.docker.internal is
 *	server IP				--dns: instead of the host's servers
 *	internal				nothing is asked outside
 *
 * with three descriptors: a pidfd of its first process, a datagram socket, a listener. A message for a known ID without descriptors
 * replaces its names. A container sees the names of those that share a network with it.
 */
#ifndef CLOCHE_RESOLVE_MEMBERS_H
#define CLOCHE_RESOLVE_MEMBERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "resolve/dns.h"

enum { MEMBER_NETS = 16, MEMBER_SERVERS = 3, MEMBER_FDS = 3 };

struct member_net {
	char network[65];
	uint8_t ip4[4], ip6[16];
	bool has4, has6;
	char *names; /* words, one after the other, each with its NUL, an empty one at the end */
};

struct member {
	char id[65];
	int pidfd, udp, tcp;
	struct member_net nets[MEMBER_NETS];
	int net_count;
	uint8_t gateway4[4], gateway6[16];
	bool has_gateway4, has_gateway6;
	struct sockaddr_in6 servers[MEMBER_SERVERS]; /* IPv4 ones mapped */
	int server_count;
	bool internal;
	void *watched[MEMBER_FDS]; /* the loop's */
	struct member *next;
};

/* NULL: not understood, or no memory; fds are the caller's then. fds[0] -1: an update. *ret_new: it is to be watched. */
struct member *member_add(char *text, const int fds[MEMBER_FDS], bool *ret_new);
void member_remove(struct member *member); /* closes and frees */
struct member *member_first(void);
/* true: the answer is ours. false: somebody outside is to be asked. */
bool member_answer(const struct member *asking, const struct dns_query *query,
		   struct dns_answer *ret_answer);

#endif
