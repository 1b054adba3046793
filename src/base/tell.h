/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program says to its user beside its results: on stderr, from a level on, as text or as a line of JSON each (time, level, msg), for
 * whoever collects it. The level and the form are the process's (style page: the log level is one of the exceptions).
 */
#ifndef CLOCHE_BASE_TELL_H
#define CLOCHE_BASE_TELL_H

#include <stdbool.h>

enum tell_level { TELL_FATAL, TELL_ERROR, TELL_WARN, TELL_INFO, TELL_DEBUG };

/* "debug", "info", "warn", "error", "fatal": Docker's words. -EINVAL. */
int tell_level_parse(const char *word, enum tell_level *ret_level);
/* The beginning is TELL_INFO and text. */
void tell_set(enum tell_level level, bool json);
bool tell_wanted(enum tell_level level);
/* prefix: what stands before the words as text, such as "WARNING: "; not in JSON. Foreign bytes are to be escaped before. */
void tell(enum tell_level level, const char *prefix, const char *words);
/* A step of the work, for --debug: with the milliseconds since the program began. Costs a comparison otherwise. */
void tell_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
