/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts by descriptor (fsopen(2), open_tree(2), mount_setattr(2)): made detached, then attached to
 * a target that was resolved beneath the container's root. All return a mount descriptor or -errno
 * with errno set; no words, since most run between clone and exec. */
#ifndef CLOCHE_RUNTIME_MOUNT_H
#define CLOCHE_RUNTIME_MOUNT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spec;
struct err;

enum { MOUNT_DATA_MAX = 4096 };

/* A new file system. data: "key=value,flag,..." or NULL; it is cut at its commas in a copy on the
 * stack (less than MOUNT_DATA_MAX). attrs: MOUNT_ATTR_*. */
int mount_new(const char *type, const char *source, const char *data, unsigned int attrs);
/* The same; label: of SELinux, for all that is in it ("context", mount(8)), or NULL, or "". It may hold commas. */
int mount_new_labelled(const char *type, const char *source, const char *data, const char *label,
		       unsigned int attrs);
/* A detached copy of what lies at dir/path (O_PATH semantics); AT_RECURSIVE in flags for the tree. */
int mount_copy(int dir, const char *path, unsigned int flags);
/* A detached copy of one file or folder of a file system that is itself detached, as mount_new makes it. fs may be used up by it:
 * one part of each. */
int mount_part(int fs, const char *name);
/* Its way where the kernel copies nothing of a detached mount (before Linux 6.15). */
int mount_part_elsewhere(int fs, const char *name);
int mount_change(int fd, uint64_t attrs_set, uint64_t propagation, int userns_fd,
		 unsigned int flags);
int mount_adjust(int fd, uint64_t attrs_set, uint64_t attrs_clear, uint64_t propagation,
		 int userns_fd, unsigned int flags);
/* Attach to target_fd. 0 or -errno. */
int mount_attach(int mount_fd, int target_fd);
/* The same at a name in a folder whose content is ours: links in the last component are not followed. */
int mount_attach_at(int mount_fd, int dir, const char *name);

/* The container's root as one detached overlay mount, in the parent: lower layers and upper
 * id-mapped through userns_fd (-1: not mapped), mounted with the container root's fsuid and fsgid.
 * parts: room for spec->lower_count + 1 descriptors of detached mounts, or -1. They stay the caller's, who hands them to
 * mount_parts_drop: the kernel dissolves a detached mount at its last close, and waits for a grace period then. */
int mount_overlay(const struct spec *spec, int userns_fd, int *parts, struct err *err);
/* Close detached mounts without waiting: a process made for it, a sibling of ours, has them last. */
void mount_parts_drop(const int *parts, size_t count);

#endif
