/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/document.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* jansson recurses and would go 2,048 deep: count brackets outside of strings first. */
static bool too_deep(const char *bytes, size_t length)
{
	unsigned int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > DOCUMENT_DEPTH)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

int document_parse(const char *bytes, size_t length, const char *what, json_t **ret_json,
		   struct err *err)
{
	json_error_t why;
	json_t *json;

	if (length > DOCUMENT_SIZE)
		return err_set(err, EFBIG, "%s is larger than %d bytes", what, DOCUMENT_SIZE);
	if (too_deep(bytes, length))
		return err_set(err, EBADMSG, "%s is nested more than %d deep", what,
			       DOCUMENT_DEPTH);
	json = json_loadb(bytes ? bytes : "", length, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return err_set(err, EBADMSG, "%s is not JSON: %s at byte %d", what, why.text,
			       why.position);
	*ret_json = json;
	return 0;
}

static int refuse(struct err *err, const char *path, const char *wanted)
{
	return err_set(err, EBADMSG, "%s is not %s", path, wanted);
}

static int too_many(struct err *err, const char *path, size_t limit)
{
	return err_set(err, EBADMSG, "%s has more than %zu items", path, limit);
}

static bool string_fits(const json_t *value, size_t limit)
{
	return json_is_string(value) && json_string_length(value) <= limit &&
	       strlen(json_string_value(value)) == json_string_length(value);
}

int document_string(const json_t *root, const char *path, size_t limit, char **ret, struct err *err)
{
	const json_t *value = json_at(root, path);

	if (value && !string_fits(value, limit))
		return json_is_string(value) ?
			       err_set(err, EBADMSG, "%s is longer than %zu bytes or has a NUL",
				       path, limit) :
			       refuse(err, path, "a string");
	*ret = str_dup(json_string_value(value));
	return 0;
}

int document_array(const json_t *root, const char *path, size_t limit, const json_t **ret,
		   struct err *err)
{
	const json_t *value = json_at(root, path);

	if (value && !json_is_array(value))
		return refuse(err, path, "a list");
	if (json_array_size(value) > limit)
		return too_many(err, path, limit);
	*ret = value;
	return 0;
}

int document_object(const json_t *root, const char *path, size_t limit, const json_t **ret,
		    struct err *err)
{
	const json_t *value = json_at(root, path);

	if (value && !json_is_object(value))
		return refuse(err, path, "an object");
	if (json_object_size(value) > limit)
		return too_many(err, path, limit);
	*ret = value;
	return 0;
}

/* A list that grows by strv_add would be walked for each item; these are sized first. */
static char **list_new(size_t count)
{
	return mem_new((count + 1) * sizeof(char *));
}

int document_strv(const json_t *root, const char *path, size_t limit, char ***ret, struct err *err)
{
	_cleanup_strv_ char **list = NULL;
	const json_t *array = NULL, *item;
	size_t i;
	int r = document_array(root, path, limit, &array, err);

	if (r < 0)
		return r;
	if (json_array_size(array) == 0) {
		*ret = NULL;
		return 0;
	}
	list = list_new(json_array_size(array));
	json_array_foreach(array, i, item)
	{
		if (!string_fits(item, DOCUMENT_SIZE))
			return refuse(err, path, "a list of strings");
		list[i] = str_dup(json_string_value(item));
	}
	*ret = ptr_take(&list);
	return 0;
}

int document_keys(const json_t *root, const char *path, size_t limit, char ***ret, struct err *err)
{
	_cleanup_strv_ char **list = NULL;
	const json_t *object = NULL;
	size_t count = 0;
	int r = document_object(root, path, limit, &object, err);

	if (r < 0)
		return r;
	if (json_object_size(object) == 0) {
		*ret = NULL;
		return 0;
	}
	list = list_new(json_object_size(object));
	for (void *i = json_object_iter((json_t *)object); i;
	     i = json_object_iter_next((json_t *)object, i))
		list[count++] = str_dup(json_object_iter_key(i));
	*ret = ptr_take(&list);
	return 0;
}

int document_pairs(const json_t *root, const char *path, size_t limit, char ***ret, struct err *err)
{
	_cleanup_strv_ char **list = NULL;
	const json_t *object = NULL;
	size_t count = 0;
	int r = document_object(root, path, limit, &object, err);

	if (r < 0)
		return r;
	if (json_object_size(object) == 0) {
		*ret = NULL;
		return 0;
	}
	list = list_new(json_object_size(object));
	for (void *i = json_object_iter((json_t *)object); i;
	     i = json_object_iter_next((json_t *)object, i)) {
		const json_t *value = json_object_iter_value(i);

		if (!string_fits(value, DOCUMENT_SIZE))
			return refuse(err, path, "an object of strings");
		list[count++] =
			str_printf("%s=%s", json_object_iter_key(i), json_string_value(value));
	}
	*ret = ptr_take(&list);
	return 0;
}

int document_size(const json_t *root, const char *path, uint64_t *ret, struct err *err)
{
	const json_t *value = json_at(root, path);

	if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
		return refuse(err, path, "a size");
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}
