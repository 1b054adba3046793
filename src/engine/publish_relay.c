/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/publish_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/status.h"
#include "net/ruleset.h"
#include "publish/control.h"

enum { RELAY_PATIENCE_MS = 20000 };

/* ADDRESS,PORT/PREFIX[,clients]: where the clients of a listener go. The caller frees. */
static char *target_text(const struct publish *publish, const struct publication *p)
{
	char to[ADDRESS_TEXT];

	return str_printf("%s,%u/%u%s", address_text(&p->to, to), p->to_port, p->prefix,
			  p->visible && publish->transparent ? ",clients" : "");
}

static char **relay_words(const struct publish *publish, const struct record *record, int pidfd,
			  int control)
{
	char **words = NULL;

	strv_add(&words, "cloche-publish");
	strv_add(&words, record->row.name);
	strv_add_take(&words, str_printf("end=%d", pidfd));
	strv_add_take(&words, str_printf("control=%d", control));
	if (publish->transparent)
		strv_add_take(&words, str_printf("mark=%u", (unsigned int)RULESET_MARK));
	for (size_t i = 0; i < publish->count; i++) {
		const struct publication *p = &publish->list[i];

		if (p->hold >= 0)
			strv_add_take(&words, str_printf("hold=%d", p->hold));
		if (p->listen >= 0) {
			_cleanup_free_ char *target = target_text(publish, p);

			strv_add_take(&words, str_printf("listen=%d,%s", p->listen, target));
		}
	}
	return words;
}

/* The path of RUN/ID/publish.sock by descriptor: sun_path is short. */
static int control_socket(int run, struct sockaddr_un *address, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(address->sun_path, sizeof(address->sun_path),
		       "/proc/self/fd/%d/publish.sock", run);
	return fd < 0 ? err_sys(err, errno, "make the relay's socket") : fd;
}

static int control_listen(int run, struct err *err)
{
	struct sockaddr_un address;
	_cleanup_close_ int fd = control_socket(run, &address, err);

	if (fd < 0)
		return fd;
	(void)unlinkat(run, "publish.sock", 0); /* of a relay that was killed */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		return err_sys(err, errno, "make the relay's socket");
	return fd_take(&fd);
}

int publish_relay_spawn(struct engine *engine, struct publish *publish, const struct record *record,
			int pidfd, int run, bool aside, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/cloche-publish", engine->libexec);
	_cleanup_close_ int control = control_listen(run, err);
	_cleanup_strv_ char **words = relay_words(publish, record, pidfd, control);
	/* Not our child but our parent's: the monitor that we are going to be waits for its container alone. */
	struct clone_args args = { .flags = aside ? CLONE_PARENT : 0 };
	char *const env[] = { NULL };
	int ends[2], code = 0;
	ssize_t n;
	pid_t pid;

	if (control < 0)
		return control;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = sys_clone3(&args);
	if (pid == 0) {
		(void)fcntl(pidfd, F_SETFD, 0);
		(void)fcntl(control, F_SETFD, 0);
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

static int tell(int run, const struct control_message *message, int fd, struct err *err)
{
	struct timeval patience = { .tv_sec = RELAY_PATIENCE_MS / 1000 };
	struct sockaddr_un address;
	_cleanup_close_ int s = control_socket(run, &address, err);
	char done = 0;
	ssize_t n = 0;
	int r = 0;

	if (s < 0)
		return s;
	(void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(s, (const struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r == 0)
		r = fd_pass_send_bytes(s, message, sizeof(*message), &fd, fd >= 0);
	/* With a time-out SIGCONT interrupts, also where it has no handler: signal(7). */
	while (r == 0 && (n = recv(s, &done, 1, 0)) < 0 && errno == EINTR)
		;
	if (r == 0 && n != 1)
		r = n < 0 ? -errno : -EPIPE;
	if (r < 0)
		return err_sys(err, r, "speak to the container's cloche-publish");
	return done ? 0 : -ENOENT;
}

bool publish_relay_runs(int run)
{
	pid_t pid;
	_cleanup_close_ int fd = status_process(run, "publish", &pid, NULL);

	return fd >= 0;
}

int publish_relay_add(int run, const struct publish *publish, const struct publication *p,
		      struct err *err)
{
	_cleanup_free_ char *target = target_text(publish, p);
	struct control_message hold = { .verb = CONTROL_HOLD }, listen = { .verb = CONTROL_LISTEN };
	int r = p->hold >= 0 ? tell(run, &hold, p->hold, err) : 0;

	(void)str_append(listen.listen, sizeof(listen.listen), target);
	if (r == 0 && p->listen >= 0)
		r = tell(run, &listen, p->listen, err);
	return r == -ENOENT ? err_set(err, ENOSPC, "cloche-publish has too many ports") : r;
}

int publish_relay_drop(int run, const struct publication *p, struct err *err)
{
	struct control_message message = {
		.verb = CONTROL_DROP,
		.port = { .protocol = p->protocol, .family = p->host.family, .port = p->port }
	};
	int r;

	memcpy(message.port.address, p->host.bytes, sizeof(message.port.address));
	r = tell(run, &message, -1, err);
	return r == -ENOENT ? 0 : r; /* a protocol that the kernel has not */
}
