/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which containers have a path of the host among their mounts: as a layer or the upper folder of their root, as a volume or a bind. Told by
 * the mountinfo of each container's first process (proc(5)): device and folder of each mount's root, and overlay's options. */
#ifndef CLOCHE_HOST_MOUNT_OWNER_H
#define CLOCHE_HOST_MOUNT_OWNER_H

#include <stddef.h>
#include <sys/types.h>

struct process_table;

enum { MOUNT_ROLE = 320 };

struct mount_match {
	int owner;
	char role[MOUNT_ROLE]; /* "mounted at /data", "in the upper folder of its root" */
};

/* At most `most` matches: how many. The path may be of a file or folder beneath what is mounted; root's own mount is left out. */
size_t mount_owners(const struct process_table *table, const char *path, struct mount_match *ret,
		    size_t most);
/* Like it for a mount's id (field 1 of mountinfo), in any container. */
size_t mount_id_owner(const struct process_table *table, unsigned long id, struct mount_match *ret);
/* Like it for the device number that each overlay has ("0:101" in mountinfo, Device of stat(1)); 0 also where several containers share one. */
size_t mount_overlay_owner(const struct process_table *table, dev_t device,
			   struct mount_match *ret);

#endif
