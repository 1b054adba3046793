/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network doctor: follows a packet of a container to a host and back, or without a host looks at all that its network is made of and at its
 * published ports. Each step says what it found; the first that is broken is the verdict, with the command that repairs it. Nothing is changed.
 *
 *	name, container, link, address, route        what the container has
 *	host's link, bridge, mtu                      the other end
 *	ruleset, forwarding, host's route, way out    what the host does with its packets
 *	neighbour, firewall, answer                   a packet, sent from the container and traced (net/trace.h)
 */
#ifndef CLOCHE_ENGINE_DOCTOR_H
#define CLOCHE_ENGINE_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct err;

struct doctor_step {
	const char *what;
	bool broken;
	char *words,
		*remedy; /* remedy: a command line or a short sentence; NULL when it is not broken */
};

struct doctor_report {
	struct doctor_step *steps;
	size_t count;
};
#define DOCTOR_REPORT_EMPTY ((struct doctor_report){ 0 })
void doctor_report_clear(struct doctor_report *report);
/* NULL: nothing is wrong. */
const struct doctor_step *doctor_verdict(const struct doctor_report *report);

/* target: "HOST:PORT", "[IP6]:PORT", or NULL. */
int doctor_examine(struct engine *engine, const char *container, const char *target,
		   struct doctor_report *ret_report, struct err *err);

#endif
