/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Terminals of a container, always from its own devpts: the caller's own never goes in (TIOCSTI, CVE-2016-2568 and its kin). */
#ifndef CLOCHE_RUNTIME_TERMINAL_H
#define CLOCHE_RUNTIME_TERMINAL_H

#include <stdbool.h>

struct spec_process;

/* Open a new terminal of the devpts instance open at devpts, owned by process->uid. The slave, or -errno. */
int terminal_open(int devpts, const struct spec_process *process, int *ret_master);
/* Make the three descriptors, or the slave when it is not -1, 0, 1 and 2. 0 or -errno. */
int terminal_stdio(const int stdio[3], int slave);
/* Begin a session, of which 0 is the terminal when that is told. Who begins it must be the one that stays: at its end the
 * terminal hangs up. 0 or -errno. */
int terminal_session(bool terminal);

#endif
