/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One question of DNS (RFC 1035) over UDP: for an address of a name. */
#ifndef CLOCHE_NET_NAME_ASK_H
#define CLOCHE_NET_NAME_ASK_H

#include "net/address.h"

enum name_answer { NAME_FOUND, NAME_NONE, NAME_SERVER_FAILED, NAME_SILENT };

/* s: a UDP socket, not blocking, in the namespace that asks. family: of the address that is wanted. NAME_SILENT: nothing came in time, or
 * nobody listens there. */
enum name_answer name_ask(int s, const struct address *server, const char *name, int family,
			  int timeout_ms, struct address *ret_address);

#endif
