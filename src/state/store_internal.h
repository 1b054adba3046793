/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the row files of the store share; nobody else includes it. */
#ifndef CLOCHE_STATE_STORE_INTERNAL_H
#define CLOCHE_STATE_STORE_INTERNAL_H

#include <sqlite3.h>

#include "base/str.h"
#include "state/store.h"

struct store {
	sqlite3 *db;
	bool open_transaction;
	bool fleeting; /* store_durable(false) */
	int wal_pages; /* after our last commit */
};

/* It stays in its connection, for the next one with the same words: most are asked at a start and again at the end. */
static inline void statement_cleanup(sqlite3_stmt **statement)
{
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
}
#define _cleanup_statement_ _cleanup_(statement_cleanup)

/* -errno and words for what SQLite says: -EEXIST for a constraint, -EBUSY, -ENOSPC, -EBADMSG, -EIO. */
int store_error(struct store *store, struct err *err);
/* Prepare and bind; types: 's' const char *, 'i' int64_t. NULL with err filled. */
sqlite3_stmt *store_prepare(struct store *store, struct err *err, const char *sql,
			    const char *types, ...);
/* Prepare, bind, run to the end. */
int store_run(struct store *store, struct err *err, const char *sql, const char *types, ...);
/* The first column of every row into a string list. */
int store_strings(struct store *store, char ***ret_list, struct err *err, const char *sql,
		  const char *types, ...);
/* Every row into an array, each `size` bytes that read() fills: its count, or -errno, after clear() of those that were there. *ret_rows
 * is the caller's. NULL is taken as statement, with err filled. */
int store_rows(struct store *store, sqlite3_stmt *statement, size_t size,
	       void (*read)(sqlite3_stmt *statement, void *row), void (*clear)(void *row),
	       void *ret_rows, struct err *err);
char *store_column(sqlite3_stmt *statement, int column); /* a copy, NULL for NULL */

#endif
