/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resolv.conf(5) of a container, from the host's. */
#ifndef CLOCHE_ENGINE_RESOLV_CONF_H
#define CLOCHE_ENGINE_RESOLV_CONF_H

#include <stdbool.h>

struct buf;
struct record;

/* As it is: for --network host; but what --dns, --dns-search and --dns-option say goes before. */
void resolv_conf_host(const struct record *record, struct buf *out);
/* For a namespace of its own. resolver: our resolver is the name server; else the host's servers but those on its
 * loopback, which it cannot reach (with systemd-resolved's stub: what lies behind the stub). Search domains and options are kept. */
void resolv_conf_own(const struct record *record, bool resolver, struct buf *out);

#endif
