/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/volume_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/tree_stream.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/name.h"
#include "engine/tar_stream.h"
#include "engine/volume.h"
#include "image/work.h"

/* -- a process that gives a stream ------------------------------------------------------------ */

struct giver {
	struct engine *engine;
	int folder; /* -1: the tar on `tar` */
	int tar;
	pid_t pid;
};

static _Noreturn void giver_run(const struct giver *giver, int out)
{
	struct err why = ERR_NONE;

	if (giver->folder >= 0)
		(void)tree_pack(out, giver->folder, "volume", TREE_INSIDE, &why);
	else
		(void)tar_to_stream(giver->engine, giver->tar, out, &why);
	(void)tree_end(out, &why);
	_exit(0);
}

/* The pipe's end to read from. */
static int giver_start(struct giver *giver, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(giver->engine);
	giver->pid = fork();
	if (giver->pid == 0) {
		fd_close(ends[0]);
		giver_run(giver, ends[1]);
	}
	fd_close(ends[1]);
	if (giver->pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "fork");
	}
	return ends[0];
}

static void giver_wait(const struct giver *giver)
{
	while (waitpid(giver->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What the giver gives, into a folder. */
static int give_into(struct giver *giver, int folder, struct err *err)
{
	int in = giver_start(giver, err), r;

	if (in < 0)
		return in;
	r = tree_unpack_inside(in, folder, TREE_KEEP_OWNER, err);
	fd_close(in);
	giver_wait(giver);
	return r;
}

/* -- folders ---------------------------------------------------------------------------------- */

/* volumes/NAME/_data of a volume that exists; one that no container used yet is made. */
static int data_open(struct engine *engine, const char *name, struct volume_row *row,
		     struct err *err)
{
	struct store *store = engine_store(engine, err);
	_cleanup_close_ int volumes = -1, volume = -1;
	_cleanup_json_ json_t *options = NULL;
	int r = store ? volume_find(store, name, row, err) : -err->code;

	if (r == -ENOENT)
		return err_set(err, ENOENT, "get %s: no such volume", name);
	if (r < 0)
		return r;
	options = row->options ? json_loads(row->options, 0, NULL) : NULL;
	if (options && !json_at(options, "size"))
		return err_set(err, EOPNOTSUPP, "volume %s is mounted from elsewhere: %s", name,
			       row->options);
	if (disk_limit_volume(engine, name, options, err) < 0)
		return -err->code;
	volumes = dir_open_make(engine->root, "volumes", 0700, err);
	volume = volumes < 0 ? volumes : dir_open_make(volumes, name, 0700, err);
	return volume < 0 ? volume : dir_open_make(volume, "_data", 0755, err);
}

/* A new volume in tmp/, filled by the giver, then named. folder_like: whose owner, mode and times the top has, or -1. */
static int made_whole(struct giver *giver, const char *name, char *const *labels, int folder_like,
		      struct err *err)
{
	struct engine *engine = giver->engine;
	_cleanup_(work_close) struct work work = WORK_NONE;
	_cleanup_close_ int data = -1, volumes = -1;
	_cleanup_free_ char *made = NULL;
	struct stat st;
	int r = work_open(engine->root, &work, err);

	if (r < 0)
		return r;
	data = dir_open_make(work.dir, "_data", 0755, err);
	r = data < 0 ? data : give_into(giver, data, err);
	if (r == 0 && folder_like >= 0 && fstat(folder_like, &st) == 0 &&
	    (fchown(data, st.st_uid, st.st_gid) < 0 || fchmod(data, st.st_mode & 07777) < 0))
		r = err_sys(err, errno, "give the copy its owner");
	if (r == 0)
		r = work_sync(&work, err);
	engine_kill_point("volume-copied");
	if (r == 0) {
		volumes = dir_open_make(engine->root, "volumes", 0700, err);
		r = volumes < 0 ? volumes : 0;
	}
	if (r == 0 && renameat2(work.tmp, work.name, volumes, name, RENAME_NOREPLACE) < 0)
		r = errno == EEXIST ? err_set(err, EEXIST, "volume %s is there already", name) :
				      err_sys(err, errno, "name the volume %s", name);
	engine_kill_point("volume-named");
	/* killed here, the folder is nobody's: `system check` finds it */
	return r < 0 ? r : volume_create(engine, name, labels, NULL, &made, err);
}

/* -- the three -------------------------------------------------------------------------------- */

int volume_export(struct engine *engine, const char *name, int out, struct err *err)
{
	struct volume_row row = { 0 };
	_cleanup_close_ int data = data_open(engine, name, &row, err);
	struct giver giver = { .engine = engine, .folder = data };
	int in, r;

	volume_row_clear(&row);
	if (data < 0)
		return data;
	in = giver_start(&giver, err);
	if (in < 0)
		return in;
	r = tar_from_stream(in, out, TAR_PLAIN, err);
	fd_close(in);
	giver_wait(&giver);
	return r < 0 ? err_wrap(err, "export volume %s", name) : 0;
}

int volume_import(struct engine *engine, const char *name, int in, struct err *err)
{
	struct giver giver = { .engine = engine, .folder = -1, .tar = in };
	struct volume_row row = { 0 };
	_cleanup_close_ int data = -1;
	int r;

	if (!name_valid(name))
		return err_set(err, EINVAL, "volume name \"%s\" has invalid characters", name);
	data = data_open(engine, name, &row, err);
	volume_row_clear(&row);
	if (data == -ENOENT) {
		err_clear(err);
		r = made_whole(&giver, name, NULL, -1, err);
	} else {
		r = data < 0 ? data : give_into(&giver, data, err);
	}
	return r < 0 ? err_wrap(err, "import volume %s", name) : 0;
}

/* "NAME=VALUE" again, for volume_create(). */
static char **labels_of(const struct volume_row *row)
{
	_cleanup_json_ json_t *object = json_loads(row->labels ? row->labels : "{}", 0, NULL);
	char **list = NULL;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		strv_add_take(&list, str_printf("%s=%s", key, json_string_value(value)));
	}
	return list;
}

int volume_clone(struct engine *engine, const char *from, const char *to, struct err *err)
{
	struct volume_row row = { 0 }, other = { 0 };
	_cleanup_close_ int data = data_open(engine, from, &row, err);
	struct giver giver = { .engine = engine, .folder = data };
	_cleanup_strv_ char **labels = data < 0 ? NULL : labels_of(&row);
	int r = data < 0 ? data : 0;

	volume_row_clear(&row);
	if (r == 0 && !name_valid(to))
		r = err_set(err, EINVAL, "volume name \"%s\" has invalid characters", to);
	if (r == 0) {
		r = volume_find(engine->store, to, &other, err);
		if (r == 0)
			r = err_set(err, EEXIST, "volume %s is there already", to);
		else if (r == -ENOENT)
			r = 0;
		volume_row_clear(&other);
	}
	if (r == 0)
		r = made_whole(&giver, to, labels, data, err);
	return r < 0 ? err_wrap(err, "clone volume %s", from) : 0;
}
