/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/str.h"

#define SUMMARY(oom, task) \
	"6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0" oom \
	",task_memcg=" task ",task=py\033thon,pid=4711,uid=0\n"
#define KILLED(pid) \
	"3,1,2,-;Memory cgroup out of memory: Killed process " pid \
	" (python3) total-vm:120000kB, anon-rss:102400kB, file-rss:1kB\n"

static void words_are(const json_t *death, const char *wanted)
{
	_cleanup_free_ char *words = death_words(death);

	assert_string_equal(words, wanted);
}

static void the_containers_own_limit_is_told(void **state)
{
	json_t *oom = json_object();
	_cleanup_json_ json_t *death = json_object();

	(void)state;
	json_put(death, "OutOfMemory", oom);
	assert_true(death_kmsg_line(SUMMARY(",oom_memcg=/cloche/web-0123456789ab",
					    "/cloche/web-0123456789ab/sub"),
				    "0123456789ab", oom));
	assert_true(death_kmsg_line(KILLED("4711"), "0123456789ab", oom));
	json_put(oom, "LimitBytes", json_integer(104857600));
	words_are(
		death,
		"out of memory: its limit of 100.0 MiB; the kernel ended py\\x1bthon (pid 4711), which had 100.0 MiB");
}

static void a_limit_above_and_the_hosts_memory_are_told_apart(void **state)
{
	json_t *oom = json_object();
	_cleanup_json_ json_t *death = json_object();

	(void)state;
	json_put(death, "OutOfMemory", oom);
	assert_true(death_kmsg_line(SUMMARY(",oom_memcg=/slice", "/slice/web-0123456789ab"),
				    "0123456789ab", oom));
	assert_string_equal(json_string_at(oom, "Limit", ""), "/slice");
	assert_true(death_kmsg_line(SUMMARY(",global_oom", "/cloche/web-0123456789ab"),
				    "0123456789ab", oom));
	words_are(death,
		  "out of memory: the host's limit; the kernel ended py\\x1bthon (pid 4711)");
}

static void another_containers_lines_are_passed_over(void **state)
{
	_cleanup_json_ json_t *oom = json_object();

	(void)state;
	assert_false(death_kmsg_line(SUMMARY(",oom_memcg=/cloche/web-0123456789ab",
					     "/cloche/web-ffffffffffff"),
				     "0123456789ab", oom));
	assert_false(death_kmsg_line(SUMMARY(",oom_memcg=/x", "/cloche/web-0123456789abc"),
				     "0123456789ab", oom));
	assert_false(death_kmsg_line(KILLED("4711"), "0123456789ab", oom));
	assert_false(death_kmsg_line("6,1,2,-;something else\n", "0123456789ab", oom));
	assert_int_equal(json_object_size(oom), 0);
}

static void a_signal_is_told_with_its_sender(void **state)
{
	_cleanup_json_ json_t *death = json_pack("{s:s, s:{s:i, s:s, s:i, s:n, s:s}}", "Signal",
						 "SIGKILL", "Sender", "Pid", 4711, "Command",
						 "bash", "Uid", 0, "LoginUid", "Tty", "pts/3");
	_cleanup_json_ json_t *alone = json_pack("{s:s}", "Signal", "SIGSEGV");

	(void)state;
	words_are(death, "killed by SIGKILL from pid 4711 (bash) of user 0 on pts/3");
	words_are(alone, "killed by SIGSEGV");
	assert_null(death_words(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_containers_own_limit_is_told),
		cmocka_unit_test(a_limit_above_and_the_hosts_memory_are_told_apart),
		cmocka_unit_test(another_containers_lines_are_passed_over),
		cmocka_unit_test(a_signal_is_told_with_its_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
