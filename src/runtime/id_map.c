/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/id_map.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/spec.h"

static int write_one(pid_t pid, const char *file, const struct spec_id_map *map, size_t count,
		     struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char path[64];
	int r;

	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%u %u %u\n", map[i].container_id, map[i].host_id, map[i].size);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = file_poke(AT_FDCWD, path, text.data ? text.data : "");
	return r < 0 ? err_sys(err, r, "write %s of the user namespace", file) : 0;
}

int id_map_write(pid_t pid, const struct spec_id_map *uids, size_t uid_count,
		 const struct spec_id_map *gids, size_t gid_count, struct err *err)
{
	int r = write_one(pid, "uid_map", uids, uid_count, err);

	return r < 0 ? r : write_one(pid, "gid_map", gids, gid_count, err);
}

bool id_map_equal(const struct spec_id_map *a, size_t a_count, const struct spec_id_map *b,
		  size_t b_count)
{
	return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

size_t id_map_owner(uint32_t owner, const struct spec_id_map *range, uint32_t user,
		    struct spec_id_map *ret_map)
{
	uint32_t base = range->host_id, size = range->size;
	size_t n = 0;

	ret_map[n++] = (struct spec_id_map){ owner, base + user, 1 };
	if (user > 0)
		ret_map[n++] = (struct spec_id_map){ base, base, user };
	if (user + 1 < size)
		ret_map[n++] =
			(struct spec_id_map){ base + user + 1, base + user + 1, size - user - 1 };
	return n;
}

int id_map_namespace(const struct spec_id_map *uids, size_t uid_count,
		     const struct spec_id_map *gids, size_t gid_count, struct err *err)
{
	_cleanup_close_ int pidfd = -1;
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_PIDFD,
				   .pidfd = (uintptr_t)&pidfd,
				   .exit_signal = SIGCHLD };
	char path[64];
	int r, fd = -1;
	pid_t pid;

	pid = sys_clone3(&args);
	if (pid < 0)
		return err_sys(err, errno, "make a user namespace");
	if (pid == 0)
		for (;;)
			(void)pause();
	r = id_map_write(pid, uids, uid_count, gids, gid_count, err);
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_sys(err, errno, "open the user namespace");
	}
	(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return r < 0 ? r : fd;
}
