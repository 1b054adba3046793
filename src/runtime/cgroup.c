/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup_ops.h"

/* -- opening ---------------------------------------------------------------------------------- */

/* v2, else v1's freezer, else the first. */
static int chief_choose(struct cgroup *cg, struct err *err)
{
	bool v1 = false, v2 = false;

	cg->chief = NULL;
	FOR_EACH_HIERARCHY(h, cg)
	{
		bool is_v2 = h->ops == &cgroup_v2_ops;

		v1 |= !is_v2;
		v2 |= is_v2;
		if (is_v2 || !cg->chief ||
		    (cg->chief->ops == &cgroup_v1_ops && h->controllers & CGROUP_FREEZER))
			cg->chief = h;
	}
	if (!cg->chief) {
		err_set(err, ENOENT,
			"find the cgroups of this host: no cgroup file system is mounted");
		return err_hint(err, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	}
	cg->mode = v1 && v2 ? CGROUP_HYBRID : v2 ? CGROUP_V2 : CGROUP_V1;
	return 0;
}

struct cgroup *cgroup_open(struct err *err)
{
	struct cgroup *cg = mem_new(sizeof(*cg));

	if (cgroup_mounts_read(&cg->mounts, err) == 0 && chief_choose(cg, err) == 0)
		return cg;
	cgroup_close(cg);
	return NULL;
}

static bool is_mounted(dev_t device)
{
	struct cgroup_mounts now = { 0 };
	struct err ignored = ERR_NONE;
	bool found = cgroup_mounts_read(&now, &ignored) < 0; /* not known: as it was said */

	for (size_t i = 0; i < now.count; i++)
		found |= now.list[i].device == device;
	cgroup_mounts_clear(&now);
	return found;
}

int cgroup_open_all(struct cgroup *cg, struct err *err)
{
	struct err ignored = ERR_NONE;
	size_t count = cg->mounts.count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < cg->mounts.count;) {
		struct err own = ERR_NONE;

		r = cgroup_hierarchy_open(&cg->mounts.list[i], &own);
		if (r == 0) {
			i++;
		} else if (is_mounted(cg->mounts.list[i].device)) {
			*err = own;
		} else {
			cgroup_mounts_drop(&cg->mounts, i);
			r = 0;
		}
	}
	if (cg->mounts.count != count && chief_choose(cg, r < 0 ? &ignored : err) < 0)
		r = -ENOENT;
	return r;
}

void cgroup_close(struct cgroup *cg)
{
	if (!cg)
		return;
	cgroup_mounts_clear(&cg->mounts);
	free(cg);
}

enum cgroup_mode cgroup_mode(const struct cgroup *cg)
{
	return cg->mode;
}

const char *cgroup_folder_of(const char *path, struct err *err)
{
	bool good = path && path[0] == '/' && path[1] &&
		    strlen(path) < CGROUP_PATH_MAX - NAME_MAX - 2;

	for (const char *part = path; good && *part;) {
		size_t length = strcspn(++part, "/");

		good = length > 0 && length <= NAME_MAX && !(length == 1 && part[0] == '.') &&
		       !(length == 2 && part[0] == '.' && part[1] == '.');
		part += length;
	}
	if (good)
		return path + 1;
	err_set(err, EINVAL, "cgroup path %s is not absolute and plain", path ? path : "(none)");
	return NULL;
}

/* -- folders ---------------------------------------------------------------------------------- */

static int parents_make(struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	size_t length = 0,
	       last = (size_t)(strrchr(folder, '/') ? strrchr(folder, '/') - folder : 0);
	_cleanup_free_ char *parent = str_ndup(folder, last);

	while ((length = cgroup_folder_next(parent, length)) > 0) {
		_cleanup_free_ char *part = str_ndup(parent, length);

		if (mkdirat(h->fd, part, 0755) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make cgroup %s/%s", h->mount_point, part);
	}
	h->ops->prepare(h, parent);
	return 0;
}

/* What a killed run left, with limits and nested folders, goes away; one with processes is somebody's. */
static int stale_remove(struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	_cleanup_(cgroup_pid_list_clear) struct cgroup_pid_list pids = CGROUP_PID_LIST_EMPTY;

	if (unlinkat(h->fd, folder, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == EBUSY && cgroup_tree_prune(h, folder) == 0 &&
	    (unlinkat(h->fd, folder, AT_REMOVEDIR) == 0 || errno == ENOENT))
		return 0;
	if (cgroup_tree_pids(h, folder, &pids) == 0 && pids.count > 0)
		return err_set(err, EBUSY,
			       "make cgroup %s/%s: process %d is in an earlier one of this name",
			       h->mount_point, folder, (int)pids.pids[0]);
	return err_sys(err, EBUSY, "make cgroup %s/%s anew", h->mount_point, folder);
}

static int folder_make(struct cgroup_hierarchy *h, const char *folder, struct err *err)
{
	for (int tries = 0; tries < 8; tries++) {
		int r = 0;

		if (mkdirat(h->fd, folder, 0755) == 0)
			return 0;
		if (errno == ENOENT)
			r = parents_make(h, folder, err);
		else if (errno == EEXIST)
			r = stale_remove(h, folder, err);
		else
			r = err_sys(err, errno, "make cgroup %s/%s", h->mount_point, folder);
		if (r == -EROFS)
			return err_hint(err, "mount -o remount,rw %s", h->mount_point);
		if (r < 0)
			return r;
	}
	return err_set(err, EAGAIN, "make cgroup %s/%s: somebody else keeps changing it",
		       h->mount_point, folder);
}

static int create(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		  bool adopt, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	int r = folder ? cgroup_open_all(cg, err) : -EINVAL;
	size_t made = 0;

	if (r == 0 && resources)
		r = cgroup_limits_check(cg, resources, err);

	for (; r == 0 && made < cg->mounts.count; made += r == 0) {
		struct cgroup_hierarchy *h = &cg->mounts.list[made];

		if (!(adopt && cgroup_file_exists(h, folder, "")))
			r = folder_make(h, folder, err);
	}
	if (r == 0 && resources)
		r = cgroup_limits_set(cg, folder, resources, true, err);
	/* Only what was made just now and is still empty: the folder that stopped us may be somebody's. */
	while (r < 0 && made-- > 0)
		(void)unlinkat(cg->mounts.list[made].fd, folder, AT_REMOVEDIR);
	return r;
}

int cgroup_create(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		  struct err *err)
{
	return create(cg, path, resources, false, err);
}

int cgroup_adopt(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		 struct err *err)
{
	return create(cg, path, resources, true, err);
}

int cgroup_fill(struct cgroup *cg, const char *path, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	int r = folder ? 0 : -EINVAL;

	FOR_EACH_HIERARCHY(h, cg)
	{
		if (r == 0 && h->controllers & CGROUP_CPUSET && h->ops == &cgroup_v1_ops) {
			r = cgroup_hierarchy_open(h, err);
			if (r == 0 && h->ops->repair(h, folder) < 0)
				r = err_set(err, ENOSPC,
					    "give cgroup %s the processors of its parent", path);
		}
	}
	return r;
}

static int folder_give(int folder, char *names, uid_t uid, const char *path, struct err *err)
{
	char *name;

	if (folder < 0 || fchownat(folder, "", uid, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return err_sys(err, folder < 0 ? folder : errno, "give cgroup %s to its user",
			       path);
	while ((name = strsep(&names, "\n")) != NULL)
		if (*name && !strchr(name, '/') &&
		    fchownat(folder, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno != ENOENT) /* of a controller that is not here */
			return err_sys(err, errno, "give %s of cgroup %s to its user", name, path);
	return 0;
}

static int nameless_give(struct cgroup *cg, const char *path, uid_t uid, struct err *err)
{
	const char *name = cgroup_folder_of(path, err);
	int r = name ? cgroup_open_all(cg, err) : -EINVAL;

	FOR_EACH_HIERARCHY(h, cg)
	{
		char files[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\ntasks\n";
		_cleanup_close_ int folder = -1;

		if (r < 0 || (h->ops == &cgroup_v1_ops && !h->named))
			continue;
		folder = openat(h->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = folder_give(folder < 0 ? -errno : folder, files, uid, path, err);
	}
	return r;
}

int cgroup_give(struct cgroup *cg, const char *path, uid_t uid, bool nameless, struct err *err)
{
	static const char files_without_list[] =
		"cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
	_cleanup_(buf_clear) struct buf list = BUF_EMPTY;
	_cleanup_close_ int folder = cgroup_open_folder(cg, path);

	if (folder == -EOPNOTSUPP)
		return nameless ? nameless_give(cg, path, uid, err) : 0;
	if (file_read(AT_FDCWD, "/sys/kernel/cgroup/delegate", 65536, &list) < 0)
		buf_puts(&list, files_without_list);
	return folder_give(folder, list.data, uid, path, err);
}

int cgroup_open_folder(struct cgroup *cg, const char *path)
{
	struct err ignored = ERR_NONE;
	const char *folder = cgroup_folder_of(path, &ignored);
	int fd, r;

	if (!folder)
		return -EINVAL;
	if (cg->mode != CGROUP_V2)
		return -EOPNOTSUPP;
	r = cgroup_hierarchy_open(cg->chief, &ignored);
	if (r < 0)
		return r;
	fd = openat(cg->chief->fd, folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_identity(struct cgroup *cg, const char *path, uint64_t *ret_identity, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	int r = folder ? cgroup_hierarchy_open(cg->chief, err) : -EINVAL;
	struct stat st;

	if (r < 0)
		return r;
	if (fstatat(cg->chief->fd, folder, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "look at cgroup %s", path);
	*ret_identity = st.st_ino;
	return 0;
}

/* -- looking and freezing --------------------------------------------------------------------- */

int cgroup_stats(struct cgroup *cg, const char *path, struct cgroup_stats *ret_stats,
		 struct err *err)
{
	return cgroup_stats_to(cg, path, CGROUP_WHOLE, ret_stats, err);
}

int cgroup_stats_to(struct cgroup *cg, const char *path, enum cgroup_depth depth,
		    struct cgroup_stats *ret_stats, struct err *err)
{
	struct cgroup_stats stats = { .memory_limit_bytes = UINT64_MAX, .pids_limit = UINT64_MAX };
	const char *folder = cgroup_folder_of(path, err);
	int r = folder ? cgroup_open_all(cg, err) : -EINVAL;
	unsigned seen = 0;

	if (r < 0)
		return r;
	if (!cgroup_file_exists(cg->chief, folder, ""))
		return err_set(err, ENOENT, "cgroup %s does not exist", path);
	for (int v2 = 0; v2 < 2;
	     v2++) { /* v1 first, which has the better numbers where both have some */
		FOR_EACH_HIERARCHY(h, cg)
		{
			if ((h->ops == &cgroup_v2_ops) == v2)
				h->ops->stats(h, folder, depth, &stats, &seen);
		}
	}
	*ret_stats = stats;
	return 0;
}

int cgroup_freeze(struct cgroup *cg, const char *path, bool frozen, struct err *err)
{
	const char *folder = cgroup_folder_of(path, err);
	struct cgroup_hierarchy *h = cg->chief;
	int r = folder ? cgroup_hierarchy_open(h, err) : -EINVAL;

	if (r < 0)
		return r;
	if (!(h->ops->controllers(h) & CGROUP_FREEZER)) {
		err_set(err, EOPNOTSUPP,
			"freeze cgroup %s: this host has no cgroup controller freezer", path);
		return err_hint(err,
				"mount it, or mount cgroup v2, which needs no controller for it");
	}
	return h->ops->freeze(h, folder, frozen, err);
}

int cgroup_frozen(struct cgroup *cg, const char *path)
{
	struct err ignored = ERR_NONE;
	const char *folder = cgroup_folder_of(path, &ignored);
	int r = folder ? cgroup_hierarchy_open(cg->chief, &ignored) : -EINVAL;

	return r < 0 ? r : cg->chief->ops->frozen(cg->chief, folder);
}

int cgroup_oom_path(struct cgroup *cg, const char *path, char **ret_path)
{
	struct err ignored = ERR_NONE;
	struct cgroup_hierarchy *h =
		cgroup_folder_of(path, &ignored) ? cgroup_hierarchy_of(cg, CGROUP_MEMORY) : NULL;

	if (!h)
		return -EOPNOTSUPP;
	*ret_path = str_printf("%s%s/%s", h->mount_point, path, h->ops->oom_file);
	return 0;
}

uint64_t cgroup_oom_kills(struct cgroup *cg, const char *path)
{
	struct err ignored = ERR_NONE;
	const char *folder = cgroup_folder_of(path, &ignored);
	struct cgroup_hierarchy *h = folder ? cgroup_hierarchy_of(cg, CGROUP_MEMORY) : NULL;
	uint64_t kills = 0;

	if (h && cgroup_hierarchy_open(h, &ignored) == 0)
		(void)cgroup_file_key(h, folder, h->ops->oom_file, "oom_kill", &kills); /* 0 then */
	return kills;
}

char **cgroup_paths(struct cgroup *cg, const char *path)
{
	char **paths = NULL;

	FOR_EACH_HIERARCHY(h, cg)
	strv_add_take(&paths, str_printf("%s%s", h->mount_point, path));
	return paths;
}

char *cgroup_path_in(struct cgroup *cg, const char *path, const char *list, dev_t *ret_device)
{
	_cleanup_free_ char *words = str_dup(list);
	unsigned wanted = cgroup_controllers_parse(words);
	bool named = str_prefix(list, "name=");
	const struct cgroup_hierarchy *found = NULL;

	FOR_EACH_HIERARCHY(h, cg)
	{
		bool v2 = h->ops == &cgroup_v2_ops;

		if (v2 != !*list ||
		    (!v2 && (h->named != named || h->controllers != wanted || !(named || wanted))))
			continue;
		if (found)
			return NULL; /* two with a name alone: which one it is was not kept */
		found = h;
	}
	if (!found || !found->whole)
		return NULL;
	*ret_device = found->device;
	return str_printf("%s%s", found->mount_point, path);
}
