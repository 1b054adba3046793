/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container joins or leaves a network, running or not. */
#ifndef CLOCHE_ENGINE_NETWORK_CONNECT_H
#define CLOCHE_ENGINE_NETWORK_CONNECT_H

#include <jansson.h>
#include <stdbool.h>

struct engine;
struct err;

/* request: from network_request, "Name" is set here. */
int network_connect(struct engine *engine, const char *network, const char *container,
		    json_t *request, struct err *err);
/* Its last network may be left too. */
int network_disconnect(struct engine *engine, const char *network, const char *container,
		       struct err *err);

#endif
