/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "runtime/spec.h"

bool hook_any_of_create(const struct spec *spec)
{
	return spec->hooks[SPEC_HOOK_PRESTART].count > 0 ||
	       spec->hooks[SPEC_HOOK_CREATE_RUNTIME].count > 0 ||
	       spec->hooks[SPEC_HOOK_CREATE_CONTAINER].count > 0;
}

static _Noreturn void hook_become(const struct spec_hook *hook, int in, int report)
{
	char *const alone[] = { hook->path, NULL };
	sigset_t none;
	int code;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) >= 0 && (hook->out == 0 || dup2(hook->out, 1) >= 0) &&
	    (hook->error == 0 || dup2(hook->error, 2) >= 0))
		(void)execve(hook->path, hook->args ? hook->args : alone,
			     hook->env ? hook->env : environ);
	code = errno;
	(void)!write(report, &code, sizeof(code));
	_exit(127);
}

/* A hook need not read its stdin, nor all of it: whoever closes it loses only what was meant for it. */
static int state_write(int out, const char *state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int r;

	(void)sigaction(SIGPIPE, &ignore, &before);
	r = fd_write_all(out, state, strlen(state));
	(void)sigaction(SIGPIPE, &before, NULL);
	return r == -EPIPE ? 0 : r;
}

static int hook_wait(const struct spec_hook *hook, pid_t pid, int pidfd, int *ret_status)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int timeout_ms = hook->timeout_s > 0 ? hook->timeout_s * 1000 : -1, n;

	do /* a signal starts the time anew: we get none but by hand */
		n = poll(&ended, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	if (n == 0)
		return -ETIME;
	return WIFEXITED(*ret_status) && WEXITSTATUS(*ret_status) == 0 ? 0 : -ECANCELED;
}

int hook_run(const struct spec_hook *hook, const char *state, int *ret_status)
{
	_cleanup_close_ int pidfd = -1, in = -1, out = -1, told = -1, report = -1;
	struct clone_args args = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				   .pidfd = (uintptr_t)&pidfd,
				   .exit_signal = SIGCHLD };
	int pipe_in[2], pipe_report[2], code = 0, r;
	pid_t pid;

	*ret_status = 0;
	if (pipe2(pipe_in, O_CLOEXEC) < 0)
		return -errno;
	in = pipe_in[0];
	out = pipe_in[1];
	if (pipe2(pipe_report, O_CLOEXEC) < 0)
		return -errno;
	told = pipe_report[0];
	report = pipe_report[1];
	pid = sys_clone3(&args);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		hook_become(hook, in, report);
	fd_close(fd_take(&in));
	fd_close(fd_take(&report));
	if (read(told, &code, sizeof(code)) == (ssize_t)sizeof(code)) {
		(void)waitpid(pid, NULL, 0);
		return -code;
	}
	/* A state that is larger than the pipe waits for the reader, whose time-out begins when it has it. */
	r = state_write(out, state);
	fd_close(fd_take(&out));
	code = hook_wait(hook, pid, pidfd, ret_status);
	return code < 0 ? code : r;
}

int hook_explain(const struct spec_hooks *hooks, const char *kind, size_t index, int code,
		 struct err *err)
{
	const struct spec_hook *hook = &hooks->list[index];

	if (code == ETIME || code == -ETIME)
		return err_set(err, ETIME, "%s hook %s: did not end within %d s and was killed",
			       kind, hook->path, hook->timeout_s);
	if (code == ECANCELED || code == -ECANCELED)
		return err_set(err, ECANCELED, "%s hook %s: failed", kind, hook->path);
	return err_sys(err, code, "%s hook %s", kind, hook->path);
}

int hook_run_all(const struct spec_hooks *hooks, const char *kind, const char *state,
		 struct err *err)
{
	for (size_t i = 0; i < hooks->count; i++) {
		int status, r = hook_run(&hooks->list[i], state, &status);

		if (r == -ECANCELED && WIFEXITED(status))
			return err_set(err, ECANCELED, "%s hook %s: exit status %d", kind,
				       hooks->list[i].path, WEXITSTATUS(status));
		if (r == -ECANCELED && WIFSIGNALED(status))
			return err_set(err, ECANCELED, "%s hook %s: ended by signal %d", kind,
				       hooks->list[i].path, WTERMSIG(status));
		if (r < 0)
			return hook_explain(hooks, kind, i, r, err);
	}
	return 0;
}
