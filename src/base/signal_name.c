/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/signal_name.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

int signal_parse(const char *text)
{
	uint64_t number;

	if (str_to_u64(text, (uint64_t)SIGRTMAX, &number) == 0)
		return number > 0 ? (int)number : -EINVAL;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, text) == 0)
			return i;
	}
	if (strcasecmp(text, "RTMIN") == 0)
		return SIGRTMIN;
	if (strcasecmp(text, "RTMAX") == 0)
		return SIGRTMAX;
	if (strncasecmp(text, "RTMIN+", 6) == 0 &&
	    str_to_u64(text + 6, (uint64_t)(SIGRTMAX - SIGRTMIN), &number) == 0)
		return SIGRTMIN + (int)number;
	if (strncasecmp(text, "RTMAX-", 6) == 0 &&
	    str_to_u64(text + 6, (uint64_t)(SIGRTMAX - SIGRTMIN), &number) == 0)
		return SIGRTMAX - (int)number;
	return -EINVAL;
}
