/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"

/* 0: somebody has it, or it is too young. */
static uint64_t sweep_one(int folder, const char *name, int64_t untouched_s, char ***ret_names)
{
	_cleanup_close_ int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
	    time(NULL) - st.st_mtime < untouched_s || unlinkat(folder, name, 0) < 0)
		return 0;
	if (ret_names)
		strv_add_take(ret_names, str_printf("parts/%s", name));
	return (uint64_t)st.st_size;
}

uint64_t parts_sweep(int root, int64_t untouched_s, char ***ret_names)
{
	int fd = openat(root, "parts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	uint64_t bytes = 0;

	if (!d) {
		fd_close(fd);
		return 0; /* nothing was ever fetched */
	}
	while ((e = readdir(d)) != NULL)
		if (digest_hex_valid(e->d_name))
			bytes += sweep_one(dirfd(d), e->d_name, untouched_s, ret_names);
	(void)closedir(d);
	return bytes;
}
