/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pid in cgroup.procs may end and be given to a stranger before it is signalled. So pidfds are opened first and
 * the list is read again: a pid that is still in it and whose pidfd was open before belongs to the cgroup, or its
 * pidfd names a process that is gone, and the signal goes nowhere. */
#include "runtime/cgroup_ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

enum {
	DEPTH_MAX = 256, /* each level holds a descriptor */
	BATCH = 256,
	PROCS_LIMIT_BYTES = 64 << 20,
	HOLD_ROUND = 2, /* a fork bomb outruns the first rounds */
	WAIT_MS = 200,
};

/* -- walking ---------------------------------------------------------------------------------- */

static int folder_open(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int tree_open(const struct cgroup_hierarchy *h, const char *folder)
{
	return folder_open(h->fd, *folder ? folder : ".");
}

/* A listing of the folders in fd, or NULL when there is none. kernfs counts folders as links, which spares most
 * calls the reading of some dozens of files. */
static DIR *folders_list(int fd, int *ret_code)
{
	struct stat st;
	DIR *d = NULL;
	int copy;

	*ret_code = 0;
	if (fstat(fd, &st) < 0) {
		*ret_code = -errno;
		return NULL;
	}
	if (st.st_nlink == 2)
		return NULL;
	copy = folder_open(fd, ".");
	if (copy >= 0)
		d = fdopendir(copy);
	if (!d) {
		*ret_code = copy < 0 ? copy : -errno;
		fd_close(copy);
	}
	return d;
}

static const char *folders_next(DIR *d)
{
	struct dirent *e;

	while ((e = readdir(d)) != NULL)
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			return e->d_name;
	return NULL;
}

/* -- pids ------------------------------------------------------------------------------------- */

void cgroup_pid_list_clear(struct cgroup_pid_list *list)
{
	free(list->pids);
	*list = CGROUP_PID_LIST_EMPTY;
}

static void pid_add(struct cgroup_pid_list *list, pid_t pid)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 64;
		list->pids = reallocarray(list->pids, list->room, sizeof(pid_t));
		if (!list->pids)
			abort();
	}
	list->pids[list->count++] = pid;
}

static int pid_compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static bool pid_has(const struct cgroup_pid_list *list, pid_t pid)
{
	return list->count > 0 &&
	       bsearch(&pid, list->pids, list->count, sizeof(pid_t), pid_compare) != NULL;
}

/* The folder may vanish at any time, and a threaded one of v2 has no list: its processes are in its domain's. */
static bool code_means_none(int r)
{
	return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP;
}

static int procs_read(int fd, struct cgroup_pid_list *list)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = file_read(fd, "cgroup.procs", PROCS_LIMIT_BYTES, &text);
	char *rest = text.data, *line;

	if (r < 0)
		return code_means_none(r) ? 0 : r;
	while ((line = strsep(&rest, "\n")) != NULL) {
		uint64_t pid;

		if (str_to_u64(line, INT32_MAX, &pid) == 0 && pid > 0)
			pid_add(list, (pid_t)pid);
	}
	return 0;
}

static int pids_below(int fd, int depth, struct cgroup_pid_list *list)
{
	const char *name;
	int r = procs_read(fd, list);
	DIR *d = r < 0 ? NULL : folders_list(fd, &r);

	if (!d)
		return code_means_none(r) ? 0 : r;
	while (r == 0 && (name = folders_next(d)) != NULL) {
		_cleanup_close_ int sub = folder_open(dirfd(d), name);

		if (sub >= 0)
			r = depth == DEPTH_MAX ? -ELOOP : pids_below(sub, depth + 1, list);
		else
			r = code_means_none(sub) ? 0 : sub;
	}
	(void)closedir(d);
	return r;
}

int cgroup_tree_pids(const struct cgroup_hierarchy *h, const char *folder,
		     struct cgroup_pid_list *ret_list)
{
	struct cgroup_pid_list list = CGROUP_PID_LIST_EMPTY;
	_cleanup_close_ int fd = tree_open(h, folder);
	size_t kept = 0;
	int r;

	if (fd < 0 && !code_means_none(fd))
		return fd;
	r = fd < 0 ? 0 : pids_below(fd, 0, &list);
	if (r < 0) {
		cgroup_pid_list_clear(&list);
		return r;
	}
	if (list.count > 1)
		qsort(list.pids, list.count, sizeof(pid_t), pid_compare);
	for (size_t i = 0; i < list.count; i++) /* one that moved meanwhile may be there twice */
		if (i == 0 || list.pids[i] != list.pids[i - 1])
			list.pids[kept++] = list.pids[i];
	list.count = kept;
	*ret_list = list;
	return 0;
}

/* -- signals ---------------------------------------------------------------------------------- */

struct batch {
	struct pollfd fds[BATCH];
	size_t count;
};

static void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		fd_close(batch->fds[i].fd);
	batch->count = 0;
}

/* Signal those of pids that are in the cgroup; their pidfds are in batch afterwards. */
static int batch_signal(const struct cgroup_hierarchy *h, const char *folder, const pid_t *pids,
			size_t count, int signal_number, struct batch *batch)
{
	_cleanup_(cgroup_pid_list_clear) struct cgroup_pid_list now = CGROUP_PID_LIST_EMPTY;
	pid_t owners[BATCH];
	int first = 0, r;

	batch_clear(batch);
	for (size_t i = 0; i < count; i++) {
		int fd = sys_pidfd_open(pids[i], 0);

		if (fd < 0) {
			if (errno != ESRCH && errno != EINVAL && first == 0)
				first = -errno;
			continue;
		}
		owners[batch->count] = pids[i];
		batch->fds[batch->count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	r = cgroup_tree_pids(h, folder, &now);
	if (r < 0)
		return r;
	for (size_t i = 0; i < batch->count; i++) {
		if (!pid_has(&now, owners[i])) {
			fd_close(batch->fds[i].fd);
			batch->fds[i].fd = -1; /* poll(2) leaves it out */
		} else if (sys_pidfd_send_signal(batch->fds[i].fd, signal_number) < 0 &&
			   errno != ESRCH && first == 0) {
			first = -errno;
		}
	}
	return first;
}

static int list_signal(const struct cgroup_hierarchy *h, const char *folder,
		       const struct cgroup_pid_list *list, int signal_number, struct batch *batch)
{
	int first = 0;

	for (size_t at = 0; at < list->count; at += BATCH) {
		size_t count = list->count - at < BATCH ? list->count - at : BATCH;
		int r = batch_signal(h, folder, list->pids + at, count, signal_number, batch);

		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

/* Until all processes of the batch have ended, for timeout_ms at most. */
static void batch_wait(struct batch *batch, int timeout_ms)
{
	int64_t until = cgroup_now_ms() + timeout_ms;
	int left = 0;

	for (size_t i = 0; i < batch->count; i++)
		left += batch->fds[i].fd >= 0;
	while (left > 0) {
		int64_t wait = until - cgroup_now_ms();

		if (wait <= 0 || poll(batch->fds, batch->count, (int)wait) == 0)
			return;
		for (size_t i = 0; i < batch->count; i++) {
			if (batch->fds[i].fd < 0 || !batch->fds[i].revents)
				continue;
			fd_close(batch->fds[i].fd);
			batch->fds[i].fd = -1;
			left--;
		}
	}
}

int cgroup_tree_stuck(const struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	_cleanup_(cgroup_pid_list_clear) struct cgroup_pid_list list = CGROUP_PID_LIST_EMPTY;
	_cleanup_(buf_clear) struct buf comm = BUF_EMPTY, wchan = BUF_EMPTY;
	char path[64];

	if (cgroup_tree_pids(h, folder, &list) < 0 || list.count == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)list.pids[0]);
	if (file_read(AT_FDCWD, path, 4096, &comm) == 0)
		comm.data[strcspn(comm.data, "\n")] = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%d/wchan", (int)list.pids[0]);
	(void)file_read(AT_FDCWD, path, 4096, &wchan); /* words only */
	return err_set(err, EBUSY, "process %d (%s) of cgroup /%s cannot be killed%s%s",
		       (int)list.pids[0], comm.length ? comm.data : "?", folder,
		       wchan.length > 1 ? ": it waits in " : "",
		       wchan.length > 1 ? wchan.data : "");
}

static int tree_kill(struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	int64_t until = cgroup_now_ms() + CGROUP_PATIENCE_MS;
	_cleanup_(batch_clear) struct batch batch = { .count = 0 };

	for (int round = 0;; round++) {
		_cleanup_(cgroup_pid_list_clear) struct cgroup_pid_list list =
			CGROUP_PID_LIST_EMPTY;
		int r;

		if (round >= HOLD_ROUND)
			h->ops->hold(h, folder, true);
		r = cgroup_tree_pids(h, folder, &list);
		if (r == 0 && list.count > 0)
			r = list_signal(h, folder, &list, SIGKILL, &batch);
		h->ops->hold(h, folder, false); /* a frozen process of v1 does not die */
		if (r < 0)
			return err_sys(err, r, "kill the processes of cgroup /%s", folder);
		if (list.count == 0)
			return 0;
		if (cgroup_now_ms() >= until)
			return cgroup_tree_stuck(h, folder, err);
		batch_wait(&batch, WAIT_MS);
		if (round >= HOLD_ROUND)
			(void)poll(NULL, 0, 1); /* ended, but not yet out of the list */
	}
}

int cgroup_tree_signal(struct cgroup_hierarchy *h, const char *folder, int signal_number,
		       struct err *err)
{
	_cleanup_(cgroup_pid_list_clear) struct cgroup_pid_list list = CGROUP_PID_LIST_EMPTY;
	_cleanup_(batch_clear) struct batch batch = { .count = 0 };
	int r;

	if (signal_number == SIGKILL)
		return tree_kill(h, folder, err);
	r = cgroup_tree_pids(h, folder, &list);
	if (r == 0)
		r = list_signal(h, folder, &list, signal_number, &batch);
	return r < 0 ? err_sys(err, r, "send signal %d to the processes of cgroup /%s",
			       signal_number, folder) :
		       0;
}

/* -- removal ---------------------------------------------------------------------------------- */

/* Remove one folder that has none below it, going down from `top`. 0: `top` has none below it (any more), 1: one
 * was removed. Only two levels are open at a time, since a container may nest as deep as it likes. */
static int prune_one(int top)
{
	_cleanup_close_ int at = folder_open(top, ".");

	if (at < 0)
		return at;
	for (;;) {
		_cleanup_free_ char *name = NULL;
		int code, sub;
		const char *found;
		struct stat st;
		DIR *d = folders_list(at, &code);

		if (!d)
			return code;
		found = folders_next(d);
		name = found ? str_dup(found) : NULL;
		(void)closedir(d);
		if (!name)
			return 0;
		sub = folder_open(at, name);
		if (sub < 0)
			return sub == -ENOENT ? 1 : sub;
		if (fstat(sub, &st) == 0 && st.st_nlink == 2) {
			fd_close(sub);
			return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 1 :
											  -errno;
		}
		fd_close(at);
		at = sub;
	}
}

int cgroup_tree_prune(const struct cgroup_hierarchy *h, const char *folder)
{
	int64_t until = cgroup_now_ms() + CGROUP_PATIENCE_MS;
	_cleanup_close_ int top = tree_open(h, folder);
	int r;

	if (top < 0)
		return top == -ENOENT ? 0 : top;
	do
		r = prune_one(top);
	while (r > 0 && cgroup_now_ms() < until);
	if (r > 0)
		return -EBUSY;
	return code_means_none(r) ? 0 : r;
}

int cgroup_tree_remove(struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	int64_t until = cgroup_now_ms() + CGROUP_PATIENCE_MS;
	int r;

	for (;;) {
		if (unlinkat(h->fd, folder, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return err_sys(err, errno, "remove cgroup %s/%s", h->mount_point, folder);
		if (cgroup_now_ms() >= until) {
			r = cgroup_tree_stuck(h, folder, err);
			return r < 0 ? r :
				       err_sys(err, EBUSY, "remove cgroup %s/%s", h->mount_point,
					       folder);
		}
		r = h->ops->kill(h, folder, err);
		if (r == -EOPNOTSUPP)
			r = tree_kill(h, folder, err);
		if (r < 0)
			return r;
		r = cgroup_tree_prune(h, folder);
		if (r < 0 && r != -EBUSY)
			return err_sys(err, r, "remove the cgroups below %s/%s", h->mount_point,
				       folder);
		if (unlinkat(h->fd, folder, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		(void)poll(NULL, 0, 1); /* a process that ended is still on its way out */
	}
}
