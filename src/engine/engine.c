/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/tell.h"
#include "engine/secret.h"
#include "runtime/cgroup.h"
#include "state/store.h"

/* A folder by path, made with its parents when missing. `wanted`: mode; wider ones are refused. */
static int folder_open(const char *path, mode_t wanted, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		_cleanup_free_ char *copy = str_dup(path);

		for (char *p = copy + 1; *p; p++) {
			if (*p != '/')
				continue;
			*p = '\0';
			if (mkdir(copy, 0755) < 0 && errno != EEXIST)
				return err_sys(err, errno, "make folder %s", copy);
			*p = '/';
		}
		if (mkdir(path, wanted) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make folder %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0) {
		err_sys(err, errno, "open folder %s", path);
		return err->code == EACCES ? err_hint(err, "run cloche as root") : -err->code;
	}
	if (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 0777 & ~wanted) != 0) {
		fd_close(fd);
		err_set(err, EPERM, "folder %s is open to host users (mode %03o, owner %u)", path,
			st.st_mode & 0777u, st.st_uid);
		return err_hint(err,
				"files of containers carry the images' own user numbers: close "
				"it with chmod %03o and chown root",
				(unsigned int)wanted);
	}
	return fd;
}

/* FNV-1a: a short stable name for a path, no secret. */
static char *suffix_make(const char *run_root)
{
	uint64_t hash = 14695981039346656037u;

	if (strcmp(run_root, "/run/cloche") == 0)
		return str_dup("");
	for (const char *p = run_root; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	return str_printf("-%06x", (unsigned int)(hash >> 40));
}

/* Companions lie beside the program in a build folder, else where the installation put them. */
static void programs_find(struct engine *engine)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	engine->self = str_dup(path);
	if (slash) {
		*slash = '\0';
		engine->monitor = str_printf("%s/cloche-monitor", path);
		engine->libexec = str_printf("%s/../libexec/cloche", path);
		if (faccessat(AT_FDCWD, engine->libexec, F_OK, 0) < 0) {
			free(engine->libexec);
			engine->libexec = str_dup(path);
		}
	} else {
		engine->monitor = str_dup("cloche-monitor");
		engine->libexec = str_dup("/usr/libexec/cloche");
	}
}

int engine_open(struct engine **ret_engine, struct settings *settings, struct err *err)
{
	struct engine *engine = mem_new(sizeof(*engine));
	int r = 0;

	engine->settings = *settings;
	memset(settings, 0, sizeof(*settings));
	engine->run = -1;
	(void)umask(022);
	engine->suffix = suffix_make(engine->settings.run_root);
	tell_debug("instance in %s and %s", engine->settings.root, engine->settings.run_root);
	programs_find(engine);
	engine->root = folder_open(engine->settings.root, 0700, err);
	if (engine->root < 0)
		r = engine->root;
	if (r == 0) {
		engine->run = folder_open(engine->settings.run_root, 0711, err);
		r = engine->run < 0 ? engine->run : 0;
	}
	if (r < 0) {
		engine_close(engine);
		return r;
	}
	*ret_engine = engine;
	return 0;
}

void engine_close(struct engine *engine)
{
	if (!engine)
		return;
	secrets_forget(engine);
	store_close(engine->store);
	cgroup_close(engine->cgroup);
	fd_close(engine->root);
	fd_close(engine->run);
	settings_clear(&engine->settings);
	free(engine->suffix);
	free(engine->libexec);
	free(engine->monitor);
	free(engine->self);
	free(engine->death);
	free(engine);
}

struct store *engine_store(struct engine *engine, struct err *err)
{
	if (engine->forked) { /* SQLite believes in locks here that only the parent has */
		err_set(err, EDEADLK, "open state.db: not in a forked process");
		return NULL;
	}
	if (!engine->store && store_open(&engine->store, engine->settings.root, err) < 0)
		engine->store = NULL;
	return engine->store;
}

void engine_store_forget(struct engine *engine)
{
	engine->store = NULL;
	engine->forked = true;
}

void engine_store_close(struct engine *engine)
{
	store_close(engine->store);
	engine->store = NULL;
}

struct cgroup *engine_cgroup(struct engine *engine, struct err *err)
{
	if (!engine->cgroup)
		engine->cgroup = cgroup_open(err);
	return engine->cgroup;
}

int engine_container_dir(struct engine *engine, const char *id, bool make, struct err *err)
{
	char path[16 + 65] = "containers/";
	int fd;

	if (!str_append(path, sizeof(path), id))
		return err_set(err, EINVAL, "container id %s is too long", id);
	if (make) {
		fd = dir_open_make(engine->root, path, 0700, err);
		if (fd != -ENOENT)
			return fd;
		err_clear(err); /* the first container of this root */
		fd = dir_open_make(engine->root, "containers", 0700, err);
		if (fd < 0)
			return fd;
		fd_close(fd);
		return dir_open_make(engine->root, path, 0700, err);
	}
	fd = openat(engine->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int engine_run_dir(struct engine *engine, const char *id, bool make, struct err *err)
{
	int fd;

	if (make)
		return dir_open_make(engine->run, id, 0700, err);
	fd = openat(engine->run, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int lock(struct engine *engine, const char *id, int how)
{
	char path[8 + 65] = "locks/";

	if (!str_append(path, sizeof(path), id))
		return -ENAMETOOLONG;
	for (;;) {
		_cleanup_close_ int fd =
			openat(engine->root, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		struct stat st;

		if (fd < 0 && errno == ENOENT) {
			struct err ignored = ERR_NONE;

			fd = dir_open_make(engine->root, "locks", 0700, &ignored);
			if (fd < 0)
				return fd;
			continue;
		}
		if (fd < 0)
			return -errno;
		while (flock(fd, how) < 0)
			if (errno != EINTR)
				return -errno;
		/* Whoever had the lock may have finished and unlinked it: that one is nobody's. */
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd_take(&fd);
	}
}

int engine_lock(struct engine *engine, const char *id, struct err *err)
{
	int fd = lock(engine, id, LOCK_EX);

	return fd < 0 ? err_sys(err, fd, "lock container %.12s", id) : fd;
}

int engine_try_lock(struct engine *engine, const char *id)
{
	return lock(engine, id, LOCK_EX | LOCK_NB);
}

void engine_unlock(struct engine *engine, const char *id, int fd)
{
	char path[8 + 65] = "locks/";

	if (fd < 0)
		return;
	if (str_append(path, sizeof(path), id))
		(void)unlinkat(engine->root, path,
			       0); /* left there, the next command looks once more */
	fd_close(fd);
}

int engine_journal_write(struct engine *engine, const char *id, char *const *names, struct err *err)
{
	_cleanup_free_ char *path = str_printf("locks/%s", id);
	_cleanup_close_ int fd =
		openat(engine->root, path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open the lock of container %.12s", id);
	for (size_t i = 0; names && names[i]; i++)
		buf_printf(&text, "%s\n", names[i]);
	r = text.length ? fd_write_all(fd, text.data, text.length) : 0;
	return r < 0 ? err_sys(err, r, "write the lock of container %.12s", id) : 0;
}

int engine_journal_read(struct engine *engine, const char *id, char ***ret_names, struct err *err)
{
	_cleanup_free_ char *path = str_printf("locks/%s", id);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = file_read(engine->root, path, 1 << 20, &text);
	char *rest, *end;

	*ret_names = NULL;
	if (r < 0)
		return r == -ENOENT ? 0 : err_sys(err, r, "read the lock of container %.12s", id);
	/* a line that was cut by a kill is left out: then the row is still there, too */
	for (rest = text.data; rest && (end = strchr(rest, '\n')) != NULL; rest = end + 1) {
		*end = '\0';
		strv_add(ret_names, rest);
	}
	return 0;
}

int engine_cache_dir(struct engine *engine, struct err *err)
{
	int fd = openat(engine->root, "cache", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return dir_open_make(engine->root, "cache", 0700, err);
}

void engine_random_hex(char *out, unsigned int digits)
{
	unsigned char bytes[32];

	if (digits > 64 || getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	for (unsigned int i = 0; i < digits; i++)
		out[i] = "0123456789abcdef"[(bytes[i / 2] >> (4 * (i % 2))) & 15];
	out[digits] = '\0';
}

int64_t engine_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#ifdef CLOCHE_HOOKS
void engine_kill_point(const char *name)
{
	const char *wanted = getenv("CLOCHE_KILL_POINT"), *stop = getenv("CLOCHE_STOP_POINT");

	if (stop && strcmp(stop, name) == 0)
		(void)raise(SIGSTOP);
	if (!wanted || strcmp(wanted, name) != 0)
		return;
	if (getenv("CLOCHE_KILL_PARENT"))
		(void)kill(getppid(), SIGKILL);
	(void)raise(SIGKILL);
}
#endif
