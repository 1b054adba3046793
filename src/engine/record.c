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

static int row_find(struct engine *engine, const char *reference, struct container_row *row,
		    struct err *err)
{
	struct store *store = engine_store(engine, err);

	return store ? container_find(store, *reference == '/' ? reference + 1 : reference, row,
				      err) :
		       -err->code;
}

int record_id(struct engine *engine, const char *reference, char **ret_id, struct err *err)
{
	struct container_row row = { 0 };
	int r = row_find(engine, reference, &row, err);

	if (r < 0)
		return r;
	*ret_id = ptr_take(&row.id);
	container_row_clear(&row);
	return 0;
}

int record_find(struct engine *engine, const char *reference, struct record *ret_record,
		struct err *err)
{
	struct record record = RECORD_EMPTY;
	json_error_t why;
	int r = row_find(engine, reference, &record.row, err);

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
	_cleanup_free_ char *id = NULL;
	int lock, r = record_id(engine, reference, &id, err);

	if (r < 0)
		return r;
	lock = engine_lock(engine, id, err);
	if (lock < 0)
		return lock;
	r = record_find(engine, id, ret_record, err);
	if (r == -ENOENT) {
		repair_gone(engine, id, lock);
		err_clear(err);
		err_set(err, ENOENT, "No such container: %s", reference); /* not the id */
	} else if (r < 0) {
		engine_unlock(engine, id, lock);
	} else {
		*ret_lock = lock;
	}
	return r;
}
