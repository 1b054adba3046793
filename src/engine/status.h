/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container is doing, from its files and the kernel, never from a remembered word.
 *   RUN/init   "PID STARTTIME BOOT-ID STARTED_NS PARENT\n": written before the user's command may run, by the parent, which
 *              becomes the monitor
 *   DIR/exit   exit record, written by the monitor after the end; removed by the next start
 *   DIR/error  words of a start that failed
 */
#ifndef CLOCHE_ENGINE_STATUS_H
#define CLOCHE_ENGINE_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

struct engine;
struct err;

enum status { STATUS_CREATED, STATUS_RUNNING, STATUS_EXITED };

struct container_status {
	enum status status;
	pid_t pid; /* of init; 0 unless running */
	int exit_code;
	int signal;	   /* that ended it; 0: none */
	bool oom, unknown; /* unknown: nobody saw the end, exit_code is 255 */
	bool monitored;	   /* its monitor lives */
	bool ending; /* RUNNING still, but init has ended: its monitor is about to write the exit record */
	bool paused; /* running, and frozen */
	bool restarting; /* ended, and its restart policy starts it again soon; monitored: somebody waits for the time */
	int64_t started_ns, finished_ns; /* 0: never */
	char error[512];
};

/* Always an answer: what cannot be read was not there. */
void status_get(struct engine *engine, const char *id, struct container_status *ret_status);
/* Look up once what the states of all containers need. From then on status_get may be called from several threads. */
void status_get_ready(struct engine *engine);
/* For a list of many, most of which rest: the ids with a folder in the run root, read at once. Who is not among them and waits for no restart
 * (status_waits) does not run, and needs no closer look; ask again afterwards for those whom a restart brought back meanwhile. */
struct status_survey {
	struct buf ids; /* sorted, STATUS_ID_LENGTH each */
};
enum { STATUS_ID_LENGTH = 64 };
void status_survey_take(struct engine *engine, struct status_survey *survey);
bool status_survey_has(const struct status_survey *survey, const char *id);
bool status_waits(struct engine *engine, const char *id);
/* "created", "running", "paused", "restarting", "exited" */
const char *status_word(const struct container_status *status);
/* A pidfd of the running init, checked against start time and boot. -ESRCH: not running. */
int status_pidfd(struct engine *engine, const char *id);
/* A pidfd of the monitor: -ESRCH. */
int status_monitor_pidfd(struct engine *engine, const char *id, pid_t *ret_pid);
/* A pidfd of the process that "PID STARTTIME[ BOOT-ID]" in file `name` beneath run names: -ESRCH. */
int status_process(int run, const char *name, pid_t *ret_pid, int64_t *ret_extra);

/* Fill in what DIR/exit says; nothing when it is not there. */
void status_exit_read(int dir, struct container_status *status);

/* Text of RUN/init for pid. */
int status_init_write(int run, pid_t pid, int64_t started_ns, const char *starter, struct err *err);
/* DIR/started, a link whose text is the time: all that is left to tell that it ran, when a power cut took the run folder with the run root. */
void status_started_mark(int dir, int64_t started_ns);
void status_started_unmark(int dir);
/* "PID STARTTIME BOOT-ID" of a running process into RUN/name, for status_process. */
int status_process_write(int run, const char *name, pid_t pid, struct err *err);
void status_boot_id(char out[64]); /* "" when there is no /proc */
/* An exit record where the monitor could not write one: code 255, unknown. */
int status_exit_unknown(int dir, int64_t started_ns, struct err *err);

#endif
