/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/distribution.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Last day of security support that the distributions have announced, long-term support by the distribution itself included. */
static const struct {
	const char *id, *version, *until;
} supports[] = {
	{ "debian", "9", "2022-06-30" },     { "debian", "10", "2024-06-30" },
	{ "debian", "11", "2026-08-31" },    { "debian", "12", "2028-06-30" },
	{ "debian", "13", "2030-06-30" },    { "ubuntu", "18.04", "2023-05-31" },
	{ "ubuntu", "20.04", "2025-05-31" }, { "ubuntu", "22.04", "2027-06-01" },
	{ "ubuntu", "24.04", "2029-05-31" }, { "alpine", "3.16", "2024-05-23" },
	{ "alpine", "3.17", "2024-11-22" },  { "alpine", "3.18", "2025-05-09" },
	{ "alpine", "3.19", "2025-11-01" },  { "alpine", "3.20", "2026-04-01" },
	{ "alpine", "3.21", "2026-11-01" },  { "alpine", "3.22", "2027-05-01" },
	{ "centos", "7", "2024-06-30" },     { "centos", "8", "2021-12-31" },
	{ "rhel", "7", "2024-06-30" },	     { "rhel", "8", "2029-05-31" },
	{ "rhel", "9", "2032-05-31" },	     { "rocky", "8", "2029-05-31" },
	{ "rocky", "9", "2032-05-31" },	     { "almalinux", "8", "2029-03-01" },
	{ "almalinux", "9", "2032-05-31" },  { "fedora", "30", "2020-05-26" },
	{ "fedora", "38", "2024-05-21" },    { "fedora", "39", "2024-11-26" },
	{ "fedora", "40", "2025-05-13" },    { "fedora", "41", "2025-12-15" },
	{ "fedora", "42", "2026-05-13" },
};

char *os_release_value(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (; text && *text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		const char *value = text + n + 1;
		size_t length;

		if (strncmp(text, key, n) != 0 || text[n] != '=')
			continue;
		length = strcspn(value, "\n");
		if (length >= 2 && (value[0] == '"' || value[0] == '\'')) {
			value++;
			length -= 2;
		}
		return str_ndup(value, length);
	}
	return str_dup("");
}

/* The last day that the table has for it; a row "9" is also for "9.4". */
static const char *announced_end(const struct distribution *distribution)
{
	for (size_t i = 0; i < ARRAY_SIZE(supports); i++) {
		size_t n = strlen(supports[i].version);

		if (strcmp(supports[i].id, distribution->id) == 0 &&
		    strncmp(distribution->version, supports[i].version, n) == 0 &&
		    (distribution->version[n] == '\0' || distribution->version[n] == '.'))
			return supports[i].until;
	}
	return "";
}

void distribution_parse(const char *text, struct distribution *ret)
{
	ret->id = os_release_value(text, "ID");
	ret->version = os_release_value(text, "VERSION_ID");
	ret->support_end = os_release_value(text, "SUPPORT_END");
	if (!*ret->support_end) {
		free(ret->support_end);
		ret->support_end = str_dup(announced_end(ret));
	}
}

void distribution_clear(struct distribution *distribution)
{
	free(distribution->id);
	free(distribution->version);
	free(distribution->support_end);
	*distribution = (struct distribution){ 0 };
}

bool distribution_ended(const struct distribution *distribution, const char *day)
{
	return *distribution->support_end && strcmp(distribution->support_end, day) < 0;
}
