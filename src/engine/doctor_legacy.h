/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of the old iptables-legacy, of which the kernel tells nothing while a packet passes: their counters before and after an attempt
 * say which rule took it. Read by iptables-legacy-save, where there are such tables at all.
 *
 *	struct legacy legacy;
 *	legacy_begin(&legacy, AF_INET);
 *	... the attempt ...
 *	legacy_end(&legacy, &drop)       1: *ret says which
 */
#ifndef CLOCHE_ENGINE_DOCTOR_LEGACY_H
#define CLOCHE_ENGINE_DOCTOR_LEGACY_H

#include "base/str.h"

struct legacy {
	const char *program; /* NULL: there are no such tables */
	struct buf before;
};

struct legacy_drop {
	char *table, *rule, *remedy; /* rule: as `-S` prints it */
};

void legacy_begin(struct legacy *legacy, int family);
/* Also clears. */
int legacy_end(struct legacy *legacy, struct legacy_drop *ret_drop);
void legacy_drop_clear(struct legacy_drop *drop);

#endif
