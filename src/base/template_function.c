/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "base/template_node.h"
#include "base/template_printf.h"

/* A JSON value whose place in Go is a string, or is nothing typed. */
static int want_string(const struct value *args, size_t at, const char **ret, struct reason *why)
{
	struct value value = args[at];

	why->argument = at;
	why->expected = "string";
	if (!value.json)
		return reason_set(why, "invalid value; expected string");
	if (!json_is_string(value.json))
		return reason_set(why, "wrong type for value; expected string; got %s",
				  value_type(value));
	why->argument = SIZE_MAX;
	*ret = json_string_value(value.json);
	return 0;
}

static int want_int(const struct value *args, size_t at, json_int_t *ret, struct reason *why)
{
	struct value value = args[at];

	why->argument = at;
	why->expected = "int";
	if (!json_is_integer(value.json))
		return reason_set(why, "wrong type for value; expected int; got %s",
				  value_type(value));
	why->argument = SIZE_MAX;
	*ret = json_integer_value(value.json);
	return 0;
}

static struct value value_text(struct run *run, struct buf *text)
{
	json_t *made = json_stringn_nocheck(text->data ? text->data : "", text->length);

	return (struct value){ run_keep(run, made), &template_string };
}

/* -- comparison ------------------------------------------------------------------------------- */

enum basic { BASIC_NONE, BASIC_STRING, BASIC_INT, BASIC_FLOAT, BASIC_BOOL, BASIC_OTHER };

static enum basic basic_of(struct value value)
{
	switch (value.json ? json_typeof(value.json) : JSON_NULL) {
	case JSON_STRING:
		return BASIC_STRING;
	case JSON_INTEGER:
		return BASIC_INT;
	case JSON_REAL:
		return BASIC_FLOAT;
	case JSON_TRUE:
	case JSON_FALSE:
		return BASIC_BOOL;
	case JSON_NULL:
		return BASIC_NONE;
	default:
		return BASIC_OTHER;
	}
}

static int not_comparable(struct value value, const char *name, struct reason *why)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	value_print(&text, value);
	return reason_set(why, "error calling %s: non-comparable type %s: %s", name, text.data,
			  value_type(value));
}

static int equal(struct value a, struct value b, bool *ret, const char *name, struct reason *why)
{
	enum basic ka = basic_of(a), kb = basic_of(b);

	if (ka == BASIC_OTHER || kb == BASIC_OTHER)
		return not_comparable(ka == BASIC_OTHER ? a : b, name, why);
	if (ka == BASIC_NONE || kb == BASIC_NONE) {
		*ret = ka == kb;
		return 0;
	}
	if (ka != kb)
		return reason_set(why, "error calling %s: incompatible types for comparison", name);
	*ret = json_equal(a.json, b.json);
	return 0;
}

static int call_eq(struct run *run, const struct value *args, size_t count, struct value *ret,
		   struct reason *why)
{
	bool same = false;

	(void)run;
	if (count == 1)
		return reason_set(why, "error calling eq: missing argument for comparison");
	for (size_t i = 1; i < count && !same; i++) {
		int r = equal(args[0], args[i], &same, "eq", why);

		if (r < 0)
			return r;
	}
	*ret = value_bool(same);
	return 0;
}

static int call_ne(struct run *run, const struct value *args, size_t count, struct value *ret,
		   struct reason *why)
{
	bool same = false;
	int r = equal(args[0], args[1], &same, "ne", why);

	(void)run;
	(void)count;
	*ret = value_bool(!same);
	return r;
}

static int order(const struct value *args, const char *name, int *ret, struct reason *why)
{
	enum basic a = basic_of(args[0]), b = basic_of(args[1]);

	if (a == BASIC_NONE || a == BASIC_OTHER || a == BASIC_BOOL)
		return reason_set(why, "error calling %s: invalid type for comparison", name);
	if (a != b)
		return reason_set(why, "error calling %s: incompatible types for comparison", name);
	if (a == BASIC_STRING) {
		*ret = strcmp(json_string_value(args[0].json), json_string_value(args[1].json));
	} else if (a == BASIC_INT) {
		json_int_t x = json_integer_value(args[0].json),
			   y = json_integer_value(args[1].json);

		*ret = x < y ? -1 : x > y;
	} else {
		double x = json_real_value(args[0].json), y = json_real_value(args[1].json);

		*ret = x < y ? -1 : x > y;
	}
	return 0;
}

#define ORDER(name, condition) \
	static int call_##name(struct run *run, const struct value *args, size_t count, \
			       struct value *ret, struct reason *why) \
	{ \
		int by = 0, r = order(args, #name, &by, why); \
\
		(void)run; \
		(void)count; \
		*ret = value_bool(condition); \
		return r; \
	}
ORDER(lt, by < 0)
ORDER(le, by <= 0)
ORDER(gt, by > 0)
ORDER(ge, by >= 0)

static int call_not(struct run *run, const struct value *args, size_t count, struct value *ret,
		    struct reason *why)
{
	(void)run;
	(void)count;
	(void)why;
	*ret = value_bool(!value_true(args[0]));
	return 0;
}

/* -- collections ------------------------------------------------------------------------------ */

static int call_len(struct run *run, const struct value *args, size_t count, struct value *ret,
		    struct reason *why)
{
	struct value value = args[0];
	size_t length = 0;

	(void)count;
	if (!value.json || (json_is_null(value.json) && value.shape->kind == TEMPLATE_ANY))
		return reason_set(why, "error calling len: len of untyped nil");
	if (json_is_string(value.json))
		length = json_string_length(value.json);
	else if (json_is_array(value.json))
		length = json_array_size(value.json);
	else if (json_is_object(value.json) && value.shape->kind != TEMPLATE_STRUCT)
		length = json_object_size(value.json);
	else if (!json_is_null(value.json) || value.shape->pointer)
		return reason_set(why, "error calling len: len of %s %s",
				  value.shape->pointer && json_is_null(value.json) ? "nil pointer" :
										     "type",
				  value_type(value));
	*ret = value_int(run, (json_int_t)length);
	return 0;
}

static int index_number(struct value index, size_t length, bool slicing, size_t *ret,
			const char *name, struct reason *why)
{
	json_int_t at;

	if (!json_is_integer(index.json)) {
		if (!index.json || json_is_null(index.json))
			return reason_set(
				why, "error calling %s: cannot index slice/array with nil", name);
		return reason_set(why, "error calling %s: cannot index slice/array with type %s",
				  name, value_type(index));
	}
	at = json_integer_value(index.json);
	if (!slicing && at >= 0 && (size_t)at == length) /* one past the end, Go finds later */
		return reason_set(why, "error calling %s: reflect: slice index out of range", name);
	if (at < 0 || (size_t)at > length)
		return reason_set(why, "error calling %s: index out of range: %lld", name,
				  (long long)at);
	*ret = (size_t)at;
	return 0;
}

static int index_one(struct run *run, struct value from, struct value by, struct value *ret,
		     struct reason *why)
{
	const json_t *json;
	size_t at = 0;
	int r;

	if (!from.json || (json_is_null(from.json) && from.shape->kind == TEMPLATE_ANY))
		return reason_set(why, "error calling index: index of untyped nil");
	if (json_is_null(from.json) && from.shape->pointer)
		return reason_set(why, "error calling index: index of nil pointer");
	if (json_is_array(from.json) || from.shape->kind == TEMPLATE_LIST) {
		r = index_number(by, json_array_size(from.json), false, &at, "index", why);
		if (r < 0)
			return r;
		*ret = (struct value){ json_array_get(from.json, at), value_element_shape(from) };
		return 0;
	}
	if (json_is_string(from.json)) {
		r = index_number(by, json_string_length(from.json), false, &at, "index", why);
		if (r == 0)
			*ret = value_int(run, (unsigned char)json_string_value(from.json)[at]);
		return r;
	}
	if (from.shape->kind == TEMPLATE_STRUCT || from.shape->kind == TEMPLATE_OPEN ||
	    (!json_is_object(from.json) && from.shape->kind != TEMPLATE_MAP))
		return reason_set(why, "error calling index: can't index item of type %s",
				  value_type(from));
	if (!json_is_string(by.json)) {
		if (!by.json)
			return reason_set(
				why, "error calling index: value is nil; should be of type string");
		return reason_set(why, "error calling index: value has type %s; should be string",
				  value_type(by));
	}
	if (from.shape->typed_keys)
		return reason_set(why, "error calling index: value has type string; should be %s",
				  "nat.Port");
	json = json_object_get(from.json, json_string_value(by.json));
	*ret = json ? (struct value){ json, value_element_shape(from) } :
		      value_zero(value_element_shape(from));
	return 0;
}

static int call_index(struct run *run, const struct value *args, size_t count, struct value *ret,
		      struct reason *why)
{
	struct value value = args[0];

	for (size_t i = 1; i < count; i++) {
		int r = index_one(run, value, args[i], &value, why);

		if (r < 0)
			return r;
	}
	*ret = value;
	return 0;
}

static int call_slice(struct run *run, const struct value *args, size_t count, struct value *ret,
		      struct reason *why)
{
	struct value value = args[0];
	bool text = json_is_string(value.json);
	size_t length = text ? json_string_length(value.json) : json_array_size(value.json),
	       bounds[2] = { 0, length };

	if (!value.json)
		return reason_set(why, "error calling slice: slice of untyped nil");
	if (!text && !json_is_array(value.json) && value.shape->kind != TEMPLATE_LIST)
		return reason_set(why, "error calling slice: can't slice item of type %s",
				  value_type(value));
	if (count > 3)
		return reason_set(why, "error calling slice: %s",
				  text ? "cannot 3-index slice a string" :
					 "too many slice indexes: 3");
	for (size_t i = 1; i < count; i++) {
		int r = index_number(args[i], length, true, &bounds[i - 1], "slice", why);

		if (r < 0)
			return r;
	}
	if (bounds[0] > bounds[1])
		return reason_set(why, "error calling slice: invalid slice index: %zu > %zu",
				  bounds[0], bounds[1]);
	if (text) {
		struct buf part = BUF_EMPTY;

		buf_add(&part, json_string_value(value.json) + bounds[0], bounds[1] - bounds[0]);
		*ret = value_text(run, &part);
		buf_clear(&part);
	} else {
		json_t *part = run_keep(run, json_array());

		for (size_t i = bounds[0]; i < bounds[1]; i++)
			(void)json_array_append(part, json_array_get(value.json, i));
		*ret = (struct value){ part, value.shape };
	}
	return 0;
}

/* -- strings ---------------------------------------------------------------------------------- */

static int call_json(struct run *run, const struct value *args, size_t count, struct value *ret,
		     struct reason *why)
{
	struct buf text = BUF_EMPTY;

	(void)count;
	(void)why;
	if (run_is_heading(run)) {
		*ret = args[0];
		return 0;
	}
	template_json(&text, args[0].json, args[0].shape);
	*ret = value_text(run, &text);
	buf_clear(&text);
	return 0;
}

static int call_join(struct run *run, const struct value *args, size_t count, struct value *ret,
		     struct reason *why)
{
	const char *separator;
	struct buf text = BUF_EMPTY;
	json_t *item;
	size_t i;

	(void)count;
	if (run_is_heading(run)) {
		*ret = args[0];
		return 0;
	}
	if (want_string(args, 1, &separator, why) < 0)
		return -1;
	why->argument = 0;
	if (!args[0].json)
		return reason_set(why, "invalid value; expected []string");
	if (!json_is_array(args[0].json) &&
	    !(json_is_null(args[0].json) && args[0].shape->kind == TEMPLATE_LIST))
		return reason_set(why, "wrong type for value; expected []string; got %s",
				  value_type(args[0]));
	json_array_foreach(args[0].json, i, item)
	{
		if (!json_is_string(item)) {
			buf_clear(&text);
			return reason_set(
				why, "wrong type for value; expected []string; got []%s",
				value_type((struct value){ item, value_element_shape(args[0]) }));
		}
		buf_puts(&text, i ? separator : "");
		buf_puts(&text, json_string_value(item));
	}
	*ret = value_text(run, &text);
	buf_clear(&text);
	return 0;
}

static int call_split(struct run *run, const struct value *args, size_t count, struct value *ret,
		      struct reason *why)
{
	const char *text, *separator, *end;
	json_t *list;
	size_t length;

	(void)count;
	if (run_is_heading(run)) {
		*ret = args[0];
		return 0;
	}
	if (want_string(args, 0, &text, why) < 0 || want_string(args, 1, &separator, why) < 0)
		return -1;
	list = run_keep(run, json_array());
	length = strlen(separator);
	for (; length == 0 && *text; text = end) { /* Go: into characters */
		for (end = text + 1; ((unsigned char)*end & 0xc0) == 0x80; end++)
			;
		(void)json_array_append_new(list, json_stringn_nocheck(text, (size_t)(end - text)));
	}
	for (; length && (end = strstr(text, separator)) != NULL; text = end + length)
		(void)json_array_append_new(list, json_stringn_nocheck(text, (size_t)(end - text)));
	if (length)
		(void)json_array_append_new(list, json_string_nocheck(text));
	*ret = (struct value){ list, &template_strings };
	return 0;
}

/* Case of all letters that Unicode has, whatever the user's locale. */
static locale_t unicode(void)
{
	static locale_t made; /* immutable once made */

	if (!made)
		made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return made;
}

enum change { CHANGE_UPPER, CHANGE_LOWER, CHANGE_TITLE };

static wint_t letter_change(wint_t c, enum change change, bool first)
{
	locale_t all = unicode();

	if (!all) {
		if (c > 127)
			return c;
		return change == CHANGE_LOWER		? (wint_t)tolower((int)c) :
		       change == CHANGE_TITLE && !first ? c :
							  (wint_t)toupper((int)c);
	}
	if (change == CHANGE_LOWER)
		return towlower_l(c, all);
	return change == CHANGE_UPPER || first ? towupper_l(c, all) : c;
}

/* strings.isSeparator: letters, digits and underscores are none; beyond ASCII only spaces are */
static bool separates(wint_t c)
{
	if (c < 128)
		return !isalnum((int)c) && c != '_';
	return unicode() && !iswalnum_l(c, unicode()) && iswspace_l(c, unicode());
}

static void text_change(struct buf *out, const char *text, enum change change)
{
	wint_t before = ' ';

	while (*text) {
		const unsigned char *b = (const unsigned char *)text;
		size_t n = b[0] < 0x80 ? 1 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
		wint_t c = n == 1 ? b[0] : (wint_t)(b[0] & (0xff >> (n + 1))), other;
		bool valid = true;
		char utf8[4];

		for (size_t i = 1; i < n && valid; i++) {
			valid = (b[i] & 0xc0) == 0x80;
			c = c << 6 | (b[i] & 0x3f);
		}
		if (!valid) { /* no UTF-8: as it is */
			buf_add(out, text++, 1);
			before = ' ';
			continue;
		}
		other = letter_change(c, change, separates(before));
		before = c;
		if (other == c || n == 1) {
			char byte = (char)other;

			buf_add(out, other == c ? text : &byte, other == c ? n : 1);
		} else if (other < 0x80) {
			utf8[0] = (char)other;
			buf_add(out, utf8, 1);
		} else if (other < 0x800) {
			utf8[0] = (char)(0xc0 | other >> 6);
			utf8[1] = (char)(0x80 | (other & 0x3f));
			buf_add(out, utf8, 2);
		} else if (other < 0x10000) {
			utf8[0] = (char)(0xe0 | other >> 12);
			utf8[1] = (char)(0x80 | (other >> 6 & 0x3f));
			utf8[2] = (char)(0x80 | (other & 0x3f));
			buf_add(out, utf8, 3);
		} else {
			buf_add(out, text, n);
		}
		text += n;
	}
}

static int call_change(struct run *run, const struct value *args, struct value *ret,
		       enum change change, struct reason *why)
{
	struct buf out = BUF_EMPTY;
	const char *text;

	if (run_is_heading(run)) {
		*ret = args[0];
		return 0;
	}
	if (want_string(args, 0, &text, why) < 0)
		return -1;
	text_change(&out, text, change);
	*ret = value_text(run, &out);
	buf_clear(&out);
	return 0;
}

static int call_upper(struct run *run, const struct value *args, size_t count, struct value *ret,
		      struct reason *why)
{
	(void)count;
	return call_change(run, args, ret, CHANGE_UPPER, why);
}

static int call_lower(struct run *run, const struct value *args, size_t count, struct value *ret,
		      struct reason *why)
{
	(void)count;
	return call_change(run, args, ret, CHANGE_LOWER, why);
}

static int call_title(struct run *run, const struct value *args, size_t count, struct value *ret,
		      struct reason *why)
{
	(void)count;
	return call_change(run, args, ret, CHANGE_TITLE, why);
}

/* pad "x" 1 2: " x  "; nothing for an empty string */
static int call_pad(struct run *run, const struct value *args, size_t count, struct value *ret,
		    struct reason *why)
{
	json_int_t before = 0, after = 0;
	struct buf out = BUF_EMPTY;
	const char *text;

	(void)count;
	if (want_string(args, 0, &text, why) < 0 || want_int(args, 1, &before, why) < 0 ||
	    want_int(args, 2, &after, why) < 0)
		return -1;
	if (before < 0 || after < 0 || before > 10000 || after > 10000)
		return reason_set(why, "error calling pad: strings: negative Repeat count");
	if (*text)
		buf_printf(&out, "%*s%s%*s", (int)before, "", text, (int)after, "");
	*ret = value_text(run, &out);
	buf_clear(&out);
	return 0;
}

static int call_truncate(struct run *run, const struct value *args, size_t count, struct value *ret,
			 struct reason *why)
{
	struct buf out = BUF_EMPTY;
	json_int_t length = 0;
	const char *text;

	(void)count;
	if (run_is_heading(run)) {
		*ret = args[0];
		return 0;
	}
	if (want_string(args, 0, &text, why) < 0 || want_int(args, 1, &length, why) < 0)
		return -1;
	if (length < 0)
		return reason_set(why, "error calling truncate: slice bounds out of range");
	buf_add(&out, text, strnlen(text, (size_t)length));
	*ret = value_text(run, &out);
	buf_clear(&out);
	return 0;
}

/* -- printing --------------------------------------------------------------------------------- */

/* fmt.Sprint: blanks between two neighbours neither of which is a string; fmt.Sprintln: between all */
static int print_all(struct run *run, const struct value *args, size_t count, bool line,
		     struct value *ret)
{
	struct buf out = BUF_EMPTY;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 &&
		    (line || (!json_is_string(args[i - 1].json) && !json_is_string(args[i].json))))
			buf_puts(&out, " ");
		if (!args[i].json)
			buf_puts(&out, "<nil>");
		else if (json_is_null(args[i].json) && args[i].shape->kind == TEMPLATE_ANY)
			buf_puts(&out, "<nil>");
		else
			value_print(&out, args[i]);
	}
	buf_puts(&out, line ? "\n" : "");
	*ret = value_text(run, &out);
	buf_clear(&out);
	return 0;
}

static int call_print(struct run *run, const struct value *args, size_t count, struct value *ret,
		      struct reason *why)
{
	(void)why;
	return print_all(run, args, count, false, ret);
}

static int call_println(struct run *run, const struct value *args, size_t count, struct value *ret,
			struct reason *why)
{
	(void)why;
	return print_all(run, args, count, true, ret);
}

static int call_printf(struct run *run, const struct value *args, size_t count, struct value *ret,
		       struct reason *why)
{
	struct buf out = BUF_EMPTY;
	const char *format;

	if (want_string(args, 0, &format, why) < 0)
		return -1;
	template_printf(&out, format, args + 1, count - 1);
	*ret = value_text(run, &out);
	buf_clear(&out);
	return 0;
}

/* html, js, urlquery: Go's escapers, on the printed arguments */
static int escape_all(struct run *run, const struct value *args, size_t count, struct value *ret,
		      void (*escape)(struct buf *out, const char *text))
{
	struct buf out = BUF_EMPTY;
	struct value text;

	(void)print_all(run, args, count, false, &text);
	escape(&out, json_string_value(text.json));
	*ret = value_text(run, &out);
	buf_clear(&out);
	return 0;
}

static void escape_by(struct buf *out, const char *text, const char *from, const char *const *to)
{
	for (; *text; text++) {
		const char *at = strchr(from, *text);

		if (at)
			buf_puts(out, to[at - from]);
		else
			buf_add(out, text, 1);
	}
}

static void escape_html(struct buf *out, const char *text)
{
	escape_by(out, text, "\"'&<>",
		  (const char *const[]){ "&#34;", "&#39;", "&amp;", "&lt;", "&gt;" });
}

static void escape_js(struct buf *out, const char *text)
{
	escape_by(out, text, "\\'\"<>&=\n\r\t",
		  (const char *const[]){ "\\\\", "\\'", "\\\"", "\\u003C", "\\u003E", "\\u0026",
					 "\\u003D", "\\u000A", "\\u000D", "\\u0009" });
}

static void escape_url(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-_.~", *text))
			buf_add(out, text, 1);
		else if (*text == ' ')
			buf_puts(out, "+");
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

#define ESCAPE(name, by) \
	static int call_##name(struct run *run, const struct value *args, size_t count, \
			       struct value *ret, struct reason *why) \
	{ \
		(void)why; \
		return escape_all(run, args, count, ret, by); \
	}
ESCAPE(html, escape_html)
ESCAPE(js, escape_js)
ESCAPE(urlquery, escape_url)

/* -- the list --------------------------------------------------------------------------------- */

static const struct function functions[] = {
	{ "and", 1, SIZE_MAX, NULL },
	{ "or", 1, SIZE_MAX, NULL },
	{ "not", 1, 1, call_not },
	{ "eq", 1, SIZE_MAX, call_eq },
	{ "ne", 2, 2, call_ne },
	{ "lt", 2, 2, call_lt },
	{ "le", 2, 2, call_le },
	{ "gt", 2, 2, call_gt },
	{ "ge", 2, 2, call_ge },
	{ "len", 1, 1, call_len },
	{ "index", 1, SIZE_MAX, call_index },
	{ "slice", 1, SIZE_MAX, call_slice },
	{ "print", 0, SIZE_MAX, call_print },
	{ "printf", 1, SIZE_MAX, call_printf },
	{ "println", 0, SIZE_MAX, call_println },
	{ "html", 0, SIZE_MAX, call_html },
	{ "js", 0, SIZE_MAX, call_js },
	{ "urlquery", 0, SIZE_MAX, call_urlquery },
	{ "json", 1, 1, call_json },
	{ "join", 2, 2, call_join },
	{ "split", 2, 2, call_split },
	{ "upper", 1, 1, call_upper },
	{ "lower", 1, 1, call_lower },
	{ "title", 1, 1, call_title },
	{ "pad", 3, 3, call_pad },
	{ "truncate", 2, 2, call_truncate },
};

const struct function *function_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

bool function_is_lazy(const struct function *function)
{
	return !function->call;
}
