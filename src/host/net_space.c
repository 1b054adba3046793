/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net_space.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "host/process.h"

static int space_find(const struct net_spaces *spaces, uint64_t inode)
{
	/* the newest first: neighbours in the table are often in the same one */
	for (size_t i = spaces->count; i-- > 0;)
		if (spaces->list[i].inode == inode)
			return (int)i;
	return -1;
}

static int space_add(struct net_spaces *spaces, uint64_t inode, const char *path)
{
	struct net_space *new;

	spaces->list = reallocarray(spaces->list, spaces->count + 1, sizeof(*spaces->list));
	if (!spaces->list)
		abort();
	new = &spaces->list[spaces->count];
	*new = (struct net_space){ .inode = inode, .fd = open(path, O_RDONLY | O_CLOEXEC) };
	return (int)spaces->count++;
}

static void owner_note(struct net_space *space, bool host, int owner)
{
	if (host)
		space->shared |= owner != 0;
	else if (space->owner == 0)
		space->owner = owner;
	else
		space->shared |= owner != 0 && owner != space->owner;
}

/* One process or thread. Its namespace's index, -1: hidden or gone. */
static int task_note(struct net_spaces *spaces, int proc, const char *path, pid_t pid, int owner)
{
	struct stat st;
	int at;

	if (fstatat(proc, path, &st, 0) < 0)
		return -1;
	at = space_find(spaces, st.st_ino);
	if (at < 0) {
		_cleanup_free_ char *whole = str_printf("/proc/%s", path);

		at = space_add(spaces, st.st_ino, whole);
	}
	if (spaces->list[at].pid == 0)
		spaces->list[at].pid = pid;
	owner_note(&spaces->list[at], at == 0, owner);
	return at;
}

/* A thread may be in another namespace than its process (setns(2)). */
static void threads_note(struct net_spaces *spaces, int proc, const struct process *process)
{
	char path[64];
	int folder;
	const struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%d/task", (int)process->pid);
	folder = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = folder < 0 ? NULL : fdopendir(folder);
	if (!d) {
		fd_close(folder);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%d/task/%.12s/ns/net", (int)process->pid,
			       e->d_name);
		(void)task_note(spaces, proc, path, process->pid, process->owner);
	}
	(void)closedir(d);
}

/* "... 0:4 net:[4026532000] /run/netns/web rw ... - nsfs nsfs rw" (proc(5), mountinfo) */
static void mounts_note(struct net_spaces *spaces)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long inode;
		char path[1024];
		struct stat st;
		int at;

		if (sscanf(line, "%*d %*d %*s net:[%lu] %1023s", &inode, path) != 2)
			continue;
		at = space_find(spaces, inode);
		if (at < 0 && stat(path, &st) == 0 && st.st_ino == inode)
			at = space_add(spaces, inode, path);
		/* a name in ip-netns(8)'s folder is better than a path */
		if (at <= 0 || (*spaces->list[at].name && !str_prefix(path, "/run/netns/")))
			continue;
		spaces->list[at].name[0] = '\0';
		(void)str_append(spaces->list[at].name, NET_SPACE_NAME,
				 str_prefix(path, "/run/netns/") ? path + strlen("/run/netns/") :
								   path);
	}
	if (f)
		(void)fclose(f);
}

void net_spaces_find(struct net_spaces *spaces, const struct process_table *table)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	spaces->of_process = mem_new((table->count + 1) * sizeof(int));
	if (proc < 0 || stat("/proc/self/ns/net", &st) < 0)
		return;
	(void)space_add(spaces, st.st_ino, "/proc/self/ns/net");
	for (size_t i = 0; i < table->count; i++) {
		const struct process *process = &table->list[i];
		char path[40];

		(void)snprintf(path, sizeof(path), "%d/ns/net", (int)process->pid);
		spaces->of_process[i] = task_note(spaces, proc, path, process->pid, process->owner);
		if (process->threads > 1 && spaces->of_process[i] >= 0)
			threads_note(spaces, proc, process);
	}
	mounts_note(spaces);
}

void net_spaces_clear(struct net_spaces *spaces)
{
	for (size_t i = 0; i < spaces->count; i++)
		fd_close(spaces->list[i].fd);
	free(spaces->list);
	free(spaces->of_process);
	*spaces = NET_SPACES_EMPTY;
}
