/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/tell.h"

static void words_make(char *out, size_t size, const char *fmt, va_list args)
{
	char raw[ERR_WORDS];

	(void)vsnprintf(raw, sizeof(raw), fmt, args);
	str_escape(out, size, raw, strlen(raw));
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	err_clear(err);
	err->code = code > 0 ? code : -code;
	va_start(args, fmt);
	words_make(err->words, sizeof(err->words), fmt, args);
	va_end(args);
	return -err->code;
}

int err_sys(struct err *err, int code, const char *fmt, ...)
{
	va_list args;
	size_t used;

	err_clear(err);
	err->code = code > 0 ? code : -code;
	va_start(args, fmt);
	words_make(err->words, sizeof(err->words), fmt, args);
	va_end(args);
	used = strlen(err->words);
	(void)snprintf(err->words + used, sizeof(err->words) - used, ": %s", strerror(err->code));
	return -err->code;
}

int err_argument(struct err *err, const char *value, const char *flag, const char *fmt, ...)
{
	char why[ERR_WORDS];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	err_set(err, EINVAL, "invalid argument \"%s\" for \"%s\" flag: %s", value, flag, why);
	return err_exit(err, 125);
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char before[ERR_WORDS], inner[ERR_WORDS];
	va_list args;

	va_start(args, fmt);
	words_make(before, sizeof(before), fmt, args);
	va_end(args);
	memcpy(inner, err->words, sizeof(inner));
	err->words[0] = '\0';
	str_append(err->words, sizeof(err->words), before);
	str_append(err->words, sizeof(err->words), ": ");
	str_append(err->words, sizeof(err->words), inner);
	return -err->code;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	words_make(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
	return -err->code;
}

int err_is(struct err *err, enum err_kind kind)
{
	err->kind = kind;
	return -err->code;
}

int err_exit(struct err *err, int exit_status)
{
	err->exit_status = exit_status;
	return -err->code;
}

void err_clear(struct err *err)
{
	*err = ERR_NONE;
}

int err_print(const struct err *err, const char *program, int default_status)
{
	int status = err->exit_status ? err->exit_status : default_status;
	char words[ERR_WORDS + ERR_HINT + 4], prefix[32];

	if (!err->words[0]) /* another program said it */
		return status;
	(void)snprintf(prefix, sizeof(prefix), "%s: ", program);
	(void)snprintf(words, sizeof(words), "%s%s%s", err->words, err->hint[0] ? "; " : "",
		       err->hint);
	tell(TELL_ERROR, prefix, words);
	return status;
}
