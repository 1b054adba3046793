/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/tcp_table.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum { TABLE_MOST = 256 << 20 }; /* bytes: four million sockets */

bool tcp_table_begin(struct tcp_table *table, const char *libexec)
{
	_cleanup_free_ char *program = str_printf("%s/cloche-guard", libexec),
			    *object = str_printf("%s/tcp_table.bpf.o", libexec);
	char *const argv[] = { program, (char *)"tcp", object, NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], r;

	if (access(program, X_OK) < 0 || access(object, R_OK) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	(void)posix_spawn_file_actions_init(&actions);
	r = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(&table->pid, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	fd_close(ends[1]);
	if (r != 0) {
		table->pid = 0;
		fd_close(ends[0]);
		return false;
	}
	table->fd = ends[0];
	return true;
}

static int by_space(const void *a, const void *b)
{
	const struct guard_tcp *x = a, *y = b;

	return (x->space > y->space) - (x->space < y->space);
}

bool tcp_table_end(struct tcp_table *table)
{
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	int r = fd_read_all(table->fd, TABLE_MOST, &said), status = 0;

	fd_close(table->fd);
	table->fd = -1;
	while (waitpid(table->pid, &status, 0) < 0 && errno == EINTR)
		;
	table->pid = 0;
	if (r < 0 || status != 0 || said.length % sizeof(*table->list) != 0)
		return false;
	table->count = said.length / sizeof(*table->list);
	table->list = (void *)ptr_take(&said.data);
	qsort(table->list, table->count, sizeof(*table->list), by_space);
	return true;
}

void tcp_table_clear(struct tcp_table *table)
{
	if (table->pid > 0)
		(void)tcp_table_end(table);
	free(table->list);
	*table = TCP_TABLE_EMPTY;
}

const struct guard_tcp *tcp_table_of(const struct tcp_table *table, uint64_t space,
				     size_t *ret_count)
{
	size_t low = 0, high = table->count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->list[middle].space < space)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < table->count && table->list[end].space == space; end++)
		;
	*ret_count = end - low;
	return table->list + low;
}

bool tcp_table_whole(const struct guard_tcp *list, size_t count, const struct tcp_counts *counts)
{
	struct tcp_counts seen = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (list[i].flags & GUARD_TCP_OWN_TABLE)
			return false;
		if (list[i].kind == GUARD_TCP_FULL && !(list[i].flags & GUARD_TCP_KERNEL))
			seen.programs++;
		if (list[i].kind == GUARD_TCP_WAITING)
			seen.waiting++;
		else if (list[i].kind == GUARD_TCP_FULL && list[i].family == AF_INET6)
			seen.sockets_6++;
		else if (list[i].kind == GUARD_TCP_FULL)
			seen.sockets_4++;
	}
	return seen.sockets_4 == counts->sockets_4 && seen.sockets_6 == counts->sockets_6 &&
	       seen.waiting == counts->waiting &&
	       (counts->programs == UINT64_MAX || seen.programs == counts->programs);
}
