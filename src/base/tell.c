/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/tell.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/str.h"

static const char *const words_of[] = { "fatal", "error", "warn", "info", "debug" };

static enum tell_level wanted = TELL_INFO;
static bool as_json;
static struct timespec began;

int tell_level_parse(const char *word, enum tell_level *ret_level)
{
	for (size_t i = 0; i < ARRAY_SIZE(words_of); i++)
		if (strcmp(words_of[i], word) == 0) {
			*ret_level = (enum tell_level)i;
			return 0;
		}
	return -EINVAL;
}

void tell_set(enum tell_level level, bool json)
{
	wanted = level;
	as_json = json;
	if (level == TELL_DEBUG && began.tv_sec == 0)
		(void)clock_gettime(CLOCK_MONOTONIC, &began);
}

bool tell_wanted(enum tell_level level)
{
	return level <= wanted;
}

static void json_tell(enum tell_level level, const char *words)
{
	struct timespec now;
	struct tm tm;
	char day[32] = "", stamp[64];
	json_t *line;
	char *text;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(stamp, sizeof(stamp), "%s.%09ldZ", day, now.tv_nsec);
	line = json_pack("{s:s,s:s,s:s}", "time", stamp, "level", words_of[level], "msg", words);
	text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	if (text)
		(void)fprintf(stderr, "%s\n", text);
	free(text);
	json_decref(line);
}

void tell(enum tell_level level, const char *prefix, const char *words)
{
	/* the reason why a program fails is told at any level */
	if (level > TELL_ERROR && !tell_wanted(level))
		return;
	if (as_json)
		json_tell(level, words);
	else
		(void)fprintf(stderr, "%s%s\n", prefix, words);
}

void tell_debug(const char *fmt, ...)
{
	char raw[1024], words[2048], prefix[32];
	struct timespec now;
	int64_t us;
	va_list args;

	if (!tell_wanted(TELL_DEBUG))
		return;
	va_start(args, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	str_escape(words, sizeof(words), raw, strlen(raw));
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	us = (int64_t)(now.tv_sec - began.tv_sec) * 1000000 + (now.tv_nsec - began.tv_nsec) / 1000;
	(void)snprintf(prefix, sizeof(prefix), "DEBUG %lld.%03lld ", (long long)(us / 1000),
		       (long long)(us % 1000));
	tell(TELL_DEBUG, prefix, words);
}
