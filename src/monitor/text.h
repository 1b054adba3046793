/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words and numbers without stdio: the monitor is resident once per container, and each page of it counts. */
#ifndef CLOCHE_MONITOR_TEXT_H
#define CLOCHE_MONITOR_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text { /* a bounded buffer; what does not fit is cut */
	char *data;
	size_t length, room;
};

void text_put(struct text *text, const char *words);
void text_number(struct text *text, uint64_t value,
		 unsigned int digits); /* at least so many digits */
/* "2026-11-24T12:00:00.123456789Z" of CLOCK_REALTIME */
void text_time(struct text *text, int64_t ns);
int64_t time_now_ns(void);
/* Start time of a process, field 22 of /proc/PID/stat, as in its bytes; 0: gone. */
uint64_t process_start_time(int pid);

#endif
