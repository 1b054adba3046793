/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void str_free(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

bool str_append(char *out, size_t size, const char *more)
{
	size_t used = strnlen(out, size), length = strlen(more);
	bool fits = used + length < size;

	if (used >= size)
		return false;
	if (!fits)
		length = size - used - 1;
	memcpy(out + used, more, length);
	out[used + length] = '\0';
	return fits;
}

/* Bytes of the well-formed UTF-8 character at s, 0 when there is none or it controls a terminal:
 * C1 controls, and the marks that reorder text (U+202A..202E, U+2066..2069). */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	uint32_t c;
	size_t n;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2, c = s[0] & 0x1fu;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3, c = s[0] & 0x0fu;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4, c = s[0] & 0x07u;
	else
		return 0;
	if (n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0u) != 0x80)
			return 0;
		c = (c << 6) | (s[i] & 0x3fu);
	}
	if (c < 0xa0 || (n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff)
		return 0;
	if ((c >= 0xd800 && c <= 0xdfff) || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

void str_escape(char *out, size_t size, const char *bytes, size_t length)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		const unsigned char *s = (const unsigned char *)bytes + i;
		size_t n = *s >= 0x20 && *s < 0x7f ? 1 : utf8_length(s, length - i);

		if (n > 0) {
			if (used + n >= size)
				break;
			memcpy(out + used, s, n);
			used += n;
			i += n;
			continue;
		}
		if (used + 4 >= size)
			break;
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = hex[*s >> 4];
		out[used++] = hex[*s & 15];
		i++;
	}
	if (size > 0)
		out[used] = '\0';
}

bool str_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_suffix(const char *s, const char *suffix)
{
	size_t a = strlen(s), b = strlen(suffix);

	return a >= b && memcmp(s + a - b, suffix, b) == 0;
}

bool str_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_is_id(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

int str_to_u64(const char *s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (*s == '\0')
		return -EINVAL;
	for (; *s; s++) {
		uint64_t digit;

		if (*s < '0' || *s > '9')
			return -EINVAL;
		digit = (uint64_t)(*s - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int str_to_bytes(const char *s, uint64_t *ret_bytes)
{
	static const char units[] = "bkmgtp";
	const char *unit = NULL;
	char *end = NULL;
	double value;
	char low;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	value = strtod(s, &end);
	while (*end == ' ')
		end++;
	low = (char)(*end | 0x20);
	if (*end) {
		unit = strchr(units, low);
		if (!unit)
			return -EINVAL;
		end++;
		if (low != 'b' && (*end == 'i' || *end == 'I'))
			end++;
		if (low != 'b' && (*end == 'b' || *end == 'B'))
			end++;
		if (*end)
			return -EINVAL;
		for (long i = unit - units; i > 0; i--)
			value *= 1024;
	}
	if (!(value >= 0 && value < (double)INT64_MAX))
		return -ERANGE;
	*ret_bytes = (uint64_t)value;
	return 0;
}

static void *checked(void *p)
{
	if (!p) {
		(void)fputs("cloche: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *mem_new(size_t size)
{
	return checked(calloc(1, size ? size : 1));
}

void *mem_room(void *list, size_t count, size_t size)
{
	return count & (count - 1) ? list :
				     checked(reallocarray(list, count ? count * 2 : 1, size));
}

uint32_t str_hash(const char *s)
{
	uint32_t hash = 2166136261U;

	for (; *s; s++)
		hash = (hash ^ (uint8_t)*s) * 16777619U;
	return hash;
}

char *str_dup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *str_ndup(const char *s, size_t length)
{
	return checked(strndup(s, length));
}

char *str_printf(const char *fmt, ...)
{
	va_list args;
	char *s = NULL;
	int n;

	va_start(args, fmt);
	n = vasprintf(&s, fmt, args);
	va_end(args);
	return checked(n < 0 ? NULL : s);
}

static void buf_grow(struct buf *buf, size_t more)
{
	if (buf->room - buf->length > more)
		return;
	if (more > SIZE_MAX / 4 || buf->length > SIZE_MAX / 4)
		abort();
	buf->room = (buf->length + more + 1) * 2;
	if (buf->room < 64)
		buf->room = 64;
	buf->data = checked(realloc(buf->data, buf->room));
}

void buf_add(struct buf *buf, const void *bytes, size_t length)
{
	buf_grow(buf, length);
	if (length)
		memcpy(buf->data + buf->length, bytes, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void buf_puts(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}

void buf_hex(struct buf *buf, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		buf_printf(buf, "%02x", ((const unsigned char *)bytes)[i]);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n >= 0) {
		buf_grow(buf, (size_t)n);
		(void)vsnprintf(buf->data + buf->length, (size_t)n + 1, fmt, again);
		buf->length += (size_t)n;
	}
	va_end(again);
}

void buf_clear(struct buf *buf)
{
	free(buf->data);
	*buf = BUF_EMPTY;
}

size_t strv_length(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

bool strv_has(char *const *list, const char *s)
{
	while (list && *list && strcmp(*list, s) != 0)
		list++;
	return list && *list;
}

void strv_add_take(char ***list, char *s)
{
	size_t n = strv_length(*list);

	*list = checked(reallocarray(*list, n + 2, sizeof(char *)));
	(*list)[n] = s;
	(*list)[n + 1] = NULL;
}

void strv_add(char ***list, const char *s)
{
	strv_add_take(list, str_dup(s));
}

char **strv_copy(char *const *list)
{
	char **copy = NULL;

	for (size_t i = 0; list && list[i]; i++)
		strv_add(&copy, list[i]);
	return copy;
}

char **strv_split(const char *s, char separator)
{
	char **list = NULL;

	for (;;) {
		const char *end = strchrnul(s, separator);

		strv_add_take(&list, str_ndup(s, (size_t)(end - s)));
		if (!*end)
			return list;
		s = end + 1;
	}
}

static long env_find(char *const *env, const char *name, size_t length)
{
	for (long i = 0; env && env[i]; i++)
		if (strncmp(env[i], name, length) == 0 && env[i][length] == '=')
			return i;
	return -1;
}

static int strings_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(char **list)
{
	size_t length = strv_length(list);

	if (length > 1)
		qsort(list, length, sizeof(*list), strings_compare);
}

const char *env_get(char *const *env, const char *name)
{
	long at = env_find(env, name, strlen(name));

	return at < 0 ? NULL : env[at] + strlen(name) + 1;
}

void env_set(char ***env, const char *assignment)
{
	long at = env_find(*env, assignment, (size_t)(strchrnul(assignment, '=') - assignment));

	if (at < 0) {
		strv_add(env, assignment);
		return;
	}
	free((*env)[at]);
	(*env)[at] = str_dup(assignment);
}

void strv_clear(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void strv_free(void *p)
{
	int saved = errno;

	strv_clear(*(char ***)p);
	errno = saved;
}

char *str_size(double bytes, unsigned int unit, int digits)
{
	static const char *const names[][6] = { { "B", "kB", "MB", "GB", "TB", "PB" },
						{ "B", "KiB", "MiB", "GiB", "TiB", "PiB" } };
	size_t i = 0;

	for (; bytes >= unit && i + 1 < ARRAY_SIZE(names[0]); i++)
		bytes /= unit;
	return str_printf("%.*g%s", digits, bytes, names[unit == 1024][i]);
}
