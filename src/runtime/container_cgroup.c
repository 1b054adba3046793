/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/container_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup.h"
#include "runtime/container_step.h"
#include "runtime/mount.h"
#include "runtime/mount_place.h"
#include "runtime/spec.h"

/* Is this hierarchy one of ours still? It goes when nobody has it mounted and it has no folders. */
static bool cgroup_listed(const char *controllers)
{
	_cleanup_(buf_clear) struct buf lines = BUF_EMPTY;
	_cleanup_free_ char *field = str_printf(":%s:", controllers);

	return file_read(AT_FDCWD, "/proc/thread-self/cgroup", 65536, &lines) < 0 ||
	       strstr(lines.data, field) != NULL;
}

/* While a hierarchy goes away the kernel starts this call again, which fsconfig(2) answers with EBUSY for ever: with a new context. One
 * that is gone would have to be made, which is not for us (EPERM). -ENOENT: it is gone. */
static int cgroup_v1_new(const char *controllers, const char *data, unsigned int attrs)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int fd = mount_new("cgroup", "cgroup", data, attrs);

	for (int tries = 0; (fd == -EBUSY || fd == -EPERM) && tries < 100; tries++) {
		if (!cgroup_listed(controllers))
			return -ENOENT;
		(void)nanosleep(&pause, NULL);
		fd = mount_new("cgroup", "cgroup", data, attrs);
	}
	return fd;
}

/* A copy of the host's mount, which the container's mount namespace has still, of our folder: what a new mount shows in our cgroup
 * namespace, too, but for that the kernel walks all cgroups of v2 (cgroup_lock_and_drain_offline() in cgroup1_get_tree()).
 * Negative where the host's is elsewhere, or shows something else. */
static int cgroup_copy(const struct init_plan *plan, const char *controllers, unsigned int attrs)
{
	dev_t device = 0;
	_cleanup_free_ char *path =
		cgroup_path_in(plan->cgroup, plan->spec->cgroup_path, controllers, &device);
	_cleanup_close_ int fd = path ? mount_copy(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW) : -ENOENT;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_dev != device)
		return -ENOENT;
	r = mount_change(fd, attrs, MS_PRIVATE, -1, 0);
	return r < 0 ? r : fd_take(&fd);
}

/* base is a fresh tmpfs of ours. divided: to the container's systemd, where nothing is limited by it. */
static int cgroup_one(const struct init_plan *plan, int base, char *controllers, unsigned int attrs,
		      bool divided)
{
	_cleanup_close_ int fd = -1;
	const char *name = controllers;
	char data[128] = "";
	/* a namespace that was joined, or the host's, has another root than our folder */
	bool own = spec_is_new(plan->spec, SPEC_NS_CGROUP);

	if (divided && (!*controllers || str_prefix(controllers, "name=")))
		attrs &= ~(unsigned int)MOUNT_ATTR_RDONLY;
	if (own)
		fd = cgroup_copy(plan, controllers, attrs);
	if (!*controllers) {
		name = "unified";
		if (fd < 0)
			fd = mount_new("cgroup2", "cgroup", NULL, attrs);
	} else {
		if (str_prefix(controllers, "name=")) {
			name = controllers + strlen("name=");
			(void)str_append(data, sizeof(data), "none,");
		}
		if (!str_append(data, sizeof(data), controllers))
			return -ENAMETOOLONG;
		if (fd < 0)
			fd = cgroup_v1_new(controllers, data, attrs);
		if (fd == -ENOENT)
			return 0;
	}
	if (fd < 0)
		return fd;
	return mkdirat(base, name, 0755) < 0 ? -errno : mount_attach_at(fd, base, name);
}

/* v1 and hybrid: one mount per line of /proc/self/cgroup ("4:cpu,cpuacct:/"), on a tmpfs that is closed afterwards. */
static int cgroup_v1(const struct init_plan *plan, int root, const struct spec_mount *mount,
		     bool divided)
{
	unsigned int attrs = (unsigned int)mount->attr_set | MOUNT_ATTR_NODEV;
	_cleanup_(buf_clear) struct buf lines = BUF_EMPTY;
	_cleanup_close_ int base = -1, cgroups = -1;
	char *rest, *line;
	int r = file_read(AT_FDCWD, "/proc/thread-self/cgroup", 65536, &lines);

	if (r < 0)
		return r;
	base = mount_new("tmpfs", "tmpfs", "mode=755,size=64k",
			 attrs & ~(unsigned int)MOUNT_ATTR_RDONLY);
	if (base < 0)
		return base;
	r = mount_place_attach(root, mount->destination, base, true);
	for (rest = lines.data; r == 0 && (line = strsep(&rest, "\n")) != NULL;) {
		char *controllers = strchr(line, ':'), *end;

		if (!controllers || !(end = strchr(++controllers, ':')))
			continue;
		*end = '\0';
		if (!*controllers && !str_prefix(line, "0:"))
			continue; /* what is left of one that goes away: its controllers are back in v2 already */
		r = cgroup_one(plan, base, controllers, attrs, divided);
		for (char *comma; r == 0 && (comma = strrchr(controllers, ',')) != NULL;) {
			char target[128] = "";

			/* cpu and cpuacct are links to cpu,cpuacct, as on every host */
			*comma = '\0';
			(void)str_append(target, sizeof(target), controllers);
			(void)str_append(target, sizeof(target), ",");
			(void)str_append(target, sizeof(target), comma + 1);
			if (symlinkat(target, base, comma + 1) < 0 ||
			    (!strchr(controllers, ',') && symlinkat(target, base, controllers) < 0))
				r = -errno;
			if (strchr(controllers, ','))
				break; /* three and more do not exist */
		}
	}
	if (r == 0 && mount->attr_set & MOUNT_ATTR_RDONLY)
		r = mount_change(base, MOUNT_ATTR_RDONLY, 0, -1, 0);
	return r;
}

static int cgroup_any(const struct init_plan *plan, int root, const struct spec_mount *mount,
		      bool divided)
{
	unsigned int attrs = (unsigned int)mount->attr_set | MOUNT_ATTR_NODEV;
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* A v1 hierarchy has no such file at the place where v2 alone has it. */
	if (stat("/sys/fs/cgroup/cgroup.controllers", &st) < 0)
		return cgroup_v1(plan, root, mount, divided);
	if (divided)
		attrs &= ~(unsigned int)MOUNT_ATTR_RDONLY;
	fd = mount_new("cgroup2", "cgroup", NULL, attrs);
	return fd < 0 ? fd : mount_place_attach(root, mount->destination, fd, true);
}

int container_cgroup_mount(const struct init_plan *plan, int root, const struct spec_mount *mount)
{
	_cleanup_close_ int back = -1;
	int r;

	if (plan->spec->namespaces[SPEC_NS_CGROUP].mode == SPEC_NS_INHERIT &&
	    plan->spec->told_exactly) {
		back = openat(plan->proc, "self/ns/cgroup", O_RDONLY | O_CLOEXEC);
		if (back < 0 || unshare(CLONE_NEWCGROUP) < 0)
			return -errno;
	}
	r = cgroup_any(plan, root, mount, plan->spec->systemd);
	if (back >= 0)
		(void)setns(back, CLONE_NEWCGROUP);
	return r;
}
