/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the table of Docker's answers (src/cli/format_test.c) does not reach: limits, headings, shapes of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/template.h"

static int run(const char *text, const char *json, const struct template_shape *shape,
	       unsigned int flags, struct buf *out, struct err *err)
{
	_cleanup_json_ json_t *data = json_loads(json, JSON_DECODE_ANY, NULL);
	struct template *t = NULL;
	int r;

	assert_non_null(data);
	*err = ERR_NONE;
	r = template_parse(text, &t, err);
	if (r == 0)
		r = template_run(t, data, shape, flags, out, err);
	template_free(t);
	return r;
}

static void assert_prints(const char *text, const char *json, const char *expected)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	struct err err;

	if (run(text, json, NULL, 0, &out, &err) < 0)
		fail_msg("%s: %s", text, err.words);
	assert_string_equal(out.data ? out.data : "", expected);
}

static void assert_fails(const char *text, const char *json, const char *words)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	struct err err;

	assert_true(run(text, json, NULL, 0, &out, &err) < 0);
	if (!strstr(err.words, words))
		fail_msg("%s: \"%s\" is not in \"%s\"", text, words, err.words);
}

static void maps_are_ranged_over_in_the_order_of_their_keys(void **state)
{
	(void)state;
	assert_prints("{{range $k, $v := .}}{{$k}}{{$v}} {{end}}", "{\"b\":2,\"a\":1,\"c\":3}",
		      "a1 b2 c3 ");
	assert_prints("{{json .}}", "{\"b\":[1,{\"z\":null,\"y\":true}],\"a\":1.5}",
		      "{\"a\":1.5,\"b\":[1,{\"y\":true,\"z\":null}]}");
}

static void variables_end_with_their_block(void **state)
{
	(void)state;
	assert_prints("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "{}", "21");
	assert_prints("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "{}", "2");
	assert_prints("{{range $i, $x := .}}{{range $y := $x}}{{$i}}{{$y}},{{end}}{{end}}",
		      "[[1,2],[3]]", "01,02,13,");
	assert_fails("{{if true}}{{$x := 2}}{{end}}{{$x}}", "{}", "undefined variable \"$x\"");
	assert_fails("{{$x = 2}}", "{}", "undefined variable \"$x\"");
}

static void and_and_or_look_no_further_than_they_must(void **state)
{
	(void)state;
	assert_prints("{{or 1 (index . 9)}} {{and 0 (index . 9)}}", "[]", "1 0");
	assert_fails("{{and 1 (index . 9)}}", "[]", "index out of range: 9");
	assert_prints("{{if and (eq 1 1) (not (eq 1 2)) (or false true)}}y{{end}}", "[]", "y");
}

static void a_position_counts_lines_and_bytes(void **state)
{
	(void)state;
	assert_fails("a\nb\n  {{upper 5}}", "{}", "template: :3:10: executing \"\" at <5>");
	assert_fails("a\nb {{\n.x | foo }}", "{}", "template: :3: function \"foo\" not defined");
}

static void headings_stay_as_they_are(void **state)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	struct err err;

	(void)state;
	assert_int_equal(run("{{upper .A}} {{json .A}} {{truncate .A 1}} {{pad .A 1 0}}",
			     "{\"A\":\"Names\"}", NULL, TEMPLATE_HEADING, &out, &err),
			 0);
	assert_string_equal(out.data, "Names Names Names  Names");
}

static void an_open_struct_keeps_its_order_and_refuses_what_it_has_not(void **state)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	struct err err;

	(void)state;
	assert_int_equal(run("{{json .}} {{.B.D}}", "{\"B\":{\"D\":1,\"C\":2},\"A\":\"\"}",
			     &template_open, 0, &out, &err),
			 0);
	assert_string_equal(out.data, "{\"B\":{\"D\":1,\"C\":2},\"A\":\"\"} 1");
	assert_true(run("{{.X}}", "{}", &template_open, 0, &out, &err) < 0);
	assert_string_equal(
		err.words,
		"template: :1:2: executing \"\" at <.X>: can't evaluate field X in type struct");
}

static void what_does_not_end_is_ended(void **state)
{
	_cleanup_(buf_clear) struct buf deep = BUF_EMPTY;

	(void)state;
	assert_fails("{{range 99999999}}{{range 99999999}}{{end}}{{end}}", "{}",
		     "does not come to an end");
	for (int i = 0; i < 5000; i++)
		buf_puts(&deep, "{{if ((((1))))}}");
	assert_fails(deep.data, "{}", "too deep");
	buf_clear(&deep);
	buf_puts(&deep, "{{");
	for (int i = 0; i < 100000; i++)
		buf_puts(&deep, "(");
	assert_fails(deep.data, "{}", "too deep");
}

static void durations_print_as_go_has_them(void **state)
{
	static const struct {
		const char *ns, *text;
	} cases[] = {
		{ "0", "0s" },
		{ "1", "1ns" },
		{ "1500", "1.5µs" },
		{ "2500000", "2.5ms" },
		{ "30000000000", "30s" },
		{ "90500000000", "1m30.5s" },
		{ "3600000000000", "1h0m0s" },
		{ "-1000000000", "-1s" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
		struct err err;

		assert_int_equal(run("{{.}}", cases[i].ns, &template_duration, 0, &out, &err), 0);
		assert_string_equal(out.data, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_ranged_over_in_the_order_of_their_keys),
		cmocka_unit_test(variables_end_with_their_block),
		cmocka_unit_test(and_and_or_look_no_further_than_they_must),
		cmocka_unit_test(a_position_counts_lines_and_bytes),
		cmocka_unit_test(headings_stay_as_they_are),
		cmocka_unit_test(an_open_struct_keeps_its_order_and_refuses_what_it_has_not),
		cmocka_unit_test(what_does_not_end_is_ended),
		cmocka_unit_test(durations_print_as_go_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
