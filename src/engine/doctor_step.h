/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the steps of the doctor share: doctor.c (what is set up), doctor_packet.c (a packet), doctor_port.c (published ports). */
#ifndef CLOCHE_ENGINE_DOCTOR_STEP_H
#define CLOCHE_ENGINE_DOCTOR_STEP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "engine/doctor.h"
#include "engine/endpoint.h"
#include "engine/record.h"
#include "net/netlink.h"
#include "net/route.h"

struct doctor {
	struct engine *engine;
	struct record record;
	struct doctor_report report;
	struct endpoints endpoints;
	const struct endpoint *endpoint; /* the one that the packet leaves by */
	char netns[NAME_MAX + 1];	 /* name for ip -n */
	pid_t pid;
	int pidfd, own_space; /* of the container, of us */
	bool host_network;    /* the container has no namespace of its own */
	struct netlink inside, host;
	/* the packet */
	char *host_name;
	struct address to, from; /* to: family 0 without a target */
	uint16_t port;
	struct route inner, outer;
	struct link_state link, peer, bridge, way_out;
	bool within; /* to a neighbour on the same network, or to the host itself: nothing is forwarded */
};

void step_ok(struct doctor *d, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* remedy: taken over */
void step_broken(struct doctor *d, const char *what, char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool step_is_broken(const struct doctor *d);
/* A socket of the container's namespace. */
int doctor_socket(struct doctor *d, int family, int type, int protocol);

void doctor_name(struct doctor *d);	 /* host_name into `to` */
void doctor_resolver(struct doctor *d);	 /* does the container's name server answer? */
void doctor_neighbour(struct doctor *d); /* of the container, and of the host on the way out */
void doctor_packet(struct doctor *d);
void doctor_path(struct doctor *d); /* once small packets arrive: do large ones? */
void doctor_ports(struct doctor *d);

/* A connection attempt from `s` to `to`, traced: what became of it, as a broken step or not. who: "web to 10.0.0.1:80" */
void doctor_connect(struct doctor *d, int s, const char *who, const struct address *to,
		    uint16_t port, const struct address *from, const struct address *answers,
		    uint16_t answers_port);

#endif
