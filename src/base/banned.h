/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that have no safe use here: they do not compile. Included by the build for every file. */
#ifndef CLOCHE_BASE_BANNED_H
#define CLOCHE_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf atoi atol strtok gets system popen

#endif
