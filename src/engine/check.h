/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `system check`: database, files, processes and cgroups compared with each other. */
#ifndef CLOCHE_ENGINE_CHECK_H
#define CLOCHE_ENGINE_CHECK_H

#include <stdbool.h>

struct engine;
struct err;

/* Findings in plain words in *ret_found. How many are left, or -errno. */
int check_instance(struct engine *engine, bool repair, char ***ret_found, struct err *err);

#endif
