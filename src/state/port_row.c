/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Published ports. Those that follow each other (-p 8000-8099:8000-8099, as well as a hundred -p) are one row of the table: it says how many
 * they are. Rows of one protocol and address never overlap. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "state/store.h"
#include "state/store_internal.h"

_Static_assert(PORT_RUN_MAX == 128, "the statements have the number, too");
#define COVERS "protocol = ? AND host = ? AND port > ? - 128 AND port < ? AND port + count > ?"

void port_row_clear(struct port_row *row)
{
	free(row->protocol);
	free(row->host);
	free(row->container);
	free(row->to_ip);
	free(row->mode);
	*row = (struct port_row){ 0 };
}

void port_rows_free(struct port_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		port_row_clear(&rows[i]);
	free(rows);
}

static void port_clear(void *row)
{
	port_row_clear(row);
}

static void port_read(sqlite3_stmt *statement, void *row)
{
	*(struct port_row *)row = (struct port_row){
		.protocol = store_column(statement, 0),
		.port = sqlite3_column_int64(statement, 1),
		.host = store_column(statement, 2),
		.container = store_column(statement, 3),
		.to_ip = store_column(statement, 4),
		.to_port = sqlite3_column_int64(statement, 5),
		.mode = store_column(statement, 6),
		.count = sqlite3_column_int64(statement, 7),
	};
}

/* Those of the table that have one of `count` ports from row->port on. */
static int covering(struct store *store, const struct port_row *row, int64_t count,
		    struct port_row **ret_rows, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, "SELECT * FROM ports WHERE " COVERS, "ssiii",
			      row->protocol, row->host, row->port, row->port + count, row->port);

	return store_rows(store, statement, sizeof(**ret_rows), port_read, port_clear, ret_rows,
			  err);
}

static int insert(struct store *store, const struct port_row *row, int64_t skip, int64_t count,
		  struct err *err)
{
	return store_run(store, err, "INSERT INTO ports VALUES(?, ?, ?, ?, ?, ?, ?, ?)", "sisssisi",
			 row->protocol, row->port + skip, row->host, row->container, row->to_ip,
			 row->to_port + skip, row->mode, count);
}

int port_add(struct store *store, const struct port_row *row, int64_t count, struct err *err)
{
	struct port_row *taken = NULL;
	int r = covering(store, row, count, &taken, err);

	if (r > 0)
		port_rows_free(taken, (size_t)r);
	if (r != 0)
		return r < 0 ? r : err_set(err, EEXIST, "port %lld is taken", (long long)row->port);
	return insert(store, row, 0, count, err);
}

/* -- reading ---------------------------------------------------------------------------------- */

static int compare_rest(const struct port_row *a, const struct port_row *b)
{
	int r = strcmp(a->protocol, b->protocol);

	if (r == 0)
		r = (a->port > b->port) - (a->port < b->port);
	return r ? r : strcmp(a->host, b->host);
}

static int by_target(const void *one, const void *other)
{
	const struct port_row *a = one, *b = other;
	int r = (a->to_port > b->to_port) - (a->to_port < b->to_port);

	return r ? r : compare_rest(a, b);
}

static int by_port(const void *one, const void *other)
{
	const struct port_row *a = one, *b = other;
	int r = (a->port > b->port) - (a->port < b->port);

	return r ? r : compare_rest(a, b);
}

/* Each port as a row of its own. */
static struct port_row *spread(struct port_row *rows, int count, size_t all)
{
	struct port_row *list = mem_new(all * sizeof(*list));
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		struct port_row *row = &rows[i];

		for (int64_t k = 1; k < row->count; k++)
			list[n++] = (struct port_row){ .protocol = str_dup(row->protocol),
						       .port = row->port + k,
						       .host = str_dup(row->host),
						       .container = str_dup(row->container),
						       .to_ip = str_dup(row->to_ip),
						       .to_port = row->to_port + k,
						       .mode = str_dup(row->mode),
						       .count = 1 };
		row->count = 1;
		list[n++] = *row;
	}
	free(rows);
	return list;
}

int port_list(struct store *store, const char *container, struct port_row **ret_rows,
	      struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err,
			      container ? "SELECT * FROM ports WHERE container = ?" :
					  "SELECT * FROM ports WHERE ? = ''",
			      "s", container ? container : "");
	struct port_row *rows = NULL;
	size_t all = 0;
	int count = store_rows(store, statement, sizeof(*rows), port_read, port_clear, &rows, err);

	for (int i = 0; i < count; i++) {
		/* no more than the table may have, whoever wrote it */
		if (rows[i].count < 1 || rows[i].count > PORT_RUN_MAX)
			rows[i].count = 1;
		all += (size_t)rows[i].count;
	}
	if (count <= 0)
		return count;
	*ret_rows = spread(rows, count, all);
	qsort(*ret_rows, all, sizeof(**ret_rows), container ? by_target : by_port);
	return (int)all;
}

/* -- taking away ------------------------------------------------------------------------------ */

int port_delete_all(struct store *store, const char *container, struct err *err)
{
	return store_run(store, err, "DELETE FROM ports WHERE container = ?", "s", container);
}

/* What of `whole` is before the port and behind it stays. */
static int split(struct store *store, const struct port_row *whole, int64_t port, struct err *err)
{
	int64_t before = port - whole->port, behind = whole->count - before - 1;
	int r = store_run(store, err,
			  "DELETE FROM ports WHERE protocol = ? AND port = ? AND host = ?", "sis",
			  whole->protocol, whole->port, whole->host);

	if (r == 0 && before > 0)
		r = insert(store, whole, 0, before, err);
	if (r == 0 && behind > 0)
		r = insert(store, whole, before + 1, behind, err);
	return r;
}

int port_delete(struct store *store, const struct port_row *row, struct err *err)
{
	struct err ignored = ERR_NONE;
	struct port_row *rows = NULL;
	int count = covering(store, row, 1, &rows, err), r = count < 0 ? count : 0;

	if (count <= 0)
		return r;
	/* a savepoint, since it may be within a transaction or without one */
	r = store_run(store, err, "SAVEPOINT port", "");
	for (int i = 0; r == 0 && i < count; i++)
		r = split(store, &rows[i], row->port, err);
	port_rows_free(rows, (size_t)count);
	if (r < 0)
		(void)store_run(store, &ignored, "ROLLBACK TO port", "");
	count = store_run(store, r < 0 ? &ignored : err, "RELEASE port", "");
	return r < 0 ? r : count;
}
