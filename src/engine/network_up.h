/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a network is in the kernel: its link and its part of our table. For network.c; others use network.h. */
#ifndef CLOCHE_ENGINE_NETWORK_UP_H
#define CLOCHE_ENGINE_NETWORK_UP_H

#include <stdbool.h>

struct engine;
struct err;
struct network;
struct ruleset_network;

bool network_is_up(const struct network *network);
/* What our table has of it; link is the row's. */
struct ruleset_network network_ruleset(const struct network *network);
/* That of each network whose link is up. s: any socket of the host's network namespace. */
int network_rulesets(struct engine *engine, int s,
		     void (*each)(const char *name, const struct ruleset_network *of, void *data),
		     void *data, struct err *err);
/* Take away the link and its elements. The lock is held alone. */
int network_down(struct engine *engine, const struct network *network, struct err *err);
/* 1: links are up, and the table with their rules is not there. */
int network_table_missing(struct engine *engine, struct err *err);
/* Every link of ours, and the table. */
int network_all_down(struct engine *engine, struct err *err);

#endif
