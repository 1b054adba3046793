/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/root.h"
#include "base/str.h"
#include "base/tree_stream.h"
#include "engine/container_files.h"
#include "engine/container_root.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/image.h"
#include "engine/names.h"
#include "engine/pause.h"
#include "engine/record.h"
#include "engine/status.h"
#include "engine/tar_stream.h"

/* -- a tree as a tar -------------------------------------------------------------------------- */

/* A process that packs folder dir into a pipe: the pipe's end. */
static int packer_start(int dir, const char *name, unsigned int flags, pid_t *ret_pid,
			struct err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = fork();
	if (pid == 0) {
		struct err why = ERR_NONE;

		fd_close(ends[0]);
		(void)tree_pack(ends[1], dir, name, flags | TREE_INSIDE, &why);
		(void)tree_end(ends[1], &why);
		_exit(0);
	}
	fd_close(ends[1]);
	if (pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "fork");
	}
	*ret_pid = pid;
	return ends[0];
}

static void process_wait(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int tree_to_tar(int dir, const char *name, enum tar_kind kind, int out, struct err *err)
{
	pid_t pid;
	int in = packer_start(dir, name, kind == TAR_LAYER ? TREE_LAYER : 0, &pid, err), r;

	if (in < 0)
		return in;
	r = tar_from_stream(in, out, kind, err);
	fd_close(in);
	process_wait(pid);
	return r;
}

int archive_export(struct engine *engine, const char *reference, int out, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_close_ int root = -1;
	int r = record_find(engine, reference, &record, err);

	if (r < 0)
		return r;
	root = container_root_snapshot(engine, &record, err);
	engine_store_close(engine);
	if (root < 0)
		return root;
	r = tree_to_tar(root, record.row.name, TAR_PLAIN, out, err);
	if (r == 0)
		event_container(engine, &record, "export", NULL);
	return r;
}

/* -- changes ---------------------------------------------------------------------------------- */

struct changes {
	int below;    /* the image's tree */
	char **lines; /* "path\tKIND", to be sorted */
	struct err *err;
};

static void change_add(struct changes *changes, const char *path, char kind)
{
	strv_add_take(&changes->lines, str_printf("%s\t%c", path, kind));
}

/* Whether the image has something there. */
static bool below_has(const struct changes *changes, const char *path, struct stat *ret_stat)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int fd = root_open(changes->below, path, O_PATH | O_NOFOLLOW, &ignored);

	return fd >= 0 && fstat(fd, ret_stat) == 0;
}

static bool same_folder(const struct stat *a, const struct stat *b)
{
	return S_ISDIR(b->st_mode) && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid;
}

static int folder_changes(struct changes *changes, int fd, const char *path, bool *ret_any);

static int entry_changes(struct changes *changes, int dir, const char *path, const char *name,
			 bool *ret_any)
{
	struct stat st, old;
	bool was, inside = false;
	int fd, r;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	was = below_has(changes, path, &old);
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0)) {
		if (was)
			change_add(changes, path, 'D');
		*ret_any |= was;
		return 0;
	}
	if (!was && tree_is_mount_place(path) &&
	    (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0)))
		return 0; /* made by the start, for a mount */
	if (!S_ISDIR(st.st_mode)) {
		change_add(changes, path, was ? 'C' : 'A');
		*ret_any = true;
		return 0;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(changes->err, errno, "open %s", path);
	r = folder_changes(changes, fd, path, &inside);
	/* A folder that was copied up for what is in it is changed with it; one whose time alone moved is not: the places for
	 * mounts do that. */
	if (r == 0 && (!was || inside || !same_folder(&st, &old))) {
		change_add(changes, path, was ? 'C' : 'A');
		*ret_any = true;
	}
	return r;
}

/* Takes fd. */
static int folder_changes(struct changes *changes, int fd, const char *path, bool *ret_any)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		fd_close(fd);
		return err_sys(changes->err, errno, "read %s", path);
	}
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *below = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		below = str_printf("%s/%s", path, entry->d_name);
		if (strlen(below) >= PATH_MAX)
			r = err_set(changes->err, ENAMETOOLONG, "the folders are too deep");
		else
			r = entry_changes(changes, dirfd(dir), below, entry->d_name, ret_any);
	}
	(void)closedir(dir);
	return r;
}

static int upper_open(struct engine *engine, const struct record *record, struct err *err)
{
	_cleanup_free_ char *folder = disk_limit_folder(record),
			    *path = str_printf("%s/upper", folder);
	int fd = disk_limit_container(engine, record, err);

	if (fd < 0)
		return fd;
	fd = openat(engine->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (json_bool_at(record->config, "Cloche.RootfsInPlace")) {
		fd_close(fd);
		return err_set(err, EOPNOTSUPP,
			       "container %s writes in place: it has no layer of its own",
			       record->row.name);
	}
	return fd < 0 && errno != ENOENT ?
		       err_sys(err, errno, "open the layer of %s", record->row.name) :
		       fd;
}

int archive_diff(struct engine *engine, const char *reference, char ***ret_lines, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct changes changes = { .below = -1, .err = err };
	_cleanup_close_ int below = -1;
	bool any = false;
	int upper, r = record_find(engine, reference, &record, err);

	if (r < 0)
		return r;
	upper = upper_open(engine, &record, err);
	if (upper < 0)
		return err->code ? -err->code : 0; /* it never ran */
	below = changes.below = container_root_below(engine, &record, err);
	if (below < 0) {
		fd_close(upper);
		return below;
	}
	r = folder_changes(&changes, upper, "", &any);
	strv_sort(changes.lines);
	for (size_t i = 0; r == 0 && changes.lines && changes.lines[i]; i++) {
		char *tab = strrchr(changes.lines[i], '\t');

		*tab = '\0';
		strv_add_take(ret_lines, str_printf("%c %s", tab[1], changes.lines[i]));
	}
	strv_clear(changes.lines);
	return r;
}

/* -- commit ----------------------------------------------------------------------------------- */

static char *command_line(const struct record *record)
{
	_cleanup_strv_ char **args = json_strv_at(record->config, "Cloche.Args");
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	buf_puts(&text, json_string_at(record->config, "Cloche.Path", ""));
	for (size_t i = 0; args && args[i]; i++)
		buf_printf(&text, " %s", args[i]);
	return str_dup(text.data);
}

/* So that the new image can be pushed and saved with its parent's archives. */
static char *parent_manifest(struct engine *engine, const struct record *record)
{
	struct image_row parent = { 0 };
	struct err ignored = ERR_NONE;
	struct store *store = engine_store(engine, &ignored);
	char *digest = NULL;

	if (store && image_find(store, record->row.image_id, &parent, &ignored) == 0)
		digest = str_dup(parent.manifest_digest);
	image_row_clear(&parent);
	return digest;
}

static char **transfer_words(struct engine *engine, const struct record *record,
			     const struct commit_request *request)
{
	_cleanup_free_ char *manifest = parent_manifest(engine, record);
	_cleanup_free_ char *config = json_dumps(json_at(record->config, "Config"), JSON_COMPACT),
			    *line = command_line(record);
	const struct {
		const char *option, *value;
	} words[] = { { "--parent", record->row.image_id },
		      { "--parent-manifest", manifest },
		      { "--config", config },
		      { "--created-by", line },
		      { "--author", request->author },
		      { "--message", request->message } };
	char **list = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!words[i].value)
			continue;
		strv_add(&list, words[i].option);
		strv_add(&list, words[i].value);
	}
	for (size_t i = 0; request->changes && request->changes[i]; i++) {
		strv_add(&list, "--change");
		strv_add(&list, request->changes[i]);
	}
	return list;
}

/* The layer goes through a pipe into cloche-transfer; a process of its own writes it. */
static int layer_commit_run(struct engine *engine, const struct record *record,
			    const struct commit_request *request, int upper, json_t **ret_report,
			    struct err *err)
{
	_cleanup_strv_ char **words = transfer_words(engine, record, request);
	int ends[2], r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(engine);
	pid = fork();
	if (pid == 0) {
		struct err why = ERR_NONE;

		fd_close(ends[0]);
		/* an archive that ends early is no whole tar, so a failure here is one there */
		_exit(tree_to_tar(upper, record->row.name, TAR_LAYER, ends[1], &why) < 0 ?
			      err_print(&why, "cloche", 1) :
			      0);
	}
	fd_close(ends[1]);
	r = pid < 0 ? err_sys(err, errno, "fork") :
		      image_transfer(engine, "commit", words, ends[0], ret_report, err);
	fd_close(ends[0]);
	if (pid > 0)
		process_wait(pid);
	return r;
}

static int commit_locked(struct engine *engine, struct record *record,
			 const struct commit_request *request, char **ret_id, struct err *err)
{
	_cleanup_close_ int dir = -1, upper = -1;
	_cleanup_json_ json_t *report = NULL;
	bool frozen = false;
	struct err ignored = ERR_NONE;
	int r;

	if (!str_prefix(record->row.image_id, "sha256:")) {
		err_set(err, EOPNOTSUPP, "commit %s: it has no image below it", record->row.name);
		return err_hint(err, "its files can be had by: cloche export %s", record->row.name);
	}
	dir = engine_container_dir(engine, record->row.id, true, err);
	r = dir < 0 ? dir : container_folders_make(engine, record, err);
	if (r < 0)
		return r;
	upper = upper_open(engine, record, err);
	if (upper < 0)
		return upper;
	if (!request->no_pause) {
		r = pause_begin(engine, record, &frozen, err);
		if (r < 0)
			return r;
	}
	r = layer_commit_run(engine, record, request, upper, &report, err);
	if (frozen)
		(void)pause_end(engine, record, &ignored);
	if (r < 0)
		return r;
	*ret_id = str_dup(json_string_at(json_array_get(json_at(report, "images"), 0), "id", ""));
	return request->name ? image_tag_add(engine, *ret_id, request->name, err) : 0;
}

/* Users that were made since the last exec. */
static void names_refresh(struct engine *engine, const struct record *record)
{
	struct container_status status;

	status_get(engine, record->row.id, &status);
	if (status.status == STATUS_RUNNING)
		names_publish(engine, &record->row, status.pid);
}

int archive_commit(struct engine *engine, const char *reference,
		   const struct commit_request *request, char **ret_id, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	int lock, r;

	if (request->name) { /* before the work, not after it */
		_cleanup_free_ char *full = NULL;

		r = image_name_full(request->name, &full, err);
		if (r < 0)
			return r;
	}
	r = record_lock(engine, reference, &record, &lock, err);
	if (r < 0)
		return r;
	r = commit_locked(engine, &record, request, ret_id, err);
	if (r == 0) {
		names_refresh(engine, &record);
		event_container(engine, &record, "commit",
				(const char *const[]){ "comment",
						       request->message ? request->message : "",
						       "imageID", *ret_id, "imageRef",
						       request->name ? request->name : "", NULL });
	}
	engine_unlock(engine, record.row.id, lock);
	return r;
}
