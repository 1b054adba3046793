/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "transfer/message.h"
#include "transfer/tar_reader.h"

static const char mark[] = ".wh.", metadata[] = ".wh..wh.", opaque[] = ".wh..wh..opq";
static const char opaque_xattr[] = "trusted.overlay.opaque";

int whiteout_parse(const char *path, enum whiteout_kind *ret_kind, const char **ret_name,
		   struct err *err)
{
	const char *part = path, *slash;

	for (; (slash = strchr(part, '/')); part = slash + 1) {
		if (!str_prefix(part, mark))
			continue;
		if (!str_prefix(part, metadata))
			return err_set(err, EINVAL, "a whiteout is no folder");
		*ret_kind = WHITEOUT_METADATA;
		return 0;
	}
	if (!str_prefix(part, mark)) {
		*ret_kind = WHITEOUT_NONE;
		return 0;
	}
	if (strcmp(part, opaque) == 0) {
		*ret_kind = WHITEOUT_OPAQUE;
		return 0;
	}
	if (str_prefix(part, metadata)) {
		*ret_kind = WHITEOUT_METADATA;
		return 0;
	}
	part += strlen(mark);
	if (!*part || strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
		return err_set(err, EINVAL, "a whiteout of no name");
	*ret_kind = WHITEOUT_HIDE;
	*ret_name = part;
	return 0;
}

void whiteout_report(struct buf *report, const char *folder, const char *name)
{
	char path[2 * PATH_MAX] = "";

	(void)str_append(path, sizeof(path), folder);
	if (name) {
		(void)str_append(path, sizeof(path), "/");
		(void)str_append(path, sizeof(path), name);
	}
	message_add(report, name ? MESSAGE_WHITEOUT : MESSAGE_OPAQUE, path, strlen(path));
}

/* The message's path, clean and relative. It is a sandboxed process's word: believed only as far as it is checked. */
static int read_path(const struct message *m, char ret_path[PATH_MAX], struct err *err)
{
	_cleanup_free_ char *raw = str_ndup(m->data, m->length);

	if (strlen(raw) != m->length)
		return err_set(err, EBADMSG, "a reported whiteout has a NUL in its name");
	return tar_name_clean(raw, ret_path, err);
}

static int open_folder(int tree, const char *path)
{
	int fd = sys_openat2(tree, *path ? path : ".",
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

	return fd < 0 ? -errno : fd;
}

static int set_opaque(int folder)
{
	return fsetxattr(folder, opaque_xattr, "y", 1, 0) < 0 ? -errno : 0;
}

/* Something of that name in the same layer stays and covers lower ones by itself; a folder would be merged with them. */
static int hide(int folder, const char *name)
{
	_cleanup_close_ int existing = -1;

	if (mknodat(folder, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	existing = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (existing < 0)
		return errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	return set_opaque(existing);
}

static int apply_one(int tree, enum message_kind kind, char path[PATH_MAX], bool *opaque_root)
{
	_cleanup_close_ int folder = -1;
	char *slash = strrchr(path, '/');
	const char *name = NULL;
	struct stat before;
	int r;

	if (kind == MESSAGE_WHITEOUT) {
		name = slash ? slash + 1 : path;
		if (!*name || str_prefix(name, mark))
			return -EBADMSG;
	}
	if (name && slash)
		*slash = '\0';
	folder = open_folder(tree, name && !slash ? "" : path);
	if (folder <
	    0) /* a later entry put something else there, which covers the lower folder whole */
		return folder == -ENOENT || folder == -ENOTDIR || folder == -ELOOP ? 0 : folder;
	if (fstat(folder, &before) < 0)
		return -errno;
	r = name ? hide(folder, name) : set_opaque(folder);
	if (!name && !*path)
		*opaque_root = true;
	/* the folder has its time from the archive already */
	if (r == 0 && name &&
	    futimens(folder, (struct timespec[]){ before.st_atim, before.st_mtim }) < 0)
		r = -errno;
	return r;
}

int whiteout_apply(int tree, const struct buf *report, bool *ret_opaque_root, struct err *err)
{
	bool opaque_root = false;
	struct message m = { 0 };
	size_t at = 0;

	while (message_next(report, &at, &m) == 1) {
		char path[PATH_MAX] = "";
		int r;

		if (m.kind != MESSAGE_WHITEOUT && m.kind != MESSAGE_OPAQUE)
			continue;
		r = read_path(&m, path, err);
		if (r < 0)
			return err_wrap(err, "whiteout");
		r = apply_one(tree, m.kind, path, &opaque_root);
		if (r < 0)
			return err_sys(err, r, "make the whiteout %.400s", path);
	}
	*ret_opaque_root = opaque_root;
	return 0;
}

bool whiteout_opaque_root(int tree)
{
	char value = 0;

	return fgetxattr(tree, opaque_xattr, &value, 1) == 1 && value == 'y';
}
