/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "state/store_internal.h"

void image_row_clear(struct image_row *row)
{
	free(row->id);
	free(row->config);
	free(row->manifest_digest);
	free(row->needs);
	strv_clear(row->layers);
	strv_clear(row->tags);
	*row = (struct image_row){ 0 };
}

void image_rows_free(struct image_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		image_row_clear(&rows[i]);
	free(rows);
}

static int row_add(struct store *store, const struct image_row *row, const int64_t *layer_sizes,
		   struct err *err)
{
	int r = store_run(
		store, err,
		"INSERT INTO images VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET manifest ="
		" CASE WHEN ? OR images.manifest IS NULL THEN excluded.manifest ELSE images.manifest END"
		" WHERE excluded.manifest IS NOT NULL AND excluded.manifest <> ifnull(images.manifest, '')",
		"siisssi", row->id, row->created_ns, row->size_bytes, row->config,
		row->manifest_digest, row->needs, (int64_t)!row->manifest_made);

	for (size_t i = 0; r == 0 && row->layers && row->layers[i]; i++) {
		r = store_run(store, err, "INSERT OR IGNORE INTO layers VALUES(?, ?)", "si",
			      row->layers[i], layer_sizes[i]);
		if (r == 0)
			r = store_run(store, err,
				      "INSERT OR IGNORE INTO image_layers VALUES(?, ?, ?)", "sis",
				      row->id, (int64_t)i, row->layers[i]);
	}
	return r;
}

/* In the caller's transaction, or one of its own. */
static int in_transaction(struct store *store, bool *ret_own, struct err *err)
{
	*ret_own = !store->open_transaction;
	return *ret_own ? store_begin(store, err) : 0;
}

static int transaction_end(struct store *store, bool own, int r, struct err *err)
{
	if (r == 0 && own)
		r = store_commit(store, err);
	if (r < 0 && own)
		store_rollback(store);
	return r;
}

int image_add(struct store *store, const struct image_row *row, const int64_t *layer_sizes,
	      struct err *err)
{
	bool own;
	int r = in_transaction(store, &own, err);

	return r < 0 ? r : transaction_end(store, own, row_add(store, row, layer_sizes, err), err);
}

int image_blob_add(struct store *store, const char *image_id, const char *digest,
		   int64_t size_bytes, struct err *err)
{
	return store_run(store, err, "INSERT OR IGNORE INTO image_blobs VALUES(?, ?, ?)", "ssi",
			 image_id, digest, size_bytes);
}

int image_blobs_forget(struct store *store, const char *image_id, struct err *err)
{
	return store_run(store, err, "DELETE FROM image_blobs WHERE image = ?", "s", image_id);
}

int image_tag(struct store *store, const char *tag, const char *image_id, struct err *err)
{
	return store_run(
		store, err,
		"INSERT INTO tags VALUES(?, ?) ON CONFLICT(tag) DO UPDATE SET image = excluded.image"
		" WHERE tags.image <> excluded.image", /* a page that is as it was is not written */
		"ss", tag, image_id);
}

int image_untag(struct store *store, const char *tag, struct err *err)
{
	int r = store_run(store, err, "DELETE FROM tags WHERE tag = ?", "s", tag);

	return r < 0 ? r : sqlite3_changes(store->db) ? 0 : -ENOENT;
}

static int row_read(struct store *store, sqlite3_stmt *statement, bool with_config,
		    struct image_row *row, struct err *err)
{
	int r;

	row->id = store_column(statement, 0);
	row->created_ns = sqlite3_column_int64(statement, 1);
	row->size_bytes = sqlite3_column_int64(statement, 2);
	row->manifest_digest = store_column(statement, 3);
	row->config = with_config ? store_column(statement, 4) : NULL;
	row->needs = store_column(statement, 5);
	r = store_strings(store, &row->layers, err,
			  "SELECT layer FROM image_layers WHERE image = ? ORDER BY position", "s",
			  row->id);
	return r < 0 ? r :
		       store_strings(store, &row->tags, err,
				     "SELECT tag FROM tags WHERE image = ? ORDER BY tag", "s",
				     row->id);
}

static int find_by(struct store *store, const char *where, const char *a, const char *b,
		   struct image_row *ret_row, struct err *err)
{
	_cleanup_free_ char *sql = str_printf(
		"SELECT id, created, size, manifest, config, needs FROM images WHERE %s LIMIT 2",
		where);
	_cleanup_statement_ sqlite3_stmt *statement =
		store_prepare(store, err, sql, b ? "ss" : "s", a, b);
	struct image_row row = { 0 };
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (r == SQLITE_DONE)
		return -ENOENT;
	if (r != SQLITE_ROW)
		return statement ? store_error(store, err) : -err->code;
	r = row_read(store, statement, true, &row, err);
	if (r == 0 && sqlite3_step(statement) == SQLITE_ROW)
		r = -ENOTUNIQ;
	if (r < 0) {
		image_row_clear(&row);
		return r;
	}
	*ret_row = row;
	return 0;
}

int image_find(struct store *store, const char *reference, struct image_row *ret_row,
	       struct err *err)
{
	const char *hex = str_prefix(reference, "sha256:") ? reference + 7 : reference;
	_cleanup_free_ char *from = NULL, *to = NULL;
	int r = find_by(store, "id = (SELECT image FROM tags WHERE tag = ?)", reference, NULL,
			ret_row, err);

	if (r != -ENOENT || !*hex || strspn(hex, "0123456789abcdef") != strlen(hex))
		return r;
	from = str_printf("sha256:%s", hex);
	to = str_printf("sha256:%s~", hex);
	return find_by(store, "id >= ? AND id < ?", from, to, ret_row, err);
}

int image_list(struct store *store, bool with_config, struct image_row **ret_rows, struct err *err)
{
	_cleanup_statement_ sqlite3_stmt *statement = store_prepare(
		store, err,
		"SELECT id, created, size, manifest, config, needs FROM images ORDER BY created DESC",
		"");
	struct image_row *rows = NULL;
	size_t count = 0;
	int r, s = 0;

	if (!statement)
		return -err->code;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW && s == 0) {
		rows = reallocarray(rows, count + 1, sizeof(*rows));
		if (!rows)
			abort();
		rows[count] = (struct image_row){ 0 };
		s = row_read(store, statement, with_config, &rows[count++], err);
	}
	if (s == 0 && r != SQLITE_DONE)
		s = store_error(store, err);
	if (s < 0) {
		image_rows_free(rows, count);
		return s;
	}
	*ret_rows = rows;
	return (int)count;
}

int image_users(struct store *store, const char *image_id, char ***ret_ids, struct err *err)
{
	return store_strings(store, ret_ids, err, "SELECT id FROM containers WHERE image = ?", "s",
			     image_id);
}

static int delete_rows(struct store *store, const char *image_id, char ***ret_layers,
		       struct err *err)
{
	static const char *const steps[] = { "DELETE FROM tags WHERE image = ?",
					     "DELETE FROM image_layers WHERE image = ?",
					     "DELETE FROM image_blobs WHERE image = ?",
					     "DELETE FROM images WHERE id = ?" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = store_run(store, err, steps[i], "s", image_id);
	if (r == 0)
		r = store_strings(
			store, ret_layers, err,
			"SELECT id FROM layers WHERE NOT EXISTS (SELECT 1 FROM image_layers WHERE layer = layers.id)",
			"");
	if (r == 0)
		r = store_run(
			store, err,
			"DELETE FROM layers WHERE NOT EXISTS (SELECT 1 FROM image_layers WHERE layer = layers.id)",
			"");
	return r;
}

int image_delete(struct store *store, const char *image_id, char ***ret_layers, struct err *err)
{
	bool own;
	int r = in_transaction(store, &own, err);

	return r < 0 ? r :
		       transaction_end(store, own, delete_rows(store, image_id, ret_layers, err),
				       err);
}

int layer_list(struct store *store, char ***ret_layers, struct err *err)
{
	return store_strings(store, ret_layers, err, "SELECT id FROM layers", "");
}

int blob_list(struct store *store, char ***ret_digests, struct err *err)
{
	return store_strings(
		store, ret_digests, err,
		"SELECT id FROM images UNION SELECT manifest FROM images WHERE manifest IS NOT NULL"
		" UNION SELECT digest FROM image_blobs",
		"");
}

static int64_t number(struct store *store, struct err *err, const char *sql, const char *types,
		      const char *value)
{
	_cleanup_statement_ sqlite3_stmt *statement = store_prepare(store, err, sql, types, value);

	return statement && sqlite3_step(statement) == SQLITE_ROW ?
		       sqlite3_column_int64(statement, 0) :
		       0;
}

int64_t layer_size(struct store *store, const char *layer, struct err *err)
{
	return number(store, err, "SELECT size FROM layers WHERE id = ?", "s", layer);
}

int64_t layers_size(struct store *store, struct err *err)
{
	return number(store, err, "SELECT COALESCE(SUM(size), 0) FROM layers", "", NULL);
}
