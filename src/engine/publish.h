/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Published ports of a container. While it runs, each has a row (unique for the host), a socket that holds it, and, by mode:
 *   kernel   an element in the maps of our nftables table; [::1], which cannot be translated, is relayed
 *   visible  a listener of cloche-publish, so that netstat shows LISTEN and every session
 * One cloche-publish for a container has all its sockets; it ends with the container's first process.
 *
 *	publish_prepare(engine, record, &endpoints, &publish, err);   in the command: conflicts are found here
 *	publish_start(engine, &publish, record, pidfd, run, err);     in the process that becomes the monitor, behind the links
 *	publish_release(engine, record, run, err);                    after the end
 */
#ifndef CLOCHE_ENGINE_PUBLISH_H
#define CLOCHE_ENGINE_PUBLISH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/foreign_nat.h"

struct create_options;
struct endpoints;
struct engine;
struct err;
struct netlink;
struct port_row;
struct port_spec;
struct record;
struct ruleset_port;

struct publication {
	int protocol;
	struct address host, to;
	uint16_t port, to_port;
	unsigned int prefix; /* of the network of `to` */
	bool visible;
	int hold;   /* bound, not listening; -1 */
	int listen; /* -1 */
};

struct publish {
	struct publication *list;
	size_t count;
	bool transparent;	    /* the relay shows the client's address */
	char *bridge;		    /* link of the network */
	struct foreign_nat foreign; /* ports that others' rules have, once they are known */
	bool foreign_known;
};
#define PUBLISH_NONE ((struct publish){ 0 })
void publish_clear(struct publish *publish);

/* -p, -P, --expose, --publish-mode, and the image's ports, into Config.ExposedPorts and HostConfig. */
int publish_options(struct engine *engine, const struct create_options *options,
		    const json_t *image, json_t *config, json_t *host, json_t *own,
		    struct err *err);
/* Its element in the table. -EINVAL: it has none. */
int publish_port_of(const struct port_row *row, struct ruleset_port *ret_port);
bool publish_wanted(const struct record *record);
/* One port of -p into HostConfig.PortBindings and Config.ExposedPorts. */
void publish_binding_add(json_t *bindings, json_t *exposed, const struct port_spec *spec);
/* -p as typed, an address of the settings where it has none; appended to *list. */
int publish_parse(struct engine *engine, const char *text, struct port_spec **list, size_t *count,
		  struct err *err);

int publish_prepare(struct engine *engine, const struct record *record,
		    const struct endpoints *endpoints, struct publish *ret_publish,
		    struct err *err);
/* For the first port that is published past a firewall of the host, which does not see it; the caller frees. NULL: there is none, or it
 * was told before (RUN/firewall-told). */
char *publish_firewall_words(struct engine *engine, const struct publish *publish);
int publish_start(struct engine *engine, struct publish *publish, const struct record *record,
		  int pidfd, int run, struct err *err);
/* More ports of a running container, taken already (publish_take.h), and fewer. The caller has its lock. run: RUN/ID. */
int publish_add(struct engine *engine, struct publish *publish, const struct record *record,
		int pidfd, int run, struct err *err);
int publish_drop(struct engine *engine, const struct port_row *rows, int count, int run,
		 struct err *err);
/* A relay that was killed comes back; sessions that went through it are gone. Nothing is done where one runs or none is wanted. */
int publish_restore(struct engine *engine, const struct record *record, struct err *err);
/* Repeatable. run: RUN/ID. */
int publish_release(struct engine *engine, const struct record *record, int run, struct err *err);
/* Add the elements of all rows to a transaction. */
int publish_elements(struct engine *engine, struct netlink *nl, struct err *err);
/* {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}; exposed ones that are not published have null. */
json_t *publish_json(struct engine *engine, const struct record *record, bool running);
/* "443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp" of one container that runs, from the rows of all; in Docker's order,
 * ranges joined ("0.0.0.0:8000-8002->8000-8002/tcp"). The caller frees. */
char *publish_text(const struct port_row *rows, int count, const struct record *record);

#endif
