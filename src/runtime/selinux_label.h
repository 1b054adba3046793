/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SELinux in the kernel: whether it is there, and which labels its policy knows. By selinuxfs alone, without a library. */
#ifndef CLOCHE_RUNTIME_SELINUX_LABEL_H
#define CLOCHE_RUNTIME_SELINUX_LABEL_H

#include <stdbool.h>

struct err;

bool selinux_enabled(void);

/* `what` names the label in the error's words. NULL and "" are no label: 0. -EOPNOTSUPP: this host does not use SELinux; -EINVAL:
 * the policy that is loaded does not know it. */
int selinux_label_check(const char *what, const char *label, struct err *err);

#endif
