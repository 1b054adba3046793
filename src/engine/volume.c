/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/volume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/name.h"

int volume_create(struct engine *engine, const char *name, char *const *labels, char **ret_name,
		  struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct volume_row row = { .created_ns = engine_now_ns(), .anonymous = !name };
	_cleanup_json_ json_t *object = json_object();
	_cleanup_free_ char *text = NULL;
	char random[65];
	int r;

	if (!store)
		return -err->code;
	if (name && !name_valid(name))
		return err_set(
			err, EINVAL,
			"create %s: \"%s\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
			name, name);
	for (size_t i = 0; labels && labels[i]; i++) {
		_cleanup_free_ char *key = str_dup(labels[i]);
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		json_put(object, key, json_text(value));
	}
	engine_random_hex(random, 64);
	row.name = (char *)(name ? name : random);
	text = json_dumps(object, JSON_COMPACT);
	row.labels = text;
	r = volume_add(store, &row, err);
	if (r < 0 && r != -EEXIST)
		return r;
	if (r == 0)
		event_other(engine, "volume", "create", row.name, row.name);
	err_clear(err);
	*ret_name = str_dup(row.name);
	return 0;
}

static int files_remove(struct engine *engine, const char *name, struct err *err)
{
	_cleanup_free_ char *path = str_printf("volumes/%s", name);
	int r = dir_remove(engine->root, path);

	if (r < 0)
		return err_sys(err, r, "remove the files of volume %s", name);
	event_other(engine, "volume", "destroy", name, name);
	return 0;
}

int volume_remove(struct engine *engine, const char *name, struct err *err)
{
	struct store *store = engine_store(engine, err);
	int r;

	if (!store)
		return -err->code;
	/* the row is the volume; the folder follows, or is found to be nobody's by `system check` */
	r = volume_delete(store, name, err);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "get %s: no such volume", name);
	if (r == -EBUSY) {
		_cleanup_strv_ char **users = NULL;
		_cleanup_(buf_clear) struct buf list = BUF_EMPTY;

		(void)volume_users(store, name, &users, err);
		for (size_t i = 0; users && users[i]; i++)
			buf_printf(&list, "%s%s", i ? ", " : "", users[i]);
		return err_set(err, EBUSY, "remove %s: volume is in use - [%s]", name,
			       list.data ? list.data : "");
	}
	if (r < 0)
		return r;
	return files_remove(engine, name, err);
}

int volume_remove_again(struct engine *engine, const char *name, struct err *err)
{
	int r = volume_remove(engine, name, err);

	if (r != -ENOENT)
		return r;
	err_clear(err);
	return files_remove(engine, name, err);
}
