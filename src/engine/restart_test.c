/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/restart.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"

static void policies_become_docker_s_structure(void **state)
{
	static const struct {
		const char *text, *name;
		int most;
	} good[] = {
		{ "no", "no", 0 },
		{ "always", "always", 0 },
		{ "unless-stopped", "unless-stopped", 0 },
		{ "on-failure", "on-failure", 0 },
		{ "on-failure:5", "on-failure", 5 },
		{ "on-failure:0", "on-failure", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		_cleanup_json_ json_t *policy = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(restart_policy_parse(good[i].text, &policy, &err), 0);
		assert_string_equal(json_string_at(policy, "Name", ""), good[i].name);
		assert_int_equal(json_int_at(policy, "MaximumRetryCount", -1), good[i].most);
	}
}

static void what_is_no_policy_is_refused_in_docker_s_words(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "sometimes",
		  "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'" },
		{ "",
		  "invalid restart policy: unknown policy ''; use one of 'no', 'always', 'on-failure', or 'unless-stopped'" },
		{ "always:3",
		  "invalid restart policy: maximum retry count can only be used with 'on-failure'" },
		{ "on-failure:",
		  "invalid restart policy format: maximum retry count must be an integer" },
		{ "on-failure:-1",
		  "invalid restart policy format: maximum retry count must be an integer" },
		{ "on-failure:1:2",
		  "invalid restart policy format: maximum retry count must be an integer" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *policy = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(restart_policy_parse(bad[i].text, &policy, &err), -EINVAL);
		assert_string_equal(err.words, bad[i].words);
		assert_null(policy);
	}
}

static void the_wait_doubles_up_to_a_minute(void **state)
{
	static const unsigned int waits[] = { 100,  200,   400,	  800,	 1600,	3200,
					      6400, 12800, 25600, 51200, 60000, 60000 };
	unsigned int wait = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		wait = restart_delay_ms(wait, 9999999999);
		assert_int_equal(wait, waits[i]);
	}
	assert_int_equal(restart_delay_ms(wait, 10000000000), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_become_docker_s_structure),
		cmocka_unit_test(what_is_no_policy_is_refused_in_docker_s_words),
		cmocka_unit_test(the_wait_doubles_up_to_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
