/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of the LAN that are our containers', defended (RFC 5227, 2.4): the kernel's proxy does not answer the probes of a host that asks
 * whether an address is free, and does not contradict one that claims it. One socket for each link, whose filter lets through only what is
 * about our addresses.
 *
 *	defend_begin();
 *	defend_add("eth0", address);     for each, address as in the packet
 *	defend_end(opened);              links that are new: watch(fd)
 *	defend_hear(index);              something came in
 */
#ifndef CLOCHE_KEEPER_DEFEND_H
#define CLOCHE_KEEPER_DEFEND_H

#include <stddef.h>
#include <stdint.h>

enum { DEFEND_LINKS = 32, DEFEND_ADDRESSES = 400, DEFEND_AGAIN_S = 10 };

void defend_begin(void);
/* More than there is room for are not defended. */
void defend_add(const char *link, uint32_t address);
/* opened(fd, index) is called for a link that had no socket before. A link with no address any more is closed. */
void defend_end(void (*opened)(int fd, size_t index));
void defend_hear(size_t index);

#endif
