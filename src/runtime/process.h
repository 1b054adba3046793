/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a set-up namespace to the user's command: limits, ids, capabilities, filter, working folder, execve. Shared by the first
 * process of a container and by `exec`; private to the runtime. Never returns: a failure is a report. */
#ifndef CLOCHE_RUNTIME_PROCESS_H
#define CLOCHE_RUNTIME_PROCESS_H

#include "runtime/container_step.h"

_Noreturn void process_become(const struct init_plan *plan);

#endif
