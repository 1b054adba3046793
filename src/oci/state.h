/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state folder of a container, ROOT/ID (0700, flock'd by who changes the container):
 *	state.json	what is below; written before anything else is made, so that delete finds what a killed create left
 *	config.json	as it was at create: the bundle's may change
 *	cgroup		which cgroup is ours: boot id and identity; written before anybody is in it
 *	start		the socket on which the first process waits for `start`
 *
 * What always holds: a pid is believed only with its start time and boot id; the status is looked up, never remembered.
 */
#ifndef CLOCHE_OCI_STATE_H
#define CLOCHE_OCI_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/scope.h"

struct buf;
struct cgroup;
struct err;
struct oci;
struct spec;
struct spec_pair;

enum oci_status {
	OCI_CREATING,
	OCI_CREATED,
	OCI_RUNNING,
	OCI_PAUSED,
	OCI_STOPPED,
};
const char *oci_status_name(enum oci_status status);

struct state {
	char *id, *version, *bundle, *rootfs, *created, *cgroup, *owner, *boot;
	int pid;	     /* 0: not yet */
	uint64_t start_time; /* of pid, in ticks since boot: proc_pid_stat(5) */
	bool own_pid_namespace;
	struct scope scope; /* of systemd, when that has the cgroup */
	struct spec_pair *annotations;
	size_t annotation_count;
	int dir; /* the folder */
};
#define STATE_EMPTY ((struct state){ .dir = -1 })
void state_clear(struct state *state);

/* -EINVAL: not the name of a container. */
int state_id_check(const char *id, struct err *err);
/* Make the folder, locked. -EEXIST. */
int state_new(const struct oci *oci, const char *id, int *ret_dir, struct err *err);
/* ROOT as a descriptor, made when missing. */
int state_root(const struct oci *oci, struct err *err);
int state_write(const struct state *state, struct err *err);
/* -ENOENT: `container "ID" does not exist`. */
int state_read(const struct oci *oci, const char *id, struct state *ret_state, struct err *err);
int state_lock(const struct state *state, struct err *err);
void state_remove(const struct oci *oci, const char *id);

/* *ret_pidfd (when not NULL): of the first process, or -1. cgroup NULL: paused is not told from running. */
enum oci_status state_status(const struct state *state, struct cgroup *cgroup, int *ret_pidfd);
/* Fill pid, start_time and boot. */
int state_set_pid(struct state *state, pid_t pid, struct err *err);
/* Record that the cgroup at the state's path is ours, and look whether what is there now is the one recorded: a create that was killed
 * before it made it, or others after it was removed, may have left another's at that path, whose processes are not ours to kill. */
int state_cgroup_record(const struct state *state, struct cgroup *cgroup, struct err *err);
bool state_cgroup_is_ours(const struct state *state, struct cgroup *cgroup);
/* A connection to the socket of a container that waits for start; -ECONNREFUSED: it does not wait (any more). */
int state_connect(const struct state *state);

/* The state in the spec's JSON ("State"); status and pid as given. */
void state_json(struct buf *out, const struct state *state, const char *status, pid_t pid);
/* The kept config.json. */
int state_spec(const struct state *state, struct spec **ret_spec, struct err *err);

#endif
