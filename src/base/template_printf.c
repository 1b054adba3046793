/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/template_printf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/template_node.h"

enum { WIDTH_MAX = 10000 };

struct verb {
	bool minus, plus, zero, blank, sharp, has_precision;
	int width, precision;
	char letter;
};

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void padded(struct buf *out, const struct verb *verb, const char *text, bool zeros)
{
	size_t length = characters(text), width = (size_t)verb->width;
	size_t fill = width > length ? width - length : 0;

	if (verb->minus) {
		buf_puts(out, text);
		buf_printf(out, "%*s", (int)fill, "");
		return;
	}
	if (zeros && fill && strchr("+-", text[0]) && text[0])
		buf_add(out, text++, 1);
	for (; fill; fill--)
		buf_puts(out, zeros ? "0" : " ");
	buf_puts(out, text);
}

static void bad(struct buf *out, const struct verb *verb, struct value value)
{
	if (!value.json || json_is_null(value.json)) {
		buf_printf(out, "%%!%c(<nil>)", verb->letter);
		return;
	}
	buf_printf(out, "%%!%c(%s=", verb->letter, value_type(value));
	value_print(out, value);
	buf_puts(out, ")");
}

static void number_text(struct buf *out, unsigned long long n, unsigned int base, bool upper)
{
	char digits[66];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[n % base];
		n /= base;
	} while (n);
	buf_puts(out, digits + at);
}

static void integer(struct buf *out, const struct verb *verb, struct value value)
{
	static const char letters[] = "dvxXob";
	static const unsigned int bases[] = { 10, 10, 16, 16, 8, 2 };
	long long n = json_integer_value(value.json);
	const char *at = strchr(letters, verb->letter);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (verb->letter == 'c' || verb->letter == 'q') {
		char byte[2] = { (char)(n & 0x7f), '\0' };

		buf_printf(&text, verb->letter == 'q' ? "'%s'" : "%s", byte);
		padded(out, verb, text.data, false);
		return;
	}
	if (verb->letter == 'U') {
		buf_printf(&text, "U+%04llX", n);
		padded(out, verb, text.data, false);
		return;
	}
	if (!at) {
		bad(out, verb, value);
		return;
	}
	buf_puts(&text, n < 0 ? "-" : verb->plus ? "+" : verb->blank ? " " : "");
	if (verb->sharp && strchr("xX", verb->letter))
		buf_puts(&text, verb->letter == 'x' ? "0x" : "0X");
	number_text(&text, n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n,
		    bases[at - letters], verb->letter == 'X');
	padded(out, verb, text.data, verb->zero && !verb->minus);
}

static void real(struct buf *out, const struct verb *verb, struct value value)
{
	int precision = verb->has_precision ? verb->precision : 6;
	double n = json_real_value(value.json);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (verb->plus && n >= 0)
		buf_puts(&text, "+");
	switch (verb->letter) {
	case 'f':
	case 'F':
		buf_printf(&text, "%.*f", precision, n);
		break;
	case 'e':
	case 'E':
		buf_printf(&text, verb->letter == 'e' ? "%.*e" : "%.*E", precision, n);
		break;
	case 'g':
	case 'G':
	case 'v':
		if (verb->has_precision)
			buf_printf(&text, "%.*g", precision, n);
		else
			value_number(&text, value.json);
		break;
	default:
		bad(out, verb, value);
		return;
	}
	padded(out, verb, text.data, verb->zero && !verb->minus);
}

static void string(struct buf *out, const struct verb *verb, struct value value)
{
	const char *s = json_string_value(value.json);
	_cleanup_free_ char *cut = NULL;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (verb->has_precision) {
		size_t n = 0, left = (size_t)verb->precision;

		for (; s[n]; n++)
			if (((unsigned char)s[n] & 0xc0) != 0x80 && left-- == 0)
				break;
		s = cut = str_ndup(s, n);
	}
	switch (verb->letter) {
	case 's':
	case 'v':
		padded(out, verb, s, false);
		break;
	case 'q':
		value_print_quoted(&text, s);
		padded(out, verb, text.data, false);
		break;
	case 'x':
	case 'X':
		for (; *s; s++)
			buf_printf(&text, verb->letter == 'x' ? "%02x" : "%02X", (unsigned char)*s);
		padded(out, verb, text.data ? text.data : "", false);
		break;
	default:
		bad(out, verb, value);
	}
}

static void print_verb(struct buf *out, const struct verb *verb, struct value value);

/* A list or map under a verb of its elements: [%!d(string=a) ...] as Go has it. */
static void collection(struct buf *out, const struct verb *verb, struct value value)
{
	_cleanup_strv_ char **keys = NULL;
	json_t *item;
	size_t i;

	if (verb->letter == 'v' || value.shape->kind == TEMPLATE_STRUCT ||
	    (verb->letter == 's' && !verb->width)) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

		value_print(&text, value);
		buf_puts(out, text.data);
		return;
	}
	if (json_is_array(value.json)) {
		buf_puts(out, "[");
		json_array_foreach(value.json, i, item)
		{
			buf_puts(out, i ? " " : "");
			print_verb(out, verb, (struct value){ item, value_element_shape(value) });
		}
		buf_puts(out, "]");
		return;
	}
	keys = value_keys(value);
	buf_puts(out, "map[");
	for (i = 0; keys[i]; i++) {
		json_t *key = json_string_nocheck(keys[i]);

		buf_puts(out, i ? " " : "");
		print_verb(out, verb, (struct value){ key, &template_string });
		buf_puts(out, ":");
		print_verb(out, verb,
			   (struct value){ json_object_get(value.json, keys[i]),
					   value_element_shape(value) });
		json_decref(key);
	}
	buf_puts(out, "]");
}

static void print_verb(struct buf *out, const struct verb *verb, struct value value)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (verb->letter == 'T') {
		padded(out, verb, value.json ? value_type(value) : "<nil>", false);
		return;
	}
	switch (value.json ? json_typeof(value.json) : JSON_NULL) {
	case JSON_STRING:
		string(out, verb, value);
		break;
	case JSON_INTEGER:
		if (value.shape->kind == TEMPLATE_DURATION && strchr("vs", verb->letter)) {
			value_print(&text, value);
			padded(out, verb, text.data, false);
		} else {
			integer(out, verb, value);
		}
		break;
	case JSON_REAL:
		real(out, verb, value);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		if (strchr("tv", verb->letter))
			padded(out, verb, json_is_true(value.json) ? "true" : "false", false);
		else
			bad(out, verb, value);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		collection(out, verb, value);
		break;
	case JSON_NULL:
		if (value.json && value.shape->kind != TEMPLATE_ANY) {
			value_print(&text, value);
			padded(out, verb, text.data ? text.data : "", false);
		} else if (verb->letter == 'v') {
			padded(out, verb, "<nil>", false);
		} else {
			bad(out, verb, value);
		}
		break;
	}
}

static const char *number_read(const char *p, int *ret, bool *ret_there)
{
	*ret_there = isdigit((unsigned char)*p);
	for (*ret = 0; isdigit((unsigned char)*p); p++)
		if (*ret < WIDTH_MAX)
			*ret = *ret * 10 + (*p - '0');
	if (*ret > WIDTH_MAX)
		*ret = WIDTH_MAX;
	return p;
}

/* `*`: the width or precision is an argument */
static const char *star_read(const char *p, int *ret, const struct value *args, size_t count,
			     size_t *next)
{
	json_int_t n = *next < count ? json_integer_value(args[*next].json) : 0;

	(*next)++;
	*ret = n < 0 ? 0 : n > WIDTH_MAX ? WIDTH_MAX : (int)n;
	return p + 1;
}

void template_printf(struct buf *out, const char *format, const struct value *args, size_t count)
{
	size_t next = 0;
	bool there;

	for (const char *p = format; *p;) {
		struct verb verb = { .letter = 'v' };

		if (*p != '%') {
			buf_add(out, p++, 1);
			continue;
		}
		for (p++; *p && strchr("-+0 #", *p); p++) {
			verb.minus |= *p == '-';
			verb.plus |= *p == '+';
			verb.zero |= *p == '0';
			verb.blank |= *p == ' ';
			verb.sharp |= *p == '#';
		}
		p = *p == '*' ? star_read(p, &verb.width, args, count, &next) :
				number_read(p, &verb.width, &there);
		if (*p == '.') {
			verb.has_precision = true;
			p++;
			p = *p == '*' ? star_read(p, &verb.precision, args, count, &next) :
					number_read(p, &verb.precision, &there);
		}
		if (!*p) {
			buf_puts(out, "%!(NOVERB)");
			break;
		}
		verb.letter = *p++;
		if (verb.letter == '%')
			buf_puts(out, "%");
		else if (next >= count)
			buf_printf(out, "%%!%c(MISSING)", verb.letter);
		else
			print_verb(out, &verb, args[next++]);
	}
	if (next < count) {
		buf_puts(out, "%!(EXTRA ");
		for (; next < count; next++) {
			buf_printf(out, "%s=", args[next].json ? value_type(args[next]) : "<nil>");
			value_print(out, args[next]);
			buf_puts(out, next + 1 < count ? ", " : "");
		}
		buf_puts(out, ")");
	}
}
