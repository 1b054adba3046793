/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"
#include "base/tree_stream.h"
#include "engine/container_root.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/record.h"
#include "engine/tar_stream.h"

/* One side of a copy: a folder that stands for "/", and a path in it. Of the host: root is the host's. */
struct place {
	int root; /* -1: the host's own, where links go where they go */
	const char *path;
	const char *told;      /* the path as it was typed */
	const char *container; /* its name, NULL: the host */
};

static int place_open(const struct place *place, const char *path, int flags, struct err *err)
{
	int fd;

	if (place->root >= 0)
		return root_open(place->root, path, flags, err);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open %s", path) : fd;
}

static bool inside_wanted(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[n - 1] == '.' && (n == 1 || path[n - 2] == '/');
}

/* "a/b/" to its folder "a" and its name "b"; the root has none. */
static void path_split(const char *path, char **ret_parent, char **ret_name)
{
	size_t end = strlen(path), at;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (at = end; at > 0 && path[at - 1] != '/';)
		at--;
	*ret_name = str_ndup(path + at, end - at);
	while (at > 1 && path[at - 1] == '/')
		at--;
	*ret_parent = at ? str_ndup(path, at) : str_dup(".");
}

static int not_found(const struct place *place, struct err *err)
{
	if (place->container)
		return err_set(err, ENOENT, "Could not find the file %s in container %s",
			       place->told, place->container);
	return err_set(err, ENOENT, "lstat %s: no such file or directory", place->told);
}

/* -- the source ------------------------------------------------------------------------------- */

/* What a link at the end leads to, under the link's name, as Docker has it. */
static int pack_followed(const struct place *place, const char *name, int out, struct err *err)
{
	/* NONBLOCK: it may lead to a fifo */
	_cleanup_close_ int fd =
		place_open(place, place->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);

	return fd < 0 ? not_found(place, err) : tree_pack_fd(out, fd, name, 0, err);
}

static int source_pack(const struct place *place, const struct copy_options *options, int out,
		       struct err *err)
{
	_cleanup_free_ char *parent = NULL, *name = NULL;
	_cleanup_close_ int dir = -1;
	struct tree_entry top = { .kind = TREE_FOLDER };
	struct stat st;
	int r;

	path_split(place->path, &parent, &name);
	/* "x/." and "/": a folder without a name of its own */
	if (inside_wanted(place->path) || !*name || strcmp(name, "..") == 0) {
		dir = place_open(place, place->path, O_RDONLY | O_DIRECTORY, err);
		if (dir < 0)
			return not_found(place, err);
		(void)str_append(top.name, sizeof(top.name), "_");
		top.mode = fstat(dir, &st) == 0 ? st.st_mode & 07777 : 0755;
		top.size = TREE_INSIDE_ONLY;
		r = tree_put(out, &top, err);
		if (r == 0)
			r = tree_pack(out, dir, place->told, TREE_INSIDE, err);
		top.kind = TREE_LEAVE;
		return r < 0 ? r : tree_put(out, &top, err);
	}
	dir = place_open(place, parent, O_PATH | O_DIRECTORY, err);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return not_found(place, err);
	if (place->path[strlen(place->path) - 1] == '/' && !S_ISDIR(st.st_mode) &&
	    !S_ISLNK(st.st_mode))
		return err_set(err, ENOTDIR, "%s: not a directory", place->told);
	if (S_ISLNK(st.st_mode) && (options->follow || place->path[strlen(place->path) - 1] == '/'))
		return pack_followed(place, name, out, err);
	return tree_pack(out, dir, name, 0, err);
}

/* -- the destination -------------------------------------------------------------------------- */

/* Docker's rules: into a folder that is there, else under this name in its parent, which must be there. */
static int destination_unpack(const struct place *place, int in, unsigned int flags,
			      struct err *err)
{
	_cleanup_free_ char *parent = NULL, *name = NULL;
	_cleanup_close_ int dir = -1;
	struct tree_entry first;
	struct err ignored = ERR_NONE;
	bool slash = *place->path && place->path[strlen(place->path) - 1] == '/';
	int r = tree_get(in, &first, err);

	if (r < 0)
		return r;
	if (first.kind == TREE_END)
		return err_set(err, ENOENT, "there is nothing to copy");
	dir = place_open(place, place->path, O_RDONLY | O_DIRECTORY, &ignored);
	if (dir >= 0) {
		if (first.kind == TREE_FOLDER && first.size == TREE_INSIDE_ONLY)
			return tree_unpack_inside(in, dir, flags, err);
		return tree_unpack(in, &first, dir, first.name, flags, err);
	}
	path_split(place->path, &parent, &name);
	if (slash && first.kind != TREE_FOLDER)
		return place->container ? not_found(place, err) :
					  err_set(err, ENOENT, "no such directory");
	dir = place_open(place, parent, O_RDONLY | O_DIRECTORY, &ignored);
	if (dir < 0 || !*name || inside_wanted(name))
		return place->container ?
			       not_found(place, err) :
			       err_set(err, ENOENT,
				       "invalid output path: directory \"%s\" does not exist",
				       parent);
	if (first.kind == TREE_FOLDER && faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, EISDIR, "cannot copy directory");
	return tree_unpack(in, &first, dir, name, flags, err);
}

/* -- two processes ---------------------------------------------------------------------------- */

struct container_side {
	const struct record *record;
	const char *path;
	const struct copy_options *options;
	bool write;
	int in, out; /* of the stream; -1 */
};

/* What comes is read to its end before it is refused, so that who sends it has nothing to complain of. */
static int folder_check(const struct place *place, int in, struct err *err)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dir = place_open(place, place->path, O_PATH | O_DIRECTORY, &ignored);
	char drained[65536];

	if (dir >= 0)
		return 0;
	while (read(in, drained, sizeof(drained)) > 0)
		;
	return dir == -ENOTDIR ? err_set(err, ENOTDIR, "destination \"%s:%s\" must be a directory",
					 place->container, place->told) :
				 not_found(place, err);
}

static void side_run(struct engine *engine, const struct container_side *side, struct err *err)
{
	struct place place = { .told = side->path, .container = side->record->row.name };
	int r = container_root_enter(engine, side->record, side->path, side->write, &place.root,
				     &place.path, err);

	if (r == 0 && side->write && side->options->into_folder)
		r = folder_check(&place, side->in, err);
	if (r == 0 && side->write)
		r = destination_unpack(&place, side->in,
				       side->options->keep_owner ? TREE_KEEP_OWNER : TREE_TRY_OWNER,
				       err);
	else if (r == 0)
		r = source_pack(&place, side->options, side->out, err);
	(void)r;
	if (side->out >= 0)
		(void)tree_end(side->out, err);
}

/* The child's pid; its error comes over *ret_result. It closes what it must not hold open. */
static pid_t side_start(struct engine *engine, const struct container_side *side, int theirs,
			int *ret_result, struct err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(engine);
	pid = fork();
	if (pid == 0) {
		struct err why = ERR_NONE;

		fd_close(theirs);
		fd_close(ends[0]);
		side_run(engine, side, &why);
		_exit(write(ends[1], &why, sizeof(why)) == (ssize_t)sizeof(why) ? 0 : 1);
	}
	fd_close(ends[1]);
	if (pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "fork");
	}
	*ret_result = ends[0];
	return pid;
}

/* Its error, when ours is none, or only that the other side ended early. */
static int side_end(pid_t pid, int result, int r, struct err *err)
{
	struct err theirs = ERR_NONE;

	if (read(result, &theirs, sizeof(theirs)) != (ssize_t)sizeof(theirs))
		err_set(&theirs, EIO, "the process in the container was killed");
	fd_close(result);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (theirs.code && (r == 0 || r == -EPIPE)) {
		*err = theirs;
		return -theirs.code;
	}
	return r;
}

static int stream_make(int ends[2], struct err *err)
{
	return pipe2(ends, O_CLOEXEC) < 0 ? err_sys(err, errno, "make a pipe") : 0;
}

static char *absolute(const char *path)
{
	return *path == '/' ? str_dup(path) : str_printf("/%s", path);
}

/* Container to whatever `take` does with the stream. */
static int out_with(struct engine *engine, const char *reference, const char *container_path,
		    const struct copy_options *options,
		    int (*take)(void *data, int in, struct err *err), void *data, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_free_ char *path = absolute(container_path);
	struct container_side side = { &record, path, options, false, -1, -1 };
	int ends[2], result = -1, r = record_find(engine, reference, &record, err);
	pid_t pid;

	if (r == 0)
		r = stream_make(ends, err);
	if (r < 0)
		return r;
	side.out = ends[1];
	pid = side_start(engine, &side, ends[0], &result, err);
	fd_close(ends[1]);
	if (pid < 0) {
		fd_close(ends[0]);
		return pid;
	}
	r = take(data, ends[0], err);
	fd_close(ends[0]);
	r = side_end(pid, result, r, err);
	if (r == 0)
		event_container(engine, &record, "archive-path", NULL);
	return r;
}

/* What `give` writes, to a container. */
static int in_with(struct engine *engine, const char *reference, const char *container_path,
		   const struct copy_options *options,
		   int (*give)(void *data, int out, struct err *err), void *data, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_free_ char *path = absolute(container_path);
	struct container_side side = { &record, path, options, true, -1, -1 };
	int ends[2], result = -1, lock, r = record_lock(engine, reference, &record, &lock, err);
	pid_t pid;

	if (r < 0)
		return r;
	r = stream_make(ends, err);
	if (r == 0) {
		side.in = ends[0];
		pid = side_start(engine, &side, ends[1], &result, err);
		fd_close(ends[0]);
		r = pid < 0 ? pid : give(data, ends[1], err);
		fd_close(ends[1]);
		if (pid > 0)
			r = side_end(pid, result, r, err);
	}
	if (r == 0)
		event_container(engine, &record, "extract-to-dir", NULL);
	engine_unlock(engine, record.row.id, lock);
	return r;
}

/* -- the four copies -------------------------------------------------------------------------- */

struct host_side {
	struct place place;
	const struct copy_options *options;
	int fd; /* of a tar */
	struct engine *engine;
};

static int host_give(void *data, int out, struct err *err)
{
	const struct host_side *side = data;
	int r = source_pack(&side->place, side->options, out, err);

	(void)tree_end(out, err);
	return r;
}

static int host_take(void *data, int in, struct err *err)
{
	const struct host_side *side = data;

	return destination_unpack(&side->place, in, side->options->keep_owner ? TREE_KEEP_OWNER : 0,
				  err);
}

static int tar_take(void *data, int in, struct err *err)
{
	const struct host_side *side = data;

	return tar_from_stream(in, side->fd, TAR_PLAIN, err);
}

static int tar_give(void *data, int out, struct err *err)
{
	const struct host_side *side = data;
	struct tree_entry top = { .kind = TREE_FOLDER, .size = TREE_INSIDE_ONLY, .name = "_" };
	int r = tree_put(out, &top, err);

	if (r == 0)
		r = tar_to_stream(side->engine, side->fd, out, err);
	top.kind = TREE_LEAVE;
	if (r == 0)
		r = tree_put(out, &top, err);

	(void)tree_end(out, err);
	return r;
}

int copy_into(struct engine *engine, const char *reference, const char *host_path,
	      const char *container_path, const struct copy_options *options, struct err *err)
{
	struct host_side side = { .place = { .root = -1, .path = host_path, .told = host_path },
				  .options = options };

	return in_with(engine, reference, container_path, options, host_give, &side, err);
}

int copy_out(struct engine *engine, const char *reference, const char *container_path,
	     const char *host_path, const struct copy_options *options, struct err *err)
{
	struct host_side side = { .place = { .root = -1, .path = host_path, .told = host_path },
				  .options = options };

	return out_with(engine, reference, container_path, options, host_take, &side, err);
}

int copy_out_tar(struct engine *engine, const char *reference, const char *container_path, int out,
		 const struct copy_options *options, struct err *err)
{
	struct host_side side = { .options = options, .fd = out };

	return out_with(engine, reference, container_path, options, tar_take, &side, err);
}

int copy_into_tar(struct engine *engine, const char *reference, int in, const char *container_path,
		  const struct copy_options *options, struct err *err)
{
	struct host_side side = { .options = options, .fd = in, .engine = engine };
	struct copy_options into = *options;

	into.into_folder = true;
	return in_with(engine, reference, container_path, &into, tar_give, &side, err);
}
