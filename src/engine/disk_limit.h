/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A limit of the disk space that a container's own layer (--storage-opt size=) or a volume (volume create -o size=) may take.
 *
 * Where the file system of the data root has project quotas (ext4 with prjquota, XFS with pquota), the folder gets a project of its own
 * with that limit. Elsewhere it gets a file system of its own: ext4 in the sparse file ROOT/disks/KIND-NAME, mounted at the folder by a
 * loop device. What is freed inside is freed outside.
 *
 *  1. The folder is either a mount, or has a project, or is made so by the next disk_limit_make(): what a reboot or a killed command
 *     leaves undone is done then.
 *  2. An image is formatted under another name and renamed when it is whole.
 *  3. disk_limit_release() comes before the folder is removed, and may come again.
 */
#ifndef CLOCHE_ENGINE_DISK_LIMIT_H
#define CLOCHE_ENGINE_DISK_LIMIT_H

#include <jansson.h>
#include <stdint.h>

struct create_options;
struct engine;
struct err;
struct record;

enum { DISK_LIMIT_SMALLEST = 8 << 20 };

/* "100m" as bytes; -EINVAL with words that begin with `what`. */
int disk_limit_parse(const char *what, const char *text, uint64_t *ret_bytes, struct err *err);
/* --storage-opt into HostConfig.StorageOpt. */
int disk_limit_option(const struct create_options *options, json_t *host, struct err *err);

/* Beneath the data root: where upper and work of the container are, "containers/ID" or, with a limit, "containers/ID/disk". */
char *disk_limit_folder(const struct record *record);
/* The container's limit is in force from here on, when it has one. */
int disk_limit_container(struct engine *engine, const struct record *record, struct err *err);
int disk_limit_container_release(struct engine *engine, const char *id, struct err *err);

/* options: the volume's, with or without "size". */
int disk_limit_volume(struct engine *engine, const char *name, const json_t *options,
		      struct err *err);
int disk_limit_volume_release(struct engine *engine, const char *name, struct err *err);

#endif
