/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `rmi`, with the rules of moby's daemon/images/image_delete.go. One differs: Docker deletes, when forced, an image that a
 * stopped container was made of, whose layers the container keeps alone. Here the image keeps them, without a name, until
 * the container goes. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/image.h"
#include "engine/image_files.h"
#include "engine/reserve.h"
#include "engine/status.h"
#include "engine/trash.h"
#include "image/reference.h"

struct removal {
	struct engine *engine;
	struct store *store;
	struct image_row row;
	bool force;
	char user[65]; /* a container of the image, a running one if there is any; or "" */
	bool runs;
	char **untagged;
};

static int find_user(struct removal *m, struct err *err)
{
	_cleanup_strv_ char **users = NULL;
	int r = image_users(m->store, m->row.id, &users, err);

	for (size_t i = 0; r == 0 && users && users[i] && !m->runs; i++) {
		struct container_status status;

		status_get(m->engine, users[i], &status);
		m->runs = status.status == STATUS_RUNNING;
		if (m->runs || !m->user[0]) {
			m->user[0] = '\0';
			(void)str_append(m->user, sizeof(m->user), users[i]);
		}
	}
	return r;
}

static int conflict(const struct removal *m, const char *how, const char *why, struct err *err)
{
	return err_set(err, EBUSY, "conflict: unable to delete %.12s (%s) - %s%.12s",
		       m->row.id + strlen("sha256:"), how, why, m->user);
}

static int untag(struct removal *m, const char *full, struct err *err)
{
	int r = image_untag(m->store, full, err);

	if (r == 0)
		strv_add(&m->untagged, full);
	return r;
}

/* Tags; the digests beside them go with them. */
static size_t count_tags(char *const *names)
{
	size_t count = 0;

	for (; names && *names; names++)
		count += !image_name_is_digest(*names);
	return count;
}

/* Is `name` of the repository of `full`, "HOST/PATH:TAG" or "HOST/PATH@DIGEST"? */
static bool same_repository(const char *full, const char *name)
{
	const char *colon = strrchr(full, ':');
	size_t length = image_name_is_digest(full) ? strcspn(full, "@") :
			colon			   ? (size_t)(colon - full) :
						     strlen(full);

	return strncmp(full, name, length) == 0 && (name[length] == ':' || name[length] == '@');
}

static bool repository_has_another_tag(const struct removal *m, const char *full)
{
	for (size_t i = 0; m->row.tags[i]; i++)
		if (!image_name_is_digest(m->row.tags[i]) && strcmp(m->row.tags[i], full) != 0 &&
		    same_repository(full, m->row.tags[i]))
			return true;
	return false;
}

static int remove_name(struct removal *m, const char *reference, const char *full, struct err *err)
{
	int r;

	if (m->user[0] && count_tags(m->row.tags) == 1 && !m->force)
		return err_set(
			err, EBUSY,
			"conflict: unable to remove repository reference \"%s\" (must force) - container %.12s is using its referenced image %.12s",
			reference, m->user, m->row.id + strlen("sha256:"));
	r = untag(m, full, err);
	if (image_name_is_digest(full) || repository_has_another_tag(m, full))
		return r;
	for (size_t i = 0; r == 0 && m->row.tags[i]; i++)
		if (image_name_is_digest(m->row.tags[i]) && same_repository(full, m->row.tags[i]))
			r = untag(m, m->row.tags[i], err);
	return r;
}

static int remove_by_id(struct removal *m, struct err *err)
{
	size_t names = strv_length(m->row.tags), tags = count_tags(m->row.tags);
	int r = 0;

	if (m->runs)
		return conflict(m, "cannot be forced", "image is being used by running container ",
				err);
	if (tags > 1 && !m->force)
		return err_set(
			err, EBUSY,
			"conflict: unable to delete %.12s (must be forced) - image is referenced in multiple repositories",
			m->row.id + strlen("sha256:"));
	if (m->user[0] && !m->force)
		return conflict(m, "must be forced", "image is being used by stopped container ",
				err);
	if (m->user[0] && names == 0) {
		(void)conflict(m, "cannot be forced", "image is being used by stopped container ",
			       err);
		return err_hint(err, "its layers are the container's: remove it first");
	}
	for (size_t i = 0; r == 0 && i < names; i++)
		r = untag(m, m->row.tags[i], err);
	return r;
}

/* The rows, in the caller's transaction. *ret_layers: those that nobody has any more; *ret_deleted: the image went. */
static int remove_rows(struct removal *m, const char *reference, bool *ret_deleted,
		       char ***ret_layers, struct err *err)
{
	_cleanup_free_ char *full = NULL;
	struct err ignored = ERR_NONE;
	bool by_name = false;
	int r = image_resolve(m->engine, reference, &m->row, err);

	if (r == 0)
		r = find_user(m, err);
	if (r < 0)
		return r;
	if (reference_normalize(reference, &full, &ignored) == 0)
		for (size_t i = 0; m->row.tags && m->row.tags[i]; i++)
			by_name |= strcmp(m->row.tags[i], full) == 0;
	r = by_name ? remove_name(m, reference, full, err) : remove_by_id(m, err);
	*ret_deleted = r == 0 && !m->user[0] &&
		       strv_length(m->untagged) == strv_length(m->row.tags);
	return *ret_deleted ? image_delete(m->store, m->row.id, ret_layers, err) : r;
}

static void tell(struct removal *m, bool deleted, char *const *layers, char ***lines)
{
	for (size_t i = 0; m->untagged && m->untagged[i]; i++) {
		_cleanup_free_ char *familiar = image_familiar(m->untagged[i]);

		strv_add_take(lines, str_printf("Untagged: %s", familiar));
		event_other(m->engine, "image", "untag", m->row.id, m->row.id);
	}
	if (!deleted)
		return;
	strv_add_take(lines, str_printf("Deleted: %s", m->row.id));
	for (; layers && *layers; layers++)
		strv_add_take(lines, str_printf("Deleted: %s", *layers));
	event_other(m->engine, "image", "delete", m->row.id, m->row.id);
}

static int remove_files(struct engine *engine, struct err *err)
{
	_cleanup_strv_ char **found = NULL;
	int r;

	engine_kill_point("rmi-committed");
	r = image_files_sweep(engine, true, &found, err);
	engine_kill_point("rmi-in-trash");
	trash_sweep(engine);
	return r;
}

int image_remove(struct engine *engine, const char *reference, bool force, char ***ret_lines,
		 struct err *err)
{
	struct removal m = { .engine = engine, .force = force };
	_cleanup_strv_ char **layers = NULL;
	bool deleted = false;
	int r;

	(void)reserve_spend(engine);
	m.store = engine_store(engine, err);
	r = m.store ? store_begin(m.store, err) : -err->code;
	if (r < 0)
		return r;
	r = remove_rows(&m, reference, &deleted, &layers, err);
	engine_kill_point("rmi-before-commit");
	if (r == 0)
		r = store_commit(m.store, err);
	if (r < 0)
		store_rollback(m.store);
	else
		tell(&m, deleted, layers, ret_lines);
	if (r == 0 && deleted)
		r = remove_files(engine, err);
	strv_clear(m.untagged);
	image_row_clear(&m.row);
	return r;
}
