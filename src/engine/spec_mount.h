/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mounts of a start's spec: those of every container, its own files in /etc, and those that the user asked for. For spec_build.c, which
 * calls them in this order; what is below the mount point of another comes after it.
 *
 *	spec_mounts_system(record, spec, shared_shm);
 *	spec_mounts_user(engine, record, built, err);
 *	spec_mounts_own(record, spec, folder);
 */
#ifndef CLOCHE_ENGINE_SPEC_MOUNT_H
#define CLOCHE_ENGINE_SPEC_MOUNT_H

struct built_spec;
struct engine;
struct err;
struct record;
struct spec;

/* shared_shm: a descriptor of another container's /dev/shm, or -1. */
void spec_mounts_system(const struct record *record, struct spec *spec, int shared_shm);
void spec_mounts_own(const struct record *record, struct spec *spec, const char *folder);
int spec_mounts_user(struct engine *engine, const struct record *record, struct built_spec *built,
		     struct err *err);

#endif
