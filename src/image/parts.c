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

static void walk(int root, void (*visit)(int folder, const char *name, void *data), void *data)
{
	int fd = openat(root, "parts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!d) {
		fd_close(fd);
		return; /* nothing was ever fetched */
	}
	while ((e = readdir(d)) != NULL)
		if (digest_hex_valid(e->d_name))
			visit(dirfd(d), e->d_name, data);
	(void)closedir(d);
}

/* With its lock; -1: somebody has it. */
static int open_idle(int folder, const char *name, struct stat *ret_stat, int64_t *ret_untouched_s)
{
	_cleanup_close_ int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, ret_stat) < 0)
		return -1;
	*ret_untouched_s = time(NULL) - ret_stat->st_mtime;
	return fd_take(&fd);
}

struct sweep {
	int64_t untouched_s;
	char ***names;
	uint64_t bytes;
};

static void sweep_one(int folder, const char *name, void *data)
{
	struct sweep *sweep = data;
	struct stat st;
	int64_t untouched_s = 0;
	_cleanup_close_ int fd = open_idle(folder, name, &st, &untouched_s);

	if (fd < 0 || untouched_s < sweep->untouched_s || unlinkat(folder, name, 0) < 0)
		return;
	if (sweep->names)
		strv_add_take(sweep->names, str_printf("parts/%s", name));
	sweep->bytes += (uint64_t)st.st_size;
}

uint64_t parts_sweep(int root, int64_t untouched_s, char ***ret_names)
{
	struct sweep sweep = { .untouched_s = untouched_s, .names = ret_names };

	walk(root, sweep_one, &sweep);
	return sweep.bytes;
}

struct list {
	void (*each)(void *data, const char *path, uint64_t bytes, int64_t untouched_s);
	void *data;
};

static void list_one(int folder, const char *name, void *data)
{
	const struct list *list = data;
	struct stat st;
	int64_t untouched_s = 0;
	_cleanup_close_ int fd = open_idle(folder, name, &st, &untouched_s);
	_cleanup_free_ char *path = str_printf("parts/%s", name);

	if (fd >= 0)
		list->each(list->data, path, (uint64_t)st.st_size, untouched_s);
}

void parts_each(int root,
		void (*each)(void *data, const char *path, uint64_t bytes, int64_t untouched_s),
		void *data)
{
	walk(root, list_one, &(struct list){ each, data });
}
