/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/tree_stream.h"

/* Owner, then mode, then time: chown(2) clears set-id bits. A link has no mode. */
static int dress(int dir, const char *name, const struct tree_entry *entry, unsigned int flags,
		 struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
					   { entry->mtime_s, entry->mtime_ns } };
	bool link = entry->kind == TREE_SYMLINK, owned = true;

	if (flags & (TREE_KEEP_OWNER | TREE_TRY_OWNER) &&
	    fchownat(dir, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0) {
		if (flags & TREE_KEEP_OWNER || errno != EINVAL)
			return err_sys(err, errno, "give %s to %u:%u", name, entry->uid,
				       entry->gid);
		owned = false;
	}
	if (!link) {
		/* a stranger's set-id file must not become ours */
		bool keep = owned && flags & (TREE_KEEP_OWNER | TREE_TRY_OWNER);
		int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		char path[40];
		int r;

		if (fd < 0)
			return err_sys(err, errno, "open %s", name);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		r = fchmodat(dir, name, entry->mode & (keep ? 07777 : 01777), 0);
		if (r == 0 && keep && entry->capability_length)
			r = lsetxattr(path, "security.capability", entry->capability,
				      entry->capability_length, 0) < 0 &&
					    errno != ENOENT && errno != EPERM ?
				    -1 :
				    0;
		fd_close(fd);
		if (r < 0)
			return err_sys(err, errno, "set the mode of %s", name);
	}
	(void)utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* Nothing of the name is left, or for a folder a folder. -EEXIST with Docker's words. */
static int place_clear(int dir, const char *name, bool folder, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "look at %s", name);
	if (S_ISDIR(st.st_mode) && !folder)
		return err_set(err, EISDIR, "cannot overwrite directory \"%s\" with non-directory",
			       name);
	if (!S_ISDIR(st.st_mode) && folder)
		return err_set(err, ENOTDIR, "cannot overwrite non-directory \"%s\" with directory",
			       name);
	if (!folder && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "replace %s", name);
	return 0;
}

static int folder_unpack(int in, const struct tree_entry *entry, int dir, const char *name,
			 unsigned int flags, struct err *err)
{
	_cleanup_close_ int fd = -1;
	bool made = mkdirat(dir, name, 0700) == 0;
	int r;

	if (!made && errno != EEXIST)
		return err_sys(err, errno, "make folder %s", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open folder %s", name);
	r = tree_unpack_inside(in, fd, flags, err);
	if (r == 0 && entry->size == TREE_ON_THE_WAY)
		return made && fchmodat(dir, name, 0755, 0) < 0 ?
			       err_sys(err, errno, "set the mode of %s", name) :
			       0;
	return r < 0 ? r : dress(dir, name, entry, flags, err);
}

static int file_unpack(int in, const struct tree_entry *entry, int dir, const char *name,
		       struct err *err)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "make %s", name);
	return tree_bytes(in, entry->size, fd, err);
}

int tree_unpack(int in, const struct tree_entry *entry, int dir, const char *name,
		unsigned int flags, struct err *err)
{
	int r = place_clear(dir, name, entry->kind == TREE_FOLDER, err);

	if (r < 0)
		return r;
	switch (entry->kind) {
	case TREE_FOLDER:
		return folder_unpack(in, entry, dir, name, flags, err);
	case TREE_FILE:
		r = file_unpack(in, entry, dir, name, err);
		break;
	case TREE_SYMLINK:
		r = symlinkat(entry->target, dir, name) < 0 ?
			    err_sys(err, errno, "make the link %s", name) :
			    0;
		break;
	case TREE_FIFO:
		r = mkfifoat(dir, name, 0600) < 0 ? err_sys(err, errno, "make %s", name) : 0;
		break;
	default:
		return err_set(err, EBADMSG, "the copy is damaged");
	}
	return r < 0 ? r : dress(dir, name, entry, flags, err);
}

int tree_unpack_inside(int in, int dir, unsigned int flags, struct err *err)
{
	for (;;) {
		struct tree_entry entry;
		int r = tree_get(in, &entry, err);

		if (r < 0 || entry.kind == TREE_LEAVE || entry.kind == TREE_END)
			return r;
		r = tree_unpack(in, &entry, dir, entry.name, flags, err);
		if (r < 0)
			return r;
	}
}
