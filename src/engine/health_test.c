/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/health.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "engine/create.h"

static json_t *image_check(void)
{
	return json_pack("{s:[s,s],s:I,s:i}", "Test", "CMD", "/check", "Interval",
			 (json_int_t)5000000000, "Retries", 7);
}

static void options_go_over_the_image_and_leave_the_rest_of_it(void **state)
{
	struct create_options o = { .health_interval = "1m", .health_on_failure = "restart" };
	_cleanup_json_ json_t *image = image_check(), *config = json_object(), *own = json_object();
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(health_option(&o, image, config, own, &err), 0);
	assert_int_equal(json_int_at(config, "Healthcheck.Interval", 0), 60000000000);
	assert_int_equal(json_int_at(config, "Healthcheck.Retries", 0), 7);
	assert_string_equal(json_string_at(own, "HealthOnFailure", ""), "restart");
	/* the image's own is not touched */
	assert_int_equal(json_int_at(image, "Interval", 0), 5000000000);
}

static void no_healthcheck_takes_the_image_s_away_and_conflicts_with_options(void **state)
{
	struct create_options o = { .no_healthcheck = true };
	_cleanup_json_ json_t *image = image_check(), *config = json_object(), *own = json_object();
	struct record record = { .config = json_object() };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(health_option(&o, image, config, own, &err), 0);
	json_put(record.config, "Config", json_incref(config));
	assert_false(health_wanted(&record));
	json_decref(record.config);
	o.health_retries = "3";
	assert_int_equal(health_option(&o, image, config, own, &err), -EINVAL);
	assert_string_equal(err.words, "--no-healthcheck conflicts with --health-* options");
}

static void times_have_docker_s_defaults(void **state)
{
	struct record record = { .config = json_pack("{s:{s:{s:[s,s]}}}", "Config", "Healthcheck",
						     "Test", "CMD-SHELL", "true") };
	int64_t first, interval, start;

	(void)state;
	assert_true(health_wanted(&record));
	health_times(&record, &first, &interval, &start);
	assert_int_equal(interval, 30000);
	assert_int_equal(first, 30000);
	assert_int_equal(start, 5000);
	json_put(json_object_get(json_object_get(record.config, "Config"), "Healthcheck"),
		 "StartPeriod", json_integer(60000000000));
	health_times(&record, &first, &interval, &start);
	assert_int_equal(first,
			 5000); /* within a start period, checks come faster from the beginning */
	json_decref(record.config);
}

static void what_is_wrong_is_said(void **state)
{
	static const struct {
		struct create_options o;
		const char *words;
	} bad[] = {
		{ { .health_interval = "soon" },
		  "invalid argument \"soon\" for \"--health-interval\" flag: time: invalid duration \"soon\"" },
		{ { .health_timeout = "1us" }, "Timeout in Healthcheck cannot be less than 1ms" },
		{ { .health_retries = "-1" },
		  "invalid argument \"-1\" for \"--health-retries\" flag" },
		{ { .health_on_failure = "cry" },
		  "--health-on-failure cry: not none, kill, restart or stop" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_json_ json_t *config = json_object(), *own = json_object();
		struct err err = ERR_NONE;

		assert_int_equal(health_option(&bad[i].o, NULL, config, own, &err), -EINVAL);
		assert_string_equal(err.words, bad[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_go_over_the_image_and_leave_the_rest_of_it),
		cmocka_unit_test(no_healthcheck_takes_the_image_s_away_and_conflicts_with_options),
		cmocka_unit_test(times_have_docker_s_defaults),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
