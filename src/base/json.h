/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading our own JSON records by path ("HostConfig.Memory"): a missing or mistyped value is the default. Foreign JSON is read
 * by tables that check it (src/image, src/transfer), never through these. */
#ifndef CLOCHE_BASE_JSON_H
#define CLOCHE_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define _cleanup_json_ _cleanup_(json_cleanup)
void json_cleanup(json_t **json);

/* Of a record's text only what is at these paths, in its place: many times faster than all of it when little is wanted. The text
 * must come from json_dumps(JSON_COMPACT); a damaged one gives less. NULL: it is no object at all. */
json_t *json_parts(const char *text, const char *const *paths);

const json_t *json_at(const json_t *root, const char *path); /* borrowed, NULL when missing */
const char *json_string_at(const json_t *root, const char *path, const char *otherwise);
int64_t json_int_at(const json_t *root, const char *path, int64_t otherwise);
bool json_bool_at(const json_t *root, const char *path);
/* A copy of an array of strings; NULL when missing or empty. */
char **json_strv_at(const json_t *root, const char *path);

char **json_names(const json_t *object); /* its keys, sorted; never NULL */

json_t *json_from_strv(char *const *list); /* [] for NULL */
/* json_string() that never fails: invalid UTF-8 is replaced by escapes; NULL gives "". */
json_t *json_text(const char *text);
/* json_object_set_new() that ends the program when memory does. Takes value. */
void json_put(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);

#endif
