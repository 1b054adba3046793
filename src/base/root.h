/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths that a container or an image could have touched: always by descriptor beneath a root, in
 * the kernel's resolver (openat2(2)), where absolute links and ".." end at the root. */
#ifndef CLOCHE_BASE_ROOT_H
#define CLOCHE_BASE_ROOT_H

#include <sys/types.h>

struct err;

/* Open path as a process chrooted to root would, magic links refused. flags as open(2).
 * Descriptor or -errno. */
int root_open(int root, const char *path, int flags, struct err *err);
/* Open the directory path beneath root for use as a mount target (O_PATH), making missing components with
 * mode 0755 and owner uid:gid. Links on the way are resolved within root; where one leads nowhere, that place is made. */
int root_make_dir(int root, const char *path, uid_t uid, gid_t gid, struct err *err);
/* Like root_make_dir for a regular file's place: an empty file is made when nothing is there. */
int root_make_file(int root, const char *path, uid_t uid, gid_t gid, struct err *err);

#endif
