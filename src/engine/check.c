/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/check_part.h"
#include "engine/engine.h"
#include "engine/image_files.h"
#include "engine/inspect.h"
#include "engine/netns_name.h"
#include "engine/repair.h"
#include "engine/status.h"
#include "engine/trash.h"
#include "image/parts.h"
#include "image/work.h"
#include "runtime/cgroup.h"
#include "state/store.h"
#include "state/uid_range.h"

void check_finding(struct check *check, bool repaired, const char *what, const char *name)
{
	_cleanup_free_ char *line =
		str_printf("%s: %s%s", name, what, repaired ? "; repaired" : "");

	check->left += !repaired;
	if (!strv_has(check->found, line)) /* as a cgroup is in each hierarchy of v1 */
		strv_add_take(&check->found, ptr_take(&line));
}

void check_note(struct check *check, const char *what, const char *name)
{
	strv_add_take(&check->found, str_printf("%s: %s", name, what));
}

const struct container_row *check_row(const struct check *check, const char *id)
{
	for (size_t i = 0; i < check->count; i++)
		if (strcmp(check->rows[i].id, id) == 0)
			return &check->rows[i];
	return NULL;
}

/* Under its lock, as every repair: somebody may be at work on it right now. */
static bool container_repair(struct check *check, const char *id)
{
	struct err err = ERR_NONE;
	int lock;

	if (!check->repair)
		return false;
	lock = engine_try_lock(check->engine, id);
	if (lock < 0)
		return false;
	if (repair_container(check->engine, id, &err) < 0) {
		fd_close(lock);
		return false;
	}
	engine_unlock(check->engine, id, lock);
	return true;
}

bool check_at_work(struct check *check, const char *id)
{
	_cleanup_free_ char *path = str_printf("locks/%s", id);
	_cleanup_close_ int fd = openat(check->engine->root, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

enum { RELEASE_PATIENCE_MS = 2000, RELEASE_GLANCE_MS = 5, LOCK_GLANCE_MS = 20 };

bool check_hold(struct check *check, const char *id, struct check_hold *hold)
{
	_cleanup_free_ char *path = str_printf("locks/%s", id);
	struct container_row row = { 0 };
	struct container_status status;
	struct err ignored = ERR_NONE;
	struct store *store = engine_store(check->engine, &ignored);

	/* whose end was written down is about to be released, by who is not at work yet */
	for (int left_ms = RELEASE_PATIENCE_MS;; left_ms -= RELEASE_GLANCE_MS) {
		hold->marked = faccessat(check->engine->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		hold->lock = engine_try_lock(check->engine, id);
		if (hold->lock < 0)
			return false;
		status_get(check->engine, id, &status);
		hold->runs = status.status == STATUS_RUNNING;
		if (status.status != STATUS_EXITED || status.unknown || left_ms <= 0 ||
		    faccessat(check->engine->run, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		check_hold_end(check, id, hold);
		(void)poll(NULL, 0, RELEASE_GLANCE_MS);
	}
	hold->known = !store || container_find(store, id, &row, &ignored) != -ENOENT;
	container_row_clear(&row);
	return true;
}

void check_hold_end(struct check *check, const char *id, struct check_hold *hold)
{
	if (hold->marked)
		fd_close(hold->lock);
	else
		engine_unlock(check->engine, id, hold->lock);
	hold->lock = -1;
}

DIR *check_folder(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		fd_close(fd);
	return d;
}

static void containers_check(struct check *check)
{
	for (size_t i = 0; i < check->count; i++) {
		const struct container_row *row = &check->rows[i];
		struct container_status status;

		if (check_at_work(check, row->id))
			continue;
		status_get(check->engine, row->id, &status);
		if (status.status == STATUS_RUNNING && !status.monitored)
			check_finding(check, container_repair(check, row->id),
				      "runs without its monitor", row->name);
		if (status.unknown && !status.finished_ns) /* else it has been written down */
			check_finding(check, container_repair(check, row->id),
				      "ended and nobody saw how", row->name);
	}
}

/* Folders that belong to no container: a create that did not get there, or a removal that did not finish. */
static void orphans_check(struct check *check, int at, const char *path, const char *what)
{
	DIR *d = check_folder(at, path);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		struct check_hold hold;
		bool orphan;

		if (!str_is_id(e->d_name) || check_row(check, e->d_name) ||
		    !check_hold(check, e->d_name, &hold))
			continue;
		orphan = !hold.known &&
			 faccessat(dirfd(d), e->d_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		check_hold_end(check, e->d_name, &hold);
		if (orphan)
			check_finding(check, container_repair(check, e->d_name), what, e->d_name);
	}
	if (d)
		(void)closedir(d);
}

/* A file that is there, and that nobody holds: nor is about to, who has only made it so far. */
static bool is_left(DIR *locks, const char *id)
{
	for (int looks = 0; looks < 5; looks++) {
		_cleanup_close_ int fd = openat(dirfd(locks), id, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		struct stat st;

		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
		    st.st_nlink == 0)
			return false;
		(void)flock(fd, LOCK_UN);
		(void)poll(NULL, 0, LOCK_GLANCE_MS);
	}
	return true;
}

static void locks_check(struct check *check)
{
	DIR *d = check_folder(check->engine->root, "locks");
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		if (str_is_id(e->d_name) && is_left(d, e->d_name))
			check_finding(check, container_repair(check, e->d_name),
				      "a command working on it was killed", e->d_name);
	if (d)
		(void)closedir(d);
}

/* name: of a folder in d, ends in "-" and the first 12 of an id */
static void cgroup_check(struct check *check, struct cgroup *cgroup, DIR *d, const char *parent,
			 const char *name)
{
	struct err ignored = ERR_NONE;
	struct store *store = engine_store(check->engine, &ignored);
	_cleanup_free_ char *path = str_printf("%s/%s", parent, name);
	struct container_row row = { 0 };
	struct check_hold hold = { .lock = -1 };
	bool found, done;

	/* the row comes before the cgroup, and goes after it */
	found = store && container_find(store, strrchr(name, '-') + 1, &row, &ignored) == 0;
	if (!found || check_hold(check, row.id, &hold)) {
		if (!hold.runs && faccessat(dirfd(d), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			done = check->repair && cgroup_remove(cgroup, path, &ignored) == 0;
			check_finding(check, done, "a cgroup without a running container", path);
		}
		if (found)
			check_hold_end(check, row.id, &hold);
	}
	container_row_clear(&row);
}

static void cgroups_check(struct check *check, struct cgroup *cgroup)
{
	_cleanup_free_ char *parent = str_printf("/cloche%s", check->engine->suffix);
	_cleanup_strv_ char **paths = cgroup_paths(cgroup, parent);

	for (size_t i = 0; paths && paths[i]; i++) {
		DIR *d = opendir(paths[i]);
		struct dirent *e;

		while (d && (e = readdir(d)) != NULL) {
			const char *dash = strrchr(e->d_name, '-');
			bool runs = false;

			if (e->d_type != DT_DIR || !dash || strlen(dash + 1) != 12)
				continue;
			for (size_t k = 0; !runs && k < check->count; k++) {
				struct container_status status;

				if (strncmp(check->rows[k].id, dash + 1, 12) != 0)
					continue;
				status_get(check->engine, check->rows[k].id, &status);
				runs = status.status == STATUS_RUNNING;
			}
			if (!runs)
				cgroup_check(check, cgroup, d, parent, e->d_name);
		}
		if (d)
			(void)closedir(d);
	}
}

static int layers_check(struct check *check, struct store *store, struct err *err)
{
	_cleanup_strv_ char **known = NULL, **found = NULL;
	int r = layer_list(store, &known, err);

	for (size_t i = 0; known && known[i]; i++) {
		_cleanup_free_ char *path = str_printf("layers/%s", known[i] + strlen("sha256:"));

		if (faccessat(check->engine->root, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			check_finding(check, false,
				      "a layer's files are gone; load its image again", known[i]);
	}
	if (r == 0)
		r = image_files_sweep(check->engine, check->repair, &found, err);
	for (size_t i = 0; found && found[i]; i++)
		check_finding(check, check->repair, "a file that no image has", found[i]);
	return r;
}

/* Worth something: --repair leaves it. */
static void part_note(void *data, const char *path, uint64_t bytes, int64_t untouched_s)
{
	_cleanup_free_ char *size = str_size((double)bytes, 1000, 3);
	_cleanup_free_ char *age = duration_text(untouched_s);
	_cleanup_free_ char *what = str_printf(
		"%s of a pull that was cut %s ago; the next one goes on there, system prune removes it",
		size, age);

	check_note(data, what, path);
}

/* What killed commands left behind them, and what a killed sweep did not come to. */
static int remains_check(struct check *check)
{
	int count = trash_waiting(check->engine->root);

	if (count > 0)
		check_finding(check, check->repair && trash_empty(check->engine->root) >= 0,
			      "removed images whose files are still there", "trash");
	count = work_stale(check->engine->root, check->repair);
	if (count > 0)
		check_finding(check, check->repair, "work of commands that were killed", "tmp");
	if (netns_names_stale(check->engine, check->repair) > 0)
		check_finding(check, check->repair, "names of containers that are gone",
			      "/run/netns");
	parts_each(check->engine->root, part_note, check);
	return 0;
}

/* Does somebody remove it right now? He wrote down which ones before the rows went, and keeps that until the files are gone. */
static bool volume_going(struct check *check, const char *name)
{
	_cleanup_free_ char *path = str_printf("volumes/%s", name);
	DIR *d = check_folder(check->engine->root, "locks");
	struct err ignored = ERR_NONE;
	bool going = false;
	struct dirent *e;

	while (!going && d && (e = readdir(d)) != NULL) {
		_cleanup_strv_ char **names = NULL;

		if (e->d_name[0] != '.' &&
		    engine_journal_read(check->engine, e->d_name, &names, &ignored) == 0)
			for (size_t i = 0; names && names[i]; i++)
				going |= strcmp(names[i], name) == 0;
	}
	if (d)
		(void)closedir(d);
	return going || faccessat(check->engine->root, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

static int volumes_check(struct check *check, struct store *store, struct err *err)
{
	struct volume_row *rows = NULL;
	int count = volume_list(store, &rows, err);
	DIR *d = check_folder(check->engine->root, "volumes");
	struct dirent *e;

	while (count >= 0 && d && (e = readdir(d)) != NULL) {
		bool known = e->d_name[0] == '.';

		for (int i = 0; i < count; i++)
			known |= strcmp(rows[i].name, e->d_name) == 0;
		/* data: never removed by a repair */
		if (!known && !volume_going(check, e->d_name))
			check_finding(
				check, false,
				"files of a volume that is not in the database; look, then remove them by hand",
				e->d_name);
	}
	if (d)
		(void)closedir(d);
	if (count >= 0)
		volume_rows_free(rows, (size_t)count);
	return count < 0 ? count : 0;
}

static int ranges_check(struct check *check, struct err *err)
{
	for (size_t i = 0; i < check->count; i++) {
		struct err why = ERR_NONE;
		struct check_hold hold;

		/* a range that was given back may be another's by now */
		if (!check->rows[i].uid_base || !check_hold(check, check->rows[i].id, &hold))
			continue;
		if (hold.known &&
		    uid_range_claim(check->engine->root, check->engine->settings.root,
				    check->rows[i].id, check->rows[i].uid_base, &why) < 0)
			check_finding(check, false, why.words, check->rows[i].name);
		check_hold_end(check, check->rows[i].id, &hold);
	}
	if (check->repair) {
		int freed = uid_range_sweep(err);

		if (freed < 0)
			return freed;
		if (freed > 0)
			check_finding(check, true, "ranges of user ids of roots that are gone",
				      "uids");
	}
	return 0;
}

int check_instance(struct engine *engine, bool repair, char ***ret_found, struct err *err)
{
	struct check check = { .engine = engine, .repair = repair };
	struct store *store = engine_store(engine, err);
	struct cgroup *cgroup = store ? engine_cgroup(engine, err) : NULL;
	int r = cgroup ? store_check(store, err) : -err->code;

	if (r == 0) {
		r = container_list(store, false, &check.rows, err);
		check.count = r > 0 ? (size_t)r : 0;
	}
	if (r < 0)
		return r;
	engine_kill_point("check-listed");
	locks_check(&check);
	containers_check(&check);
	orphans_check(&check, engine->root, "containers",
		      "files of a container that is not in the database");
	orphans_check(&check, engine->run, ".",
		      "a run folder of a container that is not in the database");
	cgroups_check(&check, cgroup);
	store = engine_store(engine, err); /* a repair may have closed it */
	r = store ? layers_check(&check, store, err) : -err->code;
	if (r == 0)
		r = volumes_check(&check, store, err);
	if (r == 0)
		r = check_disks(&check, store, err);
	if (r == 0)
		r = remains_check(&check);
	if (r == 0)
		r = ranges_check(&check, err);
	check_run_folders(&check);
	if (r == 0)
		r = check_networks(&check, err);
	if (r == 0)
		r = check_ruleset(&check, err);
	container_rows_free(check.rows, check.count);
	*ret_found = check.found;
	return r < 0 ? r : check.left;
}
