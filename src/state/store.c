/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

enum { SCHEMA_VERSION = 5, PATIENCE_MS = 60000, WAL_LIMIT_PAGES = 128 };
/* os_unix.c of SQLite: UNIX_SHM_DMS, behind the eight lock bytes of https://sqlite.org/walformat.html#wal_locks */
enum { SWITCH_BYTE = 128 };

/* One step for each version; the number done stands in user_version. Containers have rowids, and no index that is rarely asked:
 * a start writes each page that it touches twice, and a record of a kilobyte would not fit into a page of a WITHOUT ROWID table. */
static const char *const schema_steps[SCHEMA_VERSION] = {
	"CREATE TABLE containers(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL,"
	" uid_base INTEGER NOT NULL, image TEXT NOT NULL, config TEXT NOT NULL);"
	"CREATE TABLE images(id TEXT PRIMARY KEY, created INTEGER NOT NULL, size INTEGER NOT NULL,"
	" config TEXT NOT NULL, manifest TEXT) WITHOUT ROWID;"
	"CREATE TABLE tags(tag TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images(id)) WITHOUT ROWID;"
	"CREATE TABLE layers(id TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE image_layers(image TEXT NOT NULL REFERENCES images(id), position INTEGER NOT NULL,"
	" layer TEXT NOT NULL REFERENCES layers(id), PRIMARY KEY(image, position)) WITHOUT ROWID;"
	"CREATE TABLE volumes(name TEXT PRIMARY KEY, created INTEGER NOT NULL, anonymous INTEGER NOT NULL,"
	" labels TEXT, options TEXT) WITHOUT ROWID;"
	"CREATE TABLE volume_refs(volume TEXT NOT NULL REFERENCES volumes(name), container TEXT NOT NULL"
	" REFERENCES containers(id) ON DELETE CASCADE, PRIMARY KEY(volume, container)) WITHOUT ROWID;"
	"CREATE INDEX tags_image ON tags(image);"
	"CREATE INDEX image_layers_layer ON image_layers(layer);"
	"CREATE INDEX volume_refs_container ON volume_refs(container);",

	"CREATE TABLE networks(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL,"
	" driver TEXT NOT NULL, link TEXT NOT NULL, subnet4 TEXT NOT NULL, subnet6 TEXT NOT NULL,"
	" slot INTEGER NOT NULL, config TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE endpoints(network TEXT NOT NULL REFERENCES networks(id), container TEXT NOT NULL"
	" REFERENCES containers(id) ON DELETE CASCADE, position INTEGER NOT NULL, slot INTEGER NOT NULL,"
	" ip4 TEXT NOT NULL, ip6 TEXT NOT NULL, mac TEXT NOT NULL, config TEXT NOT NULL,"
	" PRIMARY KEY(network, container)) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX endpoints_slot ON endpoints(network, slot);"
	"CREATE UNIQUE INDEX endpoints_ip6 ON endpoints(network, ip6) WHERE ip6 != '';"
	"CREATE INDEX endpoints_container ON endpoints(container);"
	"CREATE TABLE ports(protocol TEXT NOT NULL, port INTEGER NOT NULL, host TEXT NOT NULL,"
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE, to_ip TEXT NOT NULL,"
	" to_port INTEGER NOT NULL, mode TEXT NOT NULL, PRIMARY KEY(protocol, port, host)) WITHOUT ROWID;"
	"CREATE INDEX ports_container ON ports(container);",
	/* archives of layers, as they came */
	"CREATE TABLE image_blobs(image TEXT NOT NULL REFERENCES images(id), digest TEXT NOT NULL,"
	" size INTEGER NOT NULL, PRIMARY KEY(image, digest)) WITHOUT ROWID;",
	/* engine/image_need.h; NULL of an image that came before */
	"ALTER TABLE images ADD COLUMN needs TEXT;",
	/* how many that follow each other: port_row.c */
	"ALTER TABLE ports ADD COLUMN count INTEGER NOT NULL DEFAULT 1;",
};

int store_error(struct store *store, struct err *err)
{
	int code = sqlite3_extended_errcode(store->db);
	const char *words = sqlite3_errmsg(store->db);

	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		return err_set(err, EEXIST, "state.db: %s", words);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err_set(err, EBUSY, "state.db is busy");
		return err_hint(err, "another command holds it; try again");
	case SQLITE_FULL:
		return err_set(err, ENOSPC, "state.db: no space left on the file system");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		err_set(err, EBADMSG, "state.db is damaged: %s", words);
		return err_hint(err, "see: cloche system check");
	default:
		return err_set(err, EIO, "state.db: %s", words);
	}
}

/* Words are copied where the statement outlives them. */
static int bind_all(sqlite3_stmt *statement, sqlite3_destructor_type copy, const char *types,
		    va_list args)
{
	int r = SQLITE_OK;

	for (int i = 1; r == SQLITE_OK && *types; types++, i++) {
		if (*types == 's')
			r = sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, copy);
		else
			r = sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
	}
	return r;
}

/* One of the same words that nobody uses; NULL. */
static sqlite3_stmt *idle_find(struct store *store, const char *sql)
{
	sqlite3_stmt *one = NULL;

	while ((one = sqlite3_next_stmt(store->db, one)) != NULL)
		if (!sqlite3_stmt_busy(one) && strcmp(sqlite3_sql(one), sql) == 0)
			return one;
	return NULL;
}

static sqlite3_stmt *prepare(struct store *store, struct err *err, const char *sql,
			     sqlite3_destructor_type copy, const char *types, va_list args)
{
	sqlite3_stmt *statement = idle_find(store, sql);
	int r = statement ? SQLITE_OK : sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

	if (r == SQLITE_OK)
		r = bind_all(statement, copy, types, args);
	if (r != SQLITE_OK) {
		(void)store_error(store, err);
		statement_cleanup(&statement);
		return NULL;
	}
	return statement;
}

sqlite3_stmt *store_prepare(struct store *store, struct err *err, const char *sql,
			    const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare(store, err, sql, SQLITE_TRANSIENT, types, args);
	va_end(args);
	return statement;
}

int store_run(struct store *store, struct err *err, const char *sql, const char *types, ...)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	va_list args;
	int r;

	va_start(args, types);
	statement = prepare(store, err, sql, SQLITE_STATIC, types, args);
	va_end(args);
	if (!statement)
		return -err->code;
	do
		r = sqlite3_step(statement);
	while (r == SQLITE_ROW);
	return r == SQLITE_DONE ? 0 : store_error(store, err);
}

int store_strings(struct store *store, char ***ret_list, struct err *err, const char *sql,
		  const char *types, ...)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	_cleanup_strv_ char **list = NULL;
	va_list args;
	int r;

	va_start(args, types);
	statement = prepare(store, err, sql, SQLITE_STATIC, types, args);
	va_end(args);
	if (!statement)
		return -err->code;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW)
		strv_add_take(&list, store_column(statement, 0));
	if (r != SQLITE_DONE)
		return store_error(store, err);
	*ret_list = ptr_take(&list);
	return 0;
}

int store_rows(struct store *store, sqlite3_stmt *statement, size_t size,
	       void (*read)(sqlite3_stmt *statement, void *row), void (*clear)(void *row),
	       void *ret_rows, struct err *err)
{
	size_t count = 0, room = 0;
	char *rows = NULL;
	int r;

	if (!statement)
		return -err->code;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		if (count == room) {
			room = room ? 2 * room : 16;
			rows = reallocarray(rows, room, size);
			if (!rows)
				abort();
		}
		read(statement, rows + count++ * size);
	}
	if (r != SQLITE_DONE) {
		while (count > 0)
			clear(rows + --count * size);
		free(rows);
		return store_error(store, err);
	}
	memcpy(ret_rows, &rows, sizeof(rows)); /* a pointer to rows of whatever type */
	return (int)count;
}

char *store_column(sqlite3_stmt *statement, int column)
{
	return str_dup((const char *)sqlite3_column_text(statement, column));
}

/* -- opening ---------------------------------------------------------------------------------- */

static int64_t pragma(struct store *store, const char *sql, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement = store_prepare(store, err, sql, "");
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (r == SQLITE_ROW)
		return sqlite3_column_int64(statement, 0);
	return r == SQLITE_DONE ? 0 : store_error(store, err);
}

static int execute(struct store *store, const char *sql, struct err *err)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ?
		       0 :
		       store_error(store, err);
}

static int migrate(struct store *store, int64_t version, struct err *err)
{
	int r;

	if (version > SCHEMA_VERSION) {
		err_set(err, EPROTO,
			"state.db was written by a newer Cloche (version %lld of its tables, this one knows %d)",
			(long long)version, SCHEMA_VERSION);
		return err_hint(err, "install that version, or use another --root");
	}
	if (version == SCHEMA_VERSION)
		return 0;
	r = execute(store, "PRAGMA journal_mode=WAL", err);
	if (r == 0)
		r = store_begin(store, err);
	if (r < 0)
		return r;
	/* somebody may have been first while we waited */
	version = pragma(store, "PRAGMA user_version", err);
	for (; r == 0 && version < SCHEMA_VERSION; version++)
		r = execute(store, schema_steps[version], err);
	if (r == 0) {
		_cleanup_free_ char *sql = str_printf("PRAGMA user_version=%d", SCHEMA_VERSION);

		r = execute(store, sql, err);
	}
	if (r == 0)
		r = store_commit(store, err);
	if (r < 0)
		store_rollback(store);
	return r;
}

/* Waits grow from a millisecond; SQLite's own handler has steps of up to 100 ms, which many short writers do not need. */
static int busy(void *data, int count)
{
	struct timespec pause = { 0, 1000000L * (count < 20 ? 1 : 5) };

	(void)data;
	(void)nanosleep(&pause, NULL);
	return count < PATIENCE_MS / 5;
}

static int pages_seen(void *data, sqlite3 *db, const char *name, int pages)
{
	struct store *store = data;

	(void)db;
	(void)name;
	store->wal_pages = pages;
	return SQLITE_OK;
}

/* The first connection reads the whole log to index it, and nearly every command is the first one: keep the log short. Only
 * TRUNCATE starts it anew for the next command (what a passive checkpoint did is remembered in shared memory, which goes with
 * the last connection). While others are at work it is left to one of them. */
static void log_fold(struct store *store)
{
	if (store->wal_pages <= WAL_LIMIT_PAGES)
		return;
	(void)sqlite3_busy_handler(store->db, NULL, NULL);
	(void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int store_open(struct store **ret_store, const char *root_path, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/state.db", root_path);
	struct store *store = mem_new(sizeof(*store));
	int64_t version;
	int on = 1, r = 0;
	mode_t mask = umask(0077);

	if (sqlite3_open_v2(path, &store->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK) {
		r = store_error(store, err);
		goto out;
	}
	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_busy_handler(store->db, busy, NULL);
	(void)sqlite3_wal_hook(store->db, pages_seen, store);
	/* every command is the last connection and would fold the log back */
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_file_control(store->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &on);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	r = execute(store, "PRAGMA synchronous=FULL", err);
	if (r < 0)
		goto out;
	version = pragma(store, "PRAGMA user_version", err);
	r = version < 0 ? (int)version : migrate(store, version, err);
	/* per connection: without it a commit of an existing WAL would still work, but the mode is read with the first page */
out:
	(void)umask(mask);
	if (r < 0) {
		store_close(store);
		return err_wrap(err, "open %s", path);
	}
	*ret_store = store;
	return 0;
}

int store_index_hold(int root)
{
	struct flock lock = { .l_type = F_RDLCK,
			      .l_whence = SEEK_SET,
			      .l_start = SWITCH_BYTE,
			      .l_len = 1 };
	int fd = openat(root, "state.db-shm", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

int store_durable(struct store *store, bool durable, struct err *err)
{
	int r;

	if (store->fleeting == !durable)
		return 0;
	r = execute(store, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err);
	if (r == 0)
		store->fleeting = !durable;
	return r;
}

bool store_is_durable(const struct store *store)
{
	return !store->fleeting;
}

void store_close(struct store *store)
{
	sqlite3_stmt *statement;

	if (!store)
		return;
	store_rollback(store);
	while ((statement = sqlite3_next_stmt(store->db, NULL)) != NULL)
		(void)sqlite3_finalize(statement);
	log_fold(store);
	(void)sqlite3_close_v2(store->db);
	free(store);
}

int store_begin(struct store *store, struct err *err)
{
	int r = execute(store, "BEGIN IMMEDIATE", err);

	store->open_transaction = r == 0;
	return r;
}

int store_commit(struct store *store, struct err *err)
{
	int r = execute(store, "COMMIT", err);

	if (r == 0)
		store->open_transaction = false;
	return r;
}

void store_rollback(struct store *store)
{
	if (store->open_transaction)
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL,
				   NULL); /* or closing does it */
	store->open_transaction = false;
}

int store_check(struct store *store, struct err *err)
{
	_cleanup_strv_ char **words = NULL;
	int r = store_strings(store, &words, err, "PRAGMA integrity_check", "");

	if (r < 0)
		return r;
	if (words && words[0] && strcmp(words[0], "ok") != 0)
		return err_set(err, EBADMSG, "state.db is damaged: %s", words[0]);
	strv_clear(words);
	words = NULL;
	r = store_strings(store, &words, err, "SELECT \"table\" FROM pragma_foreign_key_check", "");
	return r;
}
