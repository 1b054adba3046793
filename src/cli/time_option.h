/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --since and --until: "2026-11-24T12:00:00Z", "1764000000.5", "10m", "1h30m". */
#ifndef CLOCHE_CLI_TIME_OPTION_H
#define CLOCHE_CLI_TIME_OPTION_H

#include <stdint.h>

struct err;

int time_option_parse(const char *text, int64_t *ret_ns, struct err *err);

#endif
