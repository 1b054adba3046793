/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's commands that are not here: each is refused by its name, with the reason and what to do instead. */
#ifndef CLOCHE_CLI_ABSENT_H
#define CLOCHE_CLI_ABSENT_H

struct err;

/* Puts the words into err when the command that argv (NULL-terminated) begins with is one of them. */
void absent_explain(char *const *argv, struct err *err);

#endif
