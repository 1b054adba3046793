/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strings: bounded buffers of the caller's, growing buffers, lists, numbers. A small allocation
 * that fails ends the program, as kill -9 may at any time. */
#ifndef CLOCHE_BASE_STR_H
#define CLOCHE_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(str_free)
#define _cleanup_strv_ _cleanup_(strv_free)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Hand on what a cleanup attribute owns. */
#define ptr_take(p) \
	__extension__({ \
		__typeof__(*(p)) ptr_take_ = *(p); \
		*(p) = NULL; \
		ptr_take_; \
	})

void str_free(void *p); /* for _cleanup_free_: p is the address of the pointer; keeps errno */

/* Append to a NUL-terminated buffer of `size` bytes. false: it was cut short. */
bool str_append(char *out, size_t size, const char *more);
/* Copy `length` bytes to out, unprintable ones as \xNN, valid UTF-8 above U+00A0 kept. */
void str_escape(char *out, size_t size, const char *bytes, size_t length);
bool str_prefix(const char *s, const char *prefix);
bool str_suffix(const char *s, const char *suffix);
bool str_equal(const char *a, const char *b); /* NULL equals NULL only */
/* 64 small hex digits: of a container, a network, a volume that nobody named. */
bool str_is_id(const char *s);
/* Decimal digits only, no sign, no blanks, 0..max. 0, or -EINVAL, -ERANGE. */
int str_to_u64(const char *s, uint64_t max, uint64_t *ret_value);
/* Docker's sizes: 512, 64k, 1.5g, 10MiB (powers of 1024). 0, -EINVAL, -ERANGE. */
int str_to_bytes(const char *s, uint64_t *ret_bytes);

/* A size as Docker's go-units prints it: "1.984MB" with unit 1000, "64MiB" with 1024; `digits` significant ones. To be freed. */
char *str_size(double bytes, unsigned int unit, int digits);

/* Never NULL: the program ends when memory does. The caller frees. */
void *mem_new(size_t size) __attribute__((malloc)); /* zeroed */
/* `list` of `count` members of `size` bytes with room for one more: doubled at powers of two, so that what follows is cheap. */
void *mem_room(void *list, size_t count, size_t size);
uint32_t str_hash(const char *s); /* FNV-1a */
char *str_dup(const char *s);	  /* NULL gives NULL */
char *str_ndup(const char *s, size_t length);
char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A growing buffer; data is NUL-terminated whenever it is not NULL. */
struct buf {
	char *data;
	size_t length, room;
};
#define BUF_EMPTY ((struct buf){ 0 })
void buf_add(struct buf *buf, const void *bytes, size_t length);
void buf_puts(struct buf *buf, const char *s);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_hex(struct buf *buf, const void *bytes, size_t length); /* two small digits each */
void buf_clear(struct buf *buf);				 /* also for _cleanup_(buf_clear) */

/* NULL-terminated lists of strings. A list may be NULL (empty). */
size_t strv_length(char *const *list);
bool strv_has(char *const *list, const char *s);
void strv_add(char ***list, const char *s); /* adds a copy */
void strv_add_take(char ***list, char *s);  /* takes s */
char **strv_copy(char *const *list);
char **strv_split(const char *s, char separator);	 /* "" gives one empty string */
void strv_sort(char **list);				 /* by bytes */
const char *env_get(char *const *env, const char *name); /* value in a list of NAME=VALUE */
void env_set(char ***env, const char *assignment);	 /* NAME=VALUE replaces an earlier NAME */
void strv_clear(char **list);				 /* frees list and strings; NULL is fine */
void strv_free(void *p);				 /* for _cleanup_strv_ */

#endif
