/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

void json_cleanup(json_t **json)
{
	json_decref(*json);
}

/* -- parts ------------------------------------------------------------------------------------ */

static const char *string_skip(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		p += *p == '\\' && p[1];
	return *p ? p + 1 : p;
}

static const char *value_skip(const char *p)
{
	int depth = 0;

	if (!*p)
		return p; /* the text was cut */
	do {
		if (*p == '"') {
			p = string_skip(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	} while (*p && (depth > 0 || (*p != ',' && *p != '}' && *p != ']')));
	return p;
}

/* An array of strings without escapes, as argument lists are; NULL: something else. */
static json_t *strings_parse(const char *text, const char *end)
{
	json_t *array = json_array();
	const char *p = text + 1, *close;

	while (*p == '"' && (close = memchr(p + 1, '"', (size_t)(end - p - 1))) != NULL &&
	       json_array_append_new(array, json_stringn(p + 1, (size_t)(close - p - 1))) == 0) {
		if (close + 2 == end && close[1] == ']')
			return array;
		p = close[1] == ',' ? close + 2 : end - 1;
	}
	json_decref(array);
	return NULL;
}

/* What stands between text and end. Strings without escapes, lists of them, and what is empty, the most of it, need no parser. */
static json_t *value_parse(const char *text, const char *end)
{
	size_t length = (size_t)(end - text);
	json_t *strings = length > 4 && *text == '[' && !memchr(text, '\\', length) ?
				  strings_parse(text, end) :
				  NULL;

	if (strings)
		return strings;
	if (length == 2 && (*text == '{' || *text == '['))
		return *text == '{' ? json_object() : json_array();
	if (length >= 2 && *text == '"' && end[-1] == '"' && !memchr(text, '\\', length))
		return json_stringn(text + 1, length - 2);
	return json_loadb(text, length, JSON_DECODE_ANY, NULL);
}

/* The members of the object at *text that begin one of the paths, each cut down in turn. */
static json_t *object_parts(const char **text, const char *const *paths)
{
	json_t *object = json_object();
	const char *p = *text;

	while (*++p == '"') {
		const char *name = p + 1, *rest[16], *end;
		size_t length, count = 0;
		bool whole = false;

		p = string_skip(p);
		length = (size_t)(p - 1 - name);
		p += *p == ':';
		for (size_t i = 0; paths[i] && count + 1 < ARRAY_SIZE(rest); i++) {
			if (paths[i][0] != name[0] || strncmp(paths[i], name, length) != 0)
				continue;
			whole |= paths[i][length] == '\0';
			if (paths[i][length] == '.')
				rest[count++] = paths[i] + length + 1;
		}
		rest[count] = NULL;
		end = p;
		if (count > 0 && !whole && *p == '{') {
			json_object_setn_new_nocheck(object, name, length,
						     object_parts(&end, rest));
		} else {
			end = value_skip(p);
			if (whole)
				json_object_setn_new_nocheck(object, name, length,
							     value_parse(p, end));
		}
		p = end;
		if (*p != ',')
			break;
	}
	*text = *p ? p + 1 : p;
	return object;
}

json_t *json_parts(const char *text, const char *const *paths)
{
	return *text == '{' ? object_parts(&text, paths) : NULL;
}

/* -- reading ---------------------------------------------------------------------------------- */

const json_t *json_at(const json_t *root, const char *path)
{
	while (root) {
		const char *dot = strchrnul(path, '.');

		root = json_object_getn(root, path, (size_t)(dot - path));
		if (!*dot)
			break;
		path = dot + 1;
	}
	return json_is_null(root) ? NULL : root;
}

const char *json_string_at(const json_t *root, const char *path, const char *otherwise)
{
	const json_t *value = json_at(root, path);

	return json_is_string(value) ? json_string_value(value) : otherwise;
}

int64_t json_int_at(const json_t *root, const char *path, int64_t otherwise)
{
	const json_t *value = json_at(root, path);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool json_bool_at(const json_t *root, const char *path)
{
	return json_is_true(json_at(root, path));
}

char **json_strv_at(const json_t *root, const char *path)
{
	const json_t *array = json_at(root, path), *item;
	char **list = NULL;
	size_t i;

	json_array_foreach(array, i, item) if (json_is_string(item))
		strv_add(&list, json_string_value(item));
	return list;
}

char **json_names(const json_t *object)
{
	char **names = mem_new((json_object_size(object) + 1) * sizeof(*names));
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)object, key, value)
	{
		(void)value;
		names[n++] = str_dup(key);
	}
	strv_sort(names);
	return names;
}

json_t *json_from_strv(char *const *list)
{
	json_t *array = json_array();

	for (size_t i = 0; list && list[i]; i++)
		json_push(array, json_text(list[i]));
	return array;
}

json_t *json_text(const char *text)
{
	json_t *value = json_string(text ? text : "");

	if (!value) {
		size_t length = strlen(text), size = 4 * length + 1;
		_cleanup_free_ char *safe = mem_new(size);

		str_escape(safe, size, text, length);
		value = json_string(safe);
	}
	if (!value)
		abort();
	return value;
}

void json_put(json_t *object, const char *key, json_t *value)
{
	if (!value || json_object_set_new(object, key, value) < 0)
		abort();
}

void json_push(json_t *array, json_t *value)
{
	if (!value || json_array_append_new(array, value) < 0)
		abort();
}
