/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/reserve.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/engine.h"

enum { RESERVE_BYTES = 2 << 20, PLENTY = 8 };

static uint64_t free_bytes(const struct engine *engine)
{
	struct statvfs st;

	return fstatvfs(engine->root, &st) < 0 ? UINT64_MAX : (uint64_t)st.f_bavail * st.f_frsize;
}

bool reserve_spend(struct engine *engine)
{
	return free_bytes(engine) < RESERVE_BYTES && unlinkat(engine->root, "reserve", 0) == 0;
}

void reserve_keep(struct engine *engine)
{
	_cleanup_close_ int fd = -1;

	if (faccessat(engine->root, "reserve", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    free_bytes(engine) < (uint64_t)PLENTY * RESERVE_BYTES)
		return;
	fd = openat(engine->root, "reserve", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* Blocks that are taken, not a file with a hole. One that cannot be had is worth nothing. */
	if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) != 0)
		(void)unlinkat(engine->root, "reserve", 0);
}
