/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who died of what. Of an abnormal end: the signal, and its sender when the kill guard saw him; for an end by lack of memory whose limit it
 * was and which process took most, from the kernel's own log (kmsg). Kept as DIR/death, JSON, until the next start:
 *	{"Signal": "SIGKILL", "Sender": {"Pid", "Command", "Uid", "LoginUid", "Tty"},
 *	 "OutOfMemory": {"Limit": "container", "LimitBytes", "Process", "Pid", "RssBytes"}}
 */
#ifndef CLOCHE_ENGINE_DEATH_H
#define CLOCHE_ENGINE_DEATH_H

#include <jansson.h>
#include <stdbool.h>

struct container_status;
struct engine;
struct record;

/* NULL: it ended by itself. New reference. */
json_t *death_find(struct engine *engine, const struct record *record,
		   const struct container_status *status);
/* One line: "out of memory: ...", "killed by SIGKILL from pid 4711 (bash) of user 0". To be freed; NULL for NULL. */
char *death_words(const json_t *death);
void death_write(struct engine *engine, const char *id, const json_t *death);
/* What death_write left, or NULL. */
json_t *death_read(struct engine *engine, const char *id);

/* The kernel's two lines about one OOM kill, as kmsg has them; later lines win over earlier ones. id: 12 digits that the cgroup's folder ends
 * with. Fills in `oom` and returns true when the line belongs to it. */
bool death_kmsg_line(const char *line, const char *id, json_t *oom);

#endif
