/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A distribution by its os-release(5): which one, and until when it gets security fixes.
 *
 *	distribution_parse(text, &one);		id "debian", version "12", support_end "2028-06-30"
 *	distribution_ended(&one, "2026-11-26")	false
 *	distribution_clear(&one);
 */
#ifndef CLOCHE_HOST_DISTRIBUTION_H
#define CLOCHE_HOST_DISTRIBUTION_H

#include <stdbool.h>

struct distribution {
	char *id, *version; /* "" when the text does not say; never NULL after distribution_parse */
	char *support_end; /* YYYY-MM-DD: SUPPORT_END of the text, or what the distribution announced; "": not known */
};

/* text may be NULL. */
void distribution_parse(const char *text, struct distribution *ret);
void distribution_clear(struct distribution *distribution);
/* Whether its support had ended by that day, YYYY-MM-DD. What is not known has not. */
bool distribution_ended(const struct distribution *distribution, const char *day);
/* KEY of os-release(5), without quotes, to be freed; "" without. */
char *os_release_value(const char *text, const char *key);

#endif
