/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

struct inner {
	int64_t low;
	char *word;
};

struct outer {
	char *name;
	char **list;
	bool flag, small_set;
	uint64_t big;
	int small;
	struct inner inner;
	struct json_slice slice;
	uint32_t sum;
	struct buf log;
};

static int item_take(void *root, void *element, struct err *err)
{
	struct outer *outer = root;
	struct inner *inner = element;

	if (!inner->word)
		return err_set(err, EINVAL, "word is missing");
	buf_printf(&outer->log, "%s=%lld;", inner->word, (long long)inner->low);
	return 0;
}

static int pair_take(void *root, void *element, struct err *err)
{
	struct outer *outer = root;
	struct json_pair *pair = element;

	(void)err;
	buf_printf(&outer->log, "%s:%s;", pair->name ? pair->name : "-", pair->value);
	return 0;
}

static int number_take(void *root, void *element, struct err *err)
{
	(void)err;
	((struct outer *)root)->sum += *(uint32_t *)element;
	return 0;
}

static const struct json_field inner_table[] = {
	FIELD_INT("low", struct inner, low, -5, 5),
	FIELD_STRING("word", struct inner, word),
	FIELD_END,
};

struct entry {
	char *key;
	int64_t low;
};

static const struct json_field entry_table[] = {
	FIELD_INT("low", struct entry, low, -5, 5),
	FIELD_END,
};

static int entry_take(void *root, void *element, struct err *err)
{
	struct entry *entry = element;

	(void)err;
	buf_printf(&((struct outer *)root)->log, "%s>%lld;", entry->key, (long long)entry->low);
	return 0;
}

static const struct json_field outer_table[] = {
	FIELD_STRING("name", struct outer, name),
	FIELD_STRV("list", struct outer, list),
	FIELD_BOOL("flag", struct outer, flag),
	FIELD_UINT("big", struct outer, big, 0, UINT64_MAX),
	FIELD_INT32_SET("small", struct outer, small, small_set, -10, 10),
	FIELD_OBJECT("inner", struct outer, inner, inner_table),
	FIELD_SLICE("slice", struct outer, slice),
	FIELD_EACH("items", struct inner, inner_table, item_take),
	FIELD_ENTRIES("entries", struct entry, entry_table, entry_take),
	FIELD_PAIRS("pairs", pair_take),
	FIELD_WORDS("words", pair_take),
	FIELD_NUMBERS("numbers", number_take),
	FIELD_END,
};

static int read_text(const char *text, struct outer *outer, struct err *err)
{
	*outer = (struct outer){ 0 };
	return json_table_read(text, strlen(text), "doc", outer_table, outer, outer, err);
}

static void clear(struct outer *outer)
{
	json_table_clear(outer_table, outer);
	buf_clear(&outer->log);
}

static void refused(const char *text, const char *words)
{
	struct err err = ERR_NONE;
	struct outer outer;

	assert_int_equal(read_text(text, &outer, &err), -EINVAL);
	assert_string_equal(err.words, words);
	clear(&outer);
}

static void values_of_every_kind_are_read(void **state)
{
	struct err err = ERR_NONE;
	struct outer outer;

	(void)state;
	assert_int_equal(
		read_text(" { \"name\": \"a\\u00e9\\ud83d\\ude00\\n\", \"list\": [\"x\", \"y\"],\n"
			  "\"flag\": true, \"big\": 18446744073709551615, \"small\": -10,"
			  "\"inner\": {\"low\": 5, \"word\": \"w\"}, \"slice\": {\"a\": [1, {}]},"
			  "\"items\": [{\"word\": \"i\", \"low\": -5}, {\"word\": \"j\"}],"
			  "\"entries\": {\"e\": {\"low\": 3}}, \"pairs\": {\"p\": \"q\"},"
			  "\"words\": [\"s\"], \"numbers\": [1, 2, 4294967290] } ",
			  &outer, &err),
		0);
	assert_string_equal(outer.name, "a\xc3\xa9\xf0\x9f\x98\x80\n");
	assert_int_equal(strv_length(outer.list), 2);
	assert_string_equal(outer.list[1], "y");
	assert_true(outer.flag);
	assert_true(outer.big == UINT64_MAX);
	assert_int_equal(outer.small, -10);
	assert_true(outer.small_set);
	assert_int_equal(outer.inner.low, 5);
	assert_string_equal(outer.inner.word, "w");
	assert_int_equal(outer.slice.length, strlen("{\"a\": [1, {}]}"));
	assert_memory_equal(outer.slice.text, "{\"a\": [1, {}]}", outer.slice.length);
	assert_string_equal(outer.log.data, "i=-5;j=0;e>3;p:q;-:s;");
	assert_int_equal(outer.sum, 4294967293u);
	clear(&outer);
}

static void null_is_missing_and_unknown_keys_are_passed_over(void **state)
{
	struct err err = ERR_NONE;
	struct outer outer;

	(void)state;
	assert_int_equal(read_text("{\"name\": null, \"small\": null, \"other\": {\"x\": [true, "
				   "false, null, -1.5e+3, \"\\\"\"], \"x\": 1}, \"other\": 0}",
				   &outer, &err),
			 0);
	assert_null(outer.name);
	assert_false(outer.small_set);
	clear(&outer);
}

static void words_name_the_place(void **state)
{
	(void)state;
	refused("{\"name\": 1}", "doc: name: is not a string");
	refused("{\"list\": [\"a\", 2]}", "doc: list[1]: is not a string");
	refused("{\"list\": \"a\"}", "doc: list: is not an array");
	refused("{\"inner\": {\"low\": 6}}", "doc: inner.low: is not between -5 and 5");
	refused("{\"inner\": {\"low\": -6}}", "doc: inner.low: is not between -5 and 5");
	refused("{\"inner\": []}", "doc: inner: is not an object");
	refused("{\"items\": [{\"word\": \"a\"}, {}]}", "doc: items[1]: word is missing");
	refused("{\"big\": 18446744073709551616}",
		"doc: big: is not between 0 and 18446744073709551615");
	refused("{\"big\": -1}", "doc: big: is not between 0 and 18446744073709551615");
	refused("{\"big\": 1.5}", "doc: big: is not a whole number");
	refused("{\"flag\": 1}", "doc: flag: is not true or false");
	refused("{\"pairs\": {\"k\": 1}}", "doc: pairs.k: is not a string");
	refused("{\"name\": \"a\", \"name\": \"b\"}", "doc: name: stands there twice");
	refused("{\"name\": \"a\\u0000\"}", "doc: name: a NUL in a string");
	refused("[]", "doc: is not an object");
}

static void broken_text_is_refused_at_its_line(void **state)
{
	(void)state;
	refused("", "doc: is empty");
	refused("{", "doc: line 1, column 2: a key is not a string");
	refused("{\"name\": \"a\"\n", "doc: line 2, column 1: an object without end");
	refused("{\"name\" \"a\"}", "doc: line 1, column 9: a key without value");
	refused("{\"name\": \"a\",}", "doc: line 1, column 14: a key is not a string");
	refused("{\"name\": \"a\"} x", "doc: line 1, column 15: more behind the end");
	refused("{\"name\": \"a", "doc: line 1, column 12: a string without end");
	refused("{\"name\": \"\x80\"}", "doc: line 1, column 11: a string is not UTF-8");
	refused("{\"name\": \"\xed\xa0\x80\"}", "doc: line 1, column 11: a string is not UTF-8");
	refused("{\"name\": \"\\ud800x\"}", "doc: line 1, column 17: half of a surrogate pair");
	refused("{\"name\": \"\\x\"}", "doc: line 1, column 12: unknown escape in a string");
	refused("{\"big\": 01}", "doc: line 1, column 9: a number with a leading zero");
	refused("{\"o\": nul}", "doc: line 1, column 7: a value is missing");
}

static void what_is_nested_too_deep_is_refused(void **state)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;
	struct outer outer;

	(void)state;
	buf_puts(&text, "{\"o\": ");
	for (int i = 0; i < JSON_TABLE_DEPTH; i++)
		buf_puts(&text, "[");
	assert_int_equal(read_text(text.data, &outer, &err), -EINVAL);
	assert_non_null(strstr(err.words, "nested too deep"));
	clear(&outer);
}

static void quoted_text_can_be_read_again(void **state)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;
	struct outer outer;

	(void)state;
	buf_puts(&text, "{\"name\": ");
	json_quote(&text, "a\"b\\c\n\x01\xc3\xa9\xff");
	buf_puts(&text, "}");
	assert_int_equal(read_text(text.data, &outer, &err), 0);
	assert_string_equal(outer.name, "a\"b\\c\n\x01\xc3\xa9\xef\xbf\xbd");
	clear(&outer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_every_kind_are_read),
		cmocka_unit_test(null_is_missing_and_unknown_keys_are_passed_over),
		cmocka_unit_test(words_name_the_place),
		cmocka_unit_test(broken_text_is_refused_at_its_line),
		cmocka_unit_test(what_is_nested_too_deep_is_refused),
		cmocka_unit_test(quoted_text_can_be_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
