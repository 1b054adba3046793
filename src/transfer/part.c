/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

static int lock(int fd, void (*waiting)(void *data), void *data)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK && waiting)
		waiting(data);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int part_open(int root, const char *digest, void (*waiting)(void *data), void *data,
	      struct part_file *ret_part, struct err *err)
{
	_cleanup_close_ int folder = dir_open_make(root, "parts", 0700, err);
	const char *hex = digest_hex(digest);

	if (folder < 0)
		return folder;
	for (;;) {
		_cleanup_close_ int fd =
			openat(folder, hex, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		struct stat st;
		int r;

		if (fd < 0)
			return err_sys(err, errno, "open the part of %s", digest);
		r = lock(fd, waiting, data);
		if (r < 0 || fstat(fd, &st) < 0)
			return err_sys(err, r < 0 ? -r : errno, "lock the part of %s", digest);
		if (st.st_nlink == 0) /* whoever had it finished it, or gave it up */
			continue;
		*ret_part = (struct part_file){ .root = root,
						.size = (uint64_t)st.st_size,
						.fd = fd_take(&fd) };
		memcpy(ret_part->digest, digest, strlen(digest) + 1);
		return 0;
	}
}

static void part_path(const struct part_file *part, char path[96])
{
	(void)snprintf(path, 96, "parts/%s", digest_hex(part->digest));
}

void part_drop(struct part_file *part)
{
	char path[96];

	if (part->fd < 0)
		return;
	part_path(part, path);
	(void)unlinkat(part->root, path, 0); /* it stays, and is found wrong again */
	part_close(part);
}

int part_keep(struct part_file *part, struct err *err)
{
	_cleanup_close_ int blobs = dir_open_make(part->root, "blobs", 0700, err);
	_cleanup_close_ int folder = blobs < 0 ? -1 : dir_open_make(blobs, "sha256", 0700, err);
	char path[96];

	if (folder < 0)
		return -err->code;
	part_path(part, path);
	if (renameat(part->root, path, folder, digest_hex(part->digest)) < 0)
		return err_sys(err, errno, "store blob %s", part->digest);
	return 0;
}

void part_close(struct part_file *part)
{
	fd_close(part->fd);
	*part = PART_FILE_NONE;
}
