/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct spec as the config.json of a bundle, for another OCI runtime (config.md, config-linux.md). */
#ifndef CLOCHE_ENGINE_FOREIGN_CONFIG_H
#define CLOCHE_ENGINE_FOREIGN_CONFIG_H

#include <jansson.h>

struct err;
struct spec;

/* binds: the sources of the bind mounts, in their order; user and groups of the process are looked up. NULL with words. */
json_t *foreign_config(const struct spec *spec, const char *root, char *const *binds,
		       struct err *err);

#endif
