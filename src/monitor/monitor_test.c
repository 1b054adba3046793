/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real cloche-monitor, given as the first argument, over real processes, pipes and sockets.
 * A second argument selects tests by a pattern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor_world.h"

enum { REAPER = HELLO_OUTPUT | HELLO_REAPS };
#define LOG "containers/0123456789/log"

/* -- what a log says -------------------------------------------------------------------------- */

/* The text of a CRI log without its times: pieces joined, streams kept apart by `stream`. */
static char *log_text(const struct world *w, const char *stream, size_t *ret_length)
{
	size_t length, out = 0;
	char *text = world_read(w, LOG, &length), *line = text, *end = text + length, *newline;
	char head[2][16];

	(void)snprintf(head[0], sizeof(head[0]), " %s F ", stream);
	(void)snprintf(head[1], sizeof(head[1]), " %s P ", stream);
	while (line < end && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		char *next = newline + 1, *body = line + 30 + strlen(head[0]);
		bool whole = memcmp(line + 30, head[0], strlen(head[0])) == 0;

		assert_int_equal(line[29], 'Z');
		if (whole || memcmp(line + 30, head[1], strlen(head[1])) == 0) {
			memmove(text + out, body, (size_t)(newline - body));
			out += (size_t)(newline - body);
			if (whole)
				text[out++] = '\n';
		}
		line = next;
	}
	assert_ptr_equal(line, end); /* no half line */
	text[out] = '\0';
	if (ret_length)
		*ret_length = out;
	return text;
}

static bool text_there(void *data)
{
	const struct world *w = data;
	char *text = world_read(w, LOG, NULL);
	bool there = strstr(text, "ready") != NULL;

	free(text);
	return there;
}

static bool file_there(const struct world *w, const char *name)
{
	return faccessat(w->root, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool mark_there(void *data)
{
	return file_there(data, "locks/0123456789");
}

static void stat_read(pid_t pid, char text[512])
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	memset(text, 0, 512);
	assert_true(fd >= 0 && read(fd, text, 511) > 0);
	(void)close(fd);
}

static long cpu_ticks(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char text[512];

	stat_read(pid, text);
	assert_int_equal(sscanf(strrchr(text, ')'),
				") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
				&kernel),
			 2);
	return (long)(user + kernel);
}

/* It has stopped itself, and what is to wake it does not come too early. */
static bool init_stopped(void *data)
{
	const struct world *w = data;
	char text[512];

	stat_read(w->init, text);
	return strncmp(strrchr(text, ')'), ") T", 3) == 0;
}

/* -- the end of a container ------------------------------------------------------------------- */

static void the_exit_code_is_recorded_and_told_after_all_output(void **state)
{
	struct world w;
	struct frame_exit end = { -1, -1 };
	char *text;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo out; exit 3",
						 .client_flags = REAPER });
	text = frames_text(w.client, NULL, &end);
	assert_string_equal(text, "out\n");
	assert_int_equal(end.code, 3);
	assert_int_equal(end.oom, 0);
	frame_put(w.client, FRAME_TAKEN, NULL, 0);
	world_ended(&w);
	assert_int_equal(world_record(&w, "code"), 3);
	assert_int_equal(world_record(&w, "signal"), 0);
	assert_int_equal(world_record(&w, "unknown"), 0);
	assert_int_equal(world_record(&w, "started_ns"), 5);
	assert_true(world_record(&w, "finished_ns") > 5);
	free(text);
	world_clear(&w);
}

static void a_signal_gives_128_and_its_number(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "kill -KILL $$" });
	world_ended(&w);
	assert_int_equal(world_record(&w, "code"), 128 + SIGKILL);
	assert_int_equal(world_record(&w, "signal"), SIGKILL);
	world_clear(&w);
}

static void an_oom_kill_is_recorded(void **state)
{
	struct world w;
	char path[] = "/tmp/cloche-oom-XXXXXX", words[64];
	static const char events[] = "low 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && write(fd, events, sizeof(events) - 1) == sizeof(events) - 1);
	(void)close(fd);
	(void)snprintf(words, sizeof(words), "oom=%s", path);
	world_start(&w, &(struct world_options){ .script = "exit 137", .words = words });
	world_ended(&w);
	(void)unlink(path);
	assert_int_equal(world_record(&w, "oom"), 1);
	world_clear(&w);
}

static void a_command_that_could_not_be_executed_is_reported(void **state)
{
	struct world w;
	char data[65536];
	int words[2];
	size_t n;

	(void)state;
	world_start(&w, &(struct world_options){ .fail = true, .client_flags = REAPER });
	assert_int_equal(frame_get(w.client, data, &n), FRAME_FAILED);
	assert_int_equal(n, sizeof(words));
	memcpy(words, data, sizeof(words));
	assert_int_equal(words[0], 7);
	assert_int_equal(words[1], ENOENT);
	world_ended(&w);
	world_clear(&w);
}

/* A program that stands in for cloche: it says how it was called. */
static char *cleaner_make(void)
{
	static const char script[] =
		"#!/bin/sh\n"
		"echo \"$* root=$CLOCHE_ROOT other=$OTHER monitor=$CLOCHE_MONITOR\" "
		"$(sed -n 's/^SigBlk:[[:space:]]*/blocked=/p' /proc/$$/status) "
		">\"$(dirname \"$0\")\"/said\n";
	char folder[] = "/tmp/cloche-cleaner-XXXXXX", *path;
	int fd;

	assert_non_null(mkdtemp(folder));
	assert_true(asprintf(&path, "%s/cleaner", folder) > 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	assert_true(fd >= 0 && write(fd, script, sizeof(script) - 1) == sizeof(script) - 1);
	(void)close(fd);
	return path;
}

/* What it said, "" when it was not called; everything is removed. */
static void cleaner_said(char *path, char said[256])
{
	char *file;
	ssize_t n;
	int fd;

	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	assert_true(asprintf(&file, "%s/said", path) > 0);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, said, 255);
	said[n] = '\0';
	(void)close(fd);
	(void)unlink(file);
	(void)rmdir(path);
	free(file);
	free(path);
}

static void without_a_client_the_cleanup_is_called(void **state)
{
	struct world w;
	char said[256], *cleaner = cleaner_make();

	(void)state;
	world_start(&w, &(struct world_options){ .script = "exit 0", .cleanup = cleaner });
	world_ended(&w);
	cleaner_said(cleaner, said);
	assert_string_equal(
		said,
		"system reap 0123456789 root=/tests/root other= monitor= blocked=0000000000000000\n");
	world_clear(&w);
}

static void a_client_that_releases_keeps_the_cleanup_away(void **state)
{
	struct world w;
	char said[256], *cleaner = cleaner_make();

	(void)state;
	world_start(&w, &(struct world_options){ .script = "exit 0",
						 .cleanup = cleaner,
						 .client_flags = REAPER });
	free(frames_text(w.client, NULL, NULL));
	frame_put(w.client, FRAME_TAKEN, NULL, 0);
	world_ended(&w);
	cleaner_said(cleaner, said);
	assert_string_equal(said, "");
	world_clear(&w);
}

static void a_client_that_dies_before_the_end_brings_the_cleanup_back(void **state)
{
	struct world w;
	char said[256], *cleaner = cleaner_make();

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; read x",
						 .cleanup = cleaner,
						 .client_flags = REAPER | HELLO_STDIN_ONCE,
						 .stdin_pipe = true });
	assert_true(world_until(text_there, &w));
	assert_int_equal(close(w.client), 0);
	w.client = -1;
	world_ended(&w); /* its stdin has ended with the client */
	cleaner_said(cleaner, said);
	assert_true(strncmp(said, "system reap", 11) == 0);
	world_clear(&w);
}

/* -- streams ---------------------------------------------------------------------------------- */

static void both_streams_stand_in_the_log_with_their_names(void **state)
{
	struct world w;
	char *out, *err;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo one; echo two >&2; printf tail" });
	world_ended(&w);
	out = log_text(&w, "stdout", NULL);
	err = log_text(&w, "stderr", NULL);
	assert_string_equal(out, "one\ntail");
	assert_string_equal(err, "two\n");
	free(out);
	free(err);
	world_clear(&w);
}

static void long_lines_are_logged_in_pieces_that_join_again(void **state)
{
	struct world w;
	size_t length;
	char *text;

	(void)state;
	world_start(&w, &(struct world_options){
				.script = "head -c 100000 /dev/zero | tr '\\0' x; echo" });
	world_ended(&w);
	text = log_text(&w, "stdout", &length);
	assert_int_equal(length, 100001);
	assert_int_equal(strspn(text, "x"), 100000);
	free(text);
	world_clear(&w);
}

static void json_lines_are_those_of_docker(void **state)
{
	struct world w;
	char *text;

	(void)state;
	world_start(&w, &(struct world_options){
				.script = "printf 'a\\tb\"c\\\\\\n'; sleep 0.05; echo e >&2",
				.log = "json" });
	world_ended(&w);
	text = world_read(&w, LOG, NULL);
	assert_non_null(strstr(
		text, "{\"log\":\"a\\u0009b\\\"c\\\\\\n\",\"stream\":\"stdout\",\"time\":\"20"));
	assert_non_null(strstr(text, "{\"log\":\"e\\n\",\"stream\":\"stderr\",\"time\":\"20"));
	free(text);
	world_clear(&w);
}

static void no_log_is_written_without_a_driver(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo one", .log = "none" });
	world_ended(&w);
	assert_false(file_there(&w, LOG));
	world_clear(&w);
}

/* -- clients ---------------------------------------------------------------------------------- */

static void binary_stdin_comes_back_whole_and_its_end_arrives(void **state)
{
	enum { SIZE = 1 << 20, CHUNK = 32768 };
	struct world w;
	struct frame_exit end = { -1, -1 };
	unsigned char *sent = malloc(SIZE);
	size_t length;
	char *back;
	pid_t writer;
	int status;

	(void)state;
	assert_non_null(sent);
	for (size_t i = 0; i < SIZE; i++)
		sent[i] = (unsigned char)(i * 2654435761U >> 13);
	world_start(&w, &(struct world_options){ .script = "exec cat",
						 .stdin_pipe = true,
						 .client_flags = REAPER | HELLO_STDIN |
								 HELLO_STDIN_ONCE });
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		for (size_t i = 0; i < SIZE; i += CHUNK)
			frame_put(w.client, FRAME_STDIN, sent + i, CHUNK);
		frame_put(w.client, FRAME_STDIN_END, NULL, 0);
		_exit(0);
	}
	back = frames_text(w.client, &length, &end);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(length, SIZE);
	assert_memory_equal(back, sent, SIZE);
	assert_int_equal(end.code, 0);
	frame_put(w.client, FRAME_TAKEN, NULL, 0);
	world_ended(&w);
	free(back);
	free(sent);
	world_clear(&w);
}

static void two_attached_clients_get_the_same_output(void **state)
{
	struct world w;
	struct frame_exit end[2] = { { -1, -1 }, { -1, -1 } };
	char *text[2];
	int s[2];

	(void)state;
	world_start(&w, &(struct world_options){ .script = "read x; echo got $x; exit 4",
						 .stdin_pipe = true });
	s[0] = world_attach(&w, HELLO_OUTPUT);
	s[1] = world_attach(&w, HELLO_OUTPUT | HELLO_STDIN);
	frame_put(s[1], FRAME_STDIN, "it\n", 3);
	for (int i = 0; i < 2; i++) {
		text[i] = frames_text(s[i], NULL, &end[i]);
		assert_string_equal(text[i], "got it\n");
		assert_int_equal(end[i].code, 4);
		free(text[i]);
		(void)close(s[i]);
	}
	world_ended(&w);
	world_clear(&w);
}

static void a_client_without_the_stdin_flag_cannot_write(void **state)
{
	struct world w;
	int reader, writer;
	char *text;

	(void)state;
	world_start(&w,
		    &(struct world_options){ .script = "read x; echo got $x", .stdin_pipe = true });
	reader = world_attach(&w, HELLO_OUTPUT);
	writer = world_attach(&w, HELLO_OUTPUT | HELLO_STDIN);
	frame_put(reader, FRAME_STDIN, "evil\n", 5);
	frame_put(reader, FRAME_STDIN_END, NULL, 0);
	frame_put(writer, FRAME_STDIN, "good\n", 5);
	text = frames_text(writer, NULL, NULL);
	assert_string_equal(text, "got good\n");
	free(text);
	(void)close(reader);
	(void)close(writer);
	world_ended(&w);
	world_clear(&w);
}

static void only_root_may_attach(void **state)
{
	struct world w;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int status, root = -1;
	pid_t child;

	(void)state;
	world_start(&w,
		    &(struct world_options){ .script = "echo ready; read x", .stdin_pipe = true });
	root = world_attach(&w, HELLO_OUTPUT | HELLO_STDIN); /* the socket is there */
	/* even if somebody opened the folders and the socket */
	assert_int_equal(fchmodat(w.root, "run/attach.sock", 0666, 0), 0);
	assert_int_equal(fchmodat(w.root, "run", 0777, 0), 0);
	assert_int_equal(fchmod(w.root, 0777), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/attach.sock", w.path);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct frame_hello hello = { .flags = HELLO_STDIN };
		char byte;
		int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 ||
		    connect(s, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(2);
		(void)send(s, &hello, sizeof(hello), MSG_NOSIGNAL);
		_exit(recv(s, &byte, 1, 0) <= 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	frame_put(root, FRAME_STDIN, "x\n", 2);
	(void)close(root);
	world_ended(&w);
	assert_int_equal(world_record(&w, "code"), 0);
	world_clear(&w);
}

static void a_refused_frame_ends_the_connection_and_nothing_else(void **state)
{
	static const unsigned char long_frame[8] = { FRAME_STDIN, 0, 0, 0, 0x00, 0x01, 0x00, 0x01 };
	struct world w;
	char byte;
	int bad, good;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "read x; exit 6", .stdin_pipe = true });
	good = world_attach(&w, HELLO_STDIN);
	bad = world_attach(&w, HELLO_STDIN);
	assert_int_equal(send(bad, long_frame, sizeof(long_frame), 0), sizeof(long_frame));
	while (recv(bad, &byte, 1, 0) > 0)
		;
	frame_put(good, FRAME_STDIN, "x\n", 2);
	(void)close(bad);
	(void)close(good);
	world_ended(&w);
	assert_int_equal(world_record(&w, "code"), 6);
	world_clear(&w);
}

/* A client that reads nothing for a while. What it was not given must come later, from first to last. */
static void slow_client_gets_all(uint32_t first_flags)
{
	struct world w;
	size_t length;
	char *text;
	int s, go;

	world_start(&w, &(struct world_options){ .script = "read x; seq 1 100000",
						 .stdin_pipe = true,
						 .client_flags = first_flags });
	s = first_flags ? w.client : world_attach(&w, HELLO_OUTPUT);
	go = world_attach(&w, HELLO_STDIN);
	frame_put(go, FRAME_STDIN, "x\n", 2);
	(void)close(go);
	(void)poll(NULL, 0,
		   2500); /* longer than the monitor waits between two looks at its clients */
	assert_true(world_record(&w, "code") == -1); /* the container waits too */
	text = frames_text(s, &length, NULL);
	assert_int_equal(length, 588895);
	assert_memory_equal(text + length - 7, "100000\n", 7);
	free(text);
	if (first_flags)
		frame_put(s, FRAME_TAKEN, NULL, 0);
	else
		(void)close(s);
	world_ended(&w);
	world_clear(&w);
}

static void a_slow_starting_client_loses_nothing(void **state)
{
	(void)state;
	slow_client_gets_all(REAPER);
}

static void a_slow_attached_client_loses_nothing(void **state)
{
	(void)state;
	slow_client_gets_all(0);
}

static void a_client_that_leaves_unread_stdin_behind_costs_no_time(void **state)
{
	static char chunk[32768];
	struct world w;
	long before;
	int s;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; exec sleep 100",
						 .stdin_pipe = true });
	assert_true(world_until(text_there, &w));
	s = world_attach(&w, HELLO_STDIN);
	for (int i = 0; i < 4; i++) /* more than its pipe takes, less than pipe and socket */
		frame_put(s, FRAME_STDIN, chunk, sizeof(chunk));
	(void)poll(NULL, 0, 100);
	(void)close(s);
	before = cpu_ticks(w.monitor);
	(void)poll(NULL, 0, 500);
	assert_in_range(cpu_ticks(w.monitor) - before, 0, 10);
	world_clear(&w);
}

/* -- terminals -------------------------------------------------------------------------------- */

static void a_terminal_has_a_size_echoes_and_is_logged(void **state)
{
	struct world w;
	struct frame_winsize size = { 33, 77 };
	char *text, *log;

	(void)state;
	world_start(&w,
		    &(struct world_options){ .script = "read x; stty size; test -t 1 && echo yes",
					     .terminal = true,
					     .client_flags = REAPER | HELLO_STDIN });
	frame_put(w.client, FRAME_WINSIZE, &size, sizeof(size));
	frame_put(w.client, FRAME_STDIN, "in\n", 3);
	text = frames_text(w.client, NULL, NULL);
	assert_string_equal(text, "in\r\n33 77\r\nyes\r\n");
	frame_put(w.client, FRAME_TAKEN, NULL, 0);
	world_ended(&w);
	log = log_text(&w, "stdout", NULL);
	assert_string_equal(log, text);
	free(log);
	free(text);
	world_clear(&w);
}

/* -- a monitor that is killed ----------------------------------------------------------------- */

static void a_killed_monitor_loses_no_line_and_the_next_tells_the_code(void **state)
{
	enum { LINES = 200000 };
	struct world w;
	char *text, *line, *rest;
	long next = 1, others = 0;

	(void)state;
	world_start(&w, &(struct world_options){
				.script = "echo ready; kill -STOP $$; seq 1 200000; exit 9" });
	assert_true(world_until(text_there, &w));
	assert_true(world_until(init_stopped, &w));
	for (int i = 0; i < 6; i++) {
		struct pollfd ended = { .fd = w.init_pidfd, .events = POLLIN };

		world_kill_monitor(&w);
		if (i == 0) /* from now on init is our child */
			assert_int_equal(kill(w.init, SIGCONT), 0);
		world_restore(&w);
		if (poll(&ended, 1, i) > 0)
			break;
	}
	/* init is our child now; the kernel keeps its code for pidfds when we have taken it */
	assert_int_equal(waitpid(w.init, NULL, 0), w.init);
	world_ended(&w);
	rest = text = log_text(&w, "stdout", NULL);
	while ((line = strsep(&rest, "\n")) != NULL && rest) {
		if (strtol(line, NULL, 10) == next)
			next++;
		else
			others++; /* the last piece of a killed monitor may stand there twice */
	}
	assert_in_range(others, 0, 7 * 65536 / 2);
	assert_int_equal(next, LINES + 1);
	free(text);
	assert_true(world_alone()); /* each holder was ended by the next */
	assert_int_equal(world_record(&w, "code"), 9);
	assert_int_equal(world_record(&w, "unknown"), 0);
	world_clear(&w);
}

static void the_holder_marks_the_death_of_the_monitor(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; exec sleep 100" });
	assert_true(world_until(text_there, &w));
	assert_false(mark_there(&w));
	world_kill_monitor(&w);
	assert_true(world_until(mark_there, &w));
	world_clear(&w);
}

static void a_holder_that_the_release_did_not_see_ends(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; exec sleep 100" });
	assert_true(world_until(text_there, &w));
	world_kill_monitor(&w);
	assert_true(world_until(mark_there, &w));
	assert_int_equal(kill(w.init, SIGKILL), 0);
	for (size_t i = 0; i < 5; i++)
		(void)unlinkat(w.run,
			       (const char *const[]){ "stdout", "stderr", "attach.sock", "monitor",
						      "holder" }[i],
			       0);
	assert_int_equal(unlinkat(w.root, "run", AT_REMOVEDIR), 0);
	assert_true(world_alone());
	assert_int_equal(mkdirat(w.root, "run", 0700), 0); /* which the end of a test takes away */
	world_clear(&w);
}

static void clients_see_that_the_monitor_was_killed(void **state)
{
	struct world w;
	struct pollfd p[2];
	char data[65536];
	size_t n;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; exec sleep 100",
						 .client_flags = REAPER });
	assert_true(world_until(text_there, &w));
	p[0] = (struct pollfd){ .fd = w.client, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = world_attach(&w, HELLO_OUTPUT), .events = POLLIN };
	world_kill_monitor(&w);
	for (int i = 0; i < 2; i++) {
		int type;

		do
			assert_int_equal(poll(&p[i], 1, 60000), 1);
		while ((type = frame_get(p[i].fd, data, &n)) >= 0);
	}
	(void)close(p[1].fd);
	world_clear(&w);
}

static void the_code_of_a_container_that_ended_unwatched_is_still_told(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; exec sleep 100" });
	assert_true(world_until(text_there, &w));
	world_kill_monitor(&w);
	assert_int_equal(kill(w.init, SIGTERM), 0);
	assert_int_equal(waitpid(w.init, NULL, 0), w.init);
	assert_int_equal(close(w.init_pidfd), 0); /* nobody but the holder has one now */
	w.init_pidfd = -1;
	world_restore(&w);
	world_ended(&w);
	assert_int_equal(world_record(&w, "unknown"), 0);
	assert_int_equal(world_record(&w, "code"), 128 + SIGTERM);
	world_clear(&w);
}

static void stdin_goes_on_and_ends_after_a_killed_monitor(void **state)
{
	struct world w;
	char *text;
	int s;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; cat; exit 5",
						 .stdin_pipe = true });
	assert_true(world_until(text_there, &w));
	world_kill_monitor(&w);
	assert_int_equal(unlinkat(w.run, "attach.sock", 0),
			 0); /* what is there next is the new one's */
	world_restore(&w);
	s = world_attach(&w, HELLO_OUTPUT | HELLO_STDIN | HELLO_STDIN_ONCE);
	frame_put(s, FRAME_STDIN, "more\n", 5);
	frame_put(s, FRAME_STDIN_END, NULL, 0);
	assert_int_equal(waitpid(w.init, NULL, 0), w.init);
	text = frames_text(s, NULL, NULL);
	assert_string_equal(text, "more\n");
	world_ended(&w);
	assert_int_equal(world_record(&w, "code"), 5);
	free(text);
	(void)close(s);
	world_clear(&w);
}

/* -- the process itself ----------------------------------------------------------------------- */

static void what_it_was_not_given_is_closed(void **state)
{
	struct world w;
	struct pollfd p;
	char byte;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; exec sleep 100" });
	p = (struct pollfd){ .fd = w.stranger, .events = POLLIN };
	assert_true(world_until(text_there, &w));
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(read(w.stranger, &byte, 1), 0);
	world_clear(&w);
}

static void signals_do_not_end_it(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, &(struct world_options){ .script = "echo ready; exec sleep 100" });
	assert_true(world_until(text_there, &w));
	for (int i = 0; i < 4; i++)
		assert_int_equal(kill(w.monitor, (int[]){ SIGTERM, SIGINT, SIGHUP, SIGQUIT }[i]),
				 0);
	assert_int_equal(kill(w.init, SIGUSR1), 0);
	world_ended(&w);
	assert_int_equal(world_record(&w, "code"), 128 + SIGUSR1);
	world_clear(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exit_code_is_recorded_and_told_after_all_output),
		cmocka_unit_test(a_signal_gives_128_and_its_number),
		cmocka_unit_test(an_oom_kill_is_recorded),
		cmocka_unit_test(a_command_that_could_not_be_executed_is_reported),
		cmocka_unit_test(without_a_client_the_cleanup_is_called),
		cmocka_unit_test(a_client_that_releases_keeps_the_cleanup_away),
		cmocka_unit_test(a_client_that_dies_before_the_end_brings_the_cleanup_back),
		cmocka_unit_test(both_streams_stand_in_the_log_with_their_names),
		cmocka_unit_test(long_lines_are_logged_in_pieces_that_join_again),
		cmocka_unit_test(json_lines_are_those_of_docker),
		cmocka_unit_test(no_log_is_written_without_a_driver),
		cmocka_unit_test(binary_stdin_comes_back_whole_and_its_end_arrives),
		cmocka_unit_test(two_attached_clients_get_the_same_output),
		cmocka_unit_test(a_client_without_the_stdin_flag_cannot_write),
		cmocka_unit_test(only_root_may_attach),
		cmocka_unit_test(a_refused_frame_ends_the_connection_and_nothing_else),
		cmocka_unit_test(a_slow_starting_client_loses_nothing),
		cmocka_unit_test(a_slow_attached_client_loses_nothing),
		cmocka_unit_test(a_client_that_leaves_unread_stdin_behind_costs_no_time),
		cmocka_unit_test(a_terminal_has_a_size_echoes_and_is_logged),
		cmocka_unit_test(a_killed_monitor_loses_no_line_and_the_next_tells_the_code),
		cmocka_unit_test(the_holder_marks_the_death_of_the_monitor),
		cmocka_unit_test(a_holder_that_the_release_did_not_see_ends),
		cmocka_unit_test(clients_see_that_the_monitor_was_killed),
		cmocka_unit_test(the_code_of_a_container_that_ended_unwatched_is_still_told),
		cmocka_unit_test(stdin_goes_on_and_ends_after_a_killed_monitor),
		cmocka_unit_test(what_it_was_not_given_is_closed),
		cmocka_unit_test(signals_do_not_end_it),
	};

	if (argc < 2) {
		fprintf(stderr, "monitor_test PROGRAM [PATTERN]\n");
		return 2;
	}
	world_binary = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
