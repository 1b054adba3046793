/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/filter.h"
#include "base/json.h"

static bool is_one_of(const char *name, const char *value, void *data)
{
	const json_t *object = data;

	return str_equal(json_string_value(json_object_get(object, name)), value) ||
	       (strcmp(name, "label") == 0 && filter_label(json_object_get(object, "l"), value));
}

static bool matches(const char *json, char *const *filters)
{
	_cleanup_json_ json_t *object = json_loads(json, 0, NULL);

	return filter_match(filters, is_one_of, object);
}

static void values_of_a_name_are_alternatives_and_names_are_all_needed(void **state)
{
	static const char web[] = "{\"name\":\"web\",\"status\":\"up\"}";

	(void)state;
	assert_true(matches(web, NULL));
	assert_true(matches(web, (char *[]){ "name=db", "name=web", NULL }));
	assert_false(matches(web, (char *[]){ "name=db", "name=x", NULL }));
	assert_true(matches(web, (char *[]){ "name=web", "status=up", NULL }));
	assert_false(matches(web, (char *[]){ "name=web", "status=down", NULL }));
}

static void of_labels_all_are_needed(void **state)
{
	static const char labels[] = "{\"l\":{\"a\":\"1\",\"b\":\"2\"}}";

	(void)state;
	assert_true(matches(labels, (char *[]){ "label=a", "label=b=2", NULL }));
	assert_false(matches(labels, (char *[]){ "label=a", "label=c", NULL }));
	assert_false(matches(labels, (char *[]){ "label=a=2", NULL }));
}

static void a_pattern_is_an_expression_or_the_text(void **state)
{
	(void)state;
	assert_true(filter_pattern("web1", "web"));
	assert_false(filter_pattern("web1", "^web$"));
	assert_true(filter_pattern("web1", "^web[0-9]$"));
	assert_true(filter_pattern("a[b", "a[b"));
	assert_true(filter_pattern("xa[bx", "a[b")); /* no expression: as it stands */
}

static void what_is_no_filter_is_told(void **state)
{
	static const char *const names[] = { "name", "label!", NULL };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(filter_check((char *[]){ "name=x", "label!=a=b", NULL }, names, &err), 0);
	assert_true(filter_check((char *[]){ "name", NULL }, names, &err) < 0);
	assert_string_equal(
		err.words,
		"invalid argument \"name\" for \"-f, --filter\" flag: bad format of filter (expected name=value)");
	assert_true(filter_check((char *[]){ "names=x", NULL }, names, &err) < 0);
	assert_string_equal(err.words, "invalid filter 'names'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_a_name_are_alternatives_and_names_are_all_needed),
		cmocka_unit_test(of_labels_all_are_needed),
		cmocka_unit_test(a_pattern_is_an_expression_or_the_text),
		cmocka_unit_test(what_is_no_filter_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
