/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/mount_place.h"

#include <errno.h>
#include <fcntl.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/sys.h"
#include "runtime/mount.h"

int mount_place_attach(int root, const char *path, int mount_fd, bool directory)
{
	struct err ignored = ERR_NONE; /* the number is what travels */
	_cleanup_close_ int target = directory ? root_make_dir(root, path, 0, 0, &ignored) :
						 root_make_file(root, path, 0, 0, &ignored);

	return target < 0 ? target : mount_attach(mount_fd, target);
}

int mount_place_strict(int root, const char *path, bool directory)
{
	struct err ignored = ERR_NONE;
	int fd = -ENOENT;

	for (int tries = 0; tries < 2; tries++) {
		fd = sys_openat2(root, path, O_PATH | O_CLOEXEC, 0,
				 RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
		if (fd >= 0 || errno != ENOENT)
			break;
		fd_close(directory ? root_make_dir(root, path, 0, 0, &ignored) :
				     root_make_file(root, path, 0, 0, &ignored));
	}
	return fd < 0 ? -errno : fd;
}
