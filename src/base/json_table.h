/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON from outside, read by a table of key, type, bounds and field straight into structs: one pass over the text, no tree.
 *
 *	static const struct json_field user_table[] = {
 *		FIELD_UINT32("uid", struct user, uid, 0, UINT32_MAX),
 *		FIELD_END,
 *	};
 *	r = json_table_read(text, length, "config.json", user_table, &user, &user, err);
 *
 * What always holds: null is the same as missing; an unknown key is passed over, whatever its value; a key twice, a wrong
 * type, a number out of bounds, a NUL in a string, text that is not UTF-8, nested over 64 deep, or has over 16,384 in one array
 * are refused, and
 * the words name the place ("config.json: process.rlimits[2].hard: ..."). Numbers keep all of 64 bits, which is
 * why this is no wrapper of jansson. On failure the target is partly filled: clear it as after success.
 */
#ifndef CLOCHE_BASE_JSON_TABLE_H
#define CLOCHE_BASE_JSON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

enum { JSON_TABLE_DEPTH = 64, JSON_TABLE_FIELDS = 48, JSON_TABLE_ITEMS = 16384 };

enum json_kind {
	JSON_KIND_END,
	JSON_KIND_STRING, /* char *, a copy that the target owns */
	JSON_KIND_STRV,	  /* char **, the same; an empty array gives NULL */
	JSON_KIND_BOOL,
	JSON_KIND_INT,	  /* int64_t */
	JSON_KIND_UINT,	  /* uint64_t */
	JSON_KIND_INT32,  /* int */
	JSON_KIND_UINT32, /* uint32_t */
	JSON_KIND_OBJECT, /* by `table`, into the field */
	JSON_KIND_EACH, /* an array of objects: each by `table` into `size` zeroed bytes, then given to `take` */
	JSON_KIND_ONE, /* an object: the same once */
	JSON_KIND_ENTRIES, /* an object of objects: the same, and the first field of each, a char *, is its key */
	JSON_KIND_PAIRS,   /* an object of strings: each as struct json_pair to `take` */
	JSON_KIND_WORD,	   /* a string: to `take` as struct json_pair, name NULL */
	JSON_KIND_WORDS,   /* an array of strings: the same for each */
	JSON_KIND_NUMBERS, /* an array of uint32_t: each to `take` */
	JSON_KIND_SLICE,   /* struct json_slice: an object's text, unread */
};

struct json_pair {
	char *name, *value; /* take may keep them (ptr_take) */
};

struct json_slice { /* in the text that was read; text NULL: missing */
	const char *text;
	size_t length;
};

struct json_field {
	const char *key;
	enum json_kind kind;
	size_t offset;
	size_t set; /* offset of a bool that says that the key was there; SIZE_MAX: none */
	int64_t min;
	uint64_t max;
	const struct json_field *table;
	size_t size;
	/* root: as given to json_table_read. What take leaves in the element is freed. -errno with words: the place is put in
	 * front of them. */
	int (*take)(void *root, void *element, struct err *err);
};

/* clang-format off */
#define FIELD_NUMBER_(k, kd, type, field, lo, hi) \
	{ .key = (k), .kind = (kd), .offset = offsetof(type, field), .set = SIZE_MAX, .min = (lo), .max = (hi) }
#define FIELD_STRING(k, type, field) FIELD_NUMBER_(k, JSON_KIND_STRING, type, field, 0, 0)
#define FIELD_STRV(k, type, field) FIELD_NUMBER_(k, JSON_KIND_STRV, type, field, 0, 0)
#define FIELD_BOOL(k, type, field) FIELD_NUMBER_(k, JSON_KIND_BOOL, type, field, 0, 0)
#define FIELD_INT(k, type, field, lo, hi) FIELD_NUMBER_(k, JSON_KIND_INT, type, field, lo, hi)
#define FIELD_UINT(k, type, field, lo, hi) FIELD_NUMBER_(k, JSON_KIND_UINT, type, field, lo, hi)
#define FIELD_INT32(k, type, field, lo, hi) FIELD_NUMBER_(k, JSON_KIND_INT32, type, field, lo, hi)
#define FIELD_UINT32(k, type, field, lo, hi) FIELD_NUMBER_(k, JSON_KIND_UINT32, type, field, lo, hi)
#define FIELD_SLICE(k, type, field) FIELD_NUMBER_(k, JSON_KIND_SLICE, type, field, 0, 0)
#define FIELD_INT32_SET(k, type, field, isset, lo, hi) \
	{ .key = (k), .kind = JSON_KIND_INT32, .offset = offsetof(type, field), .set = offsetof(type, isset), .min = (lo), .max = (hi) }
#define FIELD_UINT32_SET(k, type, field, isset, lo, hi) \
	{ .key = (k), .kind = JSON_KIND_UINT32, .offset = offsetof(type, field), .set = offsetof(type, isset), .min = (lo), .max = (hi) }
#define FIELD_INT_SET(k, type, field, isset, lo, hi) \
	{ .key = (k), .kind = JSON_KIND_INT, .offset = offsetof(type, field), .set = offsetof(type, isset), .min = (lo), .max = (hi) }
#define FIELD_UINT_SET(k, type, field, isset, lo, hi) \
	{ .key = (k), .kind = JSON_KIND_UINT, .offset = offsetof(type, field), .set = offsetof(type, isset), .min = (lo), .max = (hi) }
#define FIELD_OBJECT(k, type, field, t) \
	{ .key = (k), .kind = JSON_KIND_OBJECT, .offset = offsetof(type, field), .set = SIZE_MAX, .table = (t) }
/* an object whose fields lie in the same struct */
#define FIELD_INLINE(k, t) { .key = (k), .kind = JSON_KIND_OBJECT, .set = SIZE_MAX, .table = (t) }
#define FIELD_INLINE_SET(k, type, isset, t) \
	{ .key = (k), .kind = JSON_KIND_OBJECT, .set = offsetof(type, isset), .table = (t) }
#define FIELD_EACH(k, element, t, fn) \
	{ .key = (k), .kind = JSON_KIND_EACH, .set = SIZE_MAX, .table = (t), .size = sizeof(element), .take = (fn) }
#define FIELD_ONE(k, element, t, fn) \
	{ .key = (k), .kind = JSON_KIND_ONE, .set = SIZE_MAX, .table = (t), .size = sizeof(element), .take = (fn) }
#define FIELD_ENTRIES(k, element, t, fn) \
	{ .key = (k), .kind = JSON_KIND_ENTRIES, .set = SIZE_MAX, .table = (t), .size = sizeof(element), .take = (fn) }
#define FIELD_WORD(k, fn) { .key = (k), .kind = JSON_KIND_WORD, .set = SIZE_MAX, .take = (fn) }
#define FIELD_NUMBERS(k, fn) { .key = (k), .kind = JSON_KIND_NUMBERS, .set = SIZE_MAX, .max = UINT32_MAX, .take = (fn) }
#define FIELD_PAIRS(k, fn) { .key = (k), .kind = JSON_KIND_PAIRS, .set = SIZE_MAX, .take = (fn) }
#define FIELD_WORDS(k, fn) { .key = (k), .kind = JSON_KIND_WORDS, .set = SIZE_MAX, .take = (fn) }
#define FIELD_END { .kind = JSON_KIND_END }
/* clang-format on */

/* what: the document's name in the words. root: what `take` functions get; often the target itself. -EINVAL. */
int json_table_read(const char *text, size_t length, const char *what,
		    const struct json_field *table, void *target, void *root, struct err *err);
/* Free the strings and lists that a table fills. */
void json_table_clear(const struct json_field *table, void *target);

/* Add text as a JSON string, quotes and all; bytes that are not UTF-8 become U+FFFD. NULL gives "". */
void json_quote(struct buf *out, const char *text);

#endif
