/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which id map a bind mount of a host path gets, and whether set-id files must be refused for it (design page, "Users"). */
#ifndef CLOCHE_ENGINE_BIND_MAP_H
#define CLOCHE_ENGINE_BIND_MAP_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct spec;
struct spec_mount;

struct bind_choice {
	const char *map;    /* container, owner or none: the word that `inspect` shows */
	const char *reason; /* why, for people */
	bool refuse;	    /* host users can reach a writable source: set-id bits are refused */
	uid_t uid;	    /* of the source */
	gid_t gid;
};

/* wanted: container, owner, none, or "" for the default. own_users: the container has a user namespace. */
int bind_choose(const char *source, const char *wanted, bool readonly, bool own_users,
		struct bind_choice *ret_choice, struct err *err);
/* Choose for mount, and fill in its maps, or that they are its owner's. *ret_refuse as above. */
int bind_map(const struct spec *spec, struct spec_mount *mount, const char *wanted,
	     bool *ret_refuse, struct err *err);
/* Whether somebody who is not root can search every folder above path. */
bool bind_reachable(const char *path);

#endif
