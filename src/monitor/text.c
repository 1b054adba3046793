/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/text.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void text_put(struct text *text, const char *words)
{
	size_t length = strlen(words);

	if (length > text->room - text->length)
		length = text->room - text->length;
	memcpy(text->data + text->length, words, length);
	text->length += length;
}

void text_number(struct text *text, uint64_t value, unsigned int digits)
{
	char out[21];
	unsigned int at = sizeof(out) - 1;

	out[at] = '\0';
	do {
		out[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (at > 0 && (value > 0 || sizeof(out) - 1 - at < digits));
	text_put(text, out + at);
}

/* Days since 1970 to a date of the Gregorian calendar, by 400-year cycles that begin in March: libc's gmtime() would bring in
 * time zones. */
static void date_of(int64_t days, unsigned int *year, unsigned int *month, unsigned int *day)
{
	unsigned int z = (unsigned int)(days + 719468), cycle = z / 146097,
		     in_cycle = z - cycle * 146097;
	unsigned int years =
		(in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
	unsigned int in_year = in_cycle - (365 * years + years / 4 - years / 100),
		     shifted = (5 * in_year + 2) / 153;

	*day = in_year - (153 * shifted + 2) / 5 + 1;
	*month = shifted < 10 ? shifted + 3 : shifted - 9;
	*year = years + cycle * 400 + (*month <= 2);
}

void text_time(struct text *text, int64_t ns)
{
	int64_t seconds = ns / 1000000000;
	unsigned int year, month, day, in_day = (unsigned int)(seconds % 86400);

	date_of(seconds / 86400, &year, &month, &day);
	text_number(text, year, 4);
	text_put(text, "-");
	text_number(text, month, 2);
	text_put(text, "-");
	text_number(text, day, 2);
	text_put(text, "T");
	text_number(text, in_day / 3600, 2);
	text_put(text, ":");
	text_number(text, in_day / 60 % 60, 2);
	text_put(text, ":");
	text_number(text, in_day % 60, 2);
	text_put(text, ".");
	text_number(text, (uint64_t)(ns % 1000000000), 9);
	text_put(text, "Z");
}

int64_t time_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t process_start_time(int pid)
{
	char path[32], data[1024];
	struct text name = { path, 0, sizeof(path) - 1 };
	uint64_t value = 0;
	const char *p;
	ssize_t n;
	int fd;

	text_put(&name, "/proc/");
	text_number(&name, (uint64_t)pid, 1);
	text_put(&name, "/stat");
	path[name.length] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, data, sizeof(data) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return 0;
	data[n] = '\0';
	p = strrchr(data, ')');
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p + 1, ' ');
	}
	if (!p)
		return 0;
	for (p++; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	return value;
}
