/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* -v, --mount and --tmpfs: text to struct mount_option; the one place that knows the three spellings. */
#ifndef CLOCHE_ENGINE_MOUNT_OPTION_H
#define CLOCHE_ENGINE_MOUNT_OPTION_H

#include <stdbool.h>

struct err;

enum mount_option_type { MOUNT_OPTION_BIND, MOUNT_OPTION_VOLUME, MOUNT_OPTION_TMPFS };

struct mount_option {
	enum mount_option_type type;
	char *source; /* bind: host path; volume: name, NULL for an anonymous one */
	char *target; /* absolute, clean */
	bool readonly, nonrecursive, nocopy,
		create_source; /* create_source: -v makes a missing folder, --mount does not */
	char *propagation;     /* rprivate, ... or NULL */
	char *subpath;	       /* within a named volume, or NULL */
	char *idmap;	       /* container, owner, none, or NULL */
	char relabel;	       /* z: as all containers share it, Z: as one has it; SELinux */
	bool setid;	       /* setid=allow lifts the refusal of set-id files */
	char *tmpfs_data;      /* "mode=1777,size=65536k" */
	char *tmpfs_text;      /* as HostConfig.Tmpfs has it */
	bool noexec, exec, suid, nosuid; /* tmpfs, binds */
};
void mount_option_clear(struct mount_option *option);

int mount_option_volume(const char *text, struct mount_option *ret_option, struct err *err);
int mount_option_mount(const char *text, struct mount_option *ret_option, struct err *err);
int mount_option_tmpfs(const char *text, struct mount_option *ret_option, struct err *err);

#endif
