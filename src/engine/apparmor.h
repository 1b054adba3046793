/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AppArmor where the host has it: a profile of ours that every container is under unless it is told otherwise. It is in the
 * kernel after the first start that wants it, by apparmor_parser(8); a host without that program has no AppArmor for us, as for
 * every engine. */
#ifndef CLOCHE_ENGINE_APPARMOR_H
#define CLOCHE_ENGINE_APPARMOR_H

#include <stdbool.h>

struct err;
struct spec;

#define APPARMOR_DEFAULT "cloche-default"

bool apparmor_enabled(void);
/* Put spec's process under `profile` (NULL: the default one, loaded when the kernel does not have it; "unconfined": none). Nothing
 * happens on a host without AppArmor, unless a profile is asked for by name: -EOPNOTSUPP. -ENOENT: it is not loaded. */
int apparmor_apply(struct spec *spec, const char *profile, struct err *err);

#endif
