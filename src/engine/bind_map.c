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

int bind_choose(const char *source, const char *wanted, bool readonly, bool own_users,
		struct bind_choice *ret_choice, struct err *err)
{
	struct bind_choice choice = { .map = "none", .reason = "asked" };
	struct stat st;

	if (stat(source, &st) < 0)
		return err_sys(err, errno, "mount %s", source);
	choice.uid = st.st_uid;
	choice.gid = st.st_gid;
	choice.refuse = !readonly && bind_reachable(source);
	if (!own_users) {
		choice.reason = "userns=host"; /* the numbers are the host's anyway */
	} else if (strcmp(wanted, "none") != 0) {
		bool home = !*wanted && in_owners_home(source, st.st_uid);

		choice.map = *wanted ? wanted : home ? "owner" : "container";
		if (!*wanted)
			choice.reason = home ? "in the home of its owner" : "default";
		if (never_mapped(source) && readonly) {
			choice.map = "none";
			choice.reason = "read-only, and its file system has no id-mapped mounts";
		} else if (never_mapped(source)) {
			err_set(err, EINVAL, "mount %s: its file system has no id-mapped mounts",
				source);
			return err_hint(
				err,
				"mount it read-only, or with idmap=none, or run with --userns=host");
		}
	}
	*ret_choice = choice;
	return 0;
}

int bind_map(const struct spec *spec, struct spec_mount *mount, const char *wanted,
	     bool *ret_refuse, struct err *err)
{
	struct bind_choice choice;
	int r = bind_choose(mount->source, wanted, mount->attr_set & MOUNT_ATTR_RDONLY,
			    spec->uid_map_count > 0, &choice, err);

	if (r < 0)
		return r;
	*ret_refuse = choice.refuse;
	if (strcmp(choice.map, "owner") == 0) {
		mount->owner_map = true;
		mount->owner_uid = choice.uid;
		mount->owner_gid = choice.gid;
	} else if (strcmp(choice.map, "container") == 0) {
		spec_mount_map(spec, mount);
	}
	return 0;
}
