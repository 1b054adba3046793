/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's spelling of resource limits: "nofile=1024:2048", "core=0", "cpu=-1" (getrlimit(2)). */
#ifndef CLOCHE_RUNTIME_ULIMIT_H
#define CLOCHE_RUNTIME_ULIMIT_H

#include <stdint.h>

struct err;

/* -1 is unlimited. name has room for 16 bytes. */
int ulimit_parse(const char *text, char name[16], int64_t *ret_soft, int64_t *ret_hard,
		 struct err *err);
int ulimit_resource(const char *name); /* RLIMIT_*, -1: unknown */

#endif
