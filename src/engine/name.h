/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of containers: their grammar, a pleasant one for who has none, and ids. */
#ifndef CLOCHE_ENGINE_NAME_H
#define CLOCHE_ENGINE_NAME_H

#include <stdbool.h>

bool name_valid(const char *name); /* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
char *name_make(unsigned int try); /* a number comes behind it from the third try on */

enum { ID_SHORT = 12 };
/* Of a container. Its first ID_SHORT digits are a hostname, too, so one of them is a letter: who looks up a name of decimal digits alone
 * takes it for an address (getaddrinfo(3), inet_aton(3)) and never finds it in /etc/hosts. */
void id_make(char id[65]);

#endif
