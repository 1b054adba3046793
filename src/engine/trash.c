/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"

/* ioprio_set(2), which libc does not have */
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_IDLE = 3, IOPRIO_CLASS_SHIFT = 13 };

int trash_put(struct engine *engine, const char *folder, const char *name, struct err *err)
{
	_cleanup_close_ int trash = dir_open_make(engine->root, "trash", 0700, err);
	_cleanup_free_ char *from = str_printf("%s/%s", folder, name), *to = NULL;
	char suffix[17];

	if (trash < 0)
		return trash;
	engine_random_hex(suffix, 16); /* the same layer may come and go more than once */
	to = str_printf("%s.%s", name, suffix);
	if (renameat(engine->root, from, trash, to) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove %s", from);
	return 0;
}

static int trash_open(int root, DIR **ret_dir)
{
	int fd = openat(root, "trash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_dir = fdopendir(fd);
	if (*ret_dir)
		return 0;
	fd_close(fd);
	return -ENOMEM;
}

static bool is_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
}

/* One turn through the folder. */
static int remove_all(DIR *d, int *first)
{
	const struct dirent *e;
	int count = 0;

	rewinddir(d);
	while ((e = readdir(d)) != NULL) {
		int r = is_dots(e) ? 0 : dir_remove(dirfd(d), e->d_name);

		if (r < 0 && *first == 0)
			*first = r;
		count += r == 0 && !is_dots(e);
	}
	return count;
}

/* Until a turn finds nothing, so that what came in behind our back is not left to nobody. */
int trash_empty(int root)
{
	int count = 0, first = 0, turn;
	DIR *d = NULL;
	int r = trash_open(root, &d);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while (flock(dirfd(d), LOCK_EX) < 0 && errno == EINTR)
		;
	do {
		turn = remove_all(d, &first);
		count += turn;
	} while (turn > 0);
	(void)closedir(d);
	return first < 0 ? first : count;
}

int trash_waiting(int root)
{
	const struct dirent *e;
	DIR *d = NULL;
	int count = 0;

	if (trash_open(root, &d) < 0)
		return 0;
	if (flock(dirfd(d), LOCK_SH | LOCK_NB) == 0)
		while ((e = readdir(d)) != NULL)
			count += !is_dots(e);
	(void)closedir(d);
	return count;
}

static _Noreturn void sweeper(int root)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	if (fork() != 0)
		_exit(0);
	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			_exit(1); /* a terminal or pipe of the command must not wait for us */
	root = dup2(root, 3);
	if (root < 0 || close_range(4, ~0U, 0) < 0 || fchdir(root) < 0)
		_exit(1);
	(void)prctl(PR_SET_NAME, "cloche-sweep");
	(void)setpriority(PRIO_PROCESS, 0, 19);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		      IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT);
	(void)trash_empty(root);
	_exit(0);
}

void trash_sweep(struct engine *engine)
{
	pid_t pid;

	if (trash_waiting(engine->root) == 0)
		return;
	engine_store_close(engine);
	(void)fflush(stdout); /* or the child would print it again */
	pid = fork();
	if (pid == 0)
		sweeper(engine->root);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}
