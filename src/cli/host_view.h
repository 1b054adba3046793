/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands that look at the whole host share: the table of processes with names from every engine, users' names inside and
 * outside, words for times and terminals. Without root it is what the kernel shows, and says so on stderr. */
#ifndef CLOCHE_CLI_HOST_VIEW_H
#define CLOCHE_CLI_HOST_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/process.h"

struct cli;
struct engine;
struct err;

struct host_view {
	struct process_table table;
	struct engine *engine; /* NULL: not root, or it cannot be opened */
	int64_t boot_ns;       /* CLOCK_REALTIME of the boot */
	int64_t now_s;
};
#define HOST_VIEW_EMPTY ((struct host_view){ 0 })

int host_view_open(struct cli *cli, unsigned int process_flags, struct host_view *view,
		   struct err *err);
/* The same with one process and its ancestors. -ESRCH without words: there is none. */
int host_view_open_pid(struct cli *cli, pid_t pid, struct host_view *view, struct err *err);
void host_view_clear(struct host_view *view);

const struct owner *view_owner(const struct host_view *view, const struct process *process);
/* Names by NSS, remembered until the program ends; the number when there is none. */
const char *view_user(uint32_t uid);
/* The user inside the container: a name, a number, or "-". The same string until the next call. */
const char *view_inner_user(struct host_view *view, const struct process *process);
/* The user on the host: as view_user, and as libnss_cloche would say it where that is not enabled. The same string until the next call. */
const char *view_outer_user(struct host_view *view, const struct process *process);
/* The same for a user of a container: an index of owners. */
const char *view_owner_user(struct host_view *view, int index, uint32_t uid);
void view_tty(int tty, char out[32]);
void view_start(const struct host_view *view, uint64_t start_ticks,
		char out[32]); /* as ps: 15:45, Nov25 */
int64_t view_start_s(const struct host_view *view, uint64_t start_ticks);
/* The container by name, id or its beginning, and "ENGINE:NAME". */
bool view_owner_is(const struct owner *owner, const char *wanted);

/* Call `draw` again and again, the screen cleared before each, until it fails; interval_s 0: once. */
int view_watch(long interval_s, int (*draw)(void *data, struct err *err), void *data,
	       struct err *err);
/* The same without clearing. */
int view_repeat(long interval_s, int (*act)(void *data, struct err *err), void *data,
		struct err *err);

#endif
