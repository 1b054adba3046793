/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/sys.h"
#include "transfer/tar_reader.h"
#include "transfer/xattr.h"

struct tree_folder {
	size_t name; /* in names */
	dev_t device;
	ino_t inode;
	struct timespec time;
};

/* Names of folders, and a struct for each, are kept to the end: some two million ordinary ones. */
static const size_t names_limit = 128UL << 20;

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

void tree_init(struct tree *tree, int root)
{
	*tree = (struct tree){ .root = root, .parent = -1 };
}

void tree_clear(struct tree *tree)
{
	fd_close(tree->parent);
	free(tree->folders);
	buf_clear(&tree->names);
}

/* Where the descriptor's folder really is: within the root directory, which is the tree's. By links a short name could
 * lead to ever deeper folders, until nobody could remove them. */
static int real_path(int folder, char ret_path[PATH_MAX], struct err *err)
{
	size_t depth = 0;

	if (fchdir(folder) < 0 || syscall(SYS_getcwd, ret_path, PATH_MAX) < 0)
		return err_sys(err, errno == ERANGE ? ENAMETOOLONG : errno, "find its folder");
	if (ret_path[0] != '/') /* "(unreachable)", getcwd(3) */
		return err_set(err, EXDEV, "its folder is outside of the layer");
	for (const char *s = ret_path; *s; s++)
		depth += *s == '/';
	return depth > TAR_DEPTH ? err_set(err, ENAMETOOLONG,
					   "its folder is more than %d levels deep", TAR_DEPTH) :
				   0;
}

static int open_folder(struct tree *tree, const char *path, struct err *err)
{
	_cleanup_close_ int fd = sys_openat2(tree->root, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
					     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	char real[PATH_MAX];
	int r;

	tree->parent_linked = false;
	if (fd >= 0)
		return fd_take(&fd);
	r = err_sys(err, errno, "open folder %.400s", path);
	if (r == -ELOOP || r == -ENOTDIR)
		r = fd = root_open(tree->root, path, O_PATH | O_DIRECTORY, err);
	if (r == -ENOENT)
		r = fd = root_make_dir(tree->root, path, 0, 0, err);
	if (r == -ENOTDIR || r == -ELOOP)
		err_set(err, -r,
			"its folder %.400s leads through something that is no folder of the layer",
			path);
	if (r >= 0)
		r = real_path(fd, real, err);
	if (r < 0)
		return r;
	tree->parent_linked = strcmp(real + 1, path) != 0;
	err_clear(err);
	return fd_take(&fd);
}

/* A borrowed descriptor of the folder that path is in; *ret_name: the last component. */
static int parent_of(struct tree *tree, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	*ret_name = slash ? slash + 1 : path;
	if (length == 0)
		return tree->root;
	if (tree->parent >= 0 && strncmp(tree->parent_path, path, length) == 0 &&
	    tree->parent_path[length] == '\0')
		return tree->parent;
	fd_close(tree->parent);
	memcpy(tree->parent_path, path, length);
	tree->parent_path[length] = '\0';
	tree->parent = open_folder(tree, tree->parent_path, err);
	return tree->parent;
}

/* Make room for a new thing of that name. The way to the remembered folder may have led through what goes: its path
 * is forgotten, while the descriptor, which the caller may be using, stays until the next parent_of. */
static int remove_old(struct tree *tree, int parent, const char *name)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	tree->replaced++;
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		tree->parent_path[0] = '\0';
	if (S_ISDIR(st.st_mode))
		return dir_remove(parent, name);
	return unlinkat(parent, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int tree_file(struct tree *tree, const char *path, mode_t mode, struct err *err)
{
	const char *name;
	int parent = parent_of(tree, path, &name, err), fd, r;

	if (parent < 0)
		return parent;
	for (int tries = 0; tries < 2; tries++) {
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    mode & 0777);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			break;
		r = remove_old(tree, parent, name);
		if (r < 0)
			return err_sys(err, r, "replace it");
	}
	return err_sys(err, errno, "make the file");
}

/* What is right already is not set: a change costs ten times what the look does. */
int tree_dress(int fd, const struct attributes *attributes, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat it");
	if ((st.st_uid != attributes->uid || st.st_gid != attributes->gid) &&
	    fchown(fd, attributes->uid, attributes->gid) < 0)
		return err_sys(err, errno, "set its owner");
	r = xattr_copy(fd, attributes->xattrs, err);
	if (r < 0)
		return r;
	/* chown(2) may have cleared set-user-ID and the like */
	if (((st.st_mode & 07777) != attributes->mode || attributes->mode & 07000) &&
	    fchmod(fd, attributes->mode) < 0)
		return err_sys(err, errno, "set its mode");
	if (futimens(fd, (struct timespec[]){ attributes->time, attributes->time }) < 0)
		return err_sys(err, errno, "set its time");
	return 0;
}

static int remember_folder(struct tree *tree, const char *path, int fd, const struct timespec *time,
			   struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat it");
	if (tree->names.length + tree->folder_count * sizeof(*tree->folders) > names_limit)
		return err_set(err, EFBIG, "the layer has too many folders");
	if (tree->folder_count == tree->folder_room) {
		tree->folder_room = tree->folder_room ? 2 * tree->folder_room : 64;
		tree->folders =
			reallocarray(tree->folders, tree->folder_room, sizeof(*tree->folders));
		if (!tree->folders)
			abort();
	}
	tree->folders[tree->folder_count++] =
		(struct tree_folder){ tree->names.length, st.st_dev, st.st_ino, *time };
	buf_add(&tree->names, path, strlen(path) + 1);
	return 0;
}

int tree_folder(struct tree *tree, const char *path, const struct attributes *attributes,
		struct err *err)
{
	_cleanup_close_ int fd = -1;
	const char *name;
	int parent = parent_of(tree, path, &name, err), r;

	if (parent < 0)
		return parent;
	if (!*path) {
		fd = openat(tree->root, ".", FOLDER);
	} else {
		fd = openat(parent, name, FOLDER);
		if (fd < 0 && errno != ENOENT) {
			r = remove_old(tree, parent, name);
			if (r < 0)
				return err_sys(err, r, "replace it");
		}
		if (fd < 0 && mkdirat(parent, name, attributes->mode & 0777) == 0)
			fd = openat(parent, name, FOLDER);
	}
	if (fd < 0)
		return err_sys(err, errno, "make the folder");
	r = tree_dress(fd, attributes, err);
	return r < 0 ? r : remember_folder(tree, path, fd, &attributes->time, err);
}

/* What has no descriptor to write to is dressed by name in its folder, not followed. */
static int dress_at(int parent, const char *name, const struct attributes *attributes,
		    struct err *err)
{
	if (fchownat(parent, name, attributes->uid, attributes->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "set its owner");
	if (utimensat(parent, name, (struct timespec[]){ attributes->time, attributes->time },
		      AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "set its time");
	return 0;
}

int tree_symlink(struct tree *tree, const char *path, const char *target,
		 const struct attributes *attributes, struct err *err)
{
	const char *name;
	int parent = parent_of(tree, path, &name, err), r;

	if (parent < 0)
		return parent;
	if (symlinkat(target, parent, name) < 0) {
		r = errno == EEXIST ? remove_old(tree, parent, name) : -errno;
		if (r == 0 && symlinkat(target, parent, name) < 0)
			r = -errno;
		if (r < 0)
			return err_sys(err, r, "make the symbolic link");
	}
	return dress_at(parent, name, attributes, err);
}

int tree_fifo(struct tree *tree, const char *path, const struct attributes *attributes,
	      struct err *err)
{
	const char *name;
	int parent = parent_of(tree, path, &name, err), r;

	if (parent < 0)
		return parent;
	if (mkfifoat(parent, name, attributes->mode) < 0) {
		r = errno == EEXIST ? remove_old(tree, parent, name) : -errno;
		if (r == 0 && mkfifoat(parent, name, attributes->mode) < 0)
			r = -errno;
		if (r < 0)
			return err_sys(err, r, "make the FIFO");
	}
	if (fchownat(parent, name, attributes->uid, attributes->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(parent, name, attributes->mode, 0) < 0)
		return err_sys(err, errno, "set its owner and mode");
	return dress_at(parent, name, attributes, err);
}

int tree_hardlink(struct tree *tree, const char *path, const char *target, struct err *err)
{
	_cleanup_close_ int from = -1;
	const char *old, *name;
	struct stat a, b;
	int parent = parent_of(tree, target, &old, err), r;

	if (parent >= 0)
		from = fcntl(parent, F_DUPFD_CLOEXEC, 0);
	if (parent < 0 || from < 0)
		return parent < 0 ? parent : err_sys(err, errno, "copy a descriptor");
	parent = parent_of(tree, path, &name, err);
	if (parent < 0)
		return parent;
	if (fstatat(from, old, &a, AT_SYMLINK_NOFOLLOW) < 0 || !*target)
		return err_set(err, ENOENT, "a hard link to %.400s, which the layer does not have",
			       target);
	if (S_ISDIR(a.st_mode))
		return err_set(err, EPERM, "a hard link to the folder %.400s", target);
	if (fstatat(parent, name, &b, AT_SYMLINK_NOFOLLOW) == 0) {
		if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return 0; /* two names of one file, or a link to itself */
		r = remove_old(tree, parent, name);
		if (r < 0)
			return err_sys(err, r, "replace it");
	}
	if (linkat(from, old, parent, name, 0) < 0)
		return err_sys(err, errno, "make a hard link to %.400s", target);
	return 0;
}

int tree_real_parent(struct tree *tree, const char *path, char ret_path[PATH_MAX], struct err *err)
{
	const char *name;
	int parent = parent_of(tree, path, &name, err);

	return parent < 0 ? parent : real_path(parent, ret_path, err);
}

bool tree_is_direct(const struct tree *tree, const char *path)
{
	return !strchr(path, '/') || !tree->parent_linked;
}

/* Invariant 3. Something else may stand at the name by now; the inode tells. */
int tree_finish(struct tree *tree, struct err *err)
{
	for (size_t i = 0; i < tree->folder_count; i++) {
		const struct tree_folder *folder = &tree->folders[i];
		const char *path = tree->names.data + folder->name;
		_cleanup_close_ int fd = sys_openat2(tree->root, *path ? path : ".", FOLDER, 0,
						     RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != folder->device ||
		    st.st_ino != folder->inode)
			continue;
		if (futimens(fd, (struct timespec[]){ folder->time, folder->time }) < 0)
			return err_sys(err, errno, "set the time of folder %.400s", path);
	}
	return 0;
}
