/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes: in by number or by a door, signalled together, listed. */
#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup_ops.h"

static int enter_one(struct cgroup_hierarchy *h, const char *folder, const char *pid,
		     struct err *err)
{
	int r = cgroup_file_poke(h, folder, "cgroup.procs", pid);

	if (r == -ENOSPC) {
		r = h->ops->repair(h, folder);
		if (r == 0)
			r = cgroup_file_poke(h, folder, "cgroup.procs", pid);
	}
	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
		return err_set(err, ENOENT, "put process %s into cgroup %s/%s: it does not exist",
			       pid, h->mount_point, folder);
	case -ESRCH:
		return err_set(err, ESRCH,
			       "put process %s into cgroup %s/%s: the process has ended", pid,
			       h->mount_point, folder);
	default:
		return err_sys(err, r, "put process %s into cgroup %s/%s", pid, h->mount_point,
			       folder);
	}
}

int cgroup_enter(struct cgroup *cg, const char *path, pid_t pid, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	char text[16];
	int r = folder ? cgroup_open_all(cg, err) : -EINVAL;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	FOR_EACH_HIERARCHY(h, cg)
	if (r == 0)
		r = enter_one(h, folder, text, err);
	return r;
}

int cgroup_door_open(struct cgroup *cg, const char *path, struct cgroup_door *ret_door,
		     struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	struct cgroup_door door = CGROUP_DOOR_NONE;
	int r = folder ? cgroup_open_all(cg, err) : -EINVAL;

	FOR_EACH_HIERARCHY(h, cg)
	{
		bool v2 = h->ops == &cgroup_v2_ops;
		char file[512];
		int fd;

		if (r < 0)
			break;
		if (cgroup_file_path(file, sizeof(file), folder, v2 ? "." : "tasks") < 0 ||
		    door.count == CGROUP_DOOR_TASKS) {
			r = err_set(err, ENAMETOOLONG, "open cgroup %s%s", h->mount_point, path);
			break;
		}
		fd = openat(h->fd, file,
			    v2 ? O_PATH | O_DIRECTORY | O_CLOEXEC : O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_sys(err, errno, "open cgroup %s%s", h->mount_point, path);
		else if (v2)
			door.folder = fd;
		else
			door.tasks[door.count++] = fd;
	}
	if (r < 0) {
		cgroup_door_close(&door);
		return r;
	}
	*ret_door = door;
	return 0;
}

int cgroup_door_pass(const struct cgroup_door *door)
{
	for (size_t i = 0; i < door->count; i++)
		if (write(door->tasks[i], "0", 1) < 0)
			return -errno;
	return 0;
}

void cgroup_door_close(struct cgroup_door *door)
{
	fd_close(door->folder);
	for (size_t i = 0; i < door->count; i++)
		fd_close(door->tasks[i]);
	*door = CGROUP_DOOR_NONE;
}

int cgroup_kill(struct cgroup *cg, const char *path, int signal_number, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	int r = folder ? cgroup_hierarchy_open(cg->chief, err) : -EINVAL;

	if (r < 0)
		return r;
	r = signal_number == SIGKILL ? cg->chief->ops->kill(cg->chief, folder, err) : -EOPNOTSUPP;
	if (r == -EOPNOTSUPP)
		r = cgroup_tree_signal(cg->chief, folder, signal_number, err);
	return r;
}

ssize_t cgroup_pids(struct cgroup *cg, const char *path, pid_t **ret_pids, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	struct cgroup_pid_list list = CGROUP_PID_LIST_EMPTY;
	int r = folder ? cgroup_hierarchy_open(cg->chief, err) : -EINVAL;

	if (r < 0)
		return r;
	r = cgroup_tree_pids(cg->chief, folder, &list);
	if (r < 0)
		return err_sys(err, r, "list the processes of cgroup %s", path);
	*ret_pids = list.pids ? list.pids : mem_new(sizeof(pid_t));
	return (ssize_t)list.count;
}
