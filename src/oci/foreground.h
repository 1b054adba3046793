/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container or exec'd process in the foreground: signals and the terminal go in and out until it has ended. */
#ifndef CLOCHE_OCI_FOREGROUND_H
#define CLOCHE_OCI_FOREGROUND_H

struct container;
struct err;
struct notify;
struct spec_process;

/* A process that is to have our terminal's size from its first moment: where config.json tells none. */
void foreground_size(struct spec_process *process);
/* notify: what it tells is passed on; may be NULL. *ret_status: what to exit with, 128 + signal when it was killed. */
int foreground(struct container *container, const struct notify *notify, int *ret_status,
	       struct err *err);

#endif
