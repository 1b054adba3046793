/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/monitor_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

const char *world_binary;

/* A test that cannot be set up says where, and fails as a whole. */
#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, \
				strerror(errno)); \
			_exit(99); \
		} \
	} while (0)

static int keep(int fd) /* over an exec */
{
	must(fcntl(fd, F_SETFD, 0) == 0);
	return fd;
}

static void folder_make(struct world *w, const char *name)
{
	must(mkdirat(w->root, name, 0700) == 0);
}

static _Noreturn void init_run(const struct world *w, const int stdio[3], int report)
{
	static const int words[2] = { 7, ENOENT }; /* a step, and why it failed */

	(void)setsid();
	if (w->options.fail) {
		must(write(report, words, sizeof(words)) == sizeof(words));
		_exit(127);
	}
	for (int i = 0; i < 3; i++)
		must(dup2(stdio[i], i) == i);
	must(fcntl(report, F_SETFD, FD_CLOEXEC) == 0);
	must(syscall(SYS_close_range, 3, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) == 0);
	(void)execl("/bin/sh", "sh", "-c", w->options.script, (char *)NULL);
	_exit(126);
}

static void monitor_exec(const struct world *w, char *words)
{
	char *argv[] = { (char *)"cloche-monitor", (char *)"name", (char *)w->id, NULL };
	char *env[] = { words, (char *)"PATH=/usr/bin:/bin", (char *)"CLOCHE_ROOT=/tests/root",
			(char *)"OTHER=1", NULL };

	(void)execve(world_binary, argv, env);
	must(!"exec of cloche-monitor");
}

static size_t words_begin(const struct world *w, char *words, size_t size)
{
	const struct world_options *o = &w->options;
	int n = snprintf(words, size,
			 "CLOCHE_MONITOR=run=%d dir=%d log=%s holder=%d started=5 %s%s %s",
			 keep(w->run), keep(w->dir), o->log ? o->log : "cri", !o->no_holder,
			 o->cleanup ? "cleanup=" : "", o->cleanup ? o->cleanup : "",
			 o->words ? o->words : "");

	must(n > 0 && (size_t)n < size);
	return (size_t)n;
}

/* The process that clones init and becomes the monitor. */
static _Noreturn void parent_run(struct world *w, int client, int stranger, int tell)
{
	int stdio[3] = { -1, -1, -1 }, out = -1, err = -1, in[2] = { -1, -1 }, report[2],
	    master = -1;
	char words[1024];
	size_t n;
	pid_t init;

	must(pipe2(report, O_CLOEXEC) == 0);
	if (w->options.terminal) {
		master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		must(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
		stdio[0] = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
		stdio[1] = stdio[2] = stdio[0];
	} else {
		out = openat(w->run, "stdout", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		err = openat(w->run, "stderr", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		stdio[1] = openat(w->run, "stdout", O_WRONLY | O_CLOEXEC);
		stdio[2] = openat(w->run, "stderr", O_WRONLY | O_CLOEXEC);
		if (w->options.stdin_pipe)
			must(pipe2(in, O_CLOEXEC) == 0);
		stdio[0] = w->options.stdin_pipe ? in[0] : open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	must(stdio[0] >= 0 && stdio[1] >= 0 && stdio[2] >= 0);
	init = fork();
	must(init >= 0);
	if (init == 0)
		init_run(w, stdio, report[1]);
	for (int i = 0; i < 3; i++)
		if (i == 0 || stdio[i] != stdio[0])
			must(close(stdio[i]) == 0);
	must(close(report[1]) == 0);
	must(write(tell, &init, sizeof(init)) == sizeof(init) && close(tell) == 0);
	n = words_begin(w, words, sizeof(words));
	n += (size_t)snprintf(words + n, sizeof(words) - n, " init=%d pidfd=%d start=%d", init,
			      keep((int)syscall(SYS_pidfd_open, init, 0)), keep(report[0]));
	if (client >= 0)
		n += (size_t)snprintf(words + n, sizeof(words) - n, " client=%d", keep(client));
	if (master >= 0)
		n += (size_t)snprintf(words + n, sizeof(words) - n, " pty=%d", keep(master));
	else
		n += (size_t)snprintf(words + n, sizeof(words) - n, " stdout=%d stderr=%d",
				      keep(out), keep(err));
	if (in[1] >= 0)
		n += (size_t)snprintf(words + n, sizeof(words) - n, " stdin=%d", keep(in[1]));
	must(n < sizeof(words));
	(void)keep(stranger);
	monitor_exec(w, words);
	_exit(99);
}

void world_start(struct world *w, const struct world_options *options)
{
	int pair[2] = { -1, -1 }, stranger[2], tell[2];

	*w = (struct world){ .path = "/tmp/cloche-monitor-XXXXXX",
			     .id = "0123456789",
			     .client = -1,
			     .options = *options };
	/* as the host's init does: a process whose monitor was killed comes to us */
	must(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	must(mkdtemp(w->path));
	w->root = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(w->root >= 0);
	folder_make(w, "locks");
	folder_make(w, "containers");
	folder_make(w, "containers/0123456789");
	folder_make(w, "run");
	w->run = openat(w->root, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->dir = openat(w->root, "containers/0123456789", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(mkfifoat(w->run, "stdout", 0622) == 0 && mkfifoat(w->run, "stderr", 0622) == 0);
	if (options->client_flags) {
		struct frame_hello hello = { .flags = options->client_flags };

		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		frame_put(pair[0], FRAME_HELLO, &hello, sizeof(hello));
	}
	must(pipe2(stranger, O_CLOEXEC) == 0 && pipe2(tell, O_CLOEXEC) == 0);
	w->monitor = fork();
	must(w->monitor >= 0);
	if (w->monitor == 0)
		parent_run(w, pair[1], stranger[1], tell[1]);
	must(close(stranger[1]) == 0 && close(tell[1]) == 0);
	if (pair[1] >= 0)
		must(close(pair[1]) == 0);
	w->client = pair[0];
	w->stranger = stranger[0];
	must(read(tell[0], &w->init, sizeof(w->init)) == sizeof(w->init) && close(tell[0]) == 0);
	w->init_pidfd = (int)syscall(SYS_pidfd_open, w->init, 0);
	must(w->init_pidfd >= 0 || errno == ESRCH); /* a short one may be over, and reaped */
}

/* RUN/holder names a child of the monitor. */
static bool holder_there(void *data)
{
	const struct world *w = data;
	char path[64], stat[256] = "", *line = world_read(w, "run/holder", NULL);
	int pid = 0, parent = 0, fd;

	if (sscanf(line, "%d", &pid) == 1) {
		(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, stat, sizeof(stat) - 1) > 0 && strrchr(stat, ')'))
			(void)sscanf(strrchr(stat, ')'), ") %*c %d", &parent);
		(void)close(fd);
	}
	free(line);
	return parent == w->monitor;
}

void world_kill_monitor(struct world *w)
{
	must(world_until(holder_there, w));
	must(kill(w->monitor, SIGKILL) == 0 && waitpid(w->monitor, NULL, 0) == w->monitor);
	w->monitor = 0;
}

void world_restore(struct world *w)
{
	int holder_pid = 0, pty = -1, in = -1, pidfd = -1, holder;
	char *line = world_read(w, "run/holder", NULL);

	must(sscanf(line, "%d %*u %d %d %d", &holder_pid, &pty, &in, &pidfd) >= 3);
	free(line);
	holder = (int)syscall(SYS_pidfd_open, holder_pid, 0);
	must(holder >= 0);
	w->monitor = fork();
	must(w->monitor >= 0);
	if (w->monitor == 0) {
		char words[1024];
		size_t n = words_begin(w, words, sizeof(words));

		n += (size_t)snprintf(words + n, sizeof(words) - n,
				      " restore=1 init=%d pidfd=%d old-holder=%d", w->init,
				      keep(w->init_pidfd >= 0 ?
						   w->init_pidfd :
						   (int)syscall(SYS_pidfd_getfd, holder, pidfd, 0)),
				      keep(holder));
		if (pty >= 0)
			n += (size_t)snprintf(words + n, sizeof(words) - n, " pty=%d",
					      keep((int)syscall(SYS_pidfd_getfd, holder, pty, 0)));
		in = in < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, holder, in, 0);
		if (in >= 0)
			n += (size_t)snprintf(words + n, sizeof(words) - n, " stdin=%d", keep(in));
		monitor_exec(w, words);
	}
	must(close(holder) == 0);
}

void world_ended(struct world *w)
{
	must(waitpid(w->monitor, NULL, 0) == w->monitor);
	w->monitor = 0;
}

static bool alone(void *data)
{
	pid_t pid;

	(void)data;
	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	return pid < 0;
}

bool world_alone(void)
{
	return world_until(alone, NULL);
}

/* init, and what was left by a monitor that was killed: all that has come to us. */
static void children_kill(void)
{
	char text[4096] = "", *rest = text, *word;
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
	(void)close(fd);
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word)
			(void)kill((pid_t)strtol(word, NULL, 10), SIGKILL);
}

static void files_remove(struct world *w)
{
	static const char *const files[] = { "locks/0123456789",
					     "containers/0123456789/exit",
					     "containers/0123456789/.exit",
					     "containers/0123456789/log",
					     "containers/0123456789/cleaned",
					     "run/stdout",
					     "run/stderr",
					     "run/attach.sock",
					     "run/monitor",
					     "run/holder",
					     "run/.monitor",
					     "run/.holder" };
	static const char *const folders[] = { "containers/0123456789", "containers", "locks",
					       "run" };
	char name[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)unlinkat(w->root, files[i], 0);
	for (int i = 1; i < 64; i++) {
		(void)snprintf(name, sizeof(name), "containers/0123456789/log.%d", i);
		(void)unlinkat(w->root, name, 0);
	}
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		must(unlinkat(w->root, folders[i], AT_REMOVEDIR) == 0);
	must(rmdir(w->path) == 0);
	(void)close(w->root);
	(void)close(w->run);
	(void)close(w->dir);
	(void)close(w->init_pidfd);
	(void)close(w->client);
	(void)close(w->stranger);
}

void world_clear_all(struct world *worlds, size_t count)
{
	/* the holder of a killed monitor comes to us a moment later: until nobody is left */
	do
		children_kill();
	while (waitpid(-1, NULL, 0) > 0);
	for (size_t i = 0; i < count; i++)
		files_remove(&worlds[i]);
}

void world_clear(struct world *w)
{
	world_clear_all(w, 1);
}

struct connecting {
	int run, socket;
};

static bool connected(void *data)
{
	struct connecting *c = data;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	c->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(c->socket >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/attach.sock",
		       c->run);
	if (connect(c->socket, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	(void)close(c->socket);
	return false;
}

int world_attach(struct world *w, uint32_t flags)
{
	struct connecting c = { .run = w->run, .socket = -1 };
	struct frame_hello hello = { .flags = flags };

	must(world_until(connected, &c));
	frame_put(c.socket, FRAME_HELLO, &hello, sizeof(hello));
	return c.socket;
}

char *world_read(const struct world *w, const char *name, size_t *ret_length)
{
	int fd = openat(w->root, name, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	char *text;
	ssize_t n = 0;

	if (fd >= 0)
		must(fstat(fd, &st) == 0);
	text = calloc(1, (size_t)st.st_size + 1);
	must(text);
	if (fd >= 0) {
		n = read(fd, text, (size_t)st.st_size);
		must(n >= 0);
		(void)close(fd);
	}
	if (ret_length)
		*ret_length = (size_t)n;
	return text;
}

long world_record(const struct world *w, const char *key)
{
	char *text = world_read(w, "containers/0123456789/exit", NULL), *line, *rest = text;
	long value = -1;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '=')
			value = strtol(line + strlen(key) + 1, NULL, 10);
	free(text);
	return value;
}

bool world_until(bool (*there)(void *), void *data)
{
	for (int i = 0; i < 6000; i++) {
		if (there(data))
			return true;
		(void)poll(NULL, 0, 10);
	}
	return false;
}

void frame_put(int socket, enum frame_type type, const void *data, size_t length)
{
	struct frame_head head = { .type = (uint8_t)type, .length = htonl((uint32_t)length) };

	must(send(socket, &head, sizeof(head), MSG_NOSIGNAL) == sizeof(head));
	if (length > 0)
		must(send(socket, data, length, MSG_NOSIGNAL) == (ssize_t)length);
}

/* MSG_WAITALL may still end early (recv(2)). */
static bool receive_all(int socket, void *data, size_t length)
{
	for (char *p = data; length > 0;) {
		ssize_t n = recv(socket, p, length, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		length -= (size_t)n;
	}
	return true;
}

int frame_get(int socket, void *data, size_t *ret_length)
{
	struct frame_head head;

	if (!receive_all(socket, &head, sizeof(head)))
		return -1;
	*ret_length = ntohl(head.length);
	must(*ret_length <= 65536);
	if (!receive_all(socket, data, *ret_length))
		return -1;
	return head.type;
}

char *frames_text(int socket, size_t *ret_length, struct frame_exit *exit)
{
	static char data[65536];
	char *text = malloc(1), *more;
	size_t length = 0, n;
	int type;

	must(text);
	while ((type = frame_get(socket, data, &n)) >= 0) {
		if (type == FRAME_EXIT) {
			must(n == sizeof(struct frame_exit));
			if (exit)
				memcpy(exit, data, n);
			break;
		}
		if (type != FRAME_STDOUT && type != FRAME_STDERR)
			continue;
		more = realloc(text, length + n + 1);
		must(more);
		text = more;
		memcpy(text + length, data, n);
		length += n;
	}
	text[length] = '\0';
	if (ret_length)
		*ret_length = length;
	return text;
}
