/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of containers: their grammar, and a pleasant one for who has none. */
#ifndef CLOCHE_ENGINE_NAME_H
#define CLOCHE_ENGINE_NAME_H

#include <stdbool.h>

bool name_valid(const char *name); /* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
char *name_make(unsigned int try); /* a number comes behind it from the third try on */

#endif
