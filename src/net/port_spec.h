/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What -p says, in all of Docker's forms: [[HOST-IP:][HOST-PORT[-PORT]]:]PORT[-PORT][/PROTOCOL].
 *
 *	8080:80   80   127.0.0.1:8080:80   127.0.0.1::80   [::1]:8080:80/udp   8000-8010:80-90   8000-8010:80
 */
#ifndef CLOCHE_NET_PORT_SPEC_H
#define CLOCHE_NET_PORT_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

struct err;

struct port_spec {			/* one port of the container */
	struct address host;		/* family 0: every address */
	uint16_t host_first, host_last; /* one of these; 0: any free one */
	uint16_t port;
	const char *protocol; /* "tcp", "udp", "sctp" */
};

/* Ranges become one entry for each port, added to *list (reallocated). -EINVAL with Docker's words. */
int port_spec_parse(const char *text, struct port_spec **list, size_t *count, struct err *err);
/* "80", "80/udp", "8000-8010/tcp" of --expose. */
int port_spec_expose(const char *text, struct port_spec **list, size_t *count, struct err *err);
int port_protocol(const char *name); /* IPPROTO_TCP, ...; -EINVAL */

#endif
