/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/time_option.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "engine/engine.h"

#define SECOND INT64_C(1000000000)

/* ".5" to nanoseconds; *p moves past the digits */
static int64_t fraction(const char **p)
{
	int64_t unit = SECOND, sum = 0;

	if (**p != '.')
		return 0;
	for ((*p)++; isdigit((unsigned char)**p); (*p)++) {
		unit /= 10;
		sum += (**p - '0') * unit;
	}
	return sum;
}

/* Go's durations: 90s, 10m, 1h30m; ago. */
static int duration_parse(const char *text, int64_t *ret_ns)
{
	int64_t sum = 0;

	if (!*text)
		return -EINVAL;
	while (*text) {
		char *end;
		int64_t value = strtoll(text, &end, 10) * SECOND;
		const char *p = end;

		if (end == text || value < 0 || value > INT64_MAX / 7200)
			return -EINVAL;
		value += fraction(&p);
		if (strncmp(p, "ms", 2) == 0)
			value /= 1000, p++;
		else if (*p == 'h')
			value *= 3600;
		else if (*p == 'm')
			value *= 60;
		else if (*p != 's')
			return -EINVAL;
		sum += value;
		text = p + 1;
	}
	*ret_ns = engine_now_ns() - sum;
	return 0;
}

static int date_parse(const char *text, int64_t *ret_ns)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *p = strptime(text, forms[i], &tm);
		int64_t ns;

		if (!p)
			continue;
		ns = fraction(&p);
		if (*p == 'Z' && !p[1]) {
			*ret_ns = (int64_t)timegm(&tm) * SECOND + ns;
			return 0;
		}
		if ((*p == '+' || *p == '-') && strlen(p) == 6) {
			int64_t away =
				(strtol(p + 1, NULL, 10) * 60 + strtol(p + 4, NULL, 10)) * 60;

			*ret_ns = ((int64_t)timegm(&tm) - (*p == '+' ? away : -away)) * SECOND + ns;
			return 0;
		}
		if (!*p) {
			*ret_ns = (int64_t)mktime(&tm) * SECOND + ns;
			return 0;
		}
	}
	return -EINVAL;
}

int time_option_parse(const char *text, int64_t *ret_ns, struct err *err)
{
	const char *p = text + strspn(text, "0123456789");

	if (p > text) {
		int64_t seconds = strtoll(text, NULL, 10), ns = fraction(&p);

		if (!*p && seconds < INT64_MAX / SECOND) {
			*ret_ns = seconds * SECOND + ns;
			return 0;
		}
	}
	if (date_parse(text, ret_ns) == 0 || duration_parse(text, ret_ns) == 0)
		return 0;
	return err_set(
		err, EINVAL,
		"invalid value \"%s\": not a time, such as 2026-01-02T15:04:05, seconds, or 10m",
		text);
}
