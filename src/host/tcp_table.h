/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TCP sockets of all network namespaces in one walk of the kernel's tables, which sock_diag(7) walks once for each namespace: of 500 namespaces
 * in 5 ms of processor time instead of 2 s. cloche-guard does it with a BPF program (guard/tcp_table.bpf), in 16 ms with its loading, so that
 * it is worth it from some 30 namespaces on.
 *
 *	if (tcp_table_begin(&table, libexec)) {		it works while we do other things
 *		...
 *		if (tcp_table_end(&table))
 *			list = tcp_table_of(&table, space->inode, &count);
 *		if (tcp_table_whole(list, count, &counts))	else ask the namespace itself
 */
#ifndef CLOCHE_HOST_TCP_TABLE_H
#define CLOCHE_HOST_TCP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard/record.h"

struct tcp_table {
	pid_t pid;
	int fd;
	struct guard_tcp *list; /* by namespace */
	size_t count;
};
#define TCP_TABLE_EMPTY ((struct tcp_table){ .fd = -1 })

/* What a namespace's own counters say: /proc/net/sockstat and sockstat6. */
struct tcp_counts {
	uint64_t sockets_4, sockets_6; /* UINT64_MAX: not known */
	uint64_t waiting;	       /* in TIME-WAIT, of both */
	uint64_t programs; /* sockets of programs, of any protocol, where all are said to be TCP; UINT64_MAX: there are others */
};

/* false: this Cloche was built without the guard, or nothing can be started. */
bool tcp_table_begin(struct tcp_table *table, const char *libexec);
/* Wait for it. false: the kernel does not take the program. */
bool tcp_table_end(struct tcp_table *table);
void tcp_table_clear(struct tcp_table *table);

/* Those of a namespace; they stay the table's. */
const struct guard_tcp *tcp_table_of(const struct tcp_table *table, uint64_t space,
				     size_t *ret_count);
/* Are these all that the namespace has? Not when it has a table of its own, or when some came or went meanwhile. Half-open connections,
 * which the kernel does not count, are in the same table as the others. With counts->programs: and is there nothing but TCP? The kernel's own TCP
 * sockets are in the protocol's counter and not in that of all sockets, so that one of them could hide a program's packet socket. */
bool tcp_table_whole(const struct guard_tcp *list, size_t count, const struct tcp_counts *counts);

#endif
