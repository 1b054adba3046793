/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "state/store_internal.h"

void volume_row_clear(struct volume_row *row)
{
	free(row->name);
	free(row->labels);
	free(row->options);
	*row = (struct volume_row){ 0 };
}

void volume_rows_free(struct volume_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		volume_row_clear(&rows[i]);
	free(rows);
}

int volume_add(struct store *store, const struct volume_row *row, struct err *err)
{
	int r = store_run(store, err, "INSERT OR IGNORE INTO volumes VALUES(?, ?, ?, ?, ?)",
			  "siiss", row->name, row->created_ns, (int64_t)row->anonymous, row->labels,
			  row->options);

	return r < 0 ? r : sqlite3_changes(store->db) ? 0 : -EEXIST;
}

static void row_clear(void *row)
{
	volume_row_clear(row);
}

static void row_read(sqlite3_stmt *statement, void *data)
{
	struct volume_row *row = data;

	row->name = store_column(statement, 0);
	row->created_ns = sqlite3_column_int64(statement, 1);
	row->anonymous = sqlite3_column_int64(statement, 2) != 0;
	row->labels = store_column(statement, 3);
	row->options = store_column(statement, 4);
}

int volume_find(struct store *store, const char *name, struct volume_row *ret_row, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, "SELECT * FROM volumes WHERE name = ?", "s", name);
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (r == SQLITE_DONE)
		return -ENOENT;
	if (r != SQLITE_ROW)
		return statement ? store_error(store, err) : -err->code;
	row_read(statement, ret_row);
	return 0;
}

int volume_list(struct store *store, struct volume_row **ret_rows, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, "SELECT * FROM volumes ORDER BY name", "");

	return store_rows(store, statement, sizeof(**ret_rows), row_read, row_clear, ret_rows, err);
}

int volume_ref_add(struct store *store, const char *name, const char *container_id, struct err *err)
{
	return store_run(store, err, "INSERT OR IGNORE INTO volume_refs VALUES(?, ?)", "ss", name,
			 container_id);
}

int volume_users(struct store *store, const char *name, char ***ret_ids, struct err *err)
{
	return store_strings(store, ret_ids, err,
			     "SELECT container FROM volume_refs WHERE volume = ?", "s", name);
}

int volume_delete(struct store *store, const char *name, struct err *err)
{
	int r = store_run(store, err, "DELETE FROM volumes WHERE name = ?", "s", name);

	if (r == -EEXIST) /* the foreign key of a container's reference */
		return -EBUSY;
	return r < 0 ? r : sqlite3_changes(store->db) ? 0 : -ENOENT;
}

int volume_anonymous_of(struct store *store, const char *container_id, char ***ret_names,
			struct err *err)
{
	return store_strings(
		store, ret_names, err,
		"SELECT name FROM volumes JOIN volume_refs ON volume = name WHERE container = ? AND anonymous"
		" AND NOT EXISTS (SELECT 1 FROM volume_refs o WHERE o.volume = name AND o.container != ?)",
		"ss", container_id, container_id);
}
