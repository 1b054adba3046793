/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals as Docker spells them: "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3". */
#ifndef CLOCHE_BASE_SIGNAL_NAME_H
#define CLOCHE_BASE_SIGNAL_NAME_H

int signal_parse(const char *text); /* -EINVAL */

#endif
