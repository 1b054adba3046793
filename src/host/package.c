/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/package.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { PACKAGES_MOST = 20000 };

static void package_add(struct packages *packages, char *name, char *version, bool installed)
{
	if (!name || !version || !installed || packages->count == PACKAGES_MOST) {
		free(name);
		free(version);
		return;
	}
	if ((packages->count & (packages->count - 1)) == 0) {
		packages->list = reallocarray(packages->list,
					      packages->count ? packages->count * 2 : 1,
					      sizeof(*packages->list));
		if (!packages->list)
			abort();
	}
	packages->list[packages->count++] = (struct package){ name, version };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct package *)a)->name, ((const struct package *)b)->name);
}

static void field_set(char **field, const char *line, size_t skip, size_t length)
{
	while (skip < length && line[skip] == ' ')
		skip++;
	free(*field);
	*field = str_ndup(line + skip, length - skip);
}

void packages_parse(const char *text, struct packages *ret)
{
	char *name = NULL, *version = NULL;
	bool installed = true;

	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length == 0) { /* a paragraph ends */
			package_add(ret, name, version, installed);
			name = version = NULL;
			installed = true;
		} else if (str_prefix(text, "Package:")) {
			field_set(&name, text, 8, length);
		} else if (str_prefix(text, "Version:")) {
			field_set(&version, text, 8, length);
		} else if (str_prefix(text, "Status:")) {
			installed = length >= 12 &&
				    memcmp(text + length - 10, " installed", 10) == 0;
		} else if (str_prefix(text, "P:")) {
			field_set(&name, text, 2, length);
		} else if (str_prefix(text, "V:")) {
			field_set(&version, text, 2, length);
		}
		text += length + (text[length] == '\n');
	}
	package_add(ret, name, version, installed);
	if (ret->count)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_name);
}

void packages_clear(struct packages *packages)
{
	for (size_t i = 0; i < packages->count; i++) {
		free(packages->list[i].name);
		free(packages->list[i].version);
	}
	free(packages->list);
	*packages = PACKAGES_EMPTY;
}

const struct package *packages_find(const struct packages *packages, const char *name)
{
	struct package wanted = { (char *)name, NULL };

	return packages->count ?
		       bsearch(&wanted, packages->list, packages->count, sizeof(wanted), by_name) :
		       NULL;
}

/* "~" before the end, the end before letters, letters before the rest */
static int order(char c)
{
	if (c == '~')
		return -1;
	if (c == '\0' || isdigit((unsigned char)c))
		return 0;
	return isalpha((unsigned char)c) ? (unsigned char)c : (unsigned char)c + 256;
}

/* Text and numbers in turn. */
static int part_compare(const char *a, const char *b)
{
	while (*a || *b) {
		int first = 0;

		while ((*a && !isdigit((unsigned char)*a)) || (*b && !isdigit((unsigned char)*b))) {
			int x = order(*a), y = order(*b);

			if (x != y)
				return x - y;
			a += *a != '\0';
			b += *b != '\0';
		}
		a += strspn(a, "0");
		b += strspn(b, "0");
		while (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			if (first == 0)
				first = *a - *b;
			a++;
			b++;
		}
		if (isdigit((unsigned char)*a))
			return 1;
		if (isdigit((unsigned char)*b))
			return -1;
		if (first)
			return first;
	}
	return 0;
}

/* [EPOCH:]UPSTREAM[-REVISION] */
static void version_split(const char *version, unsigned long *ret_epoch, char **ret_upstream,
			  char **ret_revision)
{
	const char *colon = strchr(version, ':'), *dash;

	*ret_epoch = colon ? strtoul(version, NULL, 10) : 0;
	if (colon)
		version = colon + 1;
	dash = strrchr(version, '-');
	*ret_upstream = dash ? str_ndup(version, (size_t)(dash - version)) : str_dup(version);
	*ret_revision = str_dup(dash ? dash + 1 : "");
}

/* "~" before the end, "^" behind it, and both before all else: 0 when neither has one here, else which is older. */
static int rpm_mark(const char **a, const char **b, char mark, bool *ret_both)
{
	*ret_both = **a == mark && **b == mark;
	if (*ret_both) {
		++*a;
		++*b;
		return 0;
	}
	if (**a != mark && **b != mark)
		return 0;
	if (mark == '~')
		return **a == mark ? -1 : 1;
	if (**a == mark)
		return **b ? -1 : 1;
	return **a ? 1 : -1;
}

/* rpm-version(7): runs of digits or of letters in turn, whatever stands between them. Digits are newer than letters. */
static int rpm_part_compare(const char *a, const char *b)
{
	for (;;) {
		bool both, digits;
		size_t x, y;
		int r;

		while (*a && !isalnum((unsigned char)*a) && *a != '~' && *a != '^')
			a++;
		while (*b && !isalnum((unsigned char)*b) && *b != '~' && *b != '^')
			b++;
		r = rpm_mark(&a, &b, '~', &both);
		if (r == 0 && !both)
			r = rpm_mark(&a, &b, '^', &both);
		if (r != 0)
			return r;
		if (both)
			continue;
		if (!*a || !*b)
			return *a ? 1 : *b ? -1 : 0;
		digits = isdigit((unsigned char)*a);
		if (digits != (isdigit((unsigned char)*b) != 0))
			return digits ? 1 : -1;
		if (digits) {
			a += strspn(a, "0");
			b += strspn(b, "0");
		}
		for (x = 0; digits ? isdigit((unsigned char)a[x]) : isalpha((unsigned char)a[x]);)
			x++;
		for (y = 0; digits ? isdigit((unsigned char)b[y]) : isalpha((unsigned char)b[y]);)
			y++;
		if (digits && x != y)
			return x < y ? -1 : 1;
		r = memcmp(a, b, x < y ? x : y);
		if (r == 0 && x != y)
			r = x < y ? -1 : 1;
		if (r != 0)
			return r;
		a += x;
		b += y;
	}
}

int version_compare(enum package_kind kind, const char *a, const char *b)
{
	int (*compare)(const char *, const char *) = kind == PACKAGE_RPM ? rpm_part_compare :
									   part_compare;
	_cleanup_free_ char *a_upstream = NULL, *a_revision = NULL, *b_upstream = NULL,
			    *b_revision = NULL;
	unsigned long a_epoch, b_epoch;
	int r;

	version_split(a, &a_epoch, &a_upstream, &a_revision);
	version_split(b, &b_epoch, &b_upstream, &b_revision);
	if (a_epoch != b_epoch)
		return a_epoch < b_epoch ? -1 : 1;
	r = compare(a_upstream, b_upstream);
	return r ? r : compare(a_revision, b_revision);
}

bool package_is_exposed(const char *name)
{
	static const char *const beginnings[] = {
		"libc6",   "glibc",	"musl",	      "openssl",
		"libssl",  "libcrypto", "gnutls",     "libgnutls",
		"nss",	   "openssh",	"dropbear",   "curl",
		"libcurl", "wget",	"zlib",	      "libexpat",
		"expat",   "libxml2",	"krb5",	      "libgssapi",
		"nginx",   "apache2",	"httpd",      "bind9",
		"bind",	   "dnsmasq",	"sudo",	      "bash",
		"xz",	   "liblzma",	"libwebp",    "ca-certificates",
		"php",	   "nodejs",	"postgresql", "mariadb",
		"mysql",   "samba",	"systemd",    "libtasn1",
		"gnupg",   "git",
	};

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (str_prefix(name, beginnings[i]))
			return true;
	return false;
}
