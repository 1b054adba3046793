/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of the host that are held for a container: a bound socket that does not listen keeps every later bind away, appears in no
 * list of listeners, and does not disturb translation. Who has a port already is found by the same bind.
 */
#ifndef CLOCHE_NET_RESERVATION_H
#define CLOCHE_NET_RESERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct err;

/* Bind `protocol` (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP) at address and *port (0: any free one, told in *port). shared: with SO_REUSEADDR, for
 * a wildcard that is to have a listener at [::1] beside it; reservation_close_door afterwards. A descriptor, or -EADDRINUSE without words.
 * -EPROTONOSUPPORT without words: the kernel has no such protocol, nobody can take it. */
int reservation_take(int protocol, const struct address *address, uint16_t *port, bool shared,
		     struct err *err);
/* Later binds are refused from now on. */
void reservation_close_door(int fd);
/* Nothing that arrives is kept (datagrams for a port that is only held). */
void reservation_deafen(int fd);
/* A listener of TCP, or a socket for datagrams, beside a shared reservation, or alone. */
int reservation_listen(int protocol, const struct address *address, uint16_t port, struct err *err);
/* "nginx (pid 812)" of who has the port, NULL: nobody that /proc shows. The caller frees. */
char *reservation_owner(int protocol, uint16_t port);

#endif
