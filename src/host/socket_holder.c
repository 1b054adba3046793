/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/socket_holder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "guard/record.h"
#include "host/process.h"

/* Of the host's first pid namespace (include/linux/proc_ns.h): the iterator's numbers are from there. */
static const ino_t first_pid_space = 0xeffffffc;

static void holder_add(struct socket_holders *holders, uint64_t inode, size_t process)
{
	if (holders->count == holders->room) {
		holders->room = holders->room ? holders->room * 2 : 1024;
		holders->list = reallocarray(holders->list, holders->room, sizeof(*holders->list));
		if (!holders->list)
			abort();
	}
	holders->list[holders->count++] = (struct socket_holder){ inode, process };
}

static void folder_read(struct socket_holders *holders, int proc, const struct process *process,
			size_t index)
{
	char path[32];
	const struct dirent *e;
	int folder;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)process->pid);
	folder = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = folder < 0 ? NULL : fdopendir(folder);
	if (!d) {
		fd_close(folder);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		char target[64];
		ssize_t n = readlinkat(folder, e->d_name, target, sizeof(target) - 1);

		if (n <= 8 || memcmp(target, "socket:[", 8) != 0)
			continue;
		target[n] = '\0';
		holder_add(holders, strtoull(target + 8, NULL, 10), index);
	}
	(void)closedir(d);
}

/* false: there is none, or it told less than everything. */
static bool iterator_read(struct socket_holders *holders, const struct process_table *table,
			  const bool *wanted, const char *iterator)
{
	_cleanup_close_ int fd = open(iterator, O_RDONLY | O_CLOEXEC);
	struct guard_file files[1024];
	struct stat st;
	size_t have = 0;
	ssize_t n;

	if (fd < 0 || stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != first_pid_space)
		return false;
	/* a record may come in two pieces */
	while ((n = read(fd, (char *)files + have, sizeof(files) - have)) > 0) {
		size_t whole;

		have += (size_t)n;
		whole = have / sizeof(files[0]);
		for (size_t i = 0; i < whole; i++) {
			const struct process *process = process_find(table, (pid_t)files[i].pid);
			size_t index = process ? (size_t)(process - table->list) : 0;

			if (process && (!wanted || wanted[index]))
				holder_add(holders, files[i].inode, index);
		}
		have -= whole * sizeof(files[0]);
		memmove(files, files + whole, have);
	}
	return n == 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct socket_holder *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	/* who had it first: by number, which is by age but for a wrap */
	return (x->process > y->process) - (x->process < y->process);
}

void socket_holders_read(struct socket_holders *holders, const struct process_table *table,
			 const bool *wanted, const char *iterator)
{
	_cleanup_close_ int proc = -1;

	if (!iterator || !iterator_read(holders, table, wanted, iterator)) {
		holders->count = 0;
		proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (size_t i = 0; proc >= 0 && i < table->count; i++)
			if (!wanted || wanted[i])
				folder_read(holders, proc, &table->list[i], i);
	}
	if (holders->count)
		qsort(holders->list, holders->count, sizeof(*holders->list), by_inode);
}

int socket_holder_of(const struct socket_holders *holders, uint64_t inode)
{
	size_t low = 0, high = holders->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (holders->list[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < holders->count && holders->list[low].inode == inode ?
		       (int)holders->list[low].process :
		       -1;
}

void socket_holders_clear(struct socket_holders *holders)
{
	free(holders->list);
	*holders = SOCKET_HOLDERS_EMPTY;
}
