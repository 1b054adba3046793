/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/bind_map.h"

#include <errno.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/err.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/spec.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

bool bind_reachable(const char *path)
{
	_cleanup_free_ char *copy = realpath(path, NULL);

	if (!copy)
		return true; /* nothing proves the contrary */
	for (char *slash = strrchr(copy, '/'); slash; slash = strrchr(copy, '/')) {
		struct stat st;

		*slash = '\0';
		if (stat(*copy ? copy : "/", &st) < 0)
			return true;
		if (!(st.st_mode & S_IXOTH) && !(st.st_gid != 0 && st.st_mode & S_IXGRP) &&
		    !(st.st_uid != 0 && st.st_mode & S_IXUSR))
			return false;
		if (!*copy)
			break;
	}
	return true;
}

/* The source lies in the home folder of the login user who owns it. /etc/passwd alone: a directory server may take seconds. */
static bool in_owners_home(const char *path, uid_t owner)
{
	_cleanup_free_ char *full = realpath(path, NULL);
	FILE *passwd;
	struct passwd *pw;
	bool found = false;

	if (!full || owner < 1000 || owner >= 65534)
		return false;
	passwd = fopen("/etc/passwd", "re");
	while (passwd && !found && (pw = fgetpwent(passwd)) != NULL) {
		size_t length = strlen(pw->pw_dir);

		found = pw->pw_uid == owner && length > 1 &&
			strncmp(full, pw->pw_dir, length) == 0 &&
			(full[length] == '/' || !full[length]);
	}
	if (passwd)
		(void)fclose(passwd);
	return found;
}

static bool never_mapped(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEVPTS_SUPER_MAGIC:
	case NFS_SUPER_MAGIC:
	case 0xff534d42: /* CIFS */
	case SMB2_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC: /* can be from 6.?; when it can, trying says so */
		return true;
	default:
		return false;
	}
}

static struct spec_id_map *map_copy(const struct spec_id_map *map, size_t count)
{
	struct spec_id_map *copy = mem_new(count * sizeof(*copy));

	memcpy(copy, map, count * sizeof(*copy));
	return copy;
}

/* The owner on disk is the process's user inside (host number base + user); the container's own range without that one id is
 * itself. Lines of one map must not overlap on either side. */
static struct spec_id_map *owner_map(uint32_t owner, const struct spec_id_map *range, uint32_t user,
				     size_t *ret_count)
{
	struct spec_id_map *map = mem_new(3 * sizeof(*map));
	uint32_t base = range->host_id, size = range->size;
	size_t n = 0;

	map[n++] = (struct spec_id_map){ owner, base + user, 1 };
	if (user > 0)
		map[n++] = (struct spec_id_map){ base, base, user };
	if (user + 1 < size)
		map[n++] =
			(struct spec_id_map){ base + user + 1, base + user + 1, size - user - 1 };
	*ret_count = n;
	return map;
}

int bind_map(const struct spec *spec, struct spec_mount *mount, const char *wanted,
	     bool *ret_refuse, const char **ret_mode, struct err *err)
{
	bool readonly = mount->attr_set & MOUNT_ATTR_RDONLY;
	struct stat st;

	*ret_refuse = false;
	*ret_mode = "none";
	if (stat(mount->source, &st) < 0)
		return err_sys(err, errno, "mount %s", mount->source);
	if (!readonly)
		*ret_refuse = bind_reachable(mount->source);
	if (spec->uid_map_count == 0)
		return 0; /* --userns=host: the numbers are the host's anyway */
	if (strcmp(wanted, "none") == 0)
		return 0;
	if (!*wanted)
		wanted = in_owners_home(mount->source, st.st_uid) ? "owner" : "container";
	if (never_mapped(mount->source)) {
		if (readonly)
			return 0;
		err_set(err, EINVAL, "mount %s: its file system has no id-mapped mounts",
			mount->source);
		return err_hint(
			err, "mount it read-only, or with idmap=none, or run with --userns=host");
	}
	if (strcmp(wanted, "owner") == 0) {
		/* the process's user is known by number here, or is root */
		uint32_t user =
			spec->process.user ? (uint32_t)strtoul(spec->process.user, NULL, 10) : 0;

		mount->uid_map =
			owner_map(st.st_uid, spec->uid_map, user & 0xffff, &mount->uid_map_count);
		mount->gid_map =
			owner_map(st.st_gid, spec->gid_map, user & 0xffff, &mount->gid_map_count);
		*ret_mode = "owner";
	} else {
		mount->uid_map = map_copy(spec->uid_map, spec->uid_map_count);
		mount->gid_map = map_copy(spec->gid_map, spec->gid_map_count);
		mount->uid_map_count = spec->uid_map_count;
		mount->gid_map_count = spec->gid_map_count;
		*ret_mode = "container";
	}
	return 0;
}
