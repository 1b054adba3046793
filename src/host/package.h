/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packages that a distribution has installed, from dpkg's and apk's text databases or what cloche-transfer tells of rpm's, and their versions
 * compared: which one is older. By the rules of deb-version(7), which are near enough apk's, or of rpm-version(7).
 */
#ifndef CLOCHE_HOST_PACKAGE_H
#define CLOCHE_HOST_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

struct package {
	char *name, *version;
};
enum package_kind { PACKAGE_DPKG, PACKAGE_APK, PACKAGE_RPM };

struct packages {
	enum package_kind kind; /* whose rules their versions follow; the caller's to set */
	struct package *list;	/* by name */
	size_t count;
};
#define PACKAGES_EMPTY ((struct packages){ 0 })

/* Text of /var/lib/dpkg/status ("Package:", "Status:", "Version:") or /lib/apk/db/installed ("P:", "V:"); 20,000 packages at most. */
void packages_parse(const char *text, struct packages *ret);
void packages_clear(struct packages *packages);
const struct package *packages_find(const struct packages *packages, const char *name);
/* Below 0: a is older. */
int version_compare(enum package_kind kind, const char *a, const char *b);
/* One whose holes are reached from outside: the C library, TLS, SSH, parsers of foreign data. By its binary package's name. */
bool package_is_exposed(const char *name);

#endif
