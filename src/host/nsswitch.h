/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /etc/nsswitch.conf (nsswitch.conf(5)): the word "cloche" at the end of the lines passwd and group, where every other source has
 * the first word. The file is replaced by rename; what was there before is kept beside it. */
#ifndef CLOCHE_HOST_NSSWITCH_H
#define CLOCHE_HOST_NSSWITCH_H

#include <stdbool.h>

struct buf;
struct err;

#define NSSWITCH_PATH "/etc/nsswitch.conf"
#define NSSWITCH_BACKUP "/etc/nsswitch.conf.before-cloche"

/* The text with the word added to, or removed from, both lines; a missing line is added as "passwd: files cloche". True: it differs. */
bool nsswitch_edit(const char *text, bool enable, struct buf *out);
/* Both lines have it, and no action before it ends the search. *ret_unreachable: they have it behind such an action. */
bool nsswitch_enabled(const char *text, bool *ret_unreachable);

/* 0; 1: it was so already. A symlink is refused with -ELOOP: whoever owns the target would undo it. */
int nsswitch_change(bool enable, struct err *err);
/* The file's text; a missing one is empty. */
int nsswitch_read(struct buf *text, struct err *err);

#endif
