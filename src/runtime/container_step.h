/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of init between clone and exec; private to container*.c. Each has words in the table of container_report.c. */
#ifndef CLOCHE_RUNTIME_CONTAINER_STEP_H
#define CLOCHE_RUNTIME_CONTAINER_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/container.h"

struct cgroup_door;
struct err;
struct spec;
struct seccomp_program;

enum container_step {
	STEP_NONE,
	STEP_SYNC,
	STEP_CGROUP,
	STEP_JOIN,
	STEP_BECOME_ROOT,
	STEP_HOSTNAME,
	STEP_PROPAGATION,
	STEP_ROOT,
	STEP_MOUNT,	   /* index: mounts */
	STEP_MOUNT_TARGET, /* index: mounts */
	STEP_CGROUP_NAMESPACE,
	STEP_DEVICE,	  /* index: standard nodes */
	STEP_DEVICE_USER, /* index: spec->devices */
	STEP_TERMINAL,
	STEP_SYSCTL,   /* index: sysctls */
	STEP_MASK,     /* index: masked_paths */
	STEP_READONLY, /* index: readonly_paths */
	STEP_PIVOT,
	STEP_NETWORK,
	STEP_KEYRING,
	STEP_RLIMIT, /* index: rlimits */
	STEP_STDIO,
	STEP_CAPABILITIES,
	STEP_GROUPS,
	STEP_USER,
	STEP_USER_LOOKUP,
	STEP_GROUP_LOOKUP, /* index: group_names + 1; 0: that of the user */
	STEP_COPY_UP,	   /* index: mounts */
	STEP_SECCOMP,
	STEP_LISTENER,
	STEP_CWD,
	STEP_REAL_PROC, /* index: mounts; a mount in /proc, or a link in the way of proc or sysfs */
	STEP_HOOK_CREATE, /* index: of createContainer hooks */
	STEP_HOOK_START,  /* index: of startContainer hooks */
	STEP_ROOT_PROPAGATION,
	STEP_LABEL,
	STEP_PERSONALITY,
	STEP_SCHEDULER,
	STEP_IO_PRIORITY,
	STEP_MEMORY_POLICY,
	STEP_UNMOUNT, /* index: mounts */
	STEP_BIRTH,
	STEP_EXEC,
	STEP_COUNT
};

struct init_plan {
	struct spec *spec; /* init's own copy, since the fork: it fills in users */
	const struct container_io *io;
	const struct seccomp_program *seccomp;
	struct cgroup *cgroup; /* NULL in an exec */
	const struct cgroup_door *door;
	int sync;   /* seqpacket to the parent */
	int report; /* write end */
	int proc;   /* the host's /proc, which nobody in the container has touched */
	/* Returns in the process that is to go on, which is born with what it has at its execve; NULL: that is us. */
	void (*birth)(const struct init_plan *plan);
};

/* What the parent and init say to each other; each one packet. */
enum init_word {
	INIT_MAPPED = 'm',
	INIT_MOUNTS = 'f',
	INIT_READY = 'r',
	INIT_GO = 'g',
	INIT_HOOKS = 'h'
};

/* Whether the parent makes the device nodes, which a user namespace cannot; else init does. */
bool container_nodes_by_parent(const struct spec *spec);
/* A bind as a detached mount, its attributes and id maps set. userns: the container's, -1: the host's. */
struct spec_device;
struct spec_mount;
int container_bind_open(const struct spec *spec, const struct spec_mount *mount, int userns,
			struct err *err);
/* A node of a device, owned by the container, as a detached mount; device->uid and gid are the container's. */
int container_device_open(const struct spec *spec, const struct spec_device *device,
			  struct err *err);
/* Whether the container's root, mounts and pivot are made; not in a mount namespace that was joined. */
bool container_has_root(const struct spec *spec);

/* Tell the parent the step and the number, and end. */
_Noreturn void container_fail(const struct init_plan *plan, enum container_step step, size_t index,
			      int code);

_Noreturn void container_init(const struct init_plan *plan);

#endif
