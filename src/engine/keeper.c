/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/device_follow.h"
#include "engine/engine.h"
#include "engine/network.h"
#include "engine/repair.h"
#include "engine/status.h"
#include "state/store.h"

enum { PATIENCE_MS = 5000 };

pid_t keeper_pid(struct engine *engine)
{
	pid_t pid = 0;
	_cleanup_close_ int fd = status_process(engine->run, "keeper", &pid, NULL);

	return fd < 0 ? 0 : pid;
}

/* In a child of ours that ends at once, so that the keeper is nobody's child. */
static _Noreturn void become(struct engine *engine, int lock, int report)
{
	_cleanup_free_ char *path = str_printf("%s/cloche-keeper", engine->libexec),
			    *table = network_table(engine);
	char lock_text[12];
	char *const argv[] = { (char *)"cloche-keeper",
			       engine->self,
			       engine->settings.root,
			       engine->settings.run_root,
			       table,
			       lock_text,
			       NULL };
	char *const env[] = { NULL };
	struct err why = ERR_NONE;
	int null;

	if (fork() != 0)
		_exit(0);
	(void)snprintf(lock_text, sizeof(lock_text), "%d", lock);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	(void)fcntl(lock, F_SETFD, 0);
	if (status_process_write(engine->run, "keeper", getpid(), &why) == 0) {
		(void)execve(path, argv, env);
		why.code = errno;
	}
	(void)!write(report, &why.code, sizeof(why.code));
	_exit(127);
}

int keeper_start(struct engine *engine, struct err *err)
{
	_cleanup_close_ int lock =
		openat(engine->run, "keeper.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int ends[2], code = 0;
	pid_t pid;
	ssize_t n;

	if (lock < 0)
		return err_sys(err, errno, "open the keeper's lock");
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : err_sys(err, errno, "lock the keeper's lock");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(engine);
	pid = fork();
	if (pid == 0)
		become(engine, lock, ends[1]);
	fd_close(ends[1]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	n = pid < 0 ? 0 : read(ends[0], &code, sizeof(code));
	fd_close(ends[0]);
	if (pid < 0)
		return err_sys(err, errno, "fork");
	return n > 0 ? err_sys(err, code, "execute %s/cloche-keeper", engine->libexec) : 1;
}

int keeper_stop(struct engine *engine, struct err *err)
{
	pid_t pid;
	_cleanup_close_ int fd = status_process(engine->run, "keeper", &pid, NULL);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return 0;
	if (sys_pidfd_send_signal(fd, SIGTERM) < 0 && errno != ESRCH)
		return err_sys(err, errno, "end the keeper");
	(void)poll(&p, 1, PATIENCE_MS);
	(void)unlinkat(engine->run, "keeper", 0);
	return 1;
}

int keeper_mend(struct engine *engine, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	int count = store ? container_list(store, false, &rows, err) : -err->code;

	for (int i = 0; i < count; i++) {
		struct container_status status;

		status_get(engine, rows[i].id, &status);
		(void)repair_unmonitored(engine, rows[i].id, &status);
		if (status.status == STATUS_RUNNING)
			device_follow_mend(engine, rows[i].id);
	}
	if (count > 0)
		container_rows_free(rows, (size_t)count);
	return count < 0 ? count : network_mend(engine, err);
}
