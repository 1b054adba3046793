/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/volume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/name.h"
#include "engine/reserve.h"

static int options_check(const json_t *options, struct err *err)
{
	const char *type = json_string_at(options, "type", ""),
		   *device = json_string_at(options, "device", "");
	_cleanup_strv_ char **words = strv_split(json_string_at(options, "o", ""), ',');
	const char *size = json_string_at(options, "size", NULL);
	bool bind = false;
	uint64_t bytes;

	if (size && json_object_size(options) > 1)
		return err_set(
			err, EINVAL,
			"volume option size: only for a volume that is not mounted from elsewhere");
	if (size)
		return disk_limit_parse("volume option size", size, &bytes, err);
	for (size_t i = 0; words[i]; i++)
		bind |= strcmp(words[i], "bind") == 0 || strcmp(words[i], "rbind") == 0;
	if (!*type || !*device)
		return err_set(err, EINVAL, "missing required option: \"%s\"",
			       *type ? "device" : "type");
	if (strcmp(type, "tmpfs") == 0) {
		err_set(err, EOPNOTSUPP,
			"volume of type tmpfs: each container would see another one");
		return err_hint(err, "use --tmpfs, or --mount type=tmpfs");
	}
	if (strcmp(type, "none") == 0 && !bind)
		return err_set(err, EINVAL, "volume of type none: only with o=bind");
	if (bind && *device != '/')
		return err_set(err, EINVAL, "volume device %s: not an absolute path", device);
	return 0;
}

int volume_options_parse(char *const *options, char **ret_json, struct err *err)
{
	_cleanup_json_ json_t *object = json_object();
	int r;

	*ret_json = NULL;
	for (size_t i = 0; options && options[i]; i++) {
		_cleanup_free_ char *key = str_dup(options[i]);
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		if (!value || (strcmp(key, "size") != 0 && strcmp(key, "type") != 0 &&
			       strcmp(key, "device") != 0 && strcmp(key, "o") != 0))
			return err_set(err, EINVAL, "invalid option: \"%s\"", key);
		json_put(object, key, json_text(value));
	}
	if (json_object_size(object) == 0)
		return 0;
	r = options_check(object, err);
	if (r == 0)
		*ret_json = json_dumps(object, JSON_COMPACT);
	return r;
}

int volume_create(struct engine *engine, const char *name, char *const *labels, const char *options,
		  char **ret_name, struct err *err)
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
	row.options = (char *)options;
	r = volume_add(store, &row, err);
	if (r < 0 && r != -EEXIST)
		return r;
	if (r == 0 && options) {
		_cleanup_json_ json_t *parsed = json_loads(options, 0, NULL);

		if (disk_limit_volume(engine, row.name, parsed, err) < 0) {
			struct err ignored = ERR_NONE;

			(void)volume_remove(engine, row.name, &ignored);
			return -err->code;
		}
	}
	if (r == 0)
		event_volume(engine, row.name, "create");
	err_clear(err);
	*ret_name = str_dup(row.name);
	return 0;
}

static int files_remove(struct engine *engine, const char *name, struct err *err)
{
	_cleanup_free_ char *path = str_printf("volumes/%s", name);
	int r = disk_limit_volume_release(engine, name, err);

	if (r < 0)
		return r;
	r = dir_remove(engine->root, path);
	if (r < 0)
		return err_sys(err, r, "remove the files of volume %s", name);
	event_volume(engine, name, "destroy");
	return 0;
}

int volume_remove(struct engine *engine, const char *name, struct err *err)
{
	struct store *store = engine_store(engine, err);
	int r;

	if (!store)
		return -err->code;
	(void)reserve_spend(engine);
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
