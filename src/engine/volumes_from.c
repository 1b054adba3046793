/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/volumes_from.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/record.h"

static bool taken(const json_t *mounts, const char *destination)
{
	const json_t *mount;
	size_t i;

	json_array_foreach(mounts, i, mount)
	{
		if (strcmp(json_string_at(mount, "Destination", ""), destination) == 0)
			return true;
	}
	return false;
}

static int one_from(struct engine *engine, const char *text, json_t *mounts, char ***volumes,
		    struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_free_ char *name = str_ndup(text, strcspn(text, ":"));
	const char *mode = strchr(text, ':');
	const json_t *mount;
	size_t i;
	int r;

	mode = mode ? mode + 1 : "";
	if (!*name || (*mode && strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0))
		return err_set(err, EINVAL, "invalid volumes-from specification: '%s'", text);
	r = record_find(engine, name, &record, err);
	if (r < 0)
		return r;
	json_array_foreach(json_at(record.config, "Mounts"), i, mount)
	{
		json_t *copy;

		if (strcmp(json_string_at(mount, "Type", ""), "tmpfs") == 0 ||
		    taken(mounts, json_string_at(mount, "Destination", "")))
			continue;
		copy = json_deep_copy(mount);
		json_put(copy, "CopyUp", json_false()); /* it was filled for its first container */
		if (strcmp(mode, "ro") == 0)
			json_put(copy, "RW", json_false());
		if (*mode)
			json_put(copy, "Mode", json_text(mode));
		json_push(mounts, copy);
		if (json_at(mount, "Name"))
			strv_add(volumes, json_string_at(mount, "Name", ""));
	}
	return 0;
}

int volumes_from(struct engine *engine, char *const *list, json_t *mounts, char ***volumes,
		 struct err *err)
{
	for (size_t i = 0; list && list[i]; i++) {
		int r = one_from(engine, list[i], mounts, volumes, err);

		if (r < 0)
			return err_wrap(err, "volumes from %s", list[i]);
	}
	return 0;
}
