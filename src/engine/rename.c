/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/name.h"
#include "engine/names.h"
#include "engine/record.h"
#include "engine/status.h"

static int config_write(struct store *store, const struct record *record, struct err *err)
{
	_cleanup_free_ char *text = json_dumps(record->config, JSON_COMPACT);

	return container_set_config(store, record->row.id, text, err);
}

int rename_settle(struct engine *engine, struct record *record, struct err *err)
{
	struct store *store;

	if (!json_at(record->config, "Cloche.CgroupName"))
		return 0;
	store = engine_store(engine, err);
	if (!store)
		return -err->code;
	(void)json_object_del(json_object_get(record->config, "Cloche"), "CgroupName");
	return config_write(store, record, err);
}

/* Name and config in one transaction. */
static int row_rename(struct engine *engine, struct record *record, const char *name, bool begun,
		      struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row other = { 0 };
	struct err ignored = ERR_NONE;
	int r = store ? store_begin(store, err) : -err->code;

	if (r < 0)
		return r;
	r = container_find(store, name, &other, &ignored);
	if (r == 0 && str_equal(other.name, name)) {
		r = err_set(
			err, EEXIST,
			"Conflict. The container name \"/%s\" is already in use by container "
			"\"%s\". You have to remove (or rename) that container to be able to reuse "
			"that name.",
			name, other.id);
	} else {
		r = container_rename(store, record->row.id, name, err);
	}
	container_row_clear(&other);
	if (r == 0 && begun && !json_at(record->config, "Cloche.CgroupName")) {
		json_put(json_object_get(record->config, "Cloche"), "CgroupName",
			 json_text(record->row.name));
		r = config_write(store, record, err);
	}
	if (r == 0)
		return store_commit(store, err);
	store_rollback(store);
	return r;
}

static int change(struct engine *engine, struct record *record, const char *name, struct err *err)
{
	_cleanup_free_ char *old = str_dup(record->row.name);
	struct container_status status;
	bool begun;
	int r;

	if (str_equal(old, name))
		return err_set(
			err, EINVAL,
			"Renaming a container with the same name as its current name: %s is \"/%s\"",
			record->row.id, name);
	status_get(engine, record->row.id, &status);
	/* its cgroup has the old name until it was released, which may be a little after its end */
	begun = faccessat(engine->run, record->row.id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	r = row_rename(engine, record, name, begun, err);
	if (r < 0)
		return r;
	str_free(&record->row.name);
	record->row.name = str_dup(name);
	if (status.status == STATUS_RUNNING)
		names_publish(engine, &record->row, status.pid);
	else
		names_remove(engine, &record->row);
	event_container(engine, record, "rename", (const char *const[]){ "oldName", old, NULL });
	return 0;
}

int container_rename_to(struct engine *engine, const char *reference, const char *name,
			struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	int lock, r;

	name += *name == '/';
	if (!*reference || !*name)
		return err_set(err, EINVAL, "Neither old nor new names may be empty");
	if (!name_valid(name))
		return err_set(
			err, EINVAL,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	r = record_lock(engine, reference, &record, &lock, err);
	if (r < 0)
		return r;
	r = change(engine, &record, name, err);
	engine_unlock(engine, record.row.id, lock);
	return r;
}
