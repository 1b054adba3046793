/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The SELinux labels of a container: ProcessLabel and MountLabel of its record, chosen when it is made, in force at each start and for each
 * further process. Where SELinux is off all of this does nothing, after one look, nor with the setting `selinux = false`.
 *
 * 1. Two containers of an instance have different categories, unless the user says otherwise (label=level:...).
 * 2. A record without labels, made while SELinux was off, is as confined as others: they follow from its id.
 */
#ifndef CLOCHE_ENGINE_CONTAINER_LABEL_H
#define CLOCHE_ENGINE_CONTAINER_LABEL_H

#include <stdbool.h>

struct engine;
struct err;
struct record;
struct spec;

/* At create, when HostConfig is complete: into record->config. */
int container_label_choose(struct engine *engine, struct record *record, struct err *err);
/* Those of a start or a further process: into spec. -EINVAL: the policy that is loaded does not know one. */
int container_label_apply(const struct engine *engine, const struct record *record,
			  struct spec *spec, struct err *err);
/* z and Z of binds and volumes in the record's Mounts. spec: with its labels. */
int container_label_binds(const struct record *record, const struct spec *spec, struct err *err);
/* Streams of the container: it can use and open again what has its label, whatever the label and the categories of who starts it.
 * A fifo that we made, open; and a pipe, made as a fifo in run (the container's folder) that has lost its name, since the kernel
 * lets nobody label a pipe. ret_ends as of pipe(2). */
int container_label_fifo(const struct spec *spec, int fd, struct err *err);
int container_label_pipe(const struct spec *spec, int run, int ret_ends[2], struct err *err);
/* Files of the engine that are bound into it: those below folder, which is its own; shared: of the container whose network it shares. */
int container_label_files(const struct spec *spec, const char *folder, bool shared,
			  struct err *err);
/* A volume that nobody labelled, which its _data has in common with the folder it is in, is for all containers. */
int container_label_volume(const struct spec *spec, int volume, int data, const char *path,
			   struct err *err);

#endif
