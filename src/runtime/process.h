/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a set-up namespace to the user's command: limits, ids, capabilities, filter, working folder, execve. Shared by the first
 * process of a container and by `exec`; private to the runtime. Never returns: a failure is a report. */
#ifndef CLOCHE_RUNTIME_PROCESS_H
#define CLOCHE_RUNTIME_PROCESS_H

#include "runtime/container_step.h"

/* In the parent, before the clone: scheduling policy, priority, processors, input/output class and timer slack that a
 * command line was given and a container must not get. */
void process_forget_caller(void);
/* process.execCPUAffinity (config.md) of a process that joins a container: "initial" before it does, "final" before it
 * executes. NULL: as it is. What is no list, or has no processor of the host, is a report. */
void process_affinity(const struct init_plan *plan, const char *cpus);
/* Report what would keep the command from being found and executed, as far as that can be told before: so that `create` fails
 * rather than `start`. */
/* A session keyring of its own, which SELinux lets it search: the keyring has its label (keycreate, selinux(8)), and what is made
 * afterwards has not. 0 as well where there are no keyrings, or no room for one more. */
int process_keyring(const struct init_plan *plan);
void process_check(const struct init_plan *plan);
_Noreturn void process_become(const struct init_plan *plan);

#endif
