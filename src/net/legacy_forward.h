/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chain FORWARD of the old iptables-legacy, see net/foreign_forward.h: a policy DROP there is none that nf_tables knows of. Our rules are
 * added and taken away by iptables-legacy itself, which is run only where there is something to change. */
#ifndef CLOCHE_NET_LEGACY_FORWARD_H
#define CLOCHE_NET_LEGACY_FORWARD_H

/* Where the policy is DROP and rules for the link are missing. That it could not be done is told as a warning. */
void legacy_forward_allow(const char *link);
void legacy_forward_forget(const char *link);

#endif
