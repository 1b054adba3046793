/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other limits for a container that exists: at once when it runs, and for every start. */
#ifndef CLOCHE_ENGINE_UPDATE_H
#define CLOCHE_ENGINE_UPDATE_H

struct create_options;
struct engine;
struct err;

/* Only the limits that are set in options change. What the kernel refuses is told, and the record stays as it was. */
int container_update(struct engine *engine, const char *reference,
		     const struct create_options *options, struct err *err);

#endif
