/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine-wide registry of host id ranges: the one thing that instances share. 65,536 ids each,
 * 655360000 to 1879048191, in one file (default /run/lock/cloche/uids; CLOCHE_UID_REGISTRY moves it for tests of itself) under flock(2).
 * An entry is "CONTAINER-ID ROOT-DEVICE ROOT-INODE ROOT-PATH" in the slot of its range. It is free again when released, or when
 * its root is gone and no process of the host has one of its ids. The registry may be lost (reboot): the engine claims again
 * what its database says (uid_range_claim).
 */
#ifndef CLOCHE_STATE_UID_RANGE_H
#define CLOCHE_STATE_UID_RANGE_H

#include <stdint.h>

struct err;

enum { UID_RANGE_SIZE = 65536 };
#define UID_RANGE_FIRST 655360000u
#define UID_RANGE_LAST 1879048191u

/* A free range for a container of the instance whose data root is open at root_fd (path for people). taken: bases
 * that the instance's database knows besides, or NULL. Also avoids ranges in /etc/subuid, /etc/subgid, in
 * systemd-nspawn's lock files (/run/systemd/nspawn-uid), and local users in /etc/passwd; NSS is asked
 * never here. */
int uid_range_take(int root_fd, const char *root_path, const char *container_id,
		   const uint32_t *taken, unsigned int taken_count, uint32_t *ret_base,
		   struct err *err);
/* Make sure an entry for this base is ours. -EEXIST: another root holds it (words name it). */
int uid_range_claim(int root_fd, const char *root_path, const char *container_id, uint32_t base,
		    struct err *err);
/* Free what roots that are gone have left and no process uses: how many. */
int uid_range_sweep(struct err *err);
/* base 0: whatever the container has. Missing is success. */
int uid_range_release(const char *container_id, uint32_t base, struct err *err);

#endif
