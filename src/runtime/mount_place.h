/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places beneath the root of a container, open as root, where a mount goes. Without words: they are used between clone and exec,
 * where numbers travel. */
#ifndef CLOCHE_RUNTIME_MOUNT_PLACE_H
#define CLOCHE_RUNTIME_MOUNT_PLACE_H

#include <stdbool.h>

/* Attach a mount at path beneath root, making the place. `directory` says which kind of place. 0 or -errno. */
int mount_place_attach(int root, const char *path, int mount_fd, bool directory);
/* The place at path with no link on the way to it, made when it is missing: what is put there must not be led elsewhere by
 * whoever writes the root file system (CVE-2019-19921, CVE-2023-27561, CVE-2025-52565). A descriptor, -ELOOP, or -errno. */
int mount_place_strict(int root, const char *path, bool directory);

#endif
