/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file tree that a sandboxed worker writes: the only code that makes files from names it did not choose.
 *
 * 1. A folder is found by the kernel's resolver beneath the root, where links and ".." end; the last component
 *    is made exclusively, or the earlier thing of that name is removed first, a link itself and never its target.
 * 2. The last entry of a name wins, as with GNU tar; two folders of a name are one.
 * 3. Times of folders are set at the end, when nothing is made in them any more.
 *
 *	_cleanup_(tree_clear) struct tree tree;
 *	tree_init(&tree, root);
 *	fd = tree_file(&tree, "usr/bin/env", 0755, err);  ... write ...  tree_dress(fd, &attributes, err);
 *	tree_finish(&tree, err);
 */
#ifndef CLOCHE_TRANSFER_TREE_H
#define CLOCHE_TRANSFER_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/str.h"

struct archive_entry;
struct err;
struct tree_folder;

struct tree {
	int root;   /* the caller's */
	int parent; /* the folder of the last name, for the next one */
	char parent_path[PATH_MAX];
	bool parent_linked;	     /* a link leads to it */
	size_t replaced;	     /* things that had to go */
	struct tree_folder *folders; /* whose times are still to set */
	size_t folder_count, folder_room;
	struct buf names; /* of them */
};

struct attributes {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* 07777 */
	struct timespec time;
	struct archive_entry *xattrs; /* those of them that an image may set are set */
};

void tree_init(struct tree *tree, int root);
void tree_clear(struct tree *tree);

/* All paths are clean (tar_name_clean). Missing parents are made, 0755 and root's. */
/* A descriptor for writing, the caller's. mode: what it will be, of which 0777 is set at once. */
int tree_file(struct tree *tree, const char *path, mode_t mode, struct err *err);
int tree_folder(struct tree *tree, const char *path, const struct attributes *attributes,
		struct err *err);
int tree_symlink(struct tree *tree, const char *path, const char *target,
		 const struct attributes *attributes, struct err *err);
/* target: clean too. A link to a symlink is a second name of the symlink. -ENOENT: it is not in the layer. */
int tree_hardlink(struct tree *tree, const char *path, const char *target, struct err *err);
int tree_fifo(struct tree *tree, const char *path, const struct attributes *attributes,
	      struct err *err);
/* The absolute path, within the root, of the folder that path is in, links resolved. */
int tree_real_parent(struct tree *tree, const char *path, char ret_path[PATH_MAX], struct err *err);

/* Of the path that was made last: no link leads to it. */
bool tree_is_direct(const struct tree *tree, const char *path);

/* Owner, xattrs, mode, time: in this order, because chown(2) clears what the next two set. */
int tree_dress(int fd, const struct attributes *attributes, struct err *err);
int tree_finish(struct tree *tree, struct err *err);

#endif
