/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/container_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"
#include "runtime/container_step.h"
#include "runtime/mount.h"
#include "runtime/mount_place.h"
#include "runtime/spec.h"

static const struct {
	const char *name;
	unsigned int major, minor;
} standard_nodes[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },	 { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
} dev_links[] = {
	{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },	 { "ptmx", "pts/ptmx" },
};

/* In a fresh tmpfs of ours names are what we made; elsewhere a link in the place is not followed. */
static int node_bind(int host_dev, int dev, size_t i)
{
	const char *name = standard_nodes[i].name;
	_cleanup_close_ int node = mount_copy(host_dev, name, AT_SYMLINK_NOFOLLOW);
	struct stat st;
	int fd;

	if (node < 0)
		return node;
	if (fstat(node, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(standard_nodes[i].major, standard_nodes[i].minor))
		return -ENODEV;
	fd = openat(dev, name, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0 && errno == EEXIST)
		fd = openat(dev, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	fd_close(fd);
	return mount_attach_at(node, dev, name);
}

static bool is_device(const struct stat *st, const struct spec_device *device)
{
	if (device->fifo)
		return S_ISFIFO(st->st_mode);
	return (device->block ? S_ISBLK(st->st_mode) : S_ISCHR(st->st_mode)) &&
	       st->st_rdev == makedev(device->major, device->minor);
}

/* A node of our own making beneath dir; one that is there and is the same device stays. */
static int node_make(int dir, const char *name, const struct spec_device *device)
{
	mode_t type = device->fifo ? S_IFIFO : device->block ? S_IFBLK : S_IFCHR;
	struct stat st;

	if (mknodat(dir, name, type | device->mode,
		    device->fifo ? 0 : makedev(device->major, device->minor)) < 0) {
		int code = errno;

		if (code != EEXIST)
			return -code;
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		return is_device(&st, device) ? 0 : -EEXIST;
	}
	return fchmodat(dir, name, device->mode, 0) < 0 ||
			       fchownat(dir, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) <
				       0 ?
		       -errno :
		       0;
}

/* Nodes are made where that is possible and they will work, so that they look as everywhere; else the host's are bound. */
static int standard_node(const struct init_plan *plan, int host_dev, int dev, size_t i, bool nodev)
{
	const struct spec_device device = { .major = standard_nodes[i].major,
					    .minor = standard_nodes[i].minor,
					    .mode = 0666 };
	int r = -EPERM;

	if (!nodev && !container_nodes_by_parent(plan->spec)) {
		r = node_make(dev, standard_nodes[i].name, &device);
		if (r == -EEXIST && unlinkat(dev, standard_nodes[i].name, 0) == 0)
			r = node_make(dev, standard_nodes[i].name, &device);
	}
	if (r == -EPERM)
		r = node_bind(host_dev, dev, i);
	return r;
}

void container_dev_populate(const struct init_plan *plan, int dev, bool fresh, bool nodev)
{
	_cleanup_close_ int host_dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(standard_nodes); i++) {
		int r = standard_node(plan, host_dev, dev, i, nodev);

		if (r < 0)
			container_fail(plan, STEP_DEVICE, i, r);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dev_links); i++) {
		if (!fresh)
			(void)unlinkat(dev, dev_links[i].name, 0);
		if (symlinkat(dev_links[i].target, dev, dev_links[i].name) < 0 &&
		    (fresh || errno != EEXIST))
			container_fail(plan, STEP_DEVICE, i, errno);
	}
}

void container_dev_finish(const struct init_plan *plan, int root)
{
	const struct spec *spec = plan->spec;

	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct spec_mount *mount = &spec->mounts[i];
		struct err ignored = ERR_NONE;
		_cleanup_close_ int dev = -1;

		if (strcmp(mount->destination, "/dev") != 0)
			continue;
		if (mount->kind != SPEC_MOUNT_TMPFS ||
		    !((mount->attr_set | mount->all_set) & MOUNT_ATTR_RDONLY))
			continue;
		dev = root_open(root, "/dev", O_PATH | O_DIRECTORY, &ignored);
		if (dev < 0 || mount_change(dev, MOUNT_ATTR_RDONLY, 0, -1, 0) < 0)
			container_fail(plan, STEP_MOUNT, i, dev < 0 ? dev : errno);
	}
}

void container_dev_in_root(const struct init_plan *plan, int root)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int dev = -1, place = -1;

	if (!plan->spec->told_exactly)
		return;
	for (size_t i = 0; i < plan->spec->mount_count; i++)
		if (strcmp(plan->spec->mounts[i].destination, "/dev") == 0)
			return;
	place = mount_place_strict(root, "/dev", true);
	dev = place < 0 ? place : root_open(place, ".", O_RDONLY | O_DIRECTORY, &ignored);
	if (dev < 0)
		container_fail(plan, STEP_DEVICE, 0, dev);
	container_dev_populate(plan, dev, false, false);
}

/* What stands there must be the device (config-linux.md, "Devices"), an empty file, which is the place of an earlier bind, or
 * our link to pts/ptmx: a privileged container of Docker asks for all devices of the host. */
static int device_place_check(const struct init_plan *plan, int parent, const char *name,
			      const struct spec_device *device)
{
	struct stat st;

	if (!plan->spec->told_exactly || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (is_device(&st, device) || (S_ISREG(st.st_mode) && st.st_size == 0))
		return 0;
	return S_ISLNK(st.st_mode) && strcmp(device->path, "/dev/ptmx") == 0 ? 0 : -EEXIST;
}

static int device_make(const struct init_plan *plan, int root, const struct spec_device *device,
		       bool sent)
{
	const char *name = strrchr(device->path, '/') + 1;
	_cleanup_free_ char *folder = str_ndup(device->path, (size_t)(name - device->path));
	struct err ignored = ERR_NONE;
	_cleanup_close_ int parent = -1;
	int r;

	if (!*name)
		return -EINVAL;
	parent = root_make_dir(root, folder, 0, 0, &ignored);
	if (parent < 0)
		return parent;
	r = device_place_check(plan, parent, name, device);
	if (r < 0 || sent)
		return r;
	r = node_make(parent, name, device);
	/* what an earlier start or the image left there is another one */
	if (r == -EEXIST && unlinkat(parent, name, 0) == 0)
		r = node_make(parent, name, device);
	return r;
}

void container_devices_attach(const struct init_plan *plan, int root, int *nodes)
{
	const struct spec *spec = plan->spec;
	bool sent = container_nodes_by_parent(spec);

	for (size_t i = 0; i < spec->device_count; i++) {
		bool bound = sent && !spec->devices[i].fifo;
		int r = device_make(plan, root, &spec->devices[i], bound);

		if (r < 0)
			container_fail(plan, STEP_DEVICE_USER, i, r);
		if (!bound)
			continue;
		r = mount_place_attach(root, spec->devices[i].path, *nodes, false);
		if (r < 0)
			container_fail(plan, STEP_DEVICE_USER, i, r);
		fd_close(*nodes++);
	}
}
