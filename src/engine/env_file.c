/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

int env_file_assign(const char *text, char ***env, struct err *err)
{
	_cleanup_free_ char *assignment = NULL;
	const char *value;

	if (!*text || *text == '=')
		return err_argument(err, text, "-e, --env", "invalid environment variable: %s",
				    text);
	if (strchr(text, '=')) {
		env_set(env, text);
		return 0;
	}
	value = getenv(text);
	if (!value)
		return 0; /* Docker's: a name that we do not have either is left out */
	assignment = str_printf("%s=%s", text, value);
	env_set(env, assignment);
	return 0;
}

static int line_add(const char *line, char ***list, struct err *err)
{
	(void)err;
	strv_add(list, line);
	return 0;
}

static int lines_read(const char *path, int (*assign)(const char *, char ***, struct err *),
		      char ***list, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *line;
	int r = file_read_given(path, 16 << 20, &text);

	if (r < 0)
		return err_sys(err, r, "open %s", path);
	for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (strcspn(line, " \t") < strcspn(line, "="))
			return err_set(err, EINVAL,
				       "invalid env file (%s): variable '%s' contains whitespaces",
				       path, line);
		r = assign(line, list, err);
		if (r < 0)
			return err_wrap(err, "read %s", path);
	}
	return 0;
}

int env_file_read(const char *path, char ***env, struct err *err)
{
	return lines_read(path, env_file_assign, env, err);
}

int label_file_read(const char *path, char ***labels, struct err *err)
{
	return lines_read(path, line_add, labels, err);
}
