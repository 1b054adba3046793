/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/record.h"

#include <errno.h>

#include "base/err.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/repair.h"

void record_clear(struct record *record)
{
	container_row_clear(&record->row);
	json_decref(record->config);
	*record = RECORD_EMPTY;
}

int record_find(struct engine *engine, const char *reference, struct record *ret_record,
		struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct record record = RECORD_EMPTY;
	json_error_t why;
	int r;

	if (!store)
		return -err->code;
	r = container_find(store, *reference == '/' ? reference + 1 : reference, &record.row, err);
	if (r < 0)
		return r;
	record.config = json_loads(record.row.config, 0, &why);
	if (!record.config) {
		r = err_set(err, EBADMSG, "the record of container %s is damaged: %s",
			    record.row.name, why.text);
		record_clear(&record);
		return r;
	}
	*ret_record = record;
	return 0;
}

int record_lock(struct engine *engine, const char *reference, struct record *ret_record,
		int *ret_lock, struct err *err)
{
	struct record record = RECORD_EMPTY;
	_cleanup_free_ char *id = NULL;
	int lock, r = record_find(engine, reference, &record, err);

	if (r < 0)
		return r;
	id = str_dup(record.row.id);
	record_clear(&record);
	lock = engine_lock(engine, id, err);
	if (lock < 0)
		return lock;
	r = record_find(engine, id, ret_record, err);
	if (r == -ENOENT)
		repair_gone(engine, id, lock);
	else if (r < 0)
		engine_unlock(engine, id, lock);
	else
		*ret_lock = lock;
	return r;
}
