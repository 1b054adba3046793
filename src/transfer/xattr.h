/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Extended attributes of an archive's entry: what an image may set. user.* but overlayfs's own, and file capabilities.
 * Everything else, trusted.* first of all, is dropped without a word: an image that could forge overlayfs's marks would
 * redirect and hide files that no scan of its archives shows. */
#ifndef CLOCHE_TRANSFER_XATTR_H
#define CLOCHE_TRANSFER_XATTR_H

struct archive_entry;
struct err;

/* entry NULL: nothing. -EINVAL: a security.capability that is none. What a file system cannot store of user.* is left out. */
int xattr_copy(int fd, struct archive_entry *entry, struct err *err);

#endif
