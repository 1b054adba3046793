/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/pause.h"

enum { BOOT_ID_LENGTH = 36 };
#define STARTED "started"

/* Field 22 of /proc/PID/stat (proc(5)), in clock ticks since boot; the name in field 2 may hold anything. 0: no such process, or it has
 * ended and waits to be reaped. */
static uint64_t start_time(pid_t pid)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char path[32], state;
	unsigned long long ticks;
	const char *p;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(AT_FDCWD, path, 4096, &text) < 0 || !(p = strrchr(text.data, ')')))
		return 0;
	if (sscanf(p + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &ticks) != 2 ||
	    state == 'Z' || state == 'X')
		return 0;
	return ticks;
}

/* Read once: no process lives longer than its boot, and a start asks five times. */
void status_boot_id(char out[64])
{
	static char memory[64];
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (!*memory && file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text) == 0) {
		(void)str_append(memory, sizeof(memory), text.data);
		memory[strcspn(memory, "\n")] = '\0';
	}
	memcpy(out, memory, sizeof(memory));
}

int status_process(int run, const char *name, pid_t *ret_pid, int64_t *ret_extra)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	unsigned long long ticks;
	char boot[64] = "", now[64];
	long long extra = 0;
	int pid, fd;

	if (file_read(run, name, 4096, &text) < 0 ||
	    sscanf(text.data, "%d %llu %63s %lld", &pid, &ticks, boot, &extra) < 2 || pid <= 0)
		return -ESRCH;
	if (ret_extra)
		*ret_extra = extra;
	/* the holder's line goes on with other numbers */
	if (strlen(boot) == BOOT_ID_LENGTH) {
		status_boot_id(now);
		if (strcmp(boot, now) != 0)
			return -ESRCH;
	}
	/* The descriptor first, then the check: the number may be used again in between, never after. */
	fd = sys_pidfd_open(pid, 0);
	if (fd < 0)
		return -ESRCH;
	if (start_time(pid) != ticks) {
		fd_close(fd);
		return -ESRCH;
	}
	*ret_pid = pid;
	return fd;
}

void status_exit_read(int dir, struct container_status *status)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *line;

	if (file_read(dir, "exit", 4096, &text) < 0)
		return;
	status->status = STATUS_EXITED;
	for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
		char *value = strchr(line, '=');
		long long number;

		if (!value)
			continue;
		*value++ = '\0';
		number = strtoll(value, NULL, 10);
		if (strcmp(line, "code") == 0)
			status->exit_code = (int)number;
		else if (strcmp(line, "oom") == 0)
			status->oom = number != 0;
		else if (strcmp(line, "signal") == 0)
			status->signal = (int)number;
		else if (strcmp(line, "unknown") == 0)
			status->unknown = number != 0;
		else if (strcmp(line, "started_ns") == 0)
			status->started_ns = number;
		else if (strcmp(line, "finished_ns") == 0)
			status->finished_ns = number;
	}
}

static void error_read(int dir, struct container_status *status)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (file_read(dir, "error", sizeof(status->error), &text) < 0)
		return;
	/* "EXIT-CODE words" */
	status->exit_code = (int)strtol(text.data, NULL, 10);
	(void)str_append(status->error, sizeof(status->error),
			 text.data + strcspn(text.data, " \n"));
	memmove(status->error, status->error + strspn(status->error, " "),
		strlen(status->error + strspn(status->error, " ")) + 1);
	status->error[strcspn(status->error, "\n")] = '\0';
}

static int64_t started_mark_read(int dir)
{
	char text[32];
	ssize_t n = readlinkat(dir, STARTED, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return strtoll(text, NULL, 10);
}

/* Field `number` (from 3 on) of the text of /proc/PID/stat, whose field 2 may hold anything. */
static unsigned long long stat_field(const char *text, int number)
{
	const char *p = strrchr(text, ')');

	for (int field = 2; p && field < number; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

static bool text_read(int dir, const char *path, char *text, size_t room)
{
	_cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* The usual case with two files read: init lives, unpaused, and its parent is the monitor that it began with, which therefore lives too.
 * A listing of 500 asks 500 times. false: look closer. */
static bool running_quick(struct engine *engine, const char *id, struct container_status *status)
{
	char path[80] = "", text[512], now[64], *boot, *p;
	unsigned long long ticks, monitor;

	if (!str_append(path, sizeof(path), id) || !str_append(path, sizeof(path), "/init") ||
	    !text_read(engine->run, path, text, sizeof(text)))
		return false;
	status->pid = (pid_t)strtol(text, &p, 10);
	ticks = strtoull(p, &boot, 10);
	boot += *boot == ' ';
	p = strchrnul(boot, ' ');
	status_boot_id(now);
	if (strlen(now) != (size_t)(p - boot) || memcmp(boot, now, (size_t)(p - boot)) != 0)
		return false;
	status->started_ns = strtoll(p, &p, 10);
	monitor = strtoull(p, &p, 10);
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)status->pid);
	if (monitor == 0 || !text_read(AT_FDCWD, path, text, sizeof(text)) ||
	    stat_field(text, 4) != monitor || stat_field(text, 22) != ticks ||
	    strstr(strrchr(text, ')'), ") Z ") || strstr(strrchr(text, ')'), ") X "))
		return false;
	(void)snprintf(path, sizeof(path), "%s/paused", id);
	if (faccessat(engine->run, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return false;
	status->status = STATUS_RUNNING;
	status->monitored = true;
	return true;
}

void status_get(struct engine *engine, const char *id, struct container_status *ret_status)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = -1, dir = -1;
	struct container_status status = { .status = STATUS_CREATED };
	pid_t monitor_pid;

	if (running_quick(engine, id, &status)) {
		*ret_status = status;
		return;
	}
	status = (struct container_status){ .status = STATUS_CREATED };
	run = engine_run_dir(engine, id, false, &ignored);

	if (run >= 0) {
		/* the monitor first: it writes the exit record before it goes, so that one that is not there now has written it */
		_cleanup_close_ int monitor = status_process(run, "monitor", &monitor_pid, NULL);
		_cleanup_close_ int pidfd =
			status_process(run, "init", &status.pid, &status.started_ns);

		status.monitored = monitor >= 0;
		if (pidfd >= 0) {
			status.status = STATUS_RUNNING;
			status.paused = pause_is(engine, run);
			*ret_status = status;
			return;
		}
	}
	/* When the disk had no room it waits here. A release moves it, so the other place is looked at after this one. */
	if (run >= 0)
		status_exit_read(run, &status);
	dir = engine_container_dir(engine, id, false, &ignored);
	if (dir >= 0) {
		if (status.status == STATUS_CREATED)
			status_exit_read(dir, &status);
		if (status.status == STATUS_CREATED)
			error_read(dir, &status);
		if (status.status == STATUS_CREATED && run < 0 && !*status.error)
			status.started_ns = started_mark_read(dir);
		if (faccessat(dir, "restart", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			_cleanup_close_ int waiting =
				status_process(dir, "restart", &monitor_pid, NULL);

			status.restarting = true;
			status.monitored = waiting >= 0;
			*ret_status = status;
			return;
		}
	}
	/* It ran, it is gone, and nobody wrote down how: the monitor is about to, or was killed. */
	if (status.status == STATUS_CREATED && status.started_ns && status.monitored) {
		status.status = STATUS_RUNNING;
		status.ending = true;
	} else if (status.status == STATUS_CREATED && status.started_ns) {
		status.status = STATUS_EXITED;
		status.exit_code = 255;
		status.unknown = true;
	}
	*ret_status = status;
}

static int id_compare(const void *a, const void *b)
{
	return memcmp(a, b, STATUS_ID_LENGTH);
}

void status_survey_take(struct engine *engine, struct status_survey *survey)
{
	int fd = openat(engine->run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!dir)
		fd_close(fd);
	buf_clear(&survey->ids);
	while (dir && (e = readdir(dir)) != NULL)
		if (strlen(e->d_name) == STATUS_ID_LENGTH)
			buf_add(&survey->ids, e->d_name, STATUS_ID_LENGTH);
	if (dir)
		(void)closedir(dir);
	if (survey->ids.length)
		qsort(survey->ids.data, survey->ids.length / STATUS_ID_LENGTH, STATUS_ID_LENGTH,
		      id_compare);
}

bool status_survey_has(const struct status_survey *survey, const char *id)
{
	/* a name of another length is no id of ours: look closer */
	if (strlen(id) != STATUS_ID_LENGTH)
		return true;
	return survey->ids.length &&
	       bsearch(id, survey->ids.data, survey->ids.length / STATUS_ID_LENGTH,
		       STATUS_ID_LENGTH, id_compare);
}

bool status_waits(struct engine *engine, const char *id)
{
	char path[16 + STATUS_ID_LENGTH + 16] = "containers/";

	return !str_append(path, sizeof(path), id) || !str_append(path, sizeof(path), "/restart") ||
	       faccessat(engine->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void status_get_ready(struct engine *engine)
{
	struct err ignored = ERR_NONE;
	char boot[64];

	status_boot_id(boot);
	(void)engine_cgroup(engine, &ignored);
}

const char *status_word(const struct container_status *status)
{
	static const char *const words[] = { "created", "running", "exited" };

	return status->paused	  ? "paused" :
	       status->restarting ? "restarting" :
				    words[status->status];
}

int status_pidfd(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);
	pid_t pid;

	return run < 0 ? -ESRCH : status_process(run, "init", &pid, NULL);
}

int status_monitor_pidfd(struct engine *engine, const char *id, pid_t *ret_pid)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);

	return run < 0 ? -ESRCH : status_process(run, "monitor", ret_pid, NULL);
}

int status_init_write(int run, pid_t pid, int64_t started_ns, const char *starter, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char boot[64];

	status_boot_id(boot);
	text = str_printf("%d %llu %s %lld %d\n%s\n", (int)pid, (unsigned long long)start_time(pid),
			  boot, (long long)started_ns, (int)getpid(), starter);
	return file_replace(run, "init", text, strlen(text), 0600, false, err);
}

void status_started_mark(int dir, int64_t started_ns)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)started_ns);
	(void)!symlinkat(text, dir, STARTED); /* what it tells is worth no failed start */
}

void status_started_unmark(int dir)
{
	(void)unlinkat(dir, STARTED, 0);
}

int status_process_write(int run, const char *name, pid_t pid, struct err *err)
{
	char text[128], boot[64];

	status_boot_id(boot);
	(void)snprintf(text, sizeof(text), "%d %llu %s\n", (int)pid,
		       (unsigned long long)start_time(pid), boot);
	return file_replace(run, name, text, strlen(text), 0600, false, err);
}

int status_exit_unknown(int dir, int64_t started_ns, struct err *err)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
		       "code=255\nsignal=0\noom=0\nunknown=1\nstarted_ns=%lld\nfinished_ns=%lld\n",
		       (long long)started_ns, (long long)engine_now_ns());
	return file_replace(dir, "exit", text, strlen(text), 0600, true, err);
}
