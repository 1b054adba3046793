/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of Docker's `run` that have one value here: that one is accepted, every other is refused with the reason, and what
 * Docker itself ignores with a warning is ignored with a warning. */
#ifndef CLOCHE_ENGINE_SINGLE_OPTION_H
#define CLOCHE_ENGINE_SINGLE_OPTION_H

struct create_options;
struct err;

int single_options(const struct create_options *options, char ***warnings, struct err *err);

#endif
