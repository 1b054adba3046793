/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/long_work.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/opt.h"
#include "base/str.h"
#include "base/tell.h"

enum { FIRST_MS = 500, EVERY_MS = 200, DEPTH = 6, OBJECT_SHOWN = 40 };

bool long_work_is(const struct command *command)
{
	static const char *const names[] = { "commit", "cp",   "export", "import",
					     "load",   "save", "clone" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(command->name, names[i]) == 0)
			return true;
	return false;
}

/* -- in the process that draws ---------------------------------------------------------------- */

/* "wchar: 123" of /proc/PID/io. */
static uint64_t written(pid_t pid)
{
	_cleanup_free_ char *path = str_printf("/proc/%d/io", (int)pid);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *at = file_read(AT_FDCWD, path, 4096, &text) < 0 ? NULL :
								      strstr(text.data, "wchar: ");

	return at ? strtoull(at + strlen("wchar: "), NULL, 10) : 0;
}

/* Of it and of those below it that live. */
static uint64_t tree_written(pid_t pid, pid_t without, int depth)
{
	_cleanup_free_ char *path = str_printf("/proc/%d/task/%d/children", (int)pid, (int)pid);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	uint64_t sum = written(pid);
	char *at;

	if (depth == 0 || file_read(AT_FDCWD, path, 65536, &text) < 0)
		return sum;
	at = text.data;
	for (;;) {
		char *end;
		pid_t child = (pid_t)strtol(at, &end, 10);

		if (end == at)
			return sum;
		if (child != without)
			sum += tree_written(child, without, depth - 1);
		at = end;
	}
}

static void amount(uint64_t bytes, char out[24])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(out, 24, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static _Noreturn void draw(pid_t worker, int end, const char *what, const char *object)
{
	static const char marks[] = "|/-\\";
	struct pollfd over = { .fd = end, .events = POLLIN };
	int64_t began = now_ms();
	uint64_t most = 0;
	bool drawn = false;

	(void)signal(SIGINT, SIG_IGN); /* the command is asked, and takes us with it */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int turn = 0; poll(&over, 1, turn ? EVERY_MS : FIRST_MS) == 0; turn++) {
		uint64_t bytes = tree_written(worker, getpid(), DEPTH);
		char text[24];

		/* children that have ended are no longer seen */
		most = bytes > most ? bytes : most;
		amount(most, text);
		(void)fprintf(stderr, "\r%c %s %s  %s  %" PRId64 " s\033[K", marks[turn % 4], what,
			      object, text, (now_ms() - began) / 1000);
		(void)fflush(stderr);
		drawn = true;
	}
	if (drawn)
		(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
	_exit(0);
}

/* -- in the command --------------------------------------------------------------------------- */

void long_work_begin(struct long_work *work, const char *what, const char *object)
{
	char shown[4 * OBJECT_SHOWN + 1] = "";
	pid_t self = getpid();
	int ends[2];

	if (work->pid || !isatty(2) || !tell_wanted(TELL_INFO) || tell_wanted(TELL_DEBUG) ||
	    pipe2(ends, O_CLOEXEC) < 0)
		return;
	if (object)
		str_escape(shown, sizeof(shown), object,
			   strlen(object) < OBJECT_SHOWN ? strlen(object) : OBJECT_SHOWN);
	(void)fflush(stdout);
	work->pid = fork();
	if (work->pid == 0) {
		(void)close(ends[1]);
		draw(self, ends[0], what, shown);
	}
	fd_close(ends[0]);
	if (work->pid < 0) {
		work->pid = 0;
		fd_close(ends[1]);
		return;
	}
	work->fd = ends[1];
	if (isatty(1))
		(void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
}

void long_work_end(struct long_work *work)
{
	if (!work->pid)
		return;
	fd_close(work->fd);
	(void)waitpid(work->pid, NULL, 0);
	*work = LONG_WORK_NONE;
}
