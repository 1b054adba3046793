/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The OCI spec of a start, built in memory from a container's record. */
#ifndef CLOCHE_ENGINE_SPEC_BUILD_H
#define CLOCHE_ENGINE_SPEC_BUILD_H

#include <jansson.h>
#include <stdbool.h>

#include "runtime/spec.h"

struct engine;
struct err;
struct record;
struct seccomp_program;

struct built_spec {
	struct spec *spec;
	int *fds; /* descriptors that the spec refers to, closed by built_spec_clear */
	size_t fd_count;
	char **warnings;
};

/* The container's folder has its hosts, hostname, resolv.conf, upper and work already. */
int spec_build(struct engine *engine, const struct record *record, struct built_spec *ret_built,
	       struct err *err);
/* The devices of a container and the limits of its cgroup, rules included: for one that runs. */
int spec_build_devices(struct engine *engine, const struct record *record,
		       struct built_spec *ret_built, struct err *err);
/* What one more process in the running container needs of it: namespaces, process, rights, filter. */
int spec_build_process(struct engine *engine, const struct record *record,
		       struct built_spec *ret_built, struct err *err);
/* The limits of a record, without device rules. Strings become the resources'. */
void spec_resources(const struct record *record, struct spec_resources *resources);
/* What a container may not see and not write: lists for `inspect`; NULL where nothing is. */
json_t *spec_masked_json(const struct record *record);
json_t *spec_readonly_json(const struct record *record);
/* Only the layers of the root file system, topmost first, or rootfs_path. */
int spec_build_root(struct engine *engine, const struct record *record,
		    struct built_spec *ret_built, struct err *err);
/* One more lower layer above the others. */
int spec_layer_on_top(struct built_spec *built, const char *path, struct err *err);
/* The filter of a spec, from the cache of the instance. */
/* What --security-opt and --privileged say: a name, "unconfined", or NULL for the default one. The caller's to free. */
char *spec_apparmor_profile(const struct record *record);
int seccomp_for_spec(struct engine *engine, const struct spec *spec,
		     struct seccomp_program *program, struct err *err);
/* The host's device node at `host` for the container at `inside`, with its rule. rights: of r, w and m. */
int spec_device_add(struct spec *spec, const char *host, const char *inside, const char *rights,
		    struct err *err);
int built_spec_keep(struct built_spec *built, int fd); /* fd is its own now; returns fd */
void built_spec_clear(struct built_spec *built);
/* HostConfig.KEY is "host". */
bool spec_mode_is_host(const struct record *record, const char *key);
/* "/cloche/NAME-ID12" with the instance's suffix; to be freed */
char *spec_cgroup_path(struct engine *engine, const struct record *record);

/* The host's file of a time zone by name, or of its own with "local". NULL: no name of one. */
char *time_zone_file(const char *zone);

#endif
