/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's places on networks. Addresses are given with the record and stay until the container is removed, so that they
 * are the same after a restart; the links live with the container's network namespace.
 *
 *	endpoints_record(engine, record.row.id, requests, err);   in create's transaction
 *	endpoints_load(engine, record, &endpoints, err);          a start, in the command
 *	endpoints_up(engine, record, &endpoints, "", err);                    links of the networks, still in the command
 *	endpoints_attach(&endpoints, record, pid, err);           in the process that becomes the monitor
 */
#ifndef CLOCHE_ENGINE_ENDPOINT_H
#define CLOCHE_ENGINE_ENDPOINT_H

#include <net/if.h>
#include <sys/types.h>

#include "engine/network.h"

struct buf;
struct record;
struct traffic;

struct endpoint {
	struct endpoint_row row;
	struct network network;
	int run;		       /* RUN/ID, or -1 */
	bool guarded;		       /* see endpoints */
	json_t *request;	       /* of the row's config */
	char veth[IFNAMSIZ];	       /* the host's end, once attached */
	const struct traffic *traffic; /* what it may send; NULL: all */
};

struct endpoints {
	struct endpoint *list;
	size_t count;
	int lock;     /* of the networks, from endpoints_up on; -1 */
	bool guarded; /* it has the rights to send what it likes: its links get a filter */
	int resolver; /* connection to it, from endpoints_up on; -1 */
	struct traffic *traffic; /* traffic_load(); NULL: nothing is wanted */
};
#define ENDPOINTS_NONE ((struct endpoints){ .lock = -1, .resolver = -1 })
void endpoints_clear(struct endpoints *endpoints);

/* requests: Cloche.Networks of the record. Networks that do not exist are an error, but for the default one. Addresses and
 * rows within the caller's transaction; find the networks before, with endpoints_check. */
int endpoints_check(struct engine *engine, const json_t *requests, struct err *err);
int endpoints_record(struct engine *engine, const char *id, const json_t *requests,
		     struct err *err);
/* One more, at `position` of the container. */
int endpoint_record(struct engine *engine, const char *id, const json_t *request, int64_t position,
		    struct err *err);

int endpoints_load(struct engine *engine, const struct record *record,
		   struct endpoints *ret_endpoints, struct err *err);
/* lease: the network of which an address is asked for, "": all that want that, NULL: none, it runs already. */
int endpoints_up(struct engine *engine, const struct record *record, struct endpoints *endpoints,
		 const char *lease, struct err *err);
/* pid, pidfd: of a process in the container's network namespace. The caller's namespace is the host's. */
int endpoints_attach(struct endpoints *endpoints, const struct record *record, pid_t pid, int pidfd,
		     int run, struct err *err);
/* One link of a running container, `position` telling its name. sockets: the name server's are made there too; or NULL. */
int endpoint_attach(struct endpoint *endpoint, const struct record *record, pid_t pid,
		    bool default_route, int sockets[2], struct err *err);
/* Name of its link inside. */
void endpoint_inside_name(const struct endpoint *endpoint, char inside[IFNAMSIZ]);
/* Let what comes from a running container's link go back to it: for a port that it reaches itself by. */
int endpoint_hairpin(const struct endpoint *endpoint, int pidfd, struct err *err);
/* Take the link of a running container away; both ends go. */
int endpoint_detach(const struct endpoint *endpoint, pid_t pid, struct err *err);
/* Make this network the way out of a running container. */
int endpoint_route(const struct endpoint *endpoint, pid_t pid, struct err *err);
/* A lease has ended and another one is there, or none (row.ip4 ""): the link inside of a running container has the new address from now on. */
int endpoint_readdress(struct endpoint *endpoint, const char *old_ip4, pid_t pid,
		       bool default_route, struct err *err);
/* Lines of /etc/hosts for the container's own name. */
void endpoints_hosts(const struct endpoints *endpoints, const struct record *record,
		     struct buf *out);
/* The one whose gateway is the default route; NULL: none has one. */
const struct endpoint *endpoints_gateway(const struct endpoints *endpoints);

#endif
