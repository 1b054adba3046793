/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a process becomes the monitor of a container: the words of monitor/protocol.h, from descriptors. */
#ifndef CLOCHE_ENGINE_MONITOR_EXEC_H
#define CLOCHE_ENGINE_MONITOR_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct engine;
struct err;
struct record;

struct monitor_exec {
	int dir, run, client;
	pid_t init;
	int pidfd, report, terminal;
	int stdin_writer, stdout_keeper, stderr_keeper;
	int old_holder; /* pidfd: ended when the new one has the streams */
	int ready;	/* pipe that is closed when the monitor and its holder are there */
	bool restore;
	int64_t started_ns;
	char *starter; /* starter_text(); NULL on restore */
};
#define MONITOR_EXEC_NONE \
	((struct monitor_exec){ -1, -1, -1, 0, -1, -1, -1, -1, -1, -1, -1, -1, false, 0, NULL })

/* Returns only when exec failed: -errno. */
int monitor_exec(struct engine *engine, const struct record *record,
		 const struct monitor_exec *monitor, struct err *err);

#endif
