/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes per second of TCP connections, from two readings of the kernel's own counts.
 *
 *	rates_begin(&rates, &table);       some time
 *	rates_end(&rates, &later);         rate_of(&rates, socket): of the later table
 */
#ifndef CLOCHE_CLI_SOCKET_RATE_H
#define CLOCHE_CLI_SOCKET_RATE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct socket;
struct socket_table;

struct rate_count {
	uint64_t cookie, received, sent;
};

struct rates {
	struct rate_count *counts; /* sorted by cookie */
	size_t count;
	struct timespec began;
	double seconds;
};
#define RATES_EMPTY ((struct rates){ 0 })

void rates_begin(struct rates *rates, const struct socket_table *table);
void rates_end(struct rates *rates);
/* Of a connection that came meanwhile all bytes are of the time between. */
void rate_of(const struct rates *rates, const struct socket *socket, uint64_t *ret_in,
	     uint64_t *ret_out);
void rates_clear(struct rates *rates);

#endif
