/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/rpm_database.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sqlite3.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/work.h"
#include "transfer/little.h"
#include "transfer/rpm_header.h"
#include "transfer/rpm_ndb.h"
#include "transfer/worker.h"

enum {
	FILE_MOST = 256 << 20,
	PACKAGES_MOST = 20000,
	HEADER_MOST = 64 << 20,
	STEPS_EVERY = 100000, /* of SQLite's machine; so often it is asked whether it may go on */
	STEPS_MOST = 200,
};

static const char sqlite_magic[16] = "SQLite format 3";

/* -- SQLite ----------------------------------------------------------------------------------- */

/* "Packages" could be a view, and a question without an end. */
static int too_long(void *steps)
{
	return ++*(unsigned int *)steps > STEPS_MOST;
}

static int sqlite_ask(sqlite3 *db, struct buf *text, struct err *err)
{
	unsigned int steps = 0;
	sqlite3_stmt *ask = NULL;
	int r = SQLITE_ERROR, count = 0;

	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, HEADER_MOST);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_progress_handler(db, STEPS_EVERY, too_long, &steps);
	if (sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &ask, NULL) == SQLITE_OK)
		while ((r = sqlite3_step(ask)) == SQLITE_ROW && count++ < PACKAGES_MOST) {
			const void *blob = sqlite3_column_blob(ask, 0);

			if (blob)
				(void)rpm_header_tell(blob, (size_t)sqlite3_column_bytes(ask, 0),
						      text);
		}
	if (r != SQLITE_DONE && r != SQLITE_ROW)
		err_set(err, EBADMSG, "the rpm database is damaged: %s", sqlite3_errmsg(db));
	(void)sqlite3_finalize(ask);
	return r == SQLITE_DONE || r == SQLITE_ROW ? 0 : -EBADMSG;
}

static int sqlite_read(struct buf *file, struct buf *text, struct err *err)
{
	sqlite3 *db = NULL;
	int r;

	/* "Write-ahead log" in the header asks for files beside it, which a copy in memory cannot have; rpm has written back by its end. */
	if (file->length > 19)
		file->data[18] = file->data[19] = 1;
	if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) !=
		    SQLITE_OK ||
	    sqlite3_deserialize(db, "main", (unsigned char *)file->data,
				(sqlite3_int64)file->length, (sqlite3_int64)file->length,
				SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
		r = err_set(err, EBADMSG, "the rpm database cannot be opened");
	else
		r = sqlite_ask(db, text, err);
	(void)sqlite3_close(db);
	return r;
}

/* -- Berkeley DB's hash, as its db_page.h has it ---------------------------------------------- */

enum {
	BDB_HASH_MAGIC = 0x061561,
	BDB_PAGE_HEAD = 26,
	BDB_PAGE_OVERFLOW = 7,
	BDB_PAGE_HASH_UNSORTED = 2,
	BDB_PAGE_HASH = 13,
	BDB_ITEM_INLINE = 1,
	BDB_ITEM_OFFPAGE = 3,
};

struct bdb {
	const unsigned char *bytes;
	size_t page_size, pages;
	size_t budget; /* bytes that values may still have, together: chains could lead in circles */
	struct buf value;
};

/* A value on pages of its own, chained. */
static bool bdb_chain(struct bdb *bdb, uint32_t number, size_t length)
{
	bdb->value.length = 0;
	while (bdb->value.length < length) {
		const unsigned char *page = bdb->bytes + number * bdb->page_size;
		size_t part;

		if (number == 0 || number >= bdb->pages || page[25] != BDB_PAGE_OVERFLOW)
			return false;
		part = little16(page + 22);
		if (part == 0 || part > bdb->page_size - BDB_PAGE_HEAD || part > bdb->budget)
			return false;
		bdb->budget -= part;
		buf_add(&bdb->value, page + BDB_PAGE_HEAD, part);
		number = little32(page + 16);
	}
	bdb->value.length = length;
	return true;
}

/* Values are the items with odd numbers; each ends where the one before it begins. */
static void bdb_page(struct bdb *bdb, const unsigned char *page, struct buf *text, int *count)
{
	size_t items = little16(page + 20);

	if (items > (bdb->page_size - BDB_PAGE_HEAD) / 2)
		return;
	for (size_t i = 1; i < items && *count < PACKAGES_MOST; i += 2) {
		size_t at = little16(page + BDB_PAGE_HEAD + 2 * i),
		       end = little16(page + BDB_PAGE_HEAD + 2 * (i - 1));

		if (at >= end || end > bdb->page_size)
			continue;
		if (page[at] == BDB_ITEM_INLINE)
			*count += rpm_header_tell(page + at + 1, end - at - 1, text);
		else if (page[at] == BDB_ITEM_OFFPAGE && end - at >= 12 &&
			 bdb_chain(bdb, little32(page + at + 4), little32(page + at + 8)))
			*count += rpm_header_tell((const unsigned char *)bdb->value.data,
						  bdb->value.length, text);
	}
}

static int bdb_read(const struct buf *file, struct buf *text, struct err *err)
{
	struct bdb bdb = { .bytes = (const unsigned char *)file->data, .budget = file->length };
	int count = 0;

	bdb.page_size = little32(bdb.bytes + 20);
	if (bdb.page_size < 512 || bdb.page_size > 65536 ||
	    (bdb.page_size & (bdb.page_size - 1)) != 0)
		return err_set(err, EBADMSG, "the rpm database is damaged: pages of %zu bytes",
			       bdb.page_size);
	bdb.pages = file->length / bdb.page_size;
	for (size_t i = 1; i < bdb.pages; i++) {
		const unsigned char *page = bdb.bytes + i * bdb.page_size;

		if (page[25] == BDB_PAGE_HASH || page[25] == BDB_PAGE_HASH_UNSORTED)
			bdb_page(&bdb, page, text, &count);
	}
	buf_clear(&bdb.value);
	return 0;
}

/* -- the child and its parent ----------------------------------------------------------------- */

static int database_run(struct buf *report, struct err *err)
{
	_cleanup_(buf_clear) struct buf file = BUF_EMPTY, text = BUF_EMPTY;
	int r = fd_read_all(WORKER_IN, FILE_MOST, &file);

	(void)report;
	if (r < 0)
		return err_sys(err, r, "read the rpm database");
	if (file.length >= sizeof(sqlite_magic) &&
	    memcmp(file.data, sqlite_magic, sizeof(sqlite_magic)) == 0)
		r = sqlite_read(&file, &text, err);
	else if (file.length >= 512 &&
		 little32((const unsigned char *)file.data + 12) == BDB_HASH_MAGIC)
		r = bdb_read(&file, &text, err);
	else if (rpm_ndb_is((const unsigned char *)file.data, file.length))
		r = rpm_ndb_tell((const unsigned char *)file.data, file.length, &text, err);
	else
		r = err_set(err, EMEDIUMTYPE, "an rpm database of an unknown form");
	if (r == 0 && text.length > 0)
		r = fd_write_all(WORKER_OUT, text.data, text.length);
	return r;
}

int rpm_database_tell(const struct work *work, int in, int out, struct err *err)
{
	_cleanup_(buf_clear) struct buf report = BUF_EMPTY;
	struct worker worker = WORKER_NONE;
	int r = worker_start(&(struct worker_plan){ .kind = SANDBOX_STREAM,
						    .in = in,
						    .out = out,
						    .folder = work->dir,
						    .run = database_run },
			     &worker, err);

	return r < 0 ? r : worker_end(&worker, &report, err);
}
