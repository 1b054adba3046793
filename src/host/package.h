/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packages that a distribution has installed, from dpkg's and apk's text databases, and their versions compared by the rules of
 * deb-version(7), which are near enough apk's for what is asked here: which one is older.
 */
#ifndef CLOCHE_HOST_PACKAGE_H
#define CLOCHE_HOST_PACKAGE_H

#include <stddef.h>

struct package {
	char *name, *version;
};
struct packages {
	struct package *list; /* by name */
	size_t count;
};
#define PACKAGES_EMPTY ((struct packages){ 0 })

/* Text of /var/lib/dpkg/status ("Package:", "Status:", "Version:") or /lib/apk/db/installed ("P:", "V:"); 20,000 packages at most. */
void packages_parse(const char *text, struct packages *ret);
void packages_clear(struct packages *packages);
const struct package *packages_find(const struct packages *packages, const char *name);
/* Below 0: a is older. */
int version_compare(const char *a, const char *b);

#endif
