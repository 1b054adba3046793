/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The removal of folders in all hierarchies, and of what is in them. */
#include "runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup_ops.h"

/* 1: some stay. */
static int folders_unlink(struct cgroup *cg, const char *folder, bool nested, struct err *err)
{
	int r = folder ? cgroup_open_all(cg, err) : -EINVAL;
	bool busy = false;

	if (r < 0)
		return r;
	FOR_EACH_HIERARCHY(h, cg)
	{
		if (unlinkat(h->fd, folder, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (nested)
			(void)cgroup_tree_prune(h, folder); /* what stays is told below */
		busy |= !nested || (unlinkat(h->fd, folder, AT_REMOVEDIR) < 0 && errno != ENOENT);
	}
	return busy;
}

int cgroup_remove_empty(struct cgroup *cg, const char *path, struct err *err)
{
	return folders_unlink(cg, cgroup_folder_of(path, err), true, err);
}

int cgroup_remove(struct cgroup *cg, const char *path, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	int r = folders_unlink(cg, folder, false, err), first = 0;

	if (r <= 0)
		return r;
	/* First where it is best done, and out of a freezer of v1, in which nothing dies. */
	FOR_EACH_HIERARCHY(h, cg)
	h->ops->hold(h, folder, false);
	r = cgroup_kill(cg, path, SIGKILL, err);
	if (r < 0)
		return r;
	FOR_EACH_HIERARCHY(h, cg)
	{
		struct err own = ERR_NONE;

		r = cgroup_tree_remove(h, folder, &own);
		if (r < 0 && first == 0) {
			first = r;
			*err = own;
		}
	}
	return first;
}

/* Names in `parent` of this hierarchy that end in `tail`, added to names once. */
static int names_find(struct cgroup_hierarchy *h, const char *parent, const char *tail,
		      char ***names, struct err *err)
{
	struct dirent *e;
	int fd, r;
	DIR *d;

	fd = openat(h->fd, parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ?
			       0 :
			       err_sys(err, errno, "open cgroup %s/%s", h->mount_point, parent);
	d = fdopendir(fd);
	if (!d) {
		r = err_sys(err, errno, "list cgroup %s/%s", h->mount_point, parent);
		fd_close(fd);
		return r;
	}
	while ((e = readdir(d)) != NULL) {
		bool known = e->d_type != DT_DIR || !str_suffix(e->d_name, tail);

		for (size_t i = 0; !known && *names && (*names)[i]; i++)
			known = strcmp((*names)[i], e->d_name) == 0;
		if (!known)
			strv_add(names, e->d_name);
	}
	(void)closedir(d);
	return 0;
}

int cgroup_remove_id(struct cgroup *cg, const char *suffix, const char *id, struct err *err)
{
	_cleanup_free_ char *parent = str_printf("/cloche%s", suffix),
			    *tail = str_printf("-%.12s", id);
	_cleanup_strv_ char **names = NULL;
	const char *folder = cgroup_folder_of(parent, err);
	int r = folder ? cgroup_open_all(cg, err) : -EINVAL;

	if (r == 0 && (strlen(tail) != 13 || strchr(tail, '/')))
		return err_set(err, EINVAL, "remove the cgroup of %s: no container has such an id",
			       id);
	FOR_EACH_HIERARCHY(h, cg)
	if (r == 0)
		r = names_find(h, folder, tail, &names, err);
	for (size_t i = 0; r == 0 && names && names[i]; i++) {
		_cleanup_free_ char *path = str_printf("%s/%s", parent, names[i]);

		r = cgroup_remove(cg, path, err);
	}
	return r;
}
