/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-monitor: parent of one container's first process. protocol.h says how it is started and what it writes.
 *
 * Invariants
 * 1. What was read from a stream is in the log before it is taken out of the fifo (tee(2), write, read(2) it away): a monitor that
 *    is killed loses nothing, the next one reads on. At most the last piece stands in the log twice. (To leave it out because the
 *    fifo begins with what the log ends with would lose a line of a program that repeats itself.)
 * 2. The second holder has the streams open, so that the container never sees a closed pipe, and wakes when the monitor dies: it
 *    leaves a mark in locks/, by which the next command knows. It has nothing else open, so that clients see that death too, and
 *    it lets go of stdin when the monitor does, or that would never end. When it is killed, the monitor makes another. It ends
 *    with the run folder. It has a
 *    name of its own, so that `killall cloche-monitor` leaves it.
 * 3. No allocation: all buffers are static, and pages that are never touched cost nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "monitor/attach.h"
#include "monitor/log_sink.h"
#include "monitor/log_writer.h"
#include "monitor/pages.h"
#include "monitor/text.h"

enum { CHUNK = 65536, SLOTS = CLIENTS + 1, BURST = 4096, IDLE_MS = 1000 };

struct monitor {
	const char *id, *cleanup, *oom;
	char *argv0;
	int run, dir, pidfd, init, client, start, terminal, input, out[2], holder_pid, old_holder;
	int ready, index;
	uint64_t wait_ms;
	uint64_t health_first_ms, health_ms, health_start_ms; /* 0: no checks */
	uint64_t health_due_ms;				      /* monotonic; 0: one is under way */
	int health_pid;
	uint64_t timeout_ms, kill_due_ms; /* --timeout; monotonic; 0: never */
	int scratch[2];			  /* a pipe that tee(2) fills */
	bool restore, want_holder, failed;
	bool fleeting; /* a reboot ends it: its exit record need not survive one */
	bool burst;    /* the buffers may be given back */
	int64_t started_ns;
	enum log_format format;
	uint64_t max_bytes;
	unsigned int max_files;
	struct log_writer log;
	struct attach attach;
};

static struct monitor m;
static char chunk[CHUNK] __attribute__((aligned(4096)));

/* -- words of the environment ----------------------------------------------------------------- */

static uint64_t number_of(const char *text)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

static void word_take(const char *key, char *value)
{
	static const struct {
		const char *key;
		int *field;
	} numbers[] = {
		{ "run", &m.run },
		{ "dir", &m.dir },
		{ "pidfd", &m.pidfd },
		{ "init", &m.init },
		{ "client", &m.client },
		{ "start", &m.start },
		{ "pty", &m.terminal },
		{ "stdin", &m.input },
		{ "stdout", &m.out[0] },
		{ "stderr", &m.out[1] },
		{ "old-holder", &m.old_holder },
		{ "ready", &m.ready },
		{ "index", &m.index },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i].key, key) == 0)
			*numbers[i].field = (int)number_of(value);
	if (strcmp(key, "log") == 0)
		m.format = strcmp(value, "json") == 0 ? LOG_JSON :
			   strcmp(value, "none") == 0 ? LOG_NONE :
							LOG_CRI;
	else if (strcmp(key, "max-size") == 0)
		m.max_bytes = number_of(value);
	else if (strcmp(key, "max-file") == 0)
		m.max_files = (unsigned int)number_of(value);
	else if (strcmp(key, "health-first") == 0)
		m.health_first_ms = number_of(value);
	else if (strcmp(key, "health") == 0)
		m.health_ms = number_of(value);
	else if (strcmp(key, "health-start") == 0)
		m.health_start_ms = number_of(value);
	else if (strcmp(key, "timeout") == 0)
		m.timeout_ms = number_of(value);
	else if (strcmp(key, "wait") == 0)
		m.wait_ms = number_of(value);
	else if (strcmp(key, "oom") == 0)
		m.oom = value;
	else if (strcmp(key, "cleanup") == 0)
		m.cleanup = value;
	else if (strcmp(key, "restore") == 0)
		m.restore = *value == '1';
	else if (strcmp(key, "fleeting") == 0)
		m.fleeting = *value == '1';
	else if (strcmp(key, "holder") == 0)
		m.want_holder = *value == '1';
	else if (strcmp(key, "started") == 0)
		m.started_ns = (int64_t)number_of(value);
}

static void words_read(char *words)
{
	while (*words) {
		char *end = strchrnul(words, ' '), *value, *next = *end ? end + 1 : end;

		*end = '\0';
		value = strchr(words, '=');
		if (value) {
			*value++ = '\0';
			word_take(words, value);
		}
		words = next;
	}
}

/* -- files ------------------------------------------------------------------------------------ */

static bool file_put(int dir, const char *temp, const char *name, const struct text *text,
		     bool durable)
{
	int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool well;

	if (fd < 0)
		return false;
	well = write(fd, text->data, text->length) == (ssize_t)text->length &&
	       (!durable || fsync(fd) == 0) && renameat(dir, temp, dir, name) == 0;
	if (well && durable)
		(void)fsync(dir); /* the rename has happened either way */
	(void)close(fd);
	return well;
}

/* "PID STARTTIME" and, for the holder, the descriptors that a later monitor takes from it. */
static void pid_write(const char *temp, const char *name, int pid, bool streams)
{
	char words[96];
	struct text text = { words, 0, sizeof(words) };

	text_number(&text, (uint64_t)pid, 1);
	text_put(&text, " ");
	text_number(&text, process_start_time(pid), 1);
	for (size_t i = 0; streams && i < 3; i++) {
		int fd = (const int[]){ m.terminal, m.input, m.pidfd }[i];

		text_put(&text, fd < 0 ? " -1" : " ");
		if (fd >= 0)
			text_number(&text, (uint64_t)fd, 1);
	}
	text_put(&text, "\n");
	(void)file_put(m.run, temp, name, &text, false);
}

/* Whoever killed the container releases it, too (`rm -f`), and has said so. */
static bool is_taken(void)
{
	return faccessat(m.run, "taken", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void exit_write(int code, int number, bool oom, bool unknown)
{
	char words[256];
	struct text text = { words, 0, sizeof(words) };

	text_put(&text, "code=");
	text_number(&text, (uint64_t)code, 1);
	text_put(&text, "\nsignal=");
	text_number(&text, (uint64_t)number, 1);
	text_put(&text, oom ? "\noom=1" : "\noom=0");
	text_put(&text, unknown ? "\nunknown=1" : "\nunknown=0");
	text_put(&text, "\nstarted_ns=");
	text_number(&text, (uint64_t)m.started_ns, 1);
	text_put(&text, "\nfinished_ns=");
	text_number(&text, (uint64_t)time_now_ns(), 1);
	text_put(&text, "\n");
	/* On a full disk it waits in the run folder, until a release can move it. */
	if (!file_put(m.dir, ".exit", "exit", &text, !m.fleeting && !is_taken()))
		(void)file_put(m.run, ".exit", "exit", &text, false);
}

static bool oom_killed(void)
{
	int fd = m.oom ? open(m.oom, O_RDONLY | O_CLOEXEC) : -1;
	char words[1024];
	const char *p;
	ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof(words) - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return false;
	words[n] = '\0';
	p = strstr(words, "oom_kill ");
	return p && number_of(p + strlen("oom_kill ")) > 0;
}

/* -- beginning -------------------------------------------------------------------------------- */

/* Close all from 3 on but these. What our caller had open, a test's pipe or another container's, is none of our business. */
static void others_close(const int *kept, size_t count)
{
	unsigned int from = 3;

	for (;;) {
		unsigned int next = ~0U;

		for (size_t i = 0; i < count; i++)
			if (kept[i] >= (int)from && (unsigned int)kept[i] < next)
				next = (unsigned int)kept[i];
		if (next > from)
			(void)syscall(SYS_close_range, from, next == ~0U ? next : next - 1, 0);
		if (next == ~0U)
			return;
		(void)fcntl((int)next, F_SETFD, FD_CLOEXEC);
		from = next + 1;
	}
}

static void own_streams(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	if (null > 2)
		(void)close(null);
}

static void listen_open(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct text path = { address.sun_path, 0, sizeof(address.sun_path) - 1 };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* by descriptor: the path may be longer than a sun_path */
	text_put(&path, "/proc/self/fd/");
	text_number(&path, (uint64_t)m.run, 1);
	text_put(&path, "/attach.sock");
	(void)unlinkat(m.run, "attach.sock", 0);
	if (s < 0 || bind(s, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(s, 16) < 0) {
		if (s >= 0)
			(void)close(s);
		return;
	}
	m.attach.listener = s;
}

static void streams_open(void)
{
	static const char *const names[] = { "stdout", "stderr" };

	for (int i = 0; m.terminal < 0 && i < 2; i++) {
		if (m.out[i] < 0)
			m.out[i] = openat(m.run, names[i],
					  O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
		else
			(void)fcntl(m.out[i], F_SETFD, FD_CLOEXEC);
	}
	if (m.terminal >= 0) {
		(void)fcntl(m.terminal, F_SETFD, FD_CLOEXEC);
		m.out[0] = m.terminal;
	}
	if (m.terminal < 0 && m.format != LOG_NONE && pipe2(m.scratch, O_CLOEXEC | O_NONBLOCK) < 0)
		m.scratch[0] = m.scratch[1] = -1;
}

static void holder_input_end(int number)
{
	(void)number;
	(void)close(m.input);
}

/* ps and killall shall tell it from the monitor. */
static void holder_name(void)
{
	static const char name[] = "cloche-holder ";

	(void)prctl(PR_SET_NAME, "cloche-holder");
	/* argv[0] is "cloche-monitor", as long as that */
	if (strlen(m.argv0) == sizeof(name) - 1)
		memcpy(m.argv0, name, sizeof(name) - 1);
}

/* The sleeping second holder. It has nothing but the streams and two folders, and looks at nothing but its parent. */
static _Noreturn void holder_run(int parent)
{
	const int kept[] = {
		m.out[0], m.out[1], m.terminal, m.input, m.pidfd, m.dir, m.run, parent
	};
	struct sigaction end = { .sa_handler = holder_input_end };
	struct pollfd p = { .fd = parent, .events = POLLIN };
	char words[96];
	struct text path = { words, 0, sizeof(words) - 1 };
	sigset_t all_but_end;
	struct stat st;

	holder_name();
	/* Here and not in the monitor, which may be killed in between: then nobody would know this process. */
	pid_write(".holder", "holder", getpid(), true);
	/* the one of the monitor that was killed has held the streams until now */
	if (m.old_holder >= 0)
		(void)syscall(SYS_pidfd_send_signal, m.old_holder, SIGKILL, NULL, 0);
	others_close(kept, sizeof(kept) / sizeof(kept[0]));
	(void)sigaction(SIGUSR1, &end, NULL);
	(void)sigfillset(&all_but_end);
	(void)sigdelset(&all_but_end, SIGUSR1);
	while (ppoll(&p, 1, NULL, &all_but_end) < 0)
		;
	text_put(&path, "../../locks/");
	text_put(&path, m.id);
	words[path.length] = '\0';
	/* Who releases the container ends us, unless he looked before we had written down who we are. */
	for (bool marked = false; fstat(m.run, &st) < 0 || st.st_nlink > 0; marked = true) {
		if (!marked)
			(void)close(openat(m.dir, words,
					   O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
		(void)poll(NULL, 0, 1000);
	}
	_exit(0);
}

static void holder_start(void)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid_t pid;

	if (self < 0)
		return;
	pid = fork();
	if (pid == 0)
		holder_run(self);
	(void)close(self);
	m.holder_pid = pid;
	m.attach.holder = pid > 0 ? pid : 0;
}

/* An empty handler: SIGCHLD has to interrupt the poll. */
static void child_ended(int number)
{
	(void)number;
}

/* After an interrupted poll: was it the holder that somebody killed? Init's end is seen by its pidfd. */
static void holder_look(void)
{
	if (m.holder_pid <= 0 || waitpid(m.holder_pid, NULL, WNOHANG) != m.holder_pid)
		return;
	m.holder_pid = m.attach.holder = 0;
	holder_start();
}

/* -- streams ---------------------------------------------------------------------------------- */

static void deliver(int stream, size_t length)
{
	m.burst |= length > BURST;
	log_write(&m.log, stream, chunk, length);
	log_sink_write(stream, chunk, length);
	attach_send(&m.attach, stream == 1 ? FRAME_STDOUT : FRAME_STDERR, chunk, length,
		    HELLO_OUTPUT);
}

/* false: nothing was there. */
static bool fifo_read(int stream)
{
	int fd = m.out[stream - 1];
	ssize_t n;

	if (m.scratch[0] <
	    0) { /* without a log, or without a pipe to be had: a killed monitor may lose what it has just read */
		n = read(fd, chunk, CHUNK);
		if (n > 0)
			deliver(stream, (size_t)n);
		return n > 0;
	}
	n = tee(fd, m.scratch[1], CHUNK, SPLICE_F_NONBLOCK);
	if (n > 0)
		n = read(m.scratch[0], chunk, (size_t)n);
	if (n <= 0)
		return false;
	deliver(stream, (size_t)n);
	/* read(2), not splice(2): a kill stops that one between two pages, and the next monitor would begin in the middle */
	return read(fd, chunk, (size_t)n) > 0;
}

static bool terminal_read(void)
{
	ssize_t n = read(m.terminal, chunk, CHUNK);

	if (n <= 0)
		return false; /* EIO: no process has the other side open now */
	deliver(1, (size_t)n);
	return true;
}

static bool stream_read(int stream)
{
	return m.terminal >= 0 ? stream == 1 && terminal_read() : fifo_read(stream);
}

/* -- the end ---------------------------------------------------------------------------------- */

/* struct pidfd_info of linux/pidfd.h, which is newer than the headers of the oldest host. */
struct exit_info {
	uint64_t mask, cgroup_id;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
	uint32_t more[16];
};
#define EXIT_INFO \
	_IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, \
	     64) /* PIDFD_GET_INFO with the fields up to exit_code */

/* The kernel tells the exit code when the process was reaped, by whoever inherited it. */
static void reaped_wait(void)
{
	struct pollfd p = { .fd = m.pidfd, .events = 0 }; /* POLLHUP comes unasked */

	(void)poll(&p, 1, 3000);
}

static void status_get(int *code, int *number, bool *unknown)
{
	struct exit_info info = { .mask = 8 /* PIDFD_INFO_EXIT */ };
	int status;

	*code = 255;
	*number = 0;
	*unknown = false;
	if (!m.restore) {
		if (waitpid(m.init, &status, 0) != m.init)
			*unknown = true;
	} else if (reaped_wait(), ioctl(m.pidfd, EXIT_INFO, &info) == 0 && info.mask & 8) {
		status = info.exit_code;
	} else {
		*unknown = true;
	}
	if (*unknown)
		return;
	*number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	*code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A client that is full is dropped when more is sent to it. */
static void clients_wait(void)
{
	while (attach_full(&m.attach)) {
		struct pollfd polls[SLOTS];
		size_t count = attach_poll(&m.attach, polls);

		if (poll(polls, count, 1000) >= 0)
			attach_serve(&m.attach, polls);
	}
}

static void everything_read(void)
{
	/* the container may have ended while a client was full */
	clients_wait();
	/* bounded: with the host's pid namespace somebody may go on writing */
	for (int stream = 1; stream <= 2; stream++)
		for (int n = 0; n < 4096 && m.out[stream - 1] >= 0 && stream_read(stream); n++)
			clients_wait();
}

/* Become `cloche system VERB ID`. */
static void cleanup_exec(const char *verb)
{
	static char *const names[] = { "CLOCHE_ROOT", "CLOCHE_RUN_ROOT", "CLOCHE_UID_REGISTRY",
				       "PATH" };
	char *argv[] = { (char *)"cloche", (char *)"system", (char *)verb, (char *)m.id, NULL };
	char *env[5] = { NULL };
	sigset_t none;
	int n = 0;

	for (size_t i = 0; i < 4; i++) {
		char *value = getenv(names[i]);

		if (value)
			env[n++] =
				value - strlen(names[i]) - 1; /* getenv(3) points into NAME=VALUE */
	}
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* the mask would go over the exec */
	(void)execve(m.cleanup, argv, env);
}

static _Noreturn void finish(void)
{
	struct frame_exit end = { 0 };
	int code, number;
	bool unknown, released;

	status_get(&code, &number, &unknown);
	everything_read();
	log_end(&m.log);
	log_sink_end();
	end.code = code;
	end.oom = oom_killed();
	if (!m.failed)
		exit_write(code, number, end.oom != 0, unknown);
	if (m.holder_pid > 0) {
		m.attach.holder = 0;
		(void)kill(m.holder_pid, SIGKILL);
		(void)waitpid(m.holder_pid, NULL, 0);
	}
	/* ours may have been killed before it came to that */
	if (m.old_holder >= 0)
		(void)syscall(SYS_pidfd_send_signal, m.old_holder, SIGKILL, NULL, 0);
	released = m.failed || attach_finish(&m.attach, &end);
	if (!released && m.cleanup && !is_taken()) {
		/* gone as a monitor before the release begins: who waits for it may go on */
		(void)unlinkat(m.run, "monitor", 0);
		cleanup_exec("reap");
	}
	_exit(0);
}

/* A restart is due in a while: nothing else to look after. */
static _Noreturn void wait_and_restart(void)
{
	struct timespec left = { .tv_sec = (time_t)(m.wait_ms / 1000),
				 .tv_nsec = (long)(m.wait_ms % 1000) * 1000000 };

	others_close(NULL, 0);
	while (clock_nanosleep(CLOCK_BOOTTIME, 0, &left, &left) == EINTR)
		;
	cleanup_exec("restart");
	_exit(1);
}

/* -- the middle ------------------------------------------------------------------------------- */

/* End of file: the command was executed. Eight bytes: it was not. */
static void start_read(void)
{
	char report[8];
	ssize_t n = read(m.start, report, sizeof(report));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	(void)close(m.start);
	m.start = -1;
	if (n == sizeof(report)) {
		m.failed = true;
		attach_send(&m.attach, FRAME_FAILED, report, sizeof(report), 0);
		finish();
	}
	attach_send(&m.attach, FRAME_STARTED, NULL, 0, 0);
}

static void idle(void)
{
	m.burst = false;
	pages_forget(chunk, sizeof(chunk));
	log_idle();
	attach_idle(&m.attach);
}

/* -- health ----------------------------------------------------------------------------------- */

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void health_begin(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		cleanup_exec("health");
		_exit(127);
	}
	m.health_pid = pid > 0 ? pid : 0;
	m.health_due_ms = pid > 0 ? 0 : monotonic_ms() + m.health_ms;
}

/* Who was killed has checked nothing: the next one is due as after any other. */
static void health_look(void)
{
	int status;

	if (m.health_pid <= 0 || waitpid(m.health_pid, &status, WNOHANG) != m.health_pid)
		return;
	m.health_pid = 0;
	if (m.health_ms == 0) /* no more checks since */
		return;
	m.health_due_ms =
		monotonic_ms() +
		(WIFEXITED(status) && WEXITSTATUS(status) == 1 ? m.health_start_ms : m.health_ms);
}

/* Other times since the start (`cloche update`). */
static void health_times_read(void)
{
	int fd = openat(m.run, "health-times", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t *const fields[] = { &m.health_first_ms, &m.health_ms, &m.health_start_ms };
	char words[96], *at = words;
	ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof(words) - 1);

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return;
	words[n] = '\0';
	for (size_t i = 0; i < 3; i++) {
		*fields[i] = number_of(at);
		at = strchrnul(at, ' ');
		at += *at == ' ';
	}
	if (m.health_pid <= 0)
		m.health_due_ms = m.health_ms > 0 ? monotonic_ms() + m.health_first_ms : 0;
}

static int64_t sooner(int64_t patience, uint64_t due_ms, uint64_t now)
{
	int64_t left = due_ms > now ? (int64_t)(due_ms - now) : 0;

	return due_ms > 0 && (patience < 0 || patience > left) ? left : patience;
}

/* How long the poll may take: -1 for ever. */
static int64_t patience_ms(bool full)
{
	int64_t patience = full || m.burst ? IDLE_MS : -1;
	uint64_t now;

	if (m.start >= 0 || (m.health_due_ms == 0 && m.kill_due_ms == 0))
		return patience;
	now = monotonic_ms();
	return sooner(sooner(patience, m.health_due_ms, now), m.kill_due_ms, now);
}

static void times_look(void)
{
	if (m.start >= 0 || (m.health_due_ms == 0 && m.kill_due_ms == 0))
		return;
	if (m.health_due_ms > 0 && m.health_due_ms <= monotonic_ms())
		health_begin();
	if (m.kill_due_ms > 0 && m.kill_due_ms <= monotonic_ms()) {
		m.kill_due_ms = 0;
		(void)syscall(SYS_pidfd_send_signal, m.pidfd, SIGKILL, NULL, 0);
	}
}

static _Noreturn void serve(void)
{
	struct sigaction action = { .sa_handler = child_ended };
	sigset_t all_but_children;

	(void)sigaction(SIGCHLD, &action, NULL);
	(void)sigfillset(&all_but_children);
	(void)sigdelset(&all_but_children, SIGCHLD);
	if (m.health_ms > 0)
		m.health_due_ms = monotonic_ms() + m.health_first_ms;
	if (m.timeout_ms > 0)
		m.kill_due_ms = monotonic_ms() + m.timeout_ms;
	for (;;) {
		struct pollfd polls[5 + SLOTS];
		bool full = attach_full(&m.attach);
		int64_t patience = patience_ms(full);
		struct timespec timeout = { .tv_sec = (time_t)(patience / 1000),
					    .tv_nsec = (long)(patience % 1000) * 1000000 };
		size_t count;
		int n;

		polls[0] = (struct pollfd){ .fd = m.pidfd, .events = POLLIN };
		polls[1] = (struct pollfd){ .fd = full ? -1 : m.out[0], .events = POLLIN };
		polls[2] = (struct pollfd){ .fd = full || m.terminal >= 0 ? -1 : m.out[1],
					    .events = POLLIN };
		polls[3] = (struct pollfd){ .fd = m.start, .events = POLLIN };
		polls[4] = (struct pollfd){ .fd = m.attach.listener, .events = POLLIN };
		count = attach_poll(&m.attach, polls + 5);
		n = ppoll(polls, 5 + count, patience < 0 ? NULL : &timeout, &all_but_children);
		times_look();
		if (n == 0 && !full && patience > 0)
			idle();
		if (n < 0) {
			holder_look();
			health_look();
			continue;
		}
		if (polls[3].revents)
			start_read();
		attach_serve(&m.attach, polls + 5);
		if (polls[4].revents) {
			attach_accept(&m.attach);
			health_times_read();
		}
		for (int stream = 1; stream <= 2; stream++)
			if (polls[stream].revents && !attach_full(&m.attach) &&
			    !stream_read(stream) && m.terminal >= 0 &&
			    polls[stream].revents & POLLHUP) {
				/* no process has the terminal open; look again when there may be one */
				struct pollfd p = { .fd = m.pidfd, .events = POLLIN };

				(void)poll(&p, 1, 20);
			}
		if (polls[0].revents && m.start < 0)
			finish();
	}
}

int main(int argc, char **argv)
{
	char *words = getenv("CLOCHE_MONITOR");
	sigset_t all;

	if (argc != 3 || !words) {
		static const char usage[] = "cloche-monitor: started by cloche, not by hand\n";

		(void)!write(2, usage, sizeof(usage) - 1);
		return 2;
	}
	m.argv0 = argv[0];
	m.id = argv[2];
	m.run = m.dir = m.pidfd = m.client = m.start = m.terminal = m.input = m.out[0] = m.out[1] =
		-1;
	m.scratch[0] = m.scratch[1] = m.old_holder = m.ready = m.index = -1;
	words_read(words);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all,
			  NULL); /* only KILL ends it, and the end of its container */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setsid();
	(void)umask(0077);
	if (chdir("/") < 0)
		return 2;
	own_streams();
	if (m.wait_ms > 0)
		wait_and_restart();
	others_close((const int[]){ m.run, m.dir, m.pidfd, m.client, m.start, m.terminal, m.input,
				    m.out[0], m.out[1], m.old_holder, m.ready, m.index },
		     12);
	streams_open();
	attach_init(&m.attach, m.terminal >= 0 ? m.terminal : m.input, m.terminal >= 0);
	if (m.started_ns == 0)
		m.started_ns = time_now_ns();
	log_open(&m.log, m.dir, m.format, m.max_bytes, m.max_files);
	if (m.format == LOG_JSON)
		log_attrs_read(&m.log, m.run);
	log_sink_open(m.run);
	listen_open();
	pid_write(".monitor", "monitor", getpid(), false);
	if (m.want_holder)
		holder_start();
	if (m.ready >= 0)
		(void)close(m.ready);
	if (m.client >= 0)
		attach_add(&m.attach, m.client, true);
	serve();
}
