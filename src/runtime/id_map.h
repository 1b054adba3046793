/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Id maps of user namespaces (user_namespaces(7)): the kernel takes one write per file. */
#ifndef CLOCHE_RUNTIME_ID_MAP_H
#define CLOCHE_RUNTIME_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct spec_id_map;

/* Write uid_map and gid_map of pid, whose user namespace is a fresh child of ours. */
int id_map_write(pid_t pid, const struct spec_id_map *uids, size_t uid_count,
		 const struct spec_id_map *gids, size_t gid_count, struct err *err);
bool id_map_equal(const struct spec_id_map *a, size_t a_count, const struct spec_id_map *b,
		  size_t b_count);
/* Up to three lines, room for which ret_map has: `owner` on disk is the container's `user`, the container's range without that one id is itself; everything
 * else is unmapped. Lines of one map must not overlap on either side. Returns how many. */
size_t id_map_owner(uint32_t owner, const struct spec_id_map *range, uint32_t user,
		    struct spec_id_map *ret_map);
/* A user namespace with these maps and nobody in it, for id-mapped mounts: its descriptor. */
int id_map_namespace(const struct spec_id_map *uids, size_t uid_count,
		     const struct spec_id_map *gids, size_t gid_count, struct err *err);

#endif
