/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int duration_parse(const char *text, int64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 },  { "us", 1e3 }, { "ms", 1e6 },
		      { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
	double total = 0;

	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		char *end;
		double number;
		size_t length, i;

		if (*text != '.' && (*text < '0' || *text > '9'))
			return -EINVAL;
		number = strtod(text, &end);
		if (end != text + strspn(text, "0123456789.")) /* no exponents, no hexadecimal */
			return -EINVAL;
		length = strspn(end, "nusmh");
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].unit) == length &&
			    strncmp(units[i].unit, end, length) == 0)
				break;
		if (i == ARRAY_SIZE(units))
			return -EINVAL;
		total += number * units[i].ns;
		text = end + length;
	}
	if (!(total < 9e18))
		return -EINVAL;
	*ret_ns = (int64_t)total;
	return 0;
}
