/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON that others wrote: configs, manifests, indexes, manifest.json. Everything is bounded before it is believed: size,
 * depth, duplicate keys, types, lengths. A reader names the place of what it refuses.
 *
 *	document_parse(bytes, length, "config", &json, err);
 *	document_string(json, "config.User", 256, &user, err);       missing or null: NULL
 */
#ifndef CLOCHE_IMAGE_DOCUMENT_H
#define CLOCHE_IMAGE_DOCUMENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* image-spec, manifest.md asks clients to take 4 MiB at least; no deeper than 64. */
enum { DOCUMENT_SIZE = 4 * 1024 * 1024, DOCUMENT_DEPTH = 64 };

/* Parse all of it. -EFBIG, -EBADMSG (words have the byte offset). what: "config sha256:..." for the words. */
int document_parse(const char *bytes, size_t length, const char *what, json_t **ret_json,
		   struct err *err);

/* Below root by a dotted path. A missing or null value leaves NULL (0) in *ret and returns 0; a wrong type, a NUL
 * inside, or something longer than the limit is -EBADMSG. Results are copies. */
int document_string(const json_t *root, const char *path, size_t limit, char **ret,
		    struct err *err);
/* An array of strings, at most limit of them, together at most DOCUMENT_SIZE. */
int document_strv(const json_t *root, const char *path, size_t limit, char ***ret, struct err *err);
/* The keys of an object whose values do not matter ({"/data": {}}). */
int document_keys(const json_t *root, const char *path, size_t limit, char ***ret, struct err *err);
/* An object of strings, as NAME=VALUE. */
int document_pairs(const json_t *root, const char *path, size_t limit, char ***ret,
		   struct err *err);
/* A whole number from 0 to INT64_MAX. */
int document_size(const json_t *root, const char *path, uint64_t *ret, struct err *err);
/* An array or object of at most limit items, borrowed; missing gives NULL. */
int document_array(const json_t *root, const char *path, size_t limit, const json_t **ret,
		   struct err *err);
int document_object(const json_t *root, const char *path, size_t limit, const json_t **ret,
		    struct err *err);

#endif
