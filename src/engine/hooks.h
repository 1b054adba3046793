/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OCI hooks of a container: those of --hooks-dir, which are files of oci-hooks(5) in version 1.0.0, and those of CDI devices. They run
 * as host's root, at the stages of the runtime spec (config.md, "POSIX-platform Hooks"), with the container's state on their stdin.
 *
 * "bundle" in that state is RUNROOT/hooks/ID, with a config.json that names root.path, hostname and annotations. At root.path a
 * createContainer hook sees the container's root file system with its mounts; it is there in its mount namespace alone. */
#ifndef CLOCHE_ENGINE_HOOKS_H
#define CLOCHE_ENGINE_HOOKS_H

#include <jansson.h>
#include <sys/types.h>

struct create_options;
struct engine;
struct err;
struct record;
struct spec;

/* The folders of --hooks-dir, as absolute paths, into own; their files must be well formed now. */
int hooks_option(const struct create_options *options, json_t *own, struct err *err);
/* At a start: the hooks whose conditions the container meets, into the spec. A file in a later folder replaces one of the same name. */
int hooks_fill(const struct record *record, struct spec *spec, struct err *err);
/* {path, args, env, timeout}, of the runtime spec, for a stage by its name. */
int hooks_add(struct spec *spec, const char *stage, const json_t *hook, struct err *err);

struct hooks_data {
	const struct engine *engine;
	const struct record *record;
};
/* Of struct container_io; data is a struct hooks_data. */
char *hooks_state(const void *data, pid_t pid, const char *status);

/* Before the first process is made: the bundle, and in RUN/ID what runs at the end. Nothing where there are no hooks. */
int hooks_prepare(struct engine *engine, const struct record *record, struct spec *spec, int run,
		  struct err *err);
/* The container runs. A hook that fails is a warning. */
void hooks_poststart(struct engine *engine, const struct record *record, const struct spec *spec,
		     pid_t pid, char ***warnings);
/* The container has ended, and its run folder is still there. Who is killed meanwhile runs them twice, not never. */
void hooks_release(struct engine *engine, const struct record *record, int run);

#endif
