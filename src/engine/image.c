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
#include "engine/inspect.h"
#include "image/reference.h"

char *image_familiar(const char *full)
{
	if (str_prefix(full, "docker.io/library/"))
		return str_dup(full + strlen("docker.io/library/"));
	return str_dup(str_prefix(full, "docker.io/") ? full + strlen("docker.io/") : full);
}

int image_resolve(struct engine *engine, const char *text, struct image_row *ret_row,
		  struct err *err)
{
	struct store *store = engine_store(engine, err);
	_cleanup_free_ char *full = NULL;
	int r;

	if (!store)
		return -err->code;
	r = reference_normalize(text, &full, err);
	if (r == 0)
		r = image_find(store, full, ret_row, err);
	/* "sha256:..." and bare hex are no references, or name an image that is not there */
	if (r < 0)
		r = image_find(store, text, ret_row, err);
	if (r == -ENOTUNIQ)
		return err_set(err, ENOTUNIQ, "multiple IDs found with provided prefix: %s", text);
	if (r == -ENOENT || r == -EINVAL) {
		err_set(err, ENOENT, "No such image: %s", text);
		err_hint(err, "load it with: cloche load -i ARCHIVE");
		return -ENOENT;
	}
	if (r == 0)
		err_clear(err);
	return r;
}

/* -- load, import ----------------------------------------------------------------------------- */

static int one_record(struct engine *engine, struct store *store, const json_t *json,
		      struct err *err)
{
	_cleanup_strv_ char **names = json_strv_at(json, "names");
	const char *id = json_string_at(json, "id", "");
	const json_t *layers = json_at(json, "layers"), *layer;
	struct image_row row = { .id = (char *)id,
				 .created_ns = engine_now_ns(),
				 .size_bytes = json_int_at(json, "size", 0),
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
	r = image_add(store, &row, sizes, err);
	for (i = 0; r == 0 && names && names[i]; i++)
		r = image_tag(store, names[i], id, err);
	strv_clear(row.layers);
	return r;
}

static int report_record(struct engine *engine, const json_t *report, struct err *err)
{
	struct store *store = engine_store(engine, err);
	const json_t *images = json_at(report, "images"), *image;
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
	if (r == 0)
		r = store_commit(store, err);
	if (r < 0)
		store_rollback(store);
	return r;
}

/* The transfer program speaks to the user by stderr itself; its stdout is the report. */
int image_transfer(struct engine *engine, const char *verb, char *const *args, int input,
		   json_t **ret_report, struct err *err)
{
	_cleanup_free_ char *program = str_printf("%s/cloche-transfer", engine->libexec);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_strv_ char **argv = NULL;
	_cleanup_json_ json_t *report = NULL;
	int out[2], status = 0, r;
	json_error_t why;
	const json_t *image;
	size_t i;
	pid_t pid;

	strv_add(&argv, "cloche-transfer");
	strv_add(&argv, verb);
	strv_add(&argv, "--root");
	strv_add(&argv, engine->settings.root);
	for (i = 0; args && args[i]; i++)
		strv_add(&argv, args[i]);
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(engine);
	pid = fork();
	if (pid == 0) {
		if ((input >= 0 && dup2(input, 0) < 0) || dup2(out[1], 1) < 0)
			_exit(1);
		(void)execv(program, argv);
		_exit(127);
	}
	fd_close(out[1]);
	r = pid < 0 ? -errno : fd_read_all(out[0], 64 << 20, &text);
	fd_close(out[0]);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	if (r < 0)
		return err_sys(err, r, "run %s", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(err, ENOENT, "%s is not there", program);
	if (status != 0) {
		/* it has said why */
		err_set(err, EIO, "%s failed", verb);
		return -EIO;
	}
	report = json_loads(text.data ? text.data : "", 0, &why);
	if (!report)
		return err_set(err, EPROTO, "%s gave no report: %s", program, why.text);
	r = report_record(engine, report, err);
	if (r < 0)
		return r;
	json_array_foreach(json_at(report, "images"), i, image)
		event_other(engine, "image", verb, json_string_at(image, "id", ""),
			    json_string_value(json_array_get(json_at(image, "names"), 0)) ?
				    json_string_value(json_array_get(json_at(image, "names"), 0)) :
				    "");
	*ret_report = ptr_take(&report);
	return 0;
}

/* -- tag, remove ------------------------------------------------------------------------------ */

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

static int image_delete_whole(struct engine *engine, const struct image_row *row, char ***ret_lines,
			      struct err *err)
{
	_cleanup_strv_ char **layers = NULL;
	_cleanup_free_ char *blob = str_printf("blobs/sha256/%s", row->id + 7);
	_cleanup_free_ char *line = str_printf("Deleted: %s", row->id);
	int r = image_delete(engine_store(engine, err), row->id, &layers, err);

	if (r < 0)
		return r;
	/* rows are gone: files that a kill leaves now are nobody's, and `system check --repair` finds them */
	strv_add(ret_lines, line);
	(void)unlinkat(engine->root, blob, 0);
	for (size_t i = 0; layers && layers[i]; i++) {
		_cleanup_free_ char *path = str_printf("layers/%s", layers[i] + 7);
		_cleanup_free_ char *deleted = str_printf("Deleted: %s", layers[i]);

		r = dir_remove(engine->root, path);
		if (r < 0)
			return err_sys(err, r, "remove layer %s", layers[i]);
		strv_add(ret_lines, deleted);
	}
	event_other(engine, "image", "delete", row->id, row->id);
	return 0;
}

int image_remove(struct engine *engine, const char *reference, bool force, char ***ret_lines,
		 struct err *err)
{
	_cleanup_strv_ char **users = NULL;
	_cleanup_free_ char *full = NULL;
	struct image_row row = { 0 };
	struct err ignored = ERR_NONE;
	bool by_tag = false;
	int r = image_resolve(engine, reference, &row, err);

	if (r < 0)
		return r;
	if (reference_normalize(reference, &full, &ignored) == 0)
		for (size_t i = 0; row.tags && row.tags[i]; i++)
			by_tag |= strcmp(row.tags[i], full) == 0;
	r = image_users(engine_store(engine, err), row.id, &users, err);
	if (r < 0)
		goto out;
	if (by_tag && strv_length(row.tags) > 1) {
		r = image_untag(engine_store(engine, err), full, err);
	} else if (users && users[0]) {
		r = by_tag ?
			    err_set(err, EBUSY,
				    "conflict: unable to remove repository reference \"%s\" (must force) - container %.12s is using its referenced image %.12s",
				    reference, users[0], row.id + 7) :
			    err_set(err, EBUSY,
				    "conflict: unable to delete %.12s (must be forced) - image is being used by container %.12s",
				    row.id + 7, users[0]);
		if (force) {
			/* its layers hold the containers' root file systems */
			err_set(err, EBUSY,
				"conflict: unable to delete %.12s (cannot be forced) - image is being used by container %.12s",
				row.id + 7, users[0]);
			r = -EBUSY;
		}
		goto out;
	} else if (!by_tag && strv_length(row.tags) > 1 && !force) {
		r = err_set(
			err, EBUSY,
			"conflict: unable to delete %.12s (must be forced) - image is referenced in multiple repositories",
			row.id + 7);
		goto out;
	}
	for (size_t i = 0; r == 0 && row.tags && row.tags[i]; i++) {
		_cleanup_free_ char *familiar = image_familiar(row.tags[i]);
		_cleanup_free_ char *line = str_printf("Untagged: %s", familiar);

		if (!by_tag || strcmp(row.tags[i], full) == 0)
			strv_add(ret_lines, line);
	}
	if (r == 0 && (!by_tag || strv_length(row.tags) <= 1))
		r = image_delete_whole(engine, &row, ret_lines, err);
out:
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

		json_push(tags, json_text(familiar));
		if (row->manifest_digest) {
			_cleanup_free_ char *name =
				str_ndup(familiar, (size_t)(strrchr(familiar, ':') - familiar));
			_cleanup_free_ char *digest =
				str_printf("%s@%s", name, row->manifest_digest);

			json_push(digests, json_text(digest));
		}
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
