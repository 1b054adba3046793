/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "oci/notify.h"
#include "runtime/container.h"
#include "runtime/spec.h"

struct relay {
	struct container *container;
	const struct notify *notify;
	int signals;
	bool raw; /* our terminal's attributes are in `before` */
	struct termios before;
	bool in_open;
};

void foreground_size(struct spec_process *process)
{
	struct winsize size;

	if (!process->terminal || process->rows || process->columns ||
	    ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	process->rows = size.ws_row;
	process->columns = size.ws_col;
}

static void size_copy(const struct relay *relay)
{
	struct winsize size;

	if (relay->container->terminal >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(relay->container->terminal, TIOCSWINSZ, &size); /* cosmetic */
}

static void terminal_begin(struct relay *relay)
{
	struct termios raw;

	if (relay->container->terminal < 0 || tcgetattr(STDIN_FILENO, &relay->before) < 0)
		return;
	raw = relay->before;
	cfmakeraw(&raw);
	relay->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	size_copy(relay);
}

static void terminal_end(const struct relay *relay)
{
	if (relay->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &relay->before);
}

/* false: the stream has ended. */
static bool pump(int from, int to)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && fd_write_all(to, bytes, (size_t)n) == 0;
}

static void signal_pass(const struct relay *relay)
{
	struct signalfd_siginfo info;

	if (read(relay->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		size_copy(relay);
	else if (info.ssi_signo != SIGCHLD)
		(void)sys_pidfd_send_signal(relay->container->pidfd, (int)info.ssi_signo);
	while (info.ssi_signo ==
	       SIGCHLD) { /* adopted processes; the first one is waited for below */
		siginfo_t child = { 0 };

		if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    child.si_pid == 0 || child.si_pid == relay->container->pid)
			break;
		(void)waitpid(child.si_pid, NULL, WNOHANG);
	}
}

static void relay_run(struct relay *relay)
{
	int master = relay->container->terminal;
	struct pollfd fds[] = {
		{ .fd = relay->container->pidfd, .events = POLLIN },
		{ .fd = relay->signals, .events = POLLIN },
		{ .fd = master, .events = POLLIN },
		{ .fd = master >= 0 ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = relay->notify ? relay->notify->inside : -1, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (fds[1].revents)
			signal_pass(relay);
		if (fds[2].revents && !pump(master, STDOUT_FILENO))
			fds[2].fd = -1;
		if (fds[3].revents && !pump(STDIN_FILENO, master))
			fds[3].fd = -1;
		if (fds[4].revents)
			(void)notify_pass(relay->notify); /* ready or not */
		if (fds[0].revents)
			return;
	}
}

int foreground(struct container *container, const struct notify *notify, int *ret_status,
	       struct err *err)
{
	struct relay relay = { .container = container, .notify = notify };
	_cleanup_close_ int signals = -1;
	sigset_t all;
	int status;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return err_sys(err, errno, "wait for signals");
	relay.signals = signals;
	terminal_begin(&relay);
	relay_run(&relay);
	while (container->terminal >= 0) { /* what it said last */
		struct pollfd left = { .fd = container->terminal, .events = POLLIN };

		if (poll(&left, 1, 0) <= 0 || !(left.revents & POLLIN) ||
		    !pump(container->terminal, STDOUT_FILENO))
			break;
	}
	terminal_end(&relay);
	while (waitpid(container->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "wait for process %d", (int)container->pid);
	container->pid = 0;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}
