/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/filter.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

static bool named(const char *filter, const char *name)
{
	size_t length = strlen(name);

	return strncmp(filter, name, length) == 0 && filter[length] == '=';
}

int filter_check(char *const *filters, const char *const *names, struct err *err)
{
	for (size_t i = 0; filters && filters[i]; i++) {
		bool known = false;

		if (!strchr(filters[i], '='))
			return err_argument(err, filters[i], "-f, --filter",
					    "bad format of filter (expected name=value)");
		for (size_t n = 0; names[n] && !known; n++)
			known = named(filters[i], names[n]);
		if (!known)
			return err_set(err, EINVAL, "invalid filter '%.*s'",
				       (int)strcspn(filters[i], "="), filters[i]);
	}
	return 0;
}

bool filter_match(char *const *filters,
		  bool (*one)(const char *name, const char *value, void *data), void *data)
{
	for (size_t i = 0; filters && filters[i]; i++) {
		_cleanup_free_ char *name = str_ndup(filters[i], strcspn(filters[i], "="));
		bool every = str_prefix(name, "label"), any = false;

		if (every) {
			if (!one(name, filters[i] + strlen(name) + 1, data))
				return false;
			continue;
		}
		for (size_t k = 0; filters[k] && !any; k++)
			any = named(filters[k], name) &&
			      one(name, filters[k] + strlen(name) + 1, data);
		if (!any)
			return false;
	}
	return true;
}

const char *filter_value(char *const *filters, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; filters && filters[i]; i++)
		if (named(filters[i], name))
			value = filters[i] + strlen(name) + 1;
	return value;
}

bool filter_pattern(const char *text, const char *pattern)
{
	regex_t regex;
	bool found;

	if (strcmp(text, pattern) == 0)
		return true;
	if (strlen(pattern) > 1024 || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return strstr(text, pattern) != NULL;
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

bool filter_label(const json_t *labels, const char *wanted)
{
	size_t length = strcspn(wanted, "=");
	const char *have = json_string_value(json_object_getn(labels, wanted, length));

	return have && (!wanted[length] || strcmp(wanted + length + 1, have) == 0);
}

int filter_bool(const char *name, const char *value, bool *ret, struct err *err)
{
	*ret = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	if (*ret || strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		return 0;
	return err_set(err, EINVAL, "invalid filter '%s=[%s]'", name, value);
}
