/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/str.h"

static const char record[] =
	"{\"Config\":{\"Image\":\"a \\\"b\\\" {[,\",\"Env\":[\"A=}\",\"B=]\\\\\"],\"Labels\":{\"x\":\"1\"},\"Tty\":false},"
	"\"Empty\":{},\"Mounts\":[{\"Name\":\"v\"},[1,[2]],-3.5e7],\"Number\":7,\"Last\":null}";

static void assert_parts(const char *text, const char *const *paths, const char *wanted)
{
	_cleanup_json_ json_t *json = json_parts(text, paths);
	_cleanup_free_ char *got = json ? json_dumps(json, JSON_COMPACT) : NULL;

	assert_non_null(got);
	assert_string_equal(got, wanted);
}

static void only_what_is_wanted_is_there(void **state)
{
	(void)state;
	assert_parts(record, (const char *const[]){ "Config.Image", "Number", NULL },
		     "{\"Config\":{\"Image\":\"a \\\"b\\\" {[,\"},\"Number\":7}");
	assert_parts(record, (const char *const[]){ "Mounts", "Last", NULL },
		     "{\"Mounts\":[{\"Name\":\"v\"},[1,[2]],-35000000.0],\"Last\":null}");
	assert_parts(record, (const char *const[]){ "Config.Labels.x", "Config.Tty", NULL },
		     "{\"Config\":{\"Labels\":{\"x\":\"1\"},\"Tty\":false}}");
}

static void lists_of_strings_are_the_same_as_a_parser_makes_them(void **state)
{
	static const char *const lists[] = {
		"[\"a\"]",	     "[\"sh\",\"-c\",\"x,] [\"]", "[\"\",\"\"]",
		"[\"a\\\\\",\"b\"]", "[\"a\",1,\"b\"]",		  "[[\"a\"],\"b\"]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_free_ char *text = str_printf("{\"L\":%s,\"M\":1}", lists[i]),
				    *wanted = str_printf("{\"L\":%s}", lists[i]);

		assert_parts(text, (const char *const[]){ "L", NULL }, wanted);
	}
}

static void a_path_and_what_is_below_it_give_the_whole(void **state)
{
	(void)state;
	assert_parts(record,
		     (const char *const[]){ "Config.Labels", "Config.Labels.y", "Empty", NULL },
		     "{\"Config\":{\"Labels\":{\"x\":\"1\"}},\"Empty\":{}}");
}

static void a_name_that_only_begins_alike_is_another_one(void **state)
{
	(void)state;
	assert_parts(record, (const char *const[]){ "Numbers", "Conf", "Configs.Image", NULL },
		     "{}");
}

static void a_path_through_what_is_no_object_gives_nothing(void **state)
{
	(void)state;
	assert_parts(record, (const char *const[]){ "Number.x", "Mounts.Name", NULL }, "{}");
}

static void a_text_cut_anywhere_is_survived(void **state)
{
	const char *const paths[] = { "Config.Env", "Config.Image", "Mounts", "Last", NULL };

	(void)state;
	for (size_t length = 0; length < sizeof(record); length++) {
		_cleanup_free_ char *text = str_ndup(record, length);

		json_decref(json_parts(text, paths));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_wanted_is_there),
		cmocka_unit_test(lists_of_strings_are_the_same_as_a_parser_makes_them),
		cmocka_unit_test(a_path_and_what_is_below_it_give_the_whole),
		cmocka_unit_test(a_name_that_only_begins_alike_is_another_one),
		cmocka_unit_test(a_path_through_what_is_no_object_gives_nothing),
		cmocka_unit_test(a_text_cut_anywhere_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
