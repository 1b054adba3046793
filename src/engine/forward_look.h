/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rules of others that forbid to forward mean for a container that starts: of its networks' links, or of its published ports, nothing
 * passes. A policy DROP of iptables' chain FORWARD is mended before (net/foreign_forward.h); what somebody wrote on purpose is his, and told. */
#ifndef CLOCHE_ENGINE_FORWARD_LOOK_H
#define CLOCHE_ENGINE_FORWARD_LOOK_H

struct endpoints;
struct publish;

/* Each such rule once: what it drops, in words, and the command that lets our packets by it. Of the links of `endpoints`, and the ports of
 * `publish`; either may have none. */
void forward_look(const struct endpoints *endpoints, const struct publish *publish,
		  void (*each)(const char *words, const char *remedy, void *data), void *data);
/* An `each` that adds a line to a list: data is a char ***. */
void forward_warn(const char *words, const char *remedy, void *data);

#endif
