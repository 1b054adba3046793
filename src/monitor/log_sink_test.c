/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/log_sink.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/log-sink-XXXXXX";
static int receiver;

/* One sink a process: the monitor has one, too. */
static int world_make(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[160], text[256];
	FILE *f;
	int run;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(receiver, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)snprintf(path, sizeof(path), "%s/log-sink", folder);
	(void)snprintf(text, sizeof(text), "syslog drop 0 3 unix %s 0\nhost\ntag\n",
		       address.sun_path);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
	run = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_sink_write(1, "before it is open\n", 18);
	log_sink_open(run);
	(void)close(run);
	return 0;
}

static int world_remove(void **state)
{
	char path[160];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/s", folder);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/log-sink", folder);
	(void)unlink(path);
	(void)close(receiver);
	return rmdir(folder);
}

static void assert_message(const char *wanted)
{
	char got[65536];
	ssize_t n = recv(receiver, got, sizeof(got) - 1, 0);

	got[n > 0 ? n : 0] = '\0';
	assert_string_equal(got, wanted);
}

static void put(int stream, const char *text)
{
	log_sink_write(stream, text, strlen(text));
}

static void a_line_is_a_message_whatever_pieces_it_comes_in(void **state)
{
	(void)state;
	put(1, "one\ntw");
	put(2, "error");
	put(1, "o\n\nthr");
	put(2, "s\n");
	assert_message("<30>tag: one");
	assert_message("<30>tag: two");
	assert_message("<30>tag: ");
	assert_message("<27>tag: errors");
	assert_message("");
	log_sink_end();
	assert_message("<30>tag: thr");
}

static void a_long_line_is_cut_and_nothing_of_it_is_lost(void **state)
{
	char *text = malloc(40001), got[65536];
	size_t sum = 0;
	ssize_t n;

	(void)state;
	memset(text, 'x', 40000);
	text[39999] = '\n';
	text[40000] = '\0';
	put(1, text);
	free(text);
	while ((n = recv(receiver, got, sizeof(got), 0)) > 0)
		sum += (size_t)n - strlen("<30>tag: ");
	assert_int_equal(sum, 39999);
}

static void what_a_full_service_missed_is_counted_and_told(void **state)
{
	char got[256] = "";
	unsigned int taken = 0, missed;
	ssize_t n;

	(void)state;
	for (int i = 0; i < 5000; i++)
		put(1, "line\n");
	while ((n = recv(receiver, got, sizeof(got) - 1, 0)) > 0)
		taken++;
	assert_true(taken > 0 && taken < 5000);
	put(1, "after\n");
	n = recv(receiver, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	got[n] = '\0';
	assert_int_equal(
		sscanf(got, "<27>tag: cloche: %u lines before were not taken by the log service",
		       &missed),
		1);
	assert_int_equal(taken + missed, 5000);
	assert_message("<30>tag: after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_message_whatever_pieces_it_comes_in),
		cmocka_unit_test(a_long_line_is_cut_and_nothing_of_it_is_lost),
		cmocka_unit_test(what_a_full_service_missed_is_counted_and_told),
	};

	return cmocka_run_group_tests(tests, world_make, world_remove);
}
