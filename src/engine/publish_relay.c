/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/publish_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "engine/publish.h"
#include "engine/status.h"
#include "net/ruleset.h"

enum { RELAY_PATIENCE_MS = 5000 };

static char **relay_words(const struct publish *publish, const struct record *record, int pidfd)
{
	char **words = NULL, to[ADDRESS_TEXT];

	strv_add(&words, "cloche-publish");
	strv_add(&words, record->row.name);
	strv_add_take(&words, str_printf("end=%d", pidfd));
	if (publish->transparent)
		strv_add_take(&words, str_printf("mark=%u", (unsigned int)RULESET_MARK));
	for (size_t i = 0; i < publish->count; i++) {
		const struct publication *p = &publish->list[i];

		if (p->hold >= 0)
			strv_add_take(&words, str_printf("hold=%d", p->hold));
		if (p->listen >= 0)
			strv_add_take(&words,
				      str_printf("listen=%d,%s,%u/%u%s", p->listen,
						 address_text(&p->to, to), p->to_port, p->prefix,
						 p->visible && publish->transparent ? ",clients" :
										      ""));
	}
	return words;
}

/* Not our child but our parent's: the monitor that we are going to be waits for its container alone. */
int publish_relay_spawn(struct engine *engine, struct publish *publish, const struct record *record,
			int pidfd, int run, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/cloche-publish", engine->libexec);
	_cleanup_strv_ char **words = relay_words(publish, record, pidfd);
	struct clone_args args = { .flags = CLONE_PARENT };
	char *const env[] = { NULL };
	int ends[2], code = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = sys_clone3(&args);
	if (pid == 0) {
		(void)fcntl(pidfd, F_SETFD, 0);
		for (size_t i = 0; i < publish->count; i++) {
			if (publish->list[i].hold >= 0)
				(void)fcntl(publish->list[i].hold, F_SETFD, 0);
			if (publish->list[i].listen >= 0)
				(void)fcntl(publish->list[i].listen, F_SETFD, 0);
		}
		(void)execve(path, words, env);
		code = errno;
		(void)!write(ends[1], &code, sizeof(code));
		_exit(127);
	}
	fd_close(ends[1]);
	if (pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "start %s", path);
	}
	n = read(ends[0], &code, sizeof(code));
	fd_close(ends[0]);
	if (n == (ssize_t)sizeof(code))
		return err_sys(err, code, "execute %s", path);
	return status_process_write(run, "publish", pid, err);
}

void publish_relay_end(int run)
{
	pid_t pid;
	_cleanup_close_ int fd = status_process(run, "publish", &pid, NULL);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;
	/* its sockets hold the ports: they are free when it is gone */
	(void)sys_pidfd_send_signal(fd, SIGKILL);
	(void)poll(&p, 1, RELAY_PATIENCE_MS);
}
