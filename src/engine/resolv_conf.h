/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resolv.conf(5) of a container, from the host's. */
#ifndef CLOCHE_ENGINE_RESOLV_CONF_H
#define CLOCHE_ENGINE_RESOLV_CONF_H

struct buf;

/* As it is: for --network host. */
void resolv_conf_host(struct buf *out);
/* For a namespace of its own: without name servers on the host's loopback, which it cannot reach. With systemd-resolved's stub, what
 * lies behind the stub. Search domains and options are kept. */
void resolv_conf_own(struct buf *out);

#endif
