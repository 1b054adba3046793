/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --network-device: links of the host that a container has while it runs. They come back with their old names, addresses, routes and state, whoever was
 * killed. Of a network namespace that ends the kernel sends physical devices back, under the names that they have there, and destroys others; so
 * the namespace is held by a mount, RUN/ID/held-netns, from before the first link goes in until the last one is out. RUN/ID/devices says what each was:
 * a line "LINK INSIDE up|down ADDRESS/PREFIX... ROUTE..." (net/route_note.h).
 *
 *	network_devices_give(record, run, pid, err);     in the process that becomes the monitor
 *	network_devices_return(run);                     the release, an aborted start, a repair
 */
#ifndef CLOCHE_ENGINE_NETWORK_DEVICE_H
#define CLOCHE_ENGINE_NETWORK_DEVICE_H

#include <sys/types.h>

struct err;
struct record;

/* run: RUN/ID. pid: of a process in the container's network namespace. */
int network_devices_give(const struct record *record, int run, pid_t pid, struct err *err);
void network_devices_return(int run);

#endif
