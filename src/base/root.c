/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"

enum { LINKS_MAX = 16 };

static int resolve(int root, const char *path, int flags)
{
	for (int tries = 0; tries < 32; tries++) {
		int fd = sys_openat2(root, path, (uint64_t)(unsigned)flags | O_CLOEXEC, 0,
				     RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR) /* EAGAIN: a rename beneath us */
			return -errno;
	}
	return -EAGAIN;
}

int root_open(int root, const char *path, int flags, struct err *err)
{
	int fd = resolve(root, *path ? path : ".", flags);

	return fd < 0 ? err_sys(err, fd, "open %s in the container's root", path) : fd;
}

/* Where a link at path leads that leads nowhere, as a path beneath the root; NULL: there is no link. Images have such:
 * /etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf. */
static char *dangling_link(int root, const char *path)
{
	_cleanup_close_ int link = resolve(root, path, O_PATH | O_NOFOLLOW);
	char target[4096];
	ssize_t n = link < 0 ? -1 : readlinkat(link, "", target, sizeof(target) - 1);
	const char *slash = strrchr(path, '/');

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	return *target == '/' || !slash ? str_dup(target) :
					  str_printf("%.*s/%s", (int)(slash - path), path, target);
}

/* Make `name` in the folder at, and open it. */
static int component_make(int at, const char *name, uid_t uid, gid_t gid)
{
	int fd;

	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0) {
		int code = errno;

		fd_close(fd);
		return -code;
	}
	return fd;
}

/* The usual case: only the last component is missing. -ENOENT: not so. */
static int last_make(int root, const char *path, uid_t uid, gid_t gid)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = slash ? str_ndup(path, (size_t)(slash - path)) : NULL;
	_cleanup_close_ int parent = -1;

	if (!slash || !slash[1] || strcmp(slash + 1, ".") == 0 || strcmp(slash + 1, "..") == 0)
		return -ENOENT;
	parent = resolve(root, *folder ? folder : ".", O_PATH | O_DIRECTORY);
	if (parent < 0 || faccessat(parent, slash + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return parent < 0 ? parent : -ENOENT; /* a link that leads nowhere */
	return component_make(parent, slash + 1, uid, gid);
}

/* Walk as far as the path exists, then make the rest one component at a time beneath the
 * descriptor of its parent. A component that someone makes meanwhile is opened, not trusted: a
 * link in its place makes the O_NOFOLLOW open fail. */
static int make_dir(int root, const char *path, uid_t uid, gid_t gid, int links)
{
	_cleanup_strv_ char **parts = NULL;
	_cleanup_free_ char *done = NULL;
	_cleanup_close_ int at = resolve(root, *path ? path : ".", O_PATH | O_DIRECTORY);

	if (at != -ENOENT)
		return fd_take(&at);
	at = last_make(root, path, uid, gid);
	if (at != -ENOENT)
		return fd_take(&at);
	parts = strv_split(path, '/');
	done = str_dup("/");
	at = resolve(root, ".", O_PATH | O_DIRECTORY);

	for (size_t i = 0; at >= 0 && parts[i]; i++) {
		_cleanup_free_ char *next = NULL, *beyond = NULL;
		int fd;

		if (!*parts[i] || strcmp(parts[i], ".") == 0)
			continue;
		next = str_printf("%s/%s", done, parts[i]);
		fd = resolve(root, next, O_PATH | O_DIRECTORY);
		if (fd == -ENOENT) {
			if (strcmp(parts[i], "..") == 0)
				return -EINVAL;
			beyond = dangling_link(root, next);
			if (beyond && links == 0)
				return -ELOOP;
			if (beyond)
				fd = make_dir(root, beyond, uid, gid, links - 1);
		}
		if (fd == -ENOENT)
			fd = component_make(at, parts[i], uid, gid);
		if (fd < 0)
			return fd;
		fd_close(at);
		at = fd;
		free(done);
		done = ptr_take(&next);
	}
	return at < 0 ? at : fd_take(&at);
}

int root_make_dir(int root, const char *path, uid_t uid, gid_t gid, struct err *err)
{
	int fd = make_dir(root, path, uid, gid, LINKS_MAX);

	return fd < 0 ? err_sys(err, fd, "make folder %s in the container's root", path) : fd;
}

static int make_file(int root, const char *path, uid_t uid, gid_t gid, int links, struct err *err)
{
	_cleanup_close_ int parent = -1;
	_cleanup_free_ char *folder = NULL, *beyond = NULL;
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int fd = resolve(root, path, O_PATH);

	if (fd >= 0)
		return fd;
	beyond = fd == -ENOENT ? dangling_link(root, path) : NULL;
	if (beyond && links == 0)
		return err_set(err, ELOOP, "make file %s in the container's root: too many links",
			       path);
	if (beyond)
		return make_file(root, beyond, uid, gid, links - 1, err);
	if (fd != -ENOENT || !*name || strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
		return err_sys(err, fd == -ENOENT ? EINVAL : -fd, "open %s in the container's root",
			       path);
	folder = slash ? str_ndup(path, (size_t)(slash - path)) : str_dup("");
	parent = root_make_dir(root, folder, uid, gid, err);
	if (parent < 0)
		return parent;
	fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, errno, "make file %s in the container's root", path);
	if (fchown(fd, uid, gid) < 0) {
		int code = errno;

		fd_close(fd);
		return err_sys(err, code, "make file %s in the container's root", path);
	}
	fd_close(fd);
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open %s in the container's root", path) : fd;
}

int root_make_file(int root, const char *path, uid_t uid, gid_t gid, struct err *err)
{
	return make_file(root, path, uid, gid, LINKS_MAX, err);
}
