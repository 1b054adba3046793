/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/tty.h"
#include "engine/engine.h"
#include "engine/exec.h"
#include "engine/frame.h"

enum { CHUNK = 32768, MOMENT_MS = 100 };

struct state {
	const struct relay *relay;
	struct detach detach;
	int signals;
	bool input_open;
	bool input_waits; /* there is input, and the monitor has to take the earlier one first */
	char chunk[CHUNK], passed[CHUNK + 16];
};

/* All that a terminal or another program may send us, but what stops or breaks us ourselves. */
static int signals_open(const struct relay *relay)
{
	static const int kept[] = { SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGBUS,
				    SIGILL,  SIGFPE,  SIGABRT, SIGPIPE, SIGTTIN,
				    SIGTTOU, SIGTSTP, SIGCONT, SIGURG,	SIGPROF };
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	/* not passed on, but the terminal is to be restored before they end us */
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		(void)sigaddset(&set, ending[i]);
	if (relay->proxy) {
		(void)sigfillset(&set);
		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			(void)sigdelset(&set, kept[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int state_init(struct state *s, const struct relay *relay, struct err *err)
{
	s->relay = relay;
	s->signals = -1;
	s->input_open = relay->input;
	s->detach.matched = 0;
	s->detach.count = 0;
	if (relay->tty && relay->input) {
		s->detach.count = detach_keys_parse(relay->detach_keys, s->detach.keys, err);
		if (s->detach.count < 0)
			return s->detach.count;
	}
	s->signals = signals_open(relay);
	if (s->signals < 0)
		return err_sys(err, errno, "watch signals");
	if (relay->tty && relay->input && isatty(0))
		return tty_raw(err);
	return 0;
}

static void signal_die(int number)
{
	sigset_t set;

	tty_restore();
	(void)signal(number, SIG_DFL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	(void)raise(number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* The signal that came, or 0 when a new window size was the news. */
static int signal_next(struct state *s, bool *ret_resized)
{
	struct signalfd_siginfo info;

	*ret_resized = false;
	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo == SIGWINCH)
		*ret_resized = true;
	else if (!s->relay->proxy)
		signal_die((int)info.ssi_signo);
	else if (s->relay->signal_pidfd >= 0)
		(void)sys_pidfd_send_signal(s->relay->signal_pidfd,
					    (int)info.ssi_signo); /* it may be gone */
	return (int)info.ssi_signo;
}

/* Our own output may be a closed pipe (`cloche run ... | head`): the container goes on, we read on. */
static void output_write(int fd, const void *data, size_t length)
{
	(void)fd_write_all(fd, data, length);
}

/* -- frames ----------------------------------------------------------------------------------- */

static void size_send(int socket)
{
	unsigned short rows, columns;

	if (tty_size(&rows, &columns)) {
		struct frame_winsize size = { rows, columns };

		(void)frame_send(socket, FRAME_WINSIZE, &size,
				 sizeof(size)); /* its loss shows below */
	}
}

/* 1: detach. */
static int input_frame(struct state *s, int socket)
{
	ssize_t n = read(0, s->chunk, CHUNK);
	size_t length;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		s->input_open = false;
		return frame_send(socket, FRAME_STDIN_END, NULL, 0);
	}
	if (s->detach.count == 0)
		return frame_send(socket, FRAME_STDIN, s->chunk, (size_t)n);
	if (detach_filter(&s->detach, s->chunk, (size_t)n, s->passed, &length))
		return 1;
	return length ? frame_send(socket, FRAME_STDIN, s->passed, length) : 0;
}

static int frames_loop(struct state *s, int socket, struct frame *frame, int *ret_code)
{
	struct frame_exit end;
	int64_t begin_ns = engine_now_ns();
	bool waiting = s->relay->later != NULL;
	bool resized;
	int r;

	if (s->relay->tty)
		size_send(socket);
	for (;;) {
		/* Input is sent only when the socket takes it at once: a program that writes more than it reads fills the way
		 * back, and if we waited for it to read, it would wait for us. */
		struct pollfd p[] = {
			{ .fd = socket,
			  .events = (short)(s->input_waits ? POLLIN | POLLOUT : POLLIN) },
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = s->input_open && !s->input_waits ? 0 : -1, .events = POLLIN }
		};

		if (poll(p, 3, waiting ? MOMENT_MS : -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (waiting && engine_now_ns() - begin_ns >= (int64_t)MOMENT_MS * 1000000) {
			s->relay->later(s->relay->later_data);
			waiting = false;
		}
		if (p[1].revents && (signal_next(s, &resized), resized) && s->relay->tty)
			size_send(socket);
		if (p[0].revents & ~POLLOUT) {
			r = frame_receive(socket, frame);
			if (r < 0)
				return r == -EPIPE ? RELAY_LOST : r;
			if (frame->type == FRAME_STDOUT || frame->type == FRAME_STDERR) {
				int to = frame->type == FRAME_STDOUT ? 1 : 2;

				if (!s->relay->mute[to])
					output_write(to, frame->data, frame->length);
			}
			if (frame->type == FRAME_EXIT && frame->length == sizeof(end)) {
				memcpy(&end, frame->data, sizeof(end));
				*ret_code = end.code;
				(void)frame_send(socket, FRAME_TAKEN, NULL,
						 0); /* it is ours to release now */
				return RELAY_EXIT;
			}
		}
		if (p[2].revents)
			s->input_waits = true;
		if (p[0].revents & POLLOUT) {
			s->input_waits = false;
			r = input_frame(s, socket);
			if (r == 1)
				return RELAY_DETACHED;
			if (r < 0)
				s->input_open = false; /* the end of the socket brings the rest */
		}
	}
}

int relay_frames(int socket, const struct relay *relay, int *ret_code, struct err *err)
{
	struct frame *frame = mem_new(sizeof(*frame));
	struct state *s = mem_new(sizeof(*s));
	int r = state_init(s, relay, err);

	if (r == 0) {
		r = frames_loop(s, socket, frame, ret_code);
		if (r < 0)
			err_sys(err, r, "talk to the monitor");
	}
	tty_restore();
	fd_close(s->signals);
	free(frame);
	free(s);
	return r;
}

/* -- exec ------------------------------------------------------------------------------------- */

static void size_set(int terminal)
{
	struct winsize size = { 0 };

	if (tty_size(&size.ws_row, &size.ws_col))
		(void)ioctl(terminal, TIOCSWINSZ, &size); /* cosmetic */
}

static bool output_read(struct state *s, int from, int to)
{
	ssize_t n = read(from, s->chunk, CHUNK);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false; /* EIO: the other side of a terminal is closed */
	output_write(to, s->chunk, (size_t)n);
	return true;
}

/* 1: detach; -1: the input is at its end. */
static int input_write(struct state *s, int to)
{
	ssize_t n = read(0, s->chunk, CHUNK);
	size_t length;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return -1;
	if (s->detach.count == 0)
		return fd_write_all(to, s->chunk, (size_t)n) < 0 ? -1 : 0;
	if (detach_filter(&s->detach, s->chunk, (size_t)n, s->passed, &length))
		return 1;
	return fd_write_all(to, s->passed, length) < 0 ? -1 : 0;
}

static int exec_loop(struct state *s, const struct exec_process *process, int *ret_code)
{
	int out = process->terminal >= 0 ? process->terminal : process->out, err = process->err;
	int in = process->terminal >= 0 ? process->terminal : process->in, ended = process->pidfd;
	bool resized;

	for (;;) {
		struct pollfd p[] = { { .fd = out, .events = POLLIN },
				      { .fd = err, .events = POLLIN },
				      { .fd = s->signals, .events = POLLIN },
				      { .fd = s->input_open ? 0 : -1, .events = POLLIN },
				      { .fd = ended, .events = POLLIN } };
		/* After the end, take what is there; a grandchild may hold the pipe open for ever. */
		int r = poll(p, 5, ended < 0 ? 0 : -1);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return RELAY_EXIT;
		if (p[0].revents && !output_read(s, out, 1))
			out = -1;
		if (p[1].revents && !output_read(s, err, 2))
			err = -1;
		if (p[2].revents && (signal_next(s, &resized), resized) && process->terminal >= 0)
			size_set(process->terminal);
		if (p[3].revents) {
			r = input_write(s, in);
			if (r == 1)
				return RELAY_DETACHED;
			if (r < 0) {
				s->input_open = false;
				if (process->terminal < 0)
					fd_close(process->in);
			}
		}
		if (p[4].revents) {
			siginfo_t info = { 0 };

			(void)waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED);
			*ret_code = info.si_code == CLD_EXITED ? info.si_status :
								 128 + info.si_status;
			ended = -1;
			s->input_open = false;
		}
	}
}

int relay_exec(const struct exec_process *process, const struct relay *relay, int *ret_code,
	       struct err *err)
{
	struct state *s = mem_new(sizeof(*s));
	int r = state_init(s, relay, err);

	if (r == 0) {
		if (process->terminal >= 0)
			size_set(process->terminal);
		r = exec_loop(s, process, ret_code);
		if (r < 0)
			err_sys(err, r, "relay the streams");
	}
	tty_restore();
	fd_close(s->signals);
	free(s);
	return r;
}
