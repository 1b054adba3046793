/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which id map a bind mount of a host path gets, and whether set-id files must be refused for it (design page, "Users"). */
#ifndef CLOCHE_ENGINE_BIND_MAP_H
#define CLOCHE_ENGINE_BIND_MAP_H

#include <stdbool.h>

struct err;
struct spec;
struct spec_mount;

/* wanted: container, owner, none, or "" for the default. Fills mount's maps. *ret_refuse: host users can reach a writable source.
 * *ret_mode: the word that `inspect` shows. */
int bind_map(const struct spec *spec, struct spec_mount *mount, const char *wanted,
	     bool *ret_refuse, const char **ret_mode, struct err *err);
/* Whether somebody who is not root can search every folder above path. */
bool bind_reachable(const char *path);

#endif
