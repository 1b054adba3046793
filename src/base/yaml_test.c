/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/yaml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

static void what_yaml_says_is_json(void **state)
{
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{ "a: 1\nb: [x, 'y', \"z\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"]}" },
		{ "- ~\n- null\n- true\n- False\n- '1'\n- 1.5\n- -7\n- 0x1f\n- 0660\n",
		  "[null,null,true,false,\"1\",1.5,-7,31,432]" },
		{ "a:\n  b:\n    - c: d\n      e: f\n",
		  "{\"a\":{\"b\":[{\"c\":\"d\",\"e\":\"f\"}]}}" },
		{ "---\n{\"a\": {\"b\": []}}\n", "{\"a\":{\"b\":[]}}" },
		{ "text: |\n  one\n  two\n", "{\"text\":\"one\\ntwo\\n\"}" },
		{ "path: /dev/null # a comment\nv: 1.2.3\ne: e\nd: dead\n",
		  "{\"path\":\"/dev/null\",\"v\":\"1.2.3\",\"e\":\"e\",\"d\":\"dead\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_NONE;
		_cleanup_json_ json_t *json = yaml_load(cases[i].yaml, strlen(cases[i].yaml), &err);
		_cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

		assert_string_equal(text ? text : err.words, cases[i].json);
	}
}

static void what_is_refused_names_its_line(void **state)
{
	static const struct {
		const char *yaml, *words;
	} cases[] = {
		{ "", "line 1: there is nothing in it" },
		{ "a: 1\na: 2\n", "line 2: a key that is there twice" },
		{ "a: &x 1\nb: *x\n", "line 1: anchors and tags are not possible" },
		{ "a: !!int '1'\n", "line 1: anchors and tags are not possible" },
		{ "b: *x\n", "line 1: aliases are not possible" },
		{ "a: 1\n---\nb: 2\n", "line 2: more than one document" },
		{ "[a]: b\n", "line 1: a key that is no text" },
		{ "a: [1\nb: 2\n", "line 2" },
		{ "\ta: 1\n", "line 1" },
	};
	char deep[512] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_NONE;

		assert_null(yaml_load(cases[i].yaml, strlen(cases[i].yaml), &err));
		assert_int_equal(err.code, EBADMSG);
		assert_non_null(strstr(err.words, cases[i].words));
	}
	memset(deep, '[', 200);
	{
		struct err err = ERR_NONE;

		assert_null(yaml_load(deep, strlen(deep), &err));
		assert_string_equal(err.words, "line 1: too deep");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_yaml_says_is_json),
		cmocka_unit_test(what_is_refused_names_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
