/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/mount_flag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/spec.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

enum action {
	NOTHING, /* the default, or what says nothing */
	BIND,
	BIND_TREE,
	REMOUNT,
	COPY_UP,
	COPY_LINK,
	MAP,
	MAP_TREE,
	PROPAGATION,
	ACL,	/* an option of some file systems; the others always have access control lists */
	PASSED, /* the file system's own flag, which every file system knows */
};

struct mount_flag {
	const char *name;
	uint64_t set, clear;	     /* MOUNT_ATTR_* of the mount */
	uint64_t all_set, all_clear; /* of the tree */
	enum action action;
	uint64_t propagation;
	const char *undoes; /* one before it that is in the data */
};

/* clang-format off */
static const struct mount_flag mount_flags[] = {
	{ .name = "acl", .action = ACL, .undoes = "noacl" },
	{ .name = "async", .undoes = "sync" },
	{ .name = "atime", .clear = MOUNT_ATTR_NOATIME },
	{ .name = "bind", .action = BIND },
	{ .name = "copy-symlink", .action = COPY_LINK },
	{ .name = "defaults" },
	{ .name = "dev", .clear = MOUNT_ATTR_NODEV },
	{ .name = "diratime", .clear = MOUNT_ATTR_NODIRATIME },
	{ .name = "dirsync", .action = PASSED },
	{ .name = "exec", .clear = MOUNT_ATTR_NOEXEC },
	{ .name = "idmap", .action = MAP },
	{ .name = "iversion" },
	{ .name = "lazytime", .action = PASSED },
	{ .name = "loud" },
	{ .name = "mand", .action = PASSED },
	{ .name = "noacl", .action = ACL, .undoes = "acl" },
	{ .name = "noatime", .set = MOUNT_ATTR_NOATIME },
	{ .name = "nodev", .set = MOUNT_ATTR_NODEV },
	{ .name = "nodiratime", .set = MOUNT_ATTR_NODIRATIME },
	{ .name = "noexec", .set = MOUNT_ATTR_NOEXEC },
	{ .name = "noiversion" },
	{ .name = "nolazytime", .undoes = "lazytime" },
	{ .name = "nomand", .undoes = "mand" },
	{ .name = "norelatime", .set = MOUNT_ATTR_STRICTATIME },
	{ .name = "nostrictatime", .clear = MOUNT_ATTR_STRICTATIME },
	{ .name = "nosuid", .set = MOUNT_ATTR_NOSUID },
	{ .name = "nosymfollow", .set = MOUNT_ATTR_NOSYMFOLLOW },
	{ .name = "private", .action = PROPAGATION, .propagation = MS_PRIVATE },
	{ .name = "ratime", .all_clear = MOUNT_ATTR_NOATIME },
	{ .name = "rbind", .action = BIND_TREE },
	{ .name = "rdev", .all_clear = MOUNT_ATTR_NODEV },
	{ .name = "rdiratime", .all_clear = MOUNT_ATTR_NODIRATIME },
	{ .name = "relatime", .clear = MOUNT_ATTR__ATIME },
	{ .name = "remount", .action = REMOUNT },
	{ .name = "rexec", .all_clear = MOUNT_ATTR_NOEXEC },
	{ .name = "ridmap", .action = MAP_TREE },
	{ .name = "rnoatime", .all_set = MOUNT_ATTR_NOATIME },
	{ .name = "rnodev", .all_set = MOUNT_ATTR_NODEV },
	{ .name = "rnodiratime", .all_set = MOUNT_ATTR_NODIRATIME },
	{ .name = "rnoexec", .all_set = MOUNT_ATTR_NOEXEC },
	{ .name = "rnorelatime", .all_set = MOUNT_ATTR_STRICTATIME },
	{ .name = "rnostrictatime", .all_clear = MOUNT_ATTR_STRICTATIME },
	{ .name = "rnosuid", .all_set = MOUNT_ATTR_NOSUID },
	{ .name = "rnosymfollow", .all_set = MOUNT_ATTR_NOSYMFOLLOW },
	{ .name = "ro", .set = MOUNT_ATTR_RDONLY },
	{ .name = "rprivate", .action = PROPAGATION, .propagation = MS_PRIVATE | MS_REC },
	{ .name = "rrelatime", .all_clear = MOUNT_ATTR__ATIME },
	{ .name = "rro", .all_set = MOUNT_ATTR_RDONLY },
	{ .name = "rrw", .all_clear = MOUNT_ATTR_RDONLY },
	{ .name = "rshared", .action = PROPAGATION, .propagation = MS_SHARED | MS_REC },
	{ .name = "rslave", .action = PROPAGATION, .propagation = MS_SLAVE | MS_REC },
	{ .name = "rstrictatime", .all_set = MOUNT_ATTR_STRICTATIME },
	{ .name = "rsuid", .all_clear = MOUNT_ATTR_NOSUID },
	{ .name = "rsymfollow", .all_clear = MOUNT_ATTR_NOSYMFOLLOW },
	{ .name = "runbindable", .action = PROPAGATION, .propagation = MS_UNBINDABLE | MS_REC },
	{ .name = "rw", .clear = MOUNT_ATTR_RDONLY },
	{ .name = "shared", .action = PROPAGATION, .propagation = MS_SHARED },
	{ .name = "silent" },
	{ .name = "slave", .action = PROPAGATION, .propagation = MS_SLAVE },
	{ .name = "strictatime", .set = MOUNT_ATTR_STRICTATIME },
	{ .name = "suid", .clear = MOUNT_ATTR_NOSUID },
	{ .name = "symfollow", .clear = MOUNT_ATTR_NOSYMFOLLOW },
	{ .name = "sync", .action = PASSED },
	{ .name = "tmpcopyup", .action = COPY_UP },
	{ .name = "unbindable", .action = PROPAGATION, .propagation = MS_UNBINDABLE },
};
/* clang-format on */

const char *mount_flag_name(size_t index)
{
	return index < ARRAY_SIZE(mount_flags) ? mount_flags[index].name : NULL;
}

static void data_add(struct spec_mount *mount, const char *option)
{
	char *more = mount->data ? str_printf("%s,%s", mount->data, option) : str_dup(option);

	free(mount->data);
	mount->data = more;
}

static void data_remove(struct spec_mount *mount, const char *option)
{
	_cleanup_strv_ char **words = strv_split(mount->data ? mount->data : "", ',');

	free(mount->data);
	mount->data = NULL;
	for (size_t i = 0; words[i]; i++)
		if (*words[i] && strcmp(words[i], option) != 0)
			data_add(mount, words[i]);
}

static void act(struct spec_mount *mount, const struct mount_flag *flag)
{
	switch (flag->action) {
	case BIND:
	case BIND_TREE:
		mount->kind = SPEC_MOUNT_BIND;
		mount->recursive = flag->action == BIND_TREE;
		break;
	case REMOUNT:
		mount->kind = SPEC_MOUNT_REMOUNT;
		break;
	case COPY_UP:
		mount->copy_up = true;
		break;
	case COPY_LINK:
		mount->copy_link = true;
		break;
	case MAP:
	case MAP_TREE:
		mount->own_map = true;
		mount->map_tree = flag->action == MAP_TREE;
		break;
	case PROPAGATION:
		mount->propagation = flag->propagation;
		break;
	case ACL:
		data_remove(mount, flag->name); /* told twice */
		data_add(mount, flag->name);
		break;
	case PASSED:
		if (mount->kind != SPEC_MOUNT_BIND)
			data_add(mount, flag->name);
		break;
	case NOTHING:
		break;
	}
}

void mount_flag_apply(struct spec_mount *mount, const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_flags); i++) {
		const struct mount_flag *flag = &mount_flags[i];

		if (strcmp(flag->name, option) != 0)
			continue;
		/* the later of two that contradict each other wins */
		mount->attr_set = (mount->attr_set & ~flag->clear) | flag->set;
		mount->attr_clear = (mount->attr_clear & ~flag->set) | flag->clear;
		mount->all_set = (mount->all_set & ~flag->all_clear) | flag->all_set;
		mount->all_clear = (mount->all_clear & ~flag->all_set) | flag->all_clear;
		if (flag->undoes)
			data_remove(mount, flag->undoes);
		act(mount, flag);
		return;
	}
	data_add(mount, option);
}

int mount_flag_finish(struct spec_mount *mount, struct err *err)
{
	_cleanup_strv_ char **words = strv_split(mount->data ? mount->data : "", ',');

	if (mount->kind == SPEC_MOUNT_OTHER)
		return 0;
	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], "noacl") == 0)
			return err_set(err, EOPNOTSUPP,
				       "option noacl: access control lists cannot be turned off "
				       "in a mount of this type");
	data_remove(mount, "acl");
	return 0;
}

uint64_t mount_flag_propagation(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_flags); i++)
		if (strcmp(mount_flags[i].name, word) == 0)
			return mount_flags[i].propagation;
	return 0;
}
