/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/image_files.h"
#include "engine/image_need.h"
#include "engine/inspect.h"
#include "engine/reserve.h"
#include "engine/transfer.h"
#include "engine/trash.h"
#include "image/reference.h"

char *image_familiar(const char *full)
{
	_cleanup_(reference_clear) struct reference reference = REFERENCE_EMPTY;
	struct err ignored = ERR_NONE;

	/* what is in the database was parsed before */
	return reference_parse(full, &reference, &ignored) < 0 ? str_dup(full) :
								 reference_familiar(&reference);
}

static bool id_like(const char *text)
{
	if (str_prefix(text, "sha256:"))
		text += strlen("sha256:");
	return *text && strspn(text, "0123456789abcdef") == strlen(text);
}

bool image_name_is_digest(const char *full)
{
	return strchr(full, '@') != NULL;
}

/* The name under which the database has it: with a digest the tag says nothing. */
static int full_name(const char *text, char **ret_full, struct err *err)
{
	_cleanup_(reference_clear) struct reference reference = REFERENCE_EMPTY;
	int r = reference_parse(text, &reference, err);

	if (r < 0)
		return r;
	if (reference.digest)
		free(ptr_take(&reference.tag));
	*ret_full = reference_full(&reference);
	return 0;
}

int image_resolve(struct engine *engine, const char *text, struct image_row *ret_row,
		  struct err *err)
{
	struct store *store = engine_store(engine, err);
	_cleanup_free_ char *full = NULL;
	struct err malformed = ERR_NONE;
	int r;

	if (!store)
		return -err->code;
	r = full_name(text, &full, &malformed);
	if (r == 0)
		r = image_find(store, full, ret_row, err);
	/* "sha256:..." and bare hex are no references, or name an image that is not there */
	if (r < 0)
		r = image_find(store, text, ret_row, err);
	if (r == -ENOTUNIQ)
		return err_set(err, ENOTUNIQ, "multiple IDs found with provided prefix: %s", text);
	if ((r == -ENOENT || r == -EINVAL) && malformed.code && !id_like(text))
		return err_set(err, ENOENT, "%s",
			       malformed.words); /* Docker's, which names what is wrong */
	if (r == -ENOENT || r == -EINVAL) {
		_cleanup_free_ char *familiar = full ? image_familiar(full) : str_dup(text);

		err_set(err, ENOENT, "No such image: %s", familiar);
		err_hint(err, "cloche pull gets one from a registry, cloche load from an archive");
		return err_is(err, ERR_NO_IMAGE);
	}
	if (r == 0)
		err_clear(err);
	return r;
}

/* -- load, import ----------------------------------------------------------------------------- */

static json_t *object_in(json_t *json, const char *key)
{
	json_t *object = json_object_get(json, key);

	if (!object) {
		object = json_object();
		json_put(json, key, object);
	}
	return object;
}

/* Docker tells which image a name was taken from. */
static int tag_move(struct store *store, const char *full, json_t *image, struct err *err)
{
	const char *id = json_string_at(image, "id", "");
	struct image_row before = { 0 };
	int r = image_find(store, full, &before, err);

	if (r == 0 && strcmp(before.id, id) != 0)
		json_put(object_in(image, "moved"), full, json_text(before.id));
	else if (r == 0)
		json_put(object_in(image, "stays"), full, json_true());
	image_row_clear(&before);
	return r < 0 && r != -ENOENT ? r : image_tag(store, full, id, err);
}

static int one_record(struct engine *engine, struct store *store, json_t *json, struct err *err)
{
	_cleanup_strv_ char **names = json_strv_at(json, "names");
	const char *id = json_string_at(json, "id", "");
	const json_t *layers = json_at(json, "layers"), *layer;
	struct image_row row = { .id = (char *)id,
				 .created_ns = engine_now_ns(),
				 .size_bytes = json_int_at(json, "size", 0),
				 .manifest_made = json_bool_at(json, "manifest_made"),
				 .manifest_digest =
					 (char *)json_string_at(json, "manifest", NULL) };
	_cleanup_(buf_clear) struct buf config = BUF_EMPTY;
	_cleanup_free_ char *blob =
		str_printf("blobs/sha256/%s", str_prefix(id, "sha256:") ? id + 7 : "?");
	_cleanup_free_ int64_t *sizes = mem_new((json_array_size(layers) + 1) * sizeof(*sizes));
	size_t i;
	int r = file_read(engine->root, blob, 16 << 20, &config);

	if (r < 0)
		return err_sys(err, r, "read the configuration of image %s", id);
	row.config = config.data;
	json_array_foreach(layers, i, layer)
	{
		strv_add(&row.layers, json_string_at(layer, "diff_id", ""));
		sizes[i] = json_int_at(layer, "size", 0);
	}
	row.needs = image_need_of(engine, &row);
	r = image_add(store, &row, sizes, err);
	free(row.needs);
	if (r == 0 && json_bool_at(json, "repacked"))
		r = image_blobs_forget(store, id, err);
	json_array_foreach(json_at(json, "blobs"), i, layer)
	{
		if (r == 0)
			r = image_blob_add(store, id, json_string_at(layer, "digest", ""),
					   json_int_at(layer, "size", 0), err);
	}
	for (i = 0; r == 0 && names && names[i]; i++)
		r = tag_move(store, names[i], json, err);
	strv_clear(row.layers);
	return r;
}

static int report_record(struct engine *engine, json_t *report, struct err *err)
{
	struct store *store = engine_store(engine, err);
	json_t *images = json_object_get(report, "images"), *image;
	size_t i;
	int r = store ? store_begin(store, err) : -err->code;

	if (r < 0)
		return r;
	json_array_foreach(images, i, image)
	{
		r = one_record(engine, store, image, err);
		if (r < 0)
			break;
	}
	engine_kill_point("load-recorded");
	if (r == 0)
		r = store_commit(store, err);
	if (r < 0)
		store_rollback(store);
	return r;
}

/* So that nothing is in its way when the files are there; of a new data root it is made. */
static int open_store(struct engine *engine, struct err *err)
{
	return engine_store(engine, err) ? 0 : -err->code;
}

/* Its files are held until they have rows. */
int image_transfer(struct engine *engine, const char *verb, char *const *args, int input,
		   json_t **ret_report, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_json_ json_t *report = NULL;
	_cleanup_close_ int held = image_files_hold(engine, err);
	json_error_t why;
	const json_t *image;
	size_t i;
	int r;

	if (held < 0)
		return held;
	r = transfer_run_beside(engine, verb, args, input, &text, open_store, err);
	if (r < 0)
		return r;
	report = json_loads(text.data ? text.data : "", 0, &why);
	if (!report)
		return err_set(err, EPROTO, "cloche-transfer gave no report: %s", why.text);
	engine_kill_point("image-files-stored");
	r = report_record(engine, report, err);
	if (r < 0)
		return r;
	engine_kill_point("image-recorded");
	reserve_keep(engine);
	if (strcmp(verb, "commit") != 0) /* that is an event of the container */
		json_array_foreach(json_at(report, "images"), i, image)
		{
			const char *name =
				json_string_value(json_array_get(json_at(image, "names"), 0));

			event_other(engine, "image", verb, json_string_at(image, "id", ""),
				    name ? name : "");
		}
	*ret_report = ptr_take(&report);
	return 0;
}

int image_pull(struct engine *engine, const char *name, char *const *args,
	       enum image_pulled *ret_what, char **ret_full, char **ret_digest, struct err *err)
{
	_cleanup_free_ char *full = NULL, *digest = NULL;
	_cleanup_json_ json_t *report = NULL;
	_cleanup_strv_ char **words = strv_copy(args), **names = NULL;
	const json_t *image;
	int r = full_name(name, &full, err);

	if (r < 0)
		return r;
	strv_add(&words, full);
	r = image_transfer(engine, "pull", words, -1, &report, err);
	if (r == 0) {
		image = json_array_get(json_at(report, "images"), 0);
		names = json_strv_at(image, "names");
		for (size_t i = 0; names && names[i]; i++)
			if (image_name_is_digest(names[i]) && !digest)
				digest = str_dup(strchr(names[i], '@') + 1);
		*ret_what = json_object_get(json_at(image, "stays"), full) ? IMAGE_UP_TO_DATE :
									     IMAGE_NEWER;
		*ret_full = ptr_take(&full);
		*ret_digest = ptr_take(&digest);
	}
	return r;
}

/* "MANIFEST|NAME|NAME", as cloche-transfer wants it. name: the tag that was asked for, or NULL: all of them. */
static char *stored_words(const struct image_row *row, const char *name)
{
	struct buf words = BUF_EMPTY;

	buf_puts(&words, row->manifest_digest ? row->manifest_digest : "");
	if (name)
		buf_printf(&words, "|%s", name);
	for (size_t i = 0; !name && row->tags && row->tags[i]; i++)
		if (!image_name_is_digest(row->tags[i]))
			buf_printf(&words, "|%s", row->tags[i]);
	return words.data;
}

static bool has_tag(const struct image_row *row, const char *full)
{
	for (size_t i = 0; row->tags && row->tags[i]; i++)
		if (strcmp(row->tags[i], full) == 0 && !image_name_is_digest(full))
			return true;
	return false;
}

int image_save(struct engine *engine, char *const *names, char *const *args, struct err *err)
{
	_cleanup_close_ int held = image_files_hold(engine, err);
	_cleanup_strv_ char **words = strv_copy(args);
	int r = held < 0 ? held : 0;

	strv_add(&words, "--"); /* what follows is no option */
	for (; r == 0 && *names; names++) {
		_cleanup_free_ char *full = NULL;
		struct image_row row = { 0 };
		struct err ignored = ERR_NONE;

		r = image_resolve(engine, *names, &row, err);
		if (r == 0 && full_name(*names, &full, &ignored) == 0 && has_tag(&row, full))
			strv_add_take(&words, stored_words(&row, full));
		else if (r == 0)
			strv_add_take(&words,
				      str_dup(row.manifest_digest ? row.manifest_digest : ""));
		if (r == 0)
			event_other(engine, "image", "save", row.id, *names);
		image_row_clear(&row);
	}
	return r < 0 ? r : transfer_run(engine, "save", words, -1, NULL, err);
}

/* Of one that came without a manifest; the row has the new one then. */
static int pack(struct engine *engine, const char *full, struct image_row *row, struct err *err)
{
	_cleanup_strv_ char **words = NULL, **found = NULL;
	_cleanup_json_ json_t *report = NULL;
	struct err ignored = ERR_NONE;
	int r;

	if (!row->manifest_digest)
		return 0;
	strv_add(&words, row->manifest_digest);
	r = image_transfer(engine, "pack", words, -1, &report, err);
	if (r < 0 || json_array_size(json_at(report, "images")) == 0)
		return r;
	(void)image_files_sweep(engine, true, &found, &ignored); /* or the next sweep does it */
	trash_sweep(engine);
	image_row_clear(row);
	return image_find(engine_store(engine, err), full, row, err);
}

int image_push(struct engine *engine, const char *name, char *const *args, struct buf *said,
	       struct err *err)
{
	_cleanup_close_ int held = -1;
	_cleanup_strv_ char **words = strv_copy(args);
	_cleanup_free_ char *full = NULL;
	struct image_row row = { 0 };
	int r = full_name(name, &full, err);

	if (r == 0 && image_name_is_digest(full))
		r = err_set(err, EINVAL, "cannot push a digest reference");
	if (r == 0)
		r = image_find(engine_store(engine, err), full, &row, err);
	if (r == -ENOENT) {
		_cleanup_free_ char *familiar = image_familiar(full);

		err_set(err, ENOENT, "An image does not exist locally with the tag: %.*s",
			(int)(strrchr(familiar, ':') - familiar), familiar);
		return -ENOENT;
	}
	if (r == 0)
		r = pack(engine, full, &row, err);
	if (r == 0)
		r = held = image_files_hold(engine, err);
	if (r > 0)
		r = 0;
	if (r == 0) {
		_cleanup_free_ char *digest =
			str_printf("%.*s@%s", (int)(strrchr(full, ':') - full), full,
				   row.manifest_digest ? row.manifest_digest : "");

		strv_add(&words, full);
		strv_add_take(&words, stored_words(&row, NULL));
		r = transfer_run(engine, "push", words, -1, said, err);
		if (r == 0) /* where it can be had by its digest now */
			r = image_tag(engine_store(engine, err), digest, row.id, err);
		if (r == 0)
			event_other(engine, "image", "push", row.id, full);
	}
	image_row_clear(&row);
	return r;
}

/* Bare digits of an id are no name of a registry's. */
static bool can_be_pulled(const char *name)
{
	struct err ignored = ERR_NONE;
	_cleanup_free_ char *full = NULL;

	return !str_prefix(name, "sha256:") && reference_normalize(name, &full, &ignored) == 0;
}

int image_ensure(struct engine *engine, const char *name, const char *when, char *const *args,
		 void (*missing)(const char *familiar), struct err *err)
{
	_cleanup_free_ char *full = NULL, *digest = NULL, *familiar = NULL;
	struct image_row row = { 0 };
	enum image_pulled what;
	int r;

	if (strcmp(when, "never") == 0)
		return 0;
	if (strcmp(when, "always") != 0) {
		r = image_resolve(engine, name, &row, err);
		image_row_clear(&row);
		if (r != -ENOENT || !can_be_pulled(name))
			return 0; /* create says what it thinks of it */
		err_clear(err);
		r = image_name_full(name, &full, err);
		if (r < 0)
			return r;
		familiar = image_familiar(full);
		missing(familiar);
		free(ptr_take(&full));
	}
	return image_pull(engine, name, args, &what, &full, &digest, err);
}

int image_name_full(const char *name, char **ret_full, struct err *err)
{
	return reference_normalize(name, ret_full, err);
}

/* -- tag -------------------------------------------------------------------------------------- */

int image_tag_add(struct engine *engine, const char *reference, const char *new_tag,
		  struct err *err)
{
	struct image_row row = { 0 };
	_cleanup_free_ char *full = NULL;
	int r = image_resolve(engine, reference, &row, err);

	if (r == 0)
		r = reference_normalize(new_tag, &full, err);
	if (r == 0 && strchr(full, '@'))
		r = err_set(err, EINVAL, "refusing to create a tag with a digest reference");
	if (r == 0)
		r = image_tag(engine_store(engine, err), full, row.id, err);
	if (r == 0)
		event_other(engine, "image", "tag", row.id, full);
	image_row_clear(&row);
	return r;
}

/* -- inspect ---------------------------------------------------------------------------------- */

json_t *image_inspect(struct engine *engine, const struct image_row *row)
{
	_cleanup_json_ json_t *config = json_loads(row->config ? row->config : "{}", 0, NULL);
	_cleanup_free_ char *tagged = time_text(row->created_ns);
	json_t *all = json_object(), *tags = json_array(), *digests = json_array(),
	       *root = json_object();

	(void)engine;
	for (size_t i = 0; row->tags && row->tags[i]; i++) {
		_cleanup_free_ char *familiar = image_familiar(row->tags[i]);

		json_push(image_name_is_digest(row->tags[i]) ? digests : tags, json_text(familiar));
	}
	json_put(root, "Type", json_text("layers"));
	json_put(root, "Layers", json_from_strv(row->layers));
	json_put(all, "Id", json_text(row->id));
	json_put(all, "RepoTags", tags);
	json_put(all, "RepoDigests", digests);
	json_put(all, "Parent", json_text(""));
	json_put(all, "Comment", json_text(json_string_at(config, "comment", "")));
	json_put(all, "Created", json_text(json_string_at(config, "created", "")));
	json_put(all, "Author", json_text(json_string_at(config, "author", "")));
	json_put(all, "Config",
		 json_at(config, "config") ? json_deep_copy(json_at(config, "config")) :
					     json_object());
	json_put(all, "Architecture", json_text(json_string_at(config, "architecture", "")));
	json_put(all, "Os", json_text(json_string_at(config, "os", "linux")));
	json_put(all, "Size", json_integer(row->size_bytes));
	json_put(all, "GraphDriver", json_pack("{s:s,s:n}", "Name", "overlay", "Data"));
	json_put(all, "RootFS", root);
	json_put(all, "Metadata", json_pack("{s:s}", "LastTagTime", tagged));
	return all;
}
