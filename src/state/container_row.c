/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "state/store_internal.h"

#define COLUMNS "id, name, created, uid_base, image"

void container_row_clear(struct container_row *row)
{
	free(row->id);
	free(row->name);
	free(row->image_id);
	free(row->config);
	*row = (struct container_row){ 0 };
}

void container_rows_free(struct container_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		container_row_clear(&rows[i]);
	free(rows);
}

static void row_clear(void *row)
{
	container_row_clear(row);
}

static void row_read(sqlite3_stmt *statement, void *data)
{
	struct container_row *row = data;

	row->id = store_column(statement, 0);
	row->name = store_column(statement, 1);
	row->created_ns = sqlite3_column_int64(statement, 2);
	row->uid_base = (uint32_t)sqlite3_column_int64(statement, 3);
	row->image_id = store_column(statement, 4);
	row->config = sqlite3_column_count(statement) > 5 ? store_column(statement, 5) : NULL;
}

int container_add(struct store *store, const struct container_row *row, struct err *err)
{
	return store_run(store, err, "INSERT INTO containers VALUES(?, ?, ?, ?, ?, ?)", "ssiiss",
			 row->id, row->name, row->created_ns, (int64_t)row->uid_base, row->image_id,
			 row->config);
}

/* 0 and the row, -ENOENT without words, -ENOTUNIQ */
static int find_by(struct store *store, const char *sql, const char *a, const char *b,
		   struct container_row *ret_row, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, sql, b ? "ss" : "s", a, b);
	struct container_row row = { 0 };
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (r == SQLITE_DONE)
		return -ENOENT;
	if (r != SQLITE_ROW)
		return statement ? store_error(store, err) : -err->code;
	row_read(statement, &row);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		container_row_clear(&row);
		return -ENOTUNIQ;
	}
	*ret_row = row;
	return 0;
}

int container_find(struct store *store, const char *reference, struct container_row *ret_row,
		   struct err *err)
{
	int r = find_by(store, "SELECT " COLUMNS ", config FROM containers WHERE name = ?",
			reference, NULL, ret_row, err);

	if (r == -ENOENT && *reference &&
	    strspn(reference, "0123456789abcdef") == strlen(reference)) {
		/* a prefix as a range of the key: "ab" is all from "ab" to "ab~" */
		_cleanup_free_ char *end = str_printf("%s~", reference);

		r = find_by(store,
			    "SELECT " COLUMNS
			    ", config FROM containers WHERE id >= ? AND id < ? LIMIT 2",
			    reference, end, ret_row, err);
	}
	if (r == -ENOENT)
		return err_set(err, ENOENT, "No such container: %s", reference);
	if (r == -ENOTUNIQ)
		return err_set(err, ENOTUNIQ, "multiple IDs found with provided prefix: %s",
			       reference);
	return r;
}

int container_list(struct store *store, bool with_config, struct container_row **ret_rows,
		   struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement = store_prepare(
		store, err,
		with_config ? "SELECT " COLUMNS ", config FROM containers ORDER BY created DESC" :
			      "SELECT " COLUMNS " FROM containers ORDER BY created DESC",
		"");

	return store_rows(store, statement, sizeof(**ret_rows), row_read, row_clear, ret_rows, err);
}

int container_read_configs(struct store *store, struct container_row *rows, size_t count,
			   bool (*wanted)(void *data, size_t i), void *data, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, "SELECT config FROM containers WHERE id = ?", "");
	int r = SQLITE_DONE, result = 0;

	if (!statement)
		return -err->code;
	/* one lock of the file for all of them; without it each is its own, and right as well */
	(void)sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL);
	for (size_t i = 0; result == 0 && i < count; i++) {
		if (rows[i].config || !wanted(data, i))
			continue;
		(void)sqlite3_reset(statement);
		r = sqlite3_bind_text(statement, 1, rows[i].id, -1, SQLITE_STATIC);
		if (r == SQLITE_OK)
			r = sqlite3_step(statement);
		if (r == SQLITE_ROW)
			rows[i].config = store_column(statement, 0);
		else if (r != SQLITE_DONE)
			result = store_error(store, err);
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
	return result;
}

int container_set_config(struct store *store, const char *id, const char *config, struct err *err)
{
	return store_run(store, err, "UPDATE containers SET config = ? WHERE id = ?", "ss", config,
			 id);
}

int container_rename(struct store *store, const char *id, const char *name, struct err *err)
{
	return store_run(store, err, "UPDATE containers SET name = ? WHERE id = ?", "ss", name, id);
}

int container_delete(struct store *store, const char *id, struct err *err)
{
	return store_run(store, err, "DELETE FROM containers WHERE id = ?", "s", id);
}
