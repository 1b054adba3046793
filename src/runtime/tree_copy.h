/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fill a new volume with what the image has at its place: done by the container's first process, with its
 * rights and no others, so that nothing in the image can name a file of the host. */
#ifndef CLOCHE_RUNTIME_TREE_COPY_H
#define CLOCHE_RUNTIME_TREE_COPY_H

/* Copy the tree open at from into the folder open at to (O_PATH is fine) unless it has something already:
 * regular files, folders, links, fifos with owner, mode, times and user.* and security.capability xattrs; sockets and
 * device nodes are left out. Hard links become copies. 0 or -errno. */
int tree_copy_into_empty(int from, int to);

#endif
