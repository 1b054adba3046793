/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "state/store_internal.h"

/* -- networks --------------------------------------------------------------------------------- */

void network_row_clear(struct network_row *row)
{
	free(row->id);
	free(row->name);
	free(row->driver);
	free(row->link);
	free(row->subnet4);
	free(row->subnet6);
	free(row->config);
	*row = (struct network_row){ 0 };
}

void network_rows_free(struct network_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		network_row_clear(&rows[i]);
	free(rows);
}

int network_add(struct store *store, const struct network_row *row, struct err *err)
{
	return store_run(store, err, "INSERT INTO networks VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
			 "ssissssis", row->id, row->name, row->created_ns, row->driver, row->link,
			 row->subnet4, row->subnet6, row->slot, row->config);
}

static void network_clear(void *row)
{
	network_row_clear(row);
}

static void network_read(sqlite3_stmt *statement, void *data)
{
	struct network_row *row = data;

	row->id = store_column(statement, 0);
	row->name = store_column(statement, 1);
	row->created_ns = sqlite3_column_int64(statement, 2);
	row->driver = store_column(statement, 3);
	row->link = store_column(statement, 4);
	row->subnet4 = store_column(statement, 5);
	row->subnet6 = store_column(statement, 6);
	row->slot = sqlite3_column_int64(statement, 7);
	row->config = store_column(statement, 8);
}

/* One row, or -ENOENT, or -ENOTUNIQ. */
static int network_query(struct store *store, struct network_row *ret_row, struct err *err,
			 const char *sql, const char *reference)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, sql, "s", reference);
	struct network_row row = { 0 };
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (r == SQLITE_DONE)
		return -ENOENT;
	if (r != SQLITE_ROW)
		return statement ? store_error(store, err) : -err->code;
	network_read(statement, &row);
	if (sqlite3_step(statement) == SQLITE_ROW) {
		network_row_clear(&row);
		return -ENOTUNIQ;
	}
	*ret_row = row;
	return 0;
}

int network_row_find(struct store *store, const char *reference, struct network_row *ret_row,
		     struct err *err)
{
	int r = network_query(store, ret_row, err, "SELECT * FROM networks WHERE name = ?",
			      reference);

	if (r == -ENOENT && *reference &&
	    strspn(reference, "0123456789abcdef") == strlen(reference))
		r = network_query(store, ret_row, err,
				  "SELECT * FROM networks WHERE id >= ?1 AND id < ?1 || 'g'",
				  reference);
	return r;
}

int network_list(struct store *store, struct network_row **ret_rows, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, "SELECT * FROM networks ORDER BY name", "");

	return store_rows(store, statement, sizeof(**ret_rows), network_read, network_clear,
			  ret_rows, err);
}

int network_set_slot(struct store *store, const char *id, int64_t slot, struct err *err)
{
	return store_run(store, err, "UPDATE networks SET slot = ? WHERE id = ?", "is", slot, id);
}

int network_delete(struct store *store, const char *id, struct err *err)
{
	int r = store_run(store, err, "DELETE FROM networks WHERE id = ?", "s", id);

	if (r == -EEXIST) /* the foreign key of an endpoint */
		return -EBUSY;
	return r < 0 ? r : sqlite3_changes(store->db) ? 0 : -ENOENT;
}

/* -- endpoints -------------------------------------------------------------------------------- */

void endpoint_row_clear(struct endpoint_row *row)
{
	free(row->network);
	free(row->container);
	free(row->ip4);
	free(row->ip6);
	free(row->mac);
	free(row->config);
	*row = (struct endpoint_row){ 0 };
}

void endpoint_rows_free(struct endpoint_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		endpoint_row_clear(&rows[i]);
	free(rows);
}

int endpoint_add(struct store *store, const struct endpoint_row *row, struct err *err)
{
	return store_run(store, err, "INSERT INTO endpoints VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			 "ssiissss", row->network, row->container, row->position, row->slot,
			 row->ip4, row->ip6, row->mac, row->config);
}

int endpoint_delete(struct store *store, const char *network, const char *container,
		    struct err *err)
{
	int r = store_run(store, err, "DELETE FROM endpoints WHERE network = ? AND container = ?",
			  "ss", network, container);

	return r < 0 ? r : sqlite3_changes(store->db) ? 0 : -ENOENT;
}

int endpoint_update(struct store *store, const struct endpoint_row *row, struct err *err)
{
	return store_run(
		store, err,
		"UPDATE endpoints SET slot = ?, ip4 = ?, config = ? WHERE network = ? AND container = ?",
		"issss", row->slot, row->ip4, row->config, row->network, row->container);
}

int endpoint_slot_taken(struct store *store, const char *network, int64_t slot, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, "SELECT 1 FROM endpoints WHERE network = ? AND slot = ?",
			      "si", network, slot);
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (r == SQLITE_ROW || r == SQLITE_DONE)
		return r == SQLITE_ROW;
	return statement ? store_error(store, err) : -err->code;
}

static void endpoint_clear(void *row)
{
	endpoint_row_clear(row);
}

static void endpoint_read(sqlite3_stmt *statement, void *row)
{
	*(struct endpoint_row *)row = (struct endpoint_row){
		.network = store_column(statement, 0),
		.container = store_column(statement, 1),
		.position = sqlite3_column_int64(statement, 2),
		.slot = sqlite3_column_int64(statement, 3),
		.ip4 = store_column(statement, 4),
		.ip6 = store_column(statement, 5),
		.mac = store_column(statement, 6),
		.config = store_column(statement, 7),
	};
}

int endpoint_list(struct store *store, const char *network, const char *container,
		  struct endpoint_row **ret_rows, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement = store_prepare(
		store, err,
		container ? "SELECT * FROM endpoints WHERE container = ? ORDER BY position" :
			    "SELECT * FROM endpoints WHERE network = ? ORDER BY slot",
		"s", container ? container : network);

	return store_rows(store, statement, sizeof(**ret_rows), endpoint_read, endpoint_clear,
			  ret_rows, err);
}
