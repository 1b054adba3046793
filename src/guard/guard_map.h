/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kill guard's pinned maps from outside, by bpf(2) alone: a run must not pay for libbpf. -ENOENT everywhere: no guard is loaded.
 *
 *	fd = guard_map_open(suffix, "guarded");
 *	guard_map_put(fd, &inode, &target, true);
 */
#ifndef CLOCHE_GUARD_GUARD_MAP_H
#define CLOCHE_GUARD_GUARD_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard/record.h"

/* suffix: the instance's, as in /sys/fs/bpf/cloche-1a2b3c. Descriptor or -errno. */
int guard_map_open(const char *suffix, const char *name);
/* fresh: -EEXIST when the key is there. */
int guard_map_put(int map, const void *key, const void *value, bool fresh);
int guard_map_get(int map, const void *key, void *value);
int guard_map_remove(int map, const void *key);
/* The key behind `key` (NULL: the first). -ENOENT: the end. */
int guard_map_next(int map, const void *key, void *next);

/* "deny", "audit", or "off" when none is loaded. */
const char *guard_level(const char *suffix);
/* Let a program signal into containers of these engines (bits as in struct guard_target). Missing programs are passed over. */
void guard_pass(int pass_map, const char *path, uint32_t engines);
/* Take all of it away. 0, or -errno of the first failure; nothing there is success. */
int guard_unload(const char *suffix);

#endif
