/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/log_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STAMP = 30 }; /* of "2026-11-24T12:00:00.123456789Z" */

struct place {
	char path[64];
	int dir;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	*state = p;
	if (!p)
		return -1;
	memcpy(p->path, "/tmp/cloche-log-XXXXXX", 23);
	if (!mkdtemp(p->path))
		return -1;
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p->dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char name[32] = "log";

	for (int i = 0; i < 100; i++) {
		(void)unlinkat(p->dir, name, 0);
		(void)snprintf(name, sizeof(name), "log.%d", i + 1);
	}
	(void)close(p->dir);
	(void)rmdir(p->path);
	free(p);
	return 0;
}

/* A file as text; missing: NULL. The caller frees. */
static char *file_text(const struct place *p, const char *name)
{
	int fd = openat(p->dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;

	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	(void)close(fd);
	return text;
}

/* The same without times, which are checked for their form and cut out. */
static char *cri_text(const struct place *p, const char *name)
{
	char *text = file_text(p, name), *from = text, *to = text;

	assert_non_null(text);
	while (*from) {
		size_t length = strcspn(from, "\n") + 1;

		assert_true(length > STAMP && from[4] == '-' && from[10] == 'T' &&
			    from[19] == '.' && from[29] == 'Z');
		memmove(to, from + STAMP + 1, length - STAMP - 1);
		to += length - STAMP - 1;
		from += length;
	}
	*to = '\0';
	return text;
}

static void put(struct log_writer *log, int stream, const char *text)
{
	log_write(log, stream, text, strlen(text));
}

static void assert_log(const struct place *p, const char *expected)
{
	char *text = cri_text(p, "log");

	assert_string_equal(text, expected);
	free(text);
}

static void lines_have_time_stream_and_text(void **state)
{
	struct place *p = *state;
	struct log_writer log;

	log_open(&log, p->dir, LOG_CRI, 0, 1);
	put(&log, 1, "one\n\ntwo\n");
	put(&log, 2, "three\n");
	assert_log(p, "stdout F one\nstdout F \nstdout F two\nstderr F three\n");
	(void)close(log.fd);
}

static void a_line_that_comes_in_two_reads_is_a_piece_and_its_end(void **state)
{
	struct place *p = *state;
	struct log_writer log;

	log_open(&log, p->dir, LOG_CRI, 0, 1);
	put(&log, 1, "be");
	put(&log, 1, "gin\n");
	assert_log(p, "stdout P be\nstdout F gin\n");
	(void)close(log.fd);
}

static void a_line_longer_than_a_piece_is_cut_at_its_size(void **state)
{
	struct place *p = *state;
	struct log_writer log;
	char *line = malloc(16386), *text;

	assert_non_null(line);
	memset(line, 'x', 16385);
	line[16385] = '\n';
	log_open(&log, p->dir, LOG_CRI, 0, 1);
	log_write(&log, 1, line, 16386);
	text = cri_text(p, "log");
	assert_int_equal(strlen(text), 2 * strlen("stdout F \n") + 16385);
	assert_memory_equal(text, "stdout P x", 10);
	assert_string_equal(text + 9 + 16384 + 1, "stdout F x\n");
	free(text);
	free(line);
	(void)close(log.fd);
}

static void files_rotate_at_their_size_and_the_oldest_goes(void **state)
{
	struct place *p = *state;
	struct log_writer log;
	char *text, many[100 * 10 + 1] = "";

	log_open(&log, p->dir, LOG_CRI, 1024, 3);
	for (int i = 0; i < 100; i++)
		(void)snprintf(many + (size_t)i * 10, 11, "line %04d\n", i);
	put(&log, 1, many); /* in one write: 49 bytes a line, so 20 lines a file */
	assert_log(
		p,
		""
		"stdout F line 0080\nstdout F line 0081\nstdout F line 0082\nstdout F line 0083\nstdout F line 0084\n"
		"stdout F line 0085\nstdout F line 0086\nstdout F line 0087\nstdout F line 0088\nstdout F line 0089\n"
		"stdout F line 0090\nstdout F line 0091\nstdout F line 0092\nstdout F line 0093\nstdout F line 0094\n"
		"stdout F line 0095\nstdout F line 0096\nstdout F line 0097\nstdout F line 0098\nstdout F line 0099\n");
	text = cri_text(p, "log.1");
	assert_memory_equal(text, "stdout F line 0060\n", 19);
	free(text);
	text = cri_text(p, "log.2");
	assert_memory_equal(text, "stdout F line 0040\n", 19);
	free(text);
	assert_null(file_text(p, "log.3"));
	(void)close(log.fd);
}

static void one_file_starts_again_when_it_is_full(void **state)
{
	struct place *p = *state;
	struct log_writer log;

	log_open(&log, p->dir, LOG_CRI, 100, 1);
	put(&log, 1, "first line, first line\n");
	put(&log, 1, "second line, second line\n");
	put(&log, 1, "third\n");
	assert_log(p, "stdout F third\n");
	assert_null(file_text(p, "log.1"));
	(void)close(log.fd);
}

static void a_line_above_the_size_is_written_whole(void **state)
{
	struct place *p = *state;
	struct log_writer log;

	log_open(&log, p->dir, LOG_CRI, 20, 2);
	put(&log, 1, "longer than the file\n");
	assert_log(p, "stdout F longer than the file\n");
	(void)close(log.fd);
}

static void half_a_line_of_a_killed_writer_is_cut_off(void **state)
{
	struct place *p = *state;
	struct log_writer log;

	log_open(&log, p->dir, LOG_CRI, 0, 1);
	put(&log, 1, "whole\n");
	assert_int_equal(write(log.fd, "2026-11-24T12:0", 15), 15);
	(void)close(log.fd);
	log_open(&log, p->dir, LOG_CRI, 0, 1);
	put(&log, 1, "next\n");
	assert_log(p, "stdout F whole\nstdout F next\n");
	(void)close(log.fd);
}

static void a_full_disk_drops_whole_writes_and_is_told_of_later(void **state)
{
	struct place *p = *state;
	struct log_writer log;
	struct rlimit before, limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 100;
	log_open(&log, p->dir, LOG_CRI, 0, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	put(&log, 1, "there is room for this\n");
	put(&log, 1, "but this is more than what is left, and a part of it is no use\n");
	put(&log, 1, "nor is there room for the note and what comes with it\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_log(p, "stdout F there is room for this\n");
	put(&log, 1, "again\n");
	assert_log(
		p,
		"stdout F there is room for this\n"
		"stderr F cloche: log: 197 bytes were lost, the log could not be written\nstdout F again\n");
	assert_int_equal(log.dropped_bytes, 0);
	(void)close(log.fd);
}

/* -- json ------------------------------------------------------------------------------------- */

/* All that stands in "log", one after the other. */
static char *json_logs(const struct place *p)
{
	static const char begin[] = "{\"log\":\"", end[] = "\",\"stream\":\"stdout\",\"time\":\"";
	char *text = file_text(p, "log"), *from = text, *to = text;

	assert_non_null(text);
	while (*from) {
		char *tail = strstr(from, end);

		assert_memory_equal(from, begin, sizeof(begin) - 1);
		assert_non_null(tail);
		assert_memory_equal(tail + sizeof(end) - 1 + STAMP, "\"}\n", 3);
		from += sizeof(begin) - 1;
		memmove(to, from, (size_t)(tail - from));
		to += tail - from;
		from = tail + sizeof(end) - 1 + STAMP + 3;
	}
	*to = '\0';
	return text;
}

static void assert_json(void **state, const char *const *reads, const char *expected)
{
	struct place *p = *state;
	struct log_writer log;
	char *text;

	log_open(&log, p->dir, LOG_JSON, 0, 1);
	for (; *reads; reads++)
		put(&log, 1, *reads);
	log_end(&log);
	text = json_logs(p);
	assert_string_equal(text, expected);
	free(text);
	(void)close(log.fd);
	(void)unlinkat(p->dir, "log", 0);
}

static void json_escapes_what_json_must(void **state)
{
	assert_json(state, (const char *[]){ "a\"b\\c\td\x7f\n", NULL },
		    "a\\\"b\\\\c\\u0009d\x7f\\n");
}

static void json_keeps_utf_8_and_replaces_other_bytes(void **state)
{
	assert_json(state, (const char *[]){ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n", NULL },
		    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\\n");
	assert_json(state, (const char *[]){ "\xff\xc0\x80\xed\xa0\x80z\n", NULL },
		    "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffdz\\n");
	assert_json(state, (const char *[]){ "\xe2\x82\n", NULL }, "\\ufffd\\ufffd\\n");
	assert_json(state, (const char *[]){ "\xf4\x90\x80\x80", NULL },
		    "\\ufffd\\ufffd\\ufffd\\ufffd");
}

static void json_joins_a_character_that_two_reads_cut(void **state)
{
	assert_json(state, (const char *[]){ "x\xe2", "\x82\xac y\n", NULL }, "x\xe2\x82\xac y\\n");
	assert_json(state, (const char *[]){ "\xf0", "\x9f", "\x98", "\x80", "\n", NULL },
		    "\xf0\x9f\x98\x80\\n");
	assert_json(state, (const char *[]){ "\xe2", "x\n", NULL }, "\\ufffdx\\n");
	assert_json(state, (const char *[]){ "\xe2\x82", NULL }, "\\ufffd\\ufffd");
}

static void nothing_is_written_without_a_log(void **state)
{
	struct place *p = *state;
	struct log_writer log;

	log_open(&log, p->dir, LOG_NONE, 0, 1);
	put(&log, 1, "one\n");
	log_end(&log);
	assert_null(file_text(p, "log"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_have_time_stream_and_text, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_line_that_comes_in_two_reads_is_a_piece_and_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_longer_than_a_piece_is_cut_at_its_size,
						setup, teardown),
		cmocka_unit_test_setup_teardown(files_rotate_at_their_size_and_the_oldest_goes,
						setup, teardown),
		cmocka_unit_test_setup_teardown(one_file_starts_again_when_it_is_full, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_line_above_the_size_is_written_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(half_a_line_of_a_killed_writer_is_cut_off, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_drops_whole_writes_and_is_told_of_later,
						setup, teardown),
		cmocka_unit_test_setup_teardown(json_escapes_what_json_must, setup, teardown),
		cmocka_unit_test_setup_teardown(json_keeps_utf_8_and_replaces_other_bytes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(json_joins_a_character_that_two_reads_cut, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nothing_is_written_without_a_log, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
