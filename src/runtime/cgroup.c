/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/cgroup_ops.h"
#include "runtime/spec.h"

struct cgroup {
	struct cgroup_mounts mounts;
	enum cgroup_mode mode;
	struct cgroup_hierarchy
		*chief; /* has every process and kills and freezes best: v2, else v1's freezer */
};

/* What may be limited, and how a host without it gets it. */
static const struct controller {
	const char *name;
	unsigned bit;
	const char *remedy;
} controllers[] = {
	{ "memory", CGROUP_MEMORY, "boot the kernel with cgroup_enable=memory" },
	{ "cpu", CGROUP_CPU, "mount it, or boot without cgroup_disable=cpu" },
	{ "cpuacct", CGROUP_CPUACCT, "mount it, or boot without cgroup_disable=cpuacct" },
	{ "cpuset", CGROUP_CPUSET, "mount it, or boot without cgroup_disable=cpuset" },
	{ "pids", CGROUP_PIDS, "mount it, or boot without cgroup_disable=pids" },
	{ "devices", CGROUP_DEVICES,
	  "mount it, or mount cgroup v2, which needs no controller for it" },
	{ "blkio", CGROUP_BLKIO, "mount it, or boot without cgroup_disable=io" },
	{ "io", CGROUP_BLKIO, "mount it, or boot without cgroup_disable=io" },
	{ "hugetlb", CGROUP_HUGETLB, "mount it, or boot without cgroup_disable=hugetlb" },
	{ "rdma", CGROUP_RDMA, "mount it, or load the driver of the device" },
	{ "net_cls", CGROUP_NET_CLS, "mount it: mount -t cgroup -o net_cls net_cls DIR" },
	{ "net_prio", CGROUP_NET_PRIO, "mount it: mount -t cgroup -o net_prio net_prio DIR" },
	{ "misc", CGROUP_MISC, "use a host with cgroup v2" },
	{ "freezer", CGROUP_FREEZER,
	  "mount it, or mount cgroup v2, which needs no controller for it" },
};

#define FOR_EACH_HIERARCHY(h, cg) \
	for (struct cgroup_hierarchy *h = (cg)->mounts.list; \
	     h < (cg)->mounts.list + (cg)->mounts.count; h++)

/* -- opening ---------------------------------------------------------------------------------- */

struct cgroup *cgroup_open(struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	bool v1 = false, v2 = false;
	struct cgroup *cg;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", 64 << 20, &text);

	if (r < 0) {
		err_sys(err, r, "read /proc/self/mountinfo");
		return NULL;
	}
	cg = mem_new(sizeof(*cg));
	cgroup_mounts_parse(text.data, &cg->mounts);
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
		cgroup_close(cg);
		err_set(err, ENOENT,
			"find the cgroups of this host: no cgroup file system is mounted");
		err_hint(err, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
		return NULL;
	}
	cg->mode = v1 && v2 ? CGROUP_HYBRID : v2 ? CGROUP_V2 : CGROUP_V1;
	return cg;
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

/* The hierarchy where a controller is. v1 is asked first: what it has, v2 does not have, and its answer costs no
 * system call. */
static struct cgroup_hierarchy *hierarchy_of(const struct cgroup *cg, unsigned bit)
{
	struct err ignored = ERR_NONE;

	FOR_EACH_HIERARCHY(h, cg)
	if (h->ops == &cgroup_v1_ops && h->controllers & bit)
		return h;
	FOR_EACH_HIERARCHY(h, cg)
	if (h->ops == &cgroup_v2_ops && cgroup_hierarchy_open(h, &ignored) == 0 &&
	    h->ops->controllers(h) & bit)
		return h;
	return NULL;
}

bool cgroup_has(const struct cgroup *cg, const char *controller)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i].name, controller) == 0)
			return hierarchy_of(cg, controllers[i].bit) != NULL;
	return false;
}

/* The folder that a path means, checked. NULL: refused, with words. */
static const char *folder_of(const char *path, struct err *err)
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

/* -- limits ----------------------------------------------------------------------------------- */

static unsigned bits_asked(const struct spec_resources *r)
{
	unsigned bits = 0;

	if (r->memory_limit_bytes || r->memory_reservation_bytes || r->memory_swap_bytes ||
	    r->memory_swappiness >= 0)
		bits |= CGROUP_MEMORY;
	if (r->cpu_quota_us || r->cpu_period_us || r->cpu_shares)
		bits |= CGROUP_CPU;
	if ((r->cpuset_cpus && *r->cpuset_cpus) || (r->cpuset_mems && *r->cpuset_mems))
		bits |= CGROUP_CPUSET;
	if (r->pids_limit)
		bits |= CGROUP_PIDS;
	if (r->device_count)
		bits |= CGROUP_DEVICES;
	return bits;
}

/* Every controller that is asked for must be somewhere: told before anything is made. */
static int bits_check(const struct cgroup *cg, unsigned bits, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		const struct controller *c = &controllers[i];

		if (!(bits & c->bit) || hierarchy_of(cg, c->bit))
			continue;
		err_set(err, EOPNOTSUPP, "limit %s: this host has no cgroup controller %s", c->name,
			c->name);
		return err_hint(err, "%s", c->remedy);
	}
	return 0;
}

static unsigned bits_here(const struct cgroup *cg, const struct cgroup_hierarchy *h, unsigned bits)
{
	unsigned here = 0;

	for (unsigned bit = 1; bit <= bits; bit <<= 1)
		if (bits & bit && hierarchy_of(cg, bit) == h)
			here |= bit;
	return here;
}

static int limits_set(struct cgroup *cg, const char *folder, const struct spec_resources *resources,
		      unsigned bits, bool fresh, struct err *err)
{
	FOR_EACH_HIERARCHY(h, cg)
	{
		unsigned here = bits_here(cg, h, bits);
		int r = here ? cgroup_hierarchy_open(h, err) : 0;

		if (r == 0 && here)
			r = h->ops->limit(h, folder, resources, here, fresh, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where a file that is asked for is to be written. NULL: nowhere here, and r says whether that is an error. */
static struct cgroup_hierarchy *hierarchy_of_file(const struct cgroup *cg,
						  const struct spec_cgroup_file *file,
						  unsigned *ret_bit, int *r, struct err *err)
{
	_cleanup_free_ char *name = str_ndup(file->file, strcspn(file->file, "."));
	const char *controller = file->v2 ? name : file->controller;
	const struct cgroup_ops *ops = file->v2 ? &cgroup_v2_ops : &cgroup_v1_ops;
	struct cgroup_hierarchy *h;
	unsigned bit = 0;

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i].name, controller) == 0)
			bit = controllers[i].bit;
	h = bit ? hierarchy_of(cg, bit) : NULL;
	*ret_bit = bit;
	if (h && h->ops == ops)
		return h;
	/* most limits are asked for in both spellings, and one of them is not for this host */
	if (file->told || !h)
		*r = err_set(err, EOPNOTSUPP, "limit %s: this host has no cgroup controller %s",
			     file->file, controller);
	return NULL;
}

/* The kernel calls a weight by its scheduler's name where only that one has weights. */
static const char *other_name(const char *file)
{
	static const char *const names[][2] = {
		{ "blkio.weight", "blkio.bfq.weight" },
		{ "blkio.weight_device", "blkio.bfq.weight_device" },
		{ "io.weight", "io.bfq.weight" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(file, names[i][0]) == 0)
			return names[i][1];
	return NULL;
}

static int files_write(struct cgroup *cg, const char *folder,
		       const struct spec_resources *resources, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < resources->file_count; i++) {
		const struct spec_cgroup_file *file = &resources->files[i];
		unsigned bit;
		struct cgroup_hierarchy *h = hierarchy_of_file(cg, file, &bit, &r, err);
		const char *other = other_name(file->file);

		if (h)
			r = cgroup_hierarchy_open(h, err);
		if (!h || r < 0)
			continue;
		r = cgroup_file_poke(h, folder, file->file, file->value);
		if (r == -ENOENT && h->ops->enable && h->ops->enable(h, folder, bit) == 0)
			r = cgroup_file_poke(h, folder, file->file, file->value);
		if (r == -ENOENT && other)
			r = cgroup_file_poke(h, folder, other, file->value);
		if (r == -ENOENT && file->optional)
			r = 0;
		r = cgroup_limit_explain(h, folder, file->file, file->value, file->file, r, err);
	}
	return r;
}

static int create(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		  bool adopt, struct err *err)
{
	const char *folder = folder_of(path, err);
	unsigned bits = resources ? bits_asked(resources) : 0;
	int r = folder ? bits_check(cg, bits, err) : -EINVAL;
	size_t made = 0;

	for (; r == 0 && made < cg->mounts.count; made += r == 0) {
		struct cgroup_hierarchy *h = &cg->mounts.list[made];

		r = cgroup_hierarchy_open(h, err);
		if (r == 0 && !(adopt && cgroup_file_exists(h, folder, "")))
			r = folder_make(h, folder, err);
	}
	if (r == 0 && bits)
		r = limits_set(cg, folder, resources, bits, true, err);
	if (r == 0 && resources)
		r = files_write(cg, folder, resources, err);
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
	const char *folder = folder_of(path, err);
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
	const char *name = folder_of(path, err);
	int r = name ? 0 : -EINVAL;

	FOR_EACH_HIERARCHY(h, cg)
	{
		char files[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\ntasks\n";
		_cleanup_close_ int folder = -1;

		if (r < 0 || (h->ops == &cgroup_v1_ops && !h->named))
			continue;
		r = cgroup_hierarchy_open(h, err);
		if (r < 0)
			break;
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

int cgroup_update(struct cgroup *cg, const char *path, const struct spec_resources *resources,
		  struct err *err)
{
	const char *folder = folder_of(path, err);
	unsigned bits = bits_asked(resources);
	int r = folder ? bits_check(cg, bits, err) : -EINVAL;

	if (r == 0)
		r = limits_set(cg, folder, resources, bits, false, err);
	return r < 0 ? r : files_write(cg, folder, resources, err);
}

/* -- processes -------------------------------------------------------------------------------- */

static int enter_one(struct cgroup_hierarchy *h, const char *folder, const char *pid,
		     struct err *err)
{
	int r = cgroup_hierarchy_open(h, err);

	if (r < 0)
		return r;
	r = cgroup_file_poke(h, folder, "cgroup.procs", pid);
	if (r == -ENOSPC) {
		r = h->ops->repair(h, folder);
		if (r == 0)
			r = cgroup_file_poke(h, folder, "cgroup.procs", pid);
	}
	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
		return err_set(err, ENOENT, "put process %s into cgroup %s/%s: it does not exist",
			       pid, h->mount_point, folder);
	case -ESRCH:
		return err_set(err, ESRCH,
			       "put process %s into cgroup %s/%s: the process has ended", pid,
			       h->mount_point, folder);
	default:
		return err_sys(err, r, "put process %s into cgroup %s/%s", pid, h->mount_point,
			       folder);
	}
}

int cgroup_enter(struct cgroup *cg, const char *path, pid_t pid, struct err *err)
{
	const char *folder = folder_of(path, err);
	char text[16];
	int r = folder ? 0 : -EINVAL;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	FOR_EACH_HIERARCHY(h, cg)
	if (r == 0)
		r = enter_one(h, folder, text, err);
	return r;
}

int cgroup_door_open(struct cgroup *cg, const char *path, struct cgroup_door *ret_door,
		     struct err *err)
{
	const char *folder = folder_of(path, err);
	struct cgroup_door door = CGROUP_DOOR_NONE;
	int r = folder ? 0 : -EINVAL;

	FOR_EACH_HIERARCHY(h, cg)
	{
		bool v2 = h->ops == &cgroup_v2_ops;
		char file[512];
		int fd;

		if (r == 0)
			r = cgroup_hierarchy_open(h, err);
		if (r < 0)
			break;
		if (cgroup_file_path(file, sizeof(file), folder, v2 ? "." : "tasks") < 0 ||
		    door.count == CGROUP_DOOR_TASKS) {
			r = err_set(err, ENAMETOOLONG, "open cgroup %s%s", h->mount_point, path);
			break;
		}
		fd = openat(h->fd, file,
			    v2 ? O_PATH | O_DIRECTORY | O_CLOEXEC : O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_sys(err, errno, "open cgroup %s%s", h->mount_point, path);
		else if (v2)
			door.folder = fd;
		else
			door.tasks[door.count++] = fd;
	}
	if (r < 0) {
		cgroup_door_close(&door);
		return r;
	}
	*ret_door = door;
	return 0;
}

int cgroup_door_pass(const struct cgroup_door *door)
{
	for (size_t i = 0; i < door->count; i++)
		if (write(door->tasks[i], "0", 1) < 0)
			return -errno;
	return 0;
}

void cgroup_door_close(struct cgroup_door *door)
{
	fd_close(door->folder);
	for (size_t i = 0; i < door->count; i++)
		fd_close(door->tasks[i]);
	*door = CGROUP_DOOR_NONE;
}

int cgroup_open_folder(struct cgroup *cg, const char *path)
{
	struct err ignored = ERR_NONE;
	const char *folder = folder_of(path, &ignored);
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
	const char *folder = folder_of(path, err);
	int r = folder ? cgroup_hierarchy_open(cg->chief, err) : -EINVAL;
	struct stat st;

	if (r < 0)
		return r;
	if (fstatat(cg->chief->fd, folder, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "look at cgroup %s", path);
	*ret_identity = st.st_ino;
	return 0;
}

int cgroup_kill(struct cgroup *cg, const char *path, int signal_number, struct err *err)
{
	const char *folder = folder_of(path, err);
	int r = folder ? cgroup_hierarchy_open(cg->chief, err) : -EINVAL;

	if (r < 0)
		return r;
	r = signal_number == SIGKILL ? cg->chief->ops->kill(cg->chief, folder, err) : -EOPNOTSUPP;
	if (r == -EOPNOTSUPP)
		r = cgroup_tree_signal(cg->chief, folder, signal_number, err);
	return r;
}

ssize_t cgroup_pids(struct cgroup *cg, const char *path, pid_t **ret_pids, struct err *err)
{
	const char *folder = folder_of(path, err);
	struct cgroup_pid_list list = CGROUP_PID_LIST_EMPTY;
	int r = folder ? cgroup_hierarchy_open(cg->chief, err) : -EINVAL;

	if (r < 0)
		return r;
	r = cgroup_tree_pids(cg->chief, folder, &list);
	if (r < 0)
		return err_sys(err, r, "list the processes of cgroup %s", path);
	*ret_pids = list.pids ? list.pids : mem_new(sizeof(pid_t));
	return (ssize_t)list.count;
}

/* -- removal ---------------------------------------------------------------------------------- */

/* 1: some stay. */
static int folders_unlink(struct cgroup *cg, const char *folder, bool nested, struct err *err)
{
	bool busy = false;

	if (!folder)
		return -EINVAL;
	FOR_EACH_HIERARCHY(h, cg)
	{
		int r = cgroup_hierarchy_open(h, err);

		if (r < 0)
			return r;
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
	return folders_unlink(cg, folder_of(path, err), true, err);
}

int cgroup_remove(struct cgroup *cg, const char *path, struct err *err)
{
	const char *folder = folder_of(path, err);
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
	int fd, r = cgroup_hierarchy_open(h, err);
	DIR *d;

	if (r < 0)
		return r;
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
	const char *folder = folder_of(parent, err);
	int r = folder ? 0 : -EINVAL;

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
	const char *folder = folder_of(path, err);
	int r = folder ? cgroup_hierarchy_open(cg->chief, err) : -EINVAL;
	unsigned seen = 0;

	if (r < 0)
		return r;
	if (!cgroup_file_exists(cg->chief, folder, ""))
		return err_set(err, ENOENT, "cgroup %s does not exist", path);
	for (int v2 = 0; v2 < 2;
	     v2++) { /* v1 first, which has the better numbers where both have some */
		FOR_EACH_HIERARCHY(h, cg)
		{
			if ((h->ops == &cgroup_v2_ops) != v2)
				continue;
			r = cgroup_hierarchy_open(h, err);
			if (r < 0)
				return r;
			h->ops->stats(h, folder, depth, &stats, &seen);
		}
	}
	*ret_stats = stats;
	return 0;
}

int cgroup_read(struct cgroup *cg, const char *path, const char *controller, const char *v1,
		const char *v2, struct buf *ret_text)
{
	struct err ignored = ERR_NONE;
	const char *folder = folder_of(path, &ignored), *file;
	struct cgroup_hierarchy *h = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i].name, controller) == 0)
			h = hierarchy_of(cg, controllers[i].bit);
	file = h && h->ops == &cgroup_v2_ops ? v2 : v1;
	if (!folder || !h || !file || cgroup_hierarchy_open(h, &ignored) < 0)
		return -ENOENT;
	return cgroup_file_read(h, folder, file, ret_text);
}

int cgroup_freeze(struct cgroup *cg, const char *path, bool frozen, struct err *err)
{
	const char *folder = folder_of(path, err);
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
	const char *folder = folder_of(path, &ignored);
	int r = folder ? cgroup_hierarchy_open(cg->chief, &ignored) : -EINVAL;

	return r < 0 ? r : cg->chief->ops->frozen(cg->chief, folder);
}

int cgroup_oom_path(struct cgroup *cg, const char *path, char **ret_path)
{
	struct err ignored = ERR_NONE;
	struct cgroup_hierarchy *h = folder_of(path, &ignored) ? hierarchy_of(cg, CGROUP_MEMORY) :
								 NULL;

	if (!h)
		return -EOPNOTSUPP;
	*ret_path = str_printf("%s%s/%s", h->mount_point, path, h->ops->oom_file);
	return 0;
}

uint64_t cgroup_oom_kills(struct cgroup *cg, const char *path)
{
	struct err ignored = ERR_NONE;
	const char *folder = folder_of(path, &ignored);
	struct cgroup_hierarchy *h = folder ? hierarchy_of(cg, CGROUP_MEMORY) : NULL;
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
