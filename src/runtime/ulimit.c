/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/ulimit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/str.h"

static const struct {
	const char *name;
	int resource;
} ulimits[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

int ulimit_resource(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ulimits); i++)
		if (strcmp(ulimits[i].name, name) == 0)
			return ulimits[i].resource;
	return -1;
}

static int value_parse(const char *text, int64_t *ret_value)
{
	uint64_t value;

	if (strcmp(text, "-1") == 0 || strcmp(text, "unlimited") == 0) {
		*ret_value = -1;
		return 0;
	}
	if (str_to_u64(text, INT64_MAX, &value) < 0)
		return -EINVAL;
	*ret_value = (int64_t)value;
	return 0;
}

int ulimit_parse(const char *text, char name[16], int64_t *ret_soft, int64_t *ret_hard,
		 struct err *err)
{
	_cleanup_free_ char *copy = str_dup(text);
	char *value = strchr(copy, '='), *colon;
	int64_t soft, hard;

	if (!value)
		return err_set(err, EINVAL, "invalid ulimit argument: %s", text);
	*value++ = '\0';
	if (ulimit_resource(copy) < 0 || strlen(copy) > 15)
		return err_set(err, EINVAL, "invalid ulimit type: %s", copy);
	colon = strchr(value, ':');
	if (colon)
		*colon++ = '\0';
	if (value_parse(value, &soft) < 0 || value_parse(colon ? colon : value, &hard) < 0)
		return err_set(err, EINVAL, "invalid ulimit argument: %s", text);
	if (hard >= 0 && (soft < 0 || soft > hard))
		return err_set(err, EINVAL,
			       "ulimit soft limit must be less than or equal to hard limit: %s",
			       text);
	name[0] = '\0';
	(void)str_append(name, 16, copy);
	*ret_soft = soft;
	*ret_hard = hard;
	return 0;
}
