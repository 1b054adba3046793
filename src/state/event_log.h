/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event log of an instance: `events` below the data root, JSON lines with Docker's event names and fields
 * (status, id, from, Type, Action, Actor{ID,Attributes}, scope, time, timeNano), one O_APPEND write each, rotated to
 * events.1 (16 MiB each). */
#ifndef CLOCHE_STATE_EVENT_LOG_H
#define CLOCHE_STATE_EVENT_LOG_H

#include <stdint.h>

struct buf;
struct err;

/* attributes: NULL-terminated name, value, name, value... Losing an event is not an error worth failing for:
 * nothing is returned. */
void event_write(int root_fd, const char *type, const char *action, const char *actor_id,
		 const char *const *attributes);
/* The same in two steps, for several that belong together: they cost one write, and nothing comes between them. */
void event_line(struct buf *out, const char *type, const char *action, const char *actor_id,
		const char *const *attributes);
void event_lines_write(int root_fd, const struct buf *lines);

/* Lines from since_ns to until_ns (0: open), in order, each without newline, to callback (stop by returning nonzero). follow:
 * wait for more through inotify until until_ns or callback stops; survives rotation. */
int event_read(int root_fd, int64_t since_ns, int64_t until_ns, int follow,
	       int (*callback)(void *data, const char *line), void *data, struct err *err);

#endif
