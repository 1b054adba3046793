/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's --filter NAME=VALUE: several values of one name are alternatives, several names are all needed; of `label` and
 * `label!` all values are needed. */
#ifndef CLOCHE_BASE_FILTER_H
#define CLOCHE_BASE_FILTER_H

#include <jansson.h>
#include <stdbool.h>

struct err;

/* names: NULL-terminated. Docker's words for what is not NAME=VALUE and for a name that is none. */
int filter_check(char *const *filters, const char *const *names, struct err *err);
bool filter_match(char *const *filters,
		  bool (*one)(const char *name, const char *value, void *data), void *data);
/* The last value of a name; NULL: it is not there. */
const char *filter_value(char *const *filters, const char *name);
/* Equal, or the extended regular expression `pattern` is found in text; one that is none is looked for as it stands. */
bool filter_pattern(const char *text, const char *pattern);
/* "k" or "k=v" in an object of strings (NULL: none). */
bool filter_label(const json_t *labels, const char *wanted);
/* true, 1, false, 0...: -EINVAL with Docker's words */
int filter_bool(const char *name, const char *value, bool *ret, struct err *err);

#endif
