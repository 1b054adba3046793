/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rules of others that forbid to forward mean for a container that starts: of its networks' links, or of its published ports, nothing
 * passes. A policy DROP of iptables' chain FORWARD is mended before (net/foreign_forward.h); what somebody wrote on purpose is his, and told. */
#ifndef CLOCHE_ENGINE_FORWARD_LOOK_H
#define CLOCHE_ENGINE_FORWARD_LOOK_H

struct endpoints;
struct publish;

/* A line for each such rule, with the command that lets our packets by it, is added to *warnings (base/str.h, strv_add). */
void forward_look(const struct endpoints *endpoints, const struct publish *publish,
		  char ***warnings);

#endif
