/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/sys.h"
#include "transfer/message.h"

enum { REPORT = 4, CLEAR = 10 };

/* The five descriptors of the child, whatever their numbers were: first out of the way, then into place. Standard error
 * stays only for a sanitizer's report; a parser that was taken over shall not write to a terminal. */
static int place_descriptors(const struct worker_plan *plan, int report)
{
	int from[] = { plan->in, plan->out, -1, plan->folder, report };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
#if defined(__SANITIZE_ADDRESS__)
		if (i == STDERR_FILENO)
			from[i] = STDERR_FILENO;
#endif
		from[i] = fcntl(from[i] < 0 ? null : from[i], F_DUPFD_CLOEXEC, CLEAR);
		if (from[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (dup2(from[i], (int)i) < 0)
			return -errno;
	return close_range(REPORT + 1, ~0U, 0) < 0 ? -errno : 0;
}

static _Noreturn void child(const struct worker_plan *plan, int report, pid_t parent)
{
	_cleanup_(buf_clear) struct buf messages = BUF_EMPTY;
	struct err err = ERR_NONE;
	int r = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;

	if (getppid() != parent)
		_exit(1);				    /* it died before the line above */
	(void)prctl(PR_SET_NAME, "cloche-worker", 0, 0, 0); /* for ps */
	(void)umask(0);
	(void)signal(SIGXFSZ, SIG_IGN); /* EFBIG instead */
	if (r == 0)
		r = place_descriptors(plan, report);
	if (r < 0)
		r = err_sys(&err, r, "prepare a worker");
	else
		r = sandbox_enter(plan->kind, WORKER_FOLDER, &err);
	if (r == 0)
		r = plan->run(&messages, &err);
	if (r < 0) {
		int code = err.code;

		buf_clear(&messages);
		messages = BUF_EMPTY;
		message_add(&messages, MESSAGE_FAILED, &code, sizeof(code));
		message_add(&messages, MESSAGE_WORDS, err.words, strlen(err.words));
	} else {
		message_add(&messages, MESSAGE_DONE, NULL, 0);
	}
	(void)fd_write_all(REPORT, messages.data,
			   messages.length); /* no DONE: the parent sees it */
	_exit(r < 0);
}

/* -- the forker ------------------------------------------------------------------------------- */

enum { FORKER_SOCKET = 3 };

/* To it, with the descriptors that there are, in this order. It is the same program: addresses are the same. */
struct request {
	struct worker_plan plan; /* of its descriptors only the sign counts */
	pid_t parent;
};

/* A process has one, as it has its threads. */
static struct {
	pid_t pid; /* 0: none */
	int socket;
	pthread_mutex_t mutex; /* a request and its answer */
} forker = { .socket = -1, .mutex = PTHREAD_MUTEX_INITIALIZER };

/* The parent's locks are in its descriptors, and would last as long as ours. */
static int forget_descriptors(int socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int last = STDERR_FILENO;

#if defined(__SANITIZE_ADDRESS__)
	last = STDOUT_FILENO; /* for its report */
#endif
	for (int fd = 0; fd <= last; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	return dup2(socket, FORKER_SOCKET) < 0 || close_range(FORKER_SOCKET + 1, ~0U, 0) < 0 ?
		       -errno :
		       0;
}

static pid_t fork_one(struct request *request, const int *fds)
{
	int *const places[] = { &request->plan.in, &request->plan.out, &request->plan.folder };
	pid_t pid = sys_clone3(&(struct clone_args){ .flags = CLONE_PARENT });

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (*places[i] >= 0)
			*places[i] = *fds++;
	child(&request->plan, *fds, request->parent);
}

static _Noreturn void forker_run(int socket)
{
	if (forget_descriptors(socket) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		_exit(1);
	(void)prctl(PR_SET_NAME, "cloche-forker", 0, 0, 0);
	for (;;) {
		struct request request;
		int fds[4], count = fd_pass_receive_bytes(FORKER_SOCKET, &request, sizeof(request),
							  fds, ARRAY_SIZE(fds));
		pid_t pid;

		if (count < 1)
			_exit(0); /* the parent has ended */
		pid = fork_one(&request, fds);
		for (int i = 0; i < count; i++)
			fd_close(fds[i]);
		if (fd_pass_send_bytes(FORKER_SOCKET, &pid, sizeof(pid), NULL, 0) < 0)
			_exit(0);
	}
}

int worker_prepare(struct err *err)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, errno, "make a socket");
	pid = fork();
	if (pid == 0)
		forker_run(ends[1]);
	fd_close(ends[1]);
	if (pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "fork");
	}
	forker.pid = pid;
	forker.socket = ends[0];
	return 0;
}

void worker_finish(void)
{
	fd_close(fd_take(&forker.socket));
	while (forker.pid > 0 && waitpid(forker.pid, NULL, 0) < 0 && errno == EINTR)
		;
	forker.pid = 0;
}

/* The child's number, or -errno. */
static pid_t ask_forker(const struct worker_plan *plan, int report)
{
	const struct request request = { .plan = *plan, .parent = getpid() };
	const int all[] = { plan->in, plan->out, plan->folder, report };
	int fds[ARRAY_SIZE(all)], r;
	size_t count = 0;
	pid_t pid = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] >= 0)
			fds[count++] = all[i];
	(void)pthread_mutex_lock(&forker.mutex);
	r = fd_pass_send_bytes(forker.socket, &request, sizeof(request), fds, count);
	if (r == 0)
		r = fd_pass_receive_bytes(forker.socket, &pid, sizeof(pid), NULL, 0);
	(void)pthread_mutex_unlock(&forker.mutex);
	return r < 0 ? r : pid;
}

int worker_start(const struct worker_plan *plan, struct worker *ret_worker, struct err *err)
{
	int report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = ask_forker(plan, report[1]);
	fd_close(report[1]);
	if (pid < 0) {
		fd_close(report[0]);
		return err_sys(err, pid, "start a worker");
	}
	*ret_worker = (struct worker){ .pid = pid, .report = report[0] };
	return 0;
}

/* -- its end ---------------------------------------------------------------------------------- */

static int reap(struct worker *worker)
{
	int status = 0;

	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	fd_close(worker->report);
	*worker = WORKER_NONE;
	return status;
}

/* The child's own words, which are escaped again on their way into err. */
static int failure_of(const struct buf *report, struct err *err)
{
	struct message m, words = { 0 };
	int code = 0;

	for (size_t at = 0; message_next(report, &at, &m) == 1;) {
		if (m.kind == MESSAGE_FAILED && m.length == sizeof(code))
			memcpy(&code, m.data, sizeof(code));
		if (m.kind == MESSAGE_WORDS)
			words = m;
		if (m.kind == MESSAGE_DONE)
			return 0;
	}
	if (code <= 0 || code > 4095 || !words.data)
		return err_set(err, EIO, "the sandboxed process ended without a report");
	return err_set(err, code, "%.*s",
		       (int)(words.length < ERR_WORDS ? words.length : ERR_WORDS), words.data);
}

int worker_end(struct worker *worker, struct buf *ret_report, struct err *err)
{
	int r = fd_read_all(worker->report, MESSAGES_MAX, ret_report);
	int status;

	if (r < 0)
		(void)kill(worker->pid, SIGKILL);
	status = reap(worker);
	if (r < 0)
		return err_sys(err, r, "read the report of the sandboxed process");
	if (WIFSIGNALED(status))
		return err_set(err, EIO, "the sandboxed process was ended by signal %d (%s)",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	return failure_of(ret_report, err);
}

void worker_stop(struct worker *worker)
{
	if (worker->pid <= 0)
		return;
	(void)kill(worker->pid, SIGKILL);
	(void)reap(worker);
}
