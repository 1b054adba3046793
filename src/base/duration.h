/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Durations as Go writes them, and so Docker: "1m30s", "500ms", "1.5h". */
#ifndef CLOCHE_BASE_DURATION_H
#define CLOCHE_BASE_DURATION_H

#include <stdint.h>

/* To nanoseconds. -EINVAL without words; a number without a unit is one only when it is 0. */
int duration_parse(const char *text, int64_t *ret_ns);

#endif
