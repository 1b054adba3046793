/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

enum { PLACE_MAX = 200 };

struct input {
	const char *start, *p, *end;
	const char *what;
	void *root;
	struct err *err;
	unsigned int depth;
	char place[PLACE_MAX];
};

/* -- words ------------------------------------------------------------------------------------ */

static int syntax(const struct input *in, const char *words)
{
	unsigned int line = 1, column = 1;

	for (const char *p = in->start; p < in->p; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	return err_set(in->err, EINVAL, "%s: line %u, column %u: %s", in->what, line, column,
		       words);
}

static int refuse(const struct input *in, const char *words)
{
	return err_set(in->err, EINVAL, "%s: %s%s%s", in->what, in->place, *in->place ? ": " : "",
		       words);
}

/* The place one level deeper; a long one is cut, which only words suffer from. Returns the length to go back to. */
static size_t place_key(struct input *in, const char *key)
{
	size_t length = strlen(in->place);

	if (length > 0)
		(void)str_append(in->place, sizeof(in->place), ".");
	(void)str_append(in->place, sizeof(in->place), key);
	return length;
}

static size_t place_index(struct input *in, size_t index)
{
	size_t length = strlen(in->place);

	(void)snprintf(in->place + length, sizeof(in->place) - length, "[%zu]", index);
	return length;
}

/* -- lexing ----------------------------------------------------------------------------------- */

static void blanks(struct input *in)
{
	while (in->p < in->end &&
	       (*in->p == ' ' || *in->p == '\n' || *in->p == '\t' || *in->p == '\r'))
		in->p++;
}

static char peek(struct input *in)
{
	blanks(in);
	return in->p < in->end ? *in->p : '\0';
}

static bool eat(struct input *in, char c)
{
	if (peek(in) != c || in->p >= in->end)
		return false;
	in->p++;
	return true;
}

static bool eat_word(struct input *in, const char *word)
{
	size_t length = strlen(word);

	blanks(in);
	if ((size_t)(in->end - in->p) < length || memcmp(in->p, word, length) != 0)
		return false;
	in->p += length;
	return true;
}

/* The length of the UTF-8 character at p (RFC 3629: shortest form, no surrogates), 0: it is none. */
static size_t utf8_length(const unsigned char *p, const unsigned char *end)
{
	static const struct {
		unsigned char first, last, low, high; /* lead bytes, bounds of the second */
		size_t length;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (*p < forms[i].first || *p > forms[i].last)
			continue;
		if ((size_t)(end - p) < forms[i].length)
			return 0;
		if (forms[i].length > 1 && (p[1] < forms[i].low || p[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

static int hex4(struct input *in, unsigned int *ret)
{
	unsigned int value = 0;

	if (in->end - in->p < 4)
		return syntax(in, "\\u wants four hexadecimal digits");
	for (int i = 0; i < 4; i++) {
		char c = *in->p++;

		value <<= 4;
		if (c >= '0' && c <= '9')
			value |= (unsigned int)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value |= (unsigned int)((c | 0x20) - 'a' + 10);
		else
			return syntax(in, "\\u wants four hexadecimal digits");
	}
	*ret = value;
	return 0;
}

static void utf8_put(struct buf *out, unsigned int c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xc0 | c >> 6);
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xe0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_add(out, bytes, n);
}

/* in->p is behind the backslash */
static int escape_read(struct input *in, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = in->p < in->end && *in->p ? strchr(from, *in->p) : NULL;
	unsigned int c, low;
	int r;

	if (found) {
		in->p++;
		buf_add(out, &to[found - from], 1);
		return 0;
	}
	if (in->p >= in->end || *in->p != 'u')
		return syntax(in, "unknown escape in a string");
	in->p++;
	r = hex4(in, &c);
	if (r < 0)
		return r;
	if (c == 0)
		return refuse(in, "a NUL in a string");
	if (c >= 0xdc00 && c <= 0xdfff)
		return syntax(in, "half of a surrogate pair");
	if (c >= 0xd800 && c <= 0xdbff) {
		if (in->end - in->p < 2 || in->p[0] != '\\' || in->p[1] != 'u')
			return syntax(in, "half of a surrogate pair");
		in->p += 2;
		r = hex4(in, &low);
		if (r < 0)
			return r;
		if (low < 0xdc00 || low > 0xdfff)
			return syntax(in, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	utf8_put(out, c);
	return 0;
}

/* The string whose first quote is next; out NULL: passed over. */
static int string_read(struct input *in, struct buf *out)
{
	struct buf unused = BUF_EMPTY;
	int r = 0;

	if (!eat(in, '"'))
		return refuse(in, "is not a string");
	while (r == 0) {
		const char *plain = in->p;

		while (in->p < in->end && *in->p != '"' && *in->p != '\\') {
			size_t n = utf8_length((const unsigned char *)in->p,
					       (const unsigned char *)in->end);

			if (n == 0 || (unsigned char)*in->p < 0x20)
				return syntax(in, n ? "a control character in a string" :
						      "a string is not UTF-8");
			in->p += n;
		}
		if (in->p >= in->end)
			return syntax(in, "a string without end");
		if (out)
			buf_add(out, plain, (size_t)(in->p - plain));
		if (*in->p++ == '"')
			return 0;
		r = escape_read(in, out ? out : &unused);
		if (!out)
			buf_clear(&unused);
	}
	return r;
}

static int string_copy(struct input *in, char **ret)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = string_read(in, &text);

	if (r == 0) {
		buf_add(&text, "", 0);
		*ret = text.data;
		text = BUF_EMPTY;
	}
	return r;
}

struct number {
	bool negative, whole, huge;
	uint64_t magnitude;
};

static int digits_read(struct input *in, struct number *number)
{
	if (in->p >= in->end || *in->p < '0' || *in->p > '9')
		return syntax(in, "a number without digits");
	for (; in->p < in->end && *in->p >= '0' && *in->p <= '9'; in->p++) {
		unsigned int digit = (unsigned int)(*in->p - '0');

		if (number &&
		    (__builtin_mul_overflow(number->magnitude, 10, &number->magnitude) ||
		     __builtin_add_overflow(number->magnitude, digit, &number->magnitude)))
			number->huge = true;
	}
	return 0;
}

static int number_read(struct input *in, struct number *ret)
{
	struct number number = { .whole = true };
	bool zero;
	int r;

	number.negative = eat(in, '-');
	zero = in->p < in->end && *in->p == '0';
	if (zero && in->end - in->p > 1 && in->p[1] >= '0' && in->p[1] <= '9')
		return syntax(in, "a number with a leading zero");
	r = digits_read(in, &number);
	if (r == 0 && in->p < in->end && *in->p == '.') {
		in->p++;
		number.whole = false;
		r = digits_read(in, NULL);
	}
	if (r == 0 && in->p < in->end && (*in->p | 0x20) == 'e') {
		in->p++;
		number.whole = false;
		if (in->p < in->end && (*in->p == '+' || *in->p == '-'))
			in->p++;
		r = digits_read(in, NULL);
	}
	if (r == 0)
		*ret = number;
	return r;
}

/* -- values that are passed over -------------------------------------------------------------- */

static int skip(struct input *in);

/* Between brackets: item() for each. */
static int items(struct input *in, char open, char close, int (*item)(struct input *in, void *data),
		 void *data)
{
	int r = 0;

	if (!eat(in, open))
		return refuse(in, open == '{' ? "is not an object" : "is not an array");
	if (++in->depth > JSON_TABLE_DEPTH)
		return syntax(in, "nested too deep");
	if (!eat(in, close)) {
		do
			r = item(in, data);
		while (r == 0 && eat(in, ','));
		if (r == 0 && !eat(in, close))
			r = syntax(in,
				   open == '{' ? "an object without end" : "an array without end");
	}
	in->depth--;
	return r;
}

static int skip_member(struct input *in, void *data)
{
	int r;

	(void)data;
	if (peek(in) != '"')
		return syntax(in, "a key is not a string");
	r = string_read(in, NULL);
	if (r == 0 && !eat(in, ':'))
		r = syntax(in, "a key without value");
	return r < 0 ? r : skip(in);
}

static int skip_element(struct input *in, void *data)
{
	(void)data;
	return skip(in);
}

static int skip(struct input *in)
{
	struct number number;

	switch (peek(in)) {
	case '{':
		return items(in, '{', '}', skip_member, NULL);
	case '[':
		return items(in, '[', ']', skip_element, NULL);
	case '"':
		return string_read(in, NULL);
	default:
		if (eat_word(in, "null") || eat_word(in, "true") || eat_word(in, "false"))
			return 0;
		if (peek(in) == '-' || (peek(in) >= '0' && peek(in) <= '9'))
			return number_read(in, &number);
		return syntax(in, "a value is missing");
	}
}

/* -- values by a table ------------------------------------------------------------------------ */

static int object_read(struct input *in, const struct json_field *table, void *target);

static int integer_read(struct input *in, const struct json_field *field, void *at)
{
	struct number n = { 0 };
	uint64_t least = field->min < 0 ? -(uint64_t)field->min : 0;
	bool low, high;
	int r;

	if (peek(in) != '-' && (peek(in) < '0' || peek(in) > '9'))
		return refuse(in, "is not a number");
	r = number_read(in, &n);
	if (r < 0)
		return r;
	if (!n.whole)
		return refuse(in, "is not a whole number");
	if (n.magnitude == 0 && !n.huge)
		n.negative = false;
	low = n.negative ? n.huge || n.magnitude > least :
			   !n.huge && field->min > 0 && n.magnitude < (uint64_t)field->min;
	high = !n.negative && (n.huge || n.magnitude > field->max);
	if (low || high) {
		char words[96];

		(void)snprintf(words, sizeof(words), "is not between %lld and %llu",
			       (long long)field->min, (unsigned long long)field->max);
		return refuse(in, words);
	}
	if (n.negative)
		n.magnitude = -n.magnitude;
	switch (field->kind) {
	case JSON_KIND_INT:
		*(int64_t *)at = (int64_t)n.magnitude;
		break;
	case JSON_KIND_INT32:
		*(int *)at = (int)(int64_t)n.magnitude;
		break;
	case JSON_KIND_UINT32:
		*(uint32_t *)at = (uint32_t)n.magnitude;
		break;
	default:
		*(uint64_t *)at = n.magnitude;
	}
	return 0;
}

struct array { /* what the readers of items share */
	const struct json_field *field;
	void *at;
	size_t count;
};

static int took(struct input *in, const struct json_field *field, void *element)
{
	int r = field->take(in->root, element, in->err);

	if (r < 0 && *in->place)
		(void)err_wrap(in->err, "%s: %s", in->what, in->place);
	else if (r < 0)
		(void)err_wrap(in->err, "%s", in->what);
	return r;
}

static int count_check(struct input *in, const struct array *array)
{
	return array->count < JSON_TABLE_ITEMS ? 0 : refuse(in, "has too many items");
}

static int strv_item(struct input *in, void *data)
{
	struct array *array = data;
	char *text = NULL;
	size_t back;
	int r = count_check(in, array);

	if (r < 0)
		return r;
	back = place_index(in, array->count++);
	r = string_copy(in, &text);
	if (r < 0)
		return r;
	strv_add_take((char ***)array->at, text);
	in->place[back] = '\0';
	return 0;
}

static int word_read(struct input *in, const struct json_field *field)
{
	struct json_pair pair = { 0 };
	int r = string_copy(in, &pair.value);

	if (r == 0)
		r = took(in, field, &pair);
	free(pair.value);
	return r;
}

static int word_item(struct input *in, void *data)
{
	struct array *array = data;
	size_t back = place_index(in, array->count++);
	int r = word_read(in, array->field);

	in->place[back] = '\0';
	return r;
}

static int number_item(struct input *in, void *data)
{
	struct array *array = data;
	struct json_field one = { .kind = JSON_KIND_UINT32, .max = array->field->max };
	size_t back = place_index(in, array->count++);
	uint32_t value = 0;
	int r = integer_read(in, &one, &value);

	if (r == 0)
		r = took(in, array->field, &value);
	in->place[back] = '\0';
	return r;
}

static int pair_item(struct input *in, void *data)
{
	struct array *array = data;
	struct json_pair pair = { 0 };
	size_t back = strlen(in->place);
	int r = peek(in) == '"' ? string_copy(in, &pair.name) : syntax(in, "a key is not a string");

	if (r == 0) {
		(void)place_key(in, pair.name);
		r = eat(in, ':') ? 0 : syntax(in, "a key without value");
	}
	if (r == 0)
		r = string_copy(in, &pair.value);
	if (r == 0)
		r = took(in, array->field, &pair);
	free(pair.name);
	free(pair.value);
	in->place[back] = '\0';
	return r;
}

static int one_read(struct input *in, const struct json_field *field, char **name)
{
	_cleanup_free_ void *element = mem_new(field->size);
	int r;

	if (name)
		*(char **)element = *name;
	r = object_read(in, field->table, element);
	if (r == 0)
		r = took(in, field, element);
	if (name)
		*name = *(char **)element; /* NULL when it was taken */
	json_table_clear(field->table, element);
	return r;
}

static int each_item(struct input *in, void *data)
{
	struct array *array = data;
	size_t back = place_index(in, array->count++);
	int r = one_read(in, array->field, NULL);

	in->place[back] = '\0';
	return r;
}

static int entry_item(struct input *in, void *data)
{
	struct array *array = data;
	size_t back = strlen(in->place);
	char *name = NULL;
	int r = peek(in) == '"' ? string_copy(in, &name) : syntax(in, "a key is not a string");

	if (r == 0) {
		(void)place_key(in, name);
		r = eat(in, ':') ? one_read(in, array->field, &name) :
				   syntax(in, "a key without value");
	}
	free(name);
	in->place[back] = '\0';
	return r;
}

static int slice_read(struct input *in, struct json_slice *slice)
{
	int r;

	if (peek(in) != '{')
		return refuse(in, "is not an object");
	slice->text = in->p;
	r = skip(in);
	slice->length = (size_t)(in->p - slice->text);
	return r;
}

static int value_read(struct input *in, const struct json_field *field, void *target)
{
	char *at = (char *)target + field->offset;
	struct array array = { .field = field, .at = at };

	switch (field->kind) {
	case JSON_KIND_STRING:
		return string_copy(in, (char **)(void *)at);
	case JSON_KIND_STRV:
		return items(in, '[', ']', strv_item, &array);
	case JSON_KIND_BOOL:
		if (eat_word(in, "true"))
			*(bool *)at = true;
		else if (!eat_word(in, "false"))
			return refuse(in, "is not true or false");
		return 0;
	case JSON_KIND_INT:
	case JSON_KIND_UINT:
	case JSON_KIND_INT32:
	case JSON_KIND_UINT32:
		return integer_read(in, field, at);
	case JSON_KIND_OBJECT:
		return object_read(in, field->table, at);
	case JSON_KIND_EACH:
		return items(in, '[', ']', each_item, &array);
	case JSON_KIND_PAIRS:
		return items(in, '{', '}', pair_item, &array);
	case JSON_KIND_ONE:
		return one_read(in, field, NULL);
	case JSON_KIND_ENTRIES:
		return items(in, '{', '}', entry_item, &array);
	case JSON_KIND_WORD:
		return word_read(in, field);
	case JSON_KIND_WORDS:
		return items(in, '[', ']', word_item, &array);
	case JSON_KIND_NUMBERS:
		return items(in, '[', ']', number_item, &array);
	case JSON_KIND_SLICE:
		return slice_read(in, (struct json_slice *)(void *)at);
	case JSON_KIND_END:
		break;
	}
	abort();
}

struct object {
	const struct json_field *table;
	void *target;
	bool seen[JSON_TABLE_FIELDS];
};

static int member(struct input *in, void *data)
{
	struct object *object = data;
	_cleanup_free_ char *key = NULL;
	size_t back = strlen(in->place), i = 0;
	int r;

	if (peek(in) != '"')
		return syntax(in, "a key is not a string");
	r = string_copy(in, &key);
	if (r == 0 && !eat(in, ':'))
		r = syntax(in, "a key without value");
	if (r < 0)
		return r;
	while (object->table[i].kind != JSON_KIND_END && strcmp(object->table[i].key, key) != 0)
		i++;
	if (object->table[i].kind == JSON_KIND_END)
		return skip(in);
	(void)place_key(in, key);
	if (i >= JSON_TABLE_FIELDS)
		abort(); /* a table of ours is too long */
	if (object->seen[i])
		return refuse(in, "stands there twice");
	object->seen[i] = true;
	if (!eat_word(in, "null")) {
		if (object->table[i].set != SIZE_MAX)
			*(bool *)((char *)object->target + object->table[i].set) = true;
		r = value_read(in, &object->table[i], object->target);
	}
	in->place[back] = '\0';
	return r;
}

static int object_read(struct input *in, const struct json_field *table, void *target)
{
	struct object object = { .table = table, .target = target };

	return items(in, '{', '}', member, &object);
}

int json_table_read(const char *text, size_t length, const char *what,
		    const struct json_field *table, void *target, void *root, struct err *err)
{
	struct input in = { .start = text,
			    .p = text,
			    .end = text + length,
			    .what = what,
			    .root = root,
			    .err = err };
	int r = length > 0 ? object_read(&in, table, target) :
			     err_set(err, EINVAL, "%s: is empty", what);

	if (r == 0 && (blanks(&in), in.p < in.end))
		r = syntax(&in, "more behind the end");
	return r;
}

void json_table_clear(const struct json_field *table, void *target)
{
	for (; table->kind != JSON_KIND_END; table++) {
		char *at = (char *)target + table->offset;

		if (table->kind == JSON_KIND_STRING) {
			char **text = (char **)(void *)at;

			free(ptr_take(text));
		} else if (table->kind == JSON_KIND_STRV) {
			char ***list = (char ***)(void *)at;

			strv_clear(ptr_take(list));
		} else if (table->kind == JSON_KIND_OBJECT) {
			json_table_clear(table->table, at);
		}
	}
}

/* -- writing ---------------------------------------------------------------------------------- */

void json_quote(struct buf *out, const char *text)
{
	const char *p = text ? text : "", *end = p + strlen(p);

	buf_puts(out, "\"");
	while (p < end) {
		size_t n = utf8_length((const unsigned char *)p, (const unsigned char *)end);

		if (n == 0) {
			buf_puts(out, "\xef\xbf\xbd");
			n = 1;
		} else if (*p == '"' || *p == '\\') {
			buf_add(out, "\\", 1);
			buf_add(out, p, 1);
		} else if ((unsigned char)*p < 0x20) {
			buf_printf(out, "\\u%04x", (unsigned int)*p);
		} else {
			buf_add(out, p, n);
		}
		p += n;
	}
	buf_puts(out, "\"");
}
