/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one container start. The caller becomes the parent of the container's first process ("init"):
 *
 *	container_create(&c, &spec, &io, err);   init exists, is set up to its last step, and waits
 *	    io.meanwhile(data, &c, err)          network, in the caller, while init sets itself up
 *	... run folder ...
 *	container_go(&c, err);                   init executes the user's command
 *	exec cloche-monitor with c.pid, c.pidfd, c.report, c.terminal
 *
 * What the two sides do, and why in this order, stands in docs/ARCHITECTURE.md ("A run"). All that needs the host's
 * rights (id maps, layers, binds, device nodes, cgroups) is made by the parent and handed over as
 * detached mounts; init, which has no rights outside, attaches them beneath its own root.
 */
#ifndef CLOCHE_RUNTIME_CONTAINER_H
#define CLOCHE_RUNTIME_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup;
struct container;
struct err;
struct seccomp_program;
struct spec;

struct container_io {
	int stdio[3];	 /* become 0, 1, 2 of init; not looked at with a terminal */
	int init_binary; /* --init: the reaper's program, read-only; -1: none */

	/* What only an OCI runtime needs; zero and CONTAINER_IO_NONE are the same as not there. */
	int start; /* a listening socket (seqpacket): after container_go init waits on it for one more word,
		       * which container_start sends from whatever process; -1: it does not wait */
	int listener; /* connected: where the descriptor of a filter with SCMP_ACT_NOTIFY goes; -1: nowhere */
	int preserve;	/* so many descriptors from 3 on go to the command */
	bool own_stdio; /* pipes and sockets among stdio are given to the user of the command */
	/* The state of the container in JSON for a hook; in the caller and, between clone and exec, in init. */
	char *(*hook_state)(const void *data, pid_t pid, const char *status);
	/* What goes along with the descriptor to the listener (config-linux.md, "containerProcessState"); called in init. */
	char *(*listener_state)(const void *data, pid_t pid);
	/* The cgroup is made, and nobody is in it yet: for a record that tells it from one of the same name. */
	int (*cgroup_made)(const void *data, struct cgroup *cgroup, struct err *err);
	/* Init has its namespaces, ids and mounts, and attaches these: time for what needs the namespaces alone.
	 * Before hooks of the runtime. */
	int (*meanwhile)(const void *data, const struct container *container, struct err *err);
	const void *data;
};
#define CONTAINER_IO_NONE \
	((struct container_io){ .stdio = { -1, -1, -1 }, \
				.init_binary = -1, \
				.start = -1, \
				.listener = -1 })

struct container {
	pid_t pid; /* as the caller sees it; 0: none */
	int pidfd;
	int report;   /* read end: EOF once the command runs, else one struct container_report */
	int terminal; /* master, or -1 */
	int sync;     /* private: init waits on the other end */
};
#define CONTAINER_NONE ((struct container){ .pidfd = -1, .report = -1, .terminal = -1, .sync = -1 })

struct container_report { /* one atomic write of init, below PIPE_BUF; the monitor passes it on unread */
	uint32_t step; /* low byte: enum of container_step.h; above it: index of the mount, path, ... */
	int32_t code; /* errno */
};

/* seccomp NULL: unconfined. On failure nothing is left: no process, no cgroup. Spec and program are only read. */
int container_create(struct container *ret_container, const struct spec *spec,
		     const struct container_io *io, const struct seccomp_program *seccomp,
		     struct cgroup *cgroup, struct err *err);
/* -EPIPE: init is gone; its report tells why. */
int container_go(struct container *container, struct err *err);
/* The other end of io.start, from whatever process: let init go on, and wait until the command runs. 0, or 1 with *ret_report when
 * it does not, or -errno. connection: connected to the socket; it stays the caller's. */
int container_start(int connection, struct container_report *ret_report);
/* Kill and reap init, close the descriptors. Nothing happens to CONTAINER_NONE. */
void container_abort(struct container *container);
void container_close(struct container *container);

/* Start spec->process in the namespaces of a running container, whose first process is init_pidfd, and in its cgroup; everything else of the
 * spec is what the container was started with. The command runs when this returns 0 and report is at its end (container_exec reads it).
 * The caller joins the container's pid namespace for its children: it must be a program about to end. */
int container_exec(struct container *ret_container, const struct spec *spec, int init_pidfd,
		   const struct container_io *io, const struct seccomp_program *seccomp,
		   struct cgroup *cgroup, struct err *err);

/* The words and the exit status (126, 127 or 125) for a report, and its -errno. */
int container_explain(const struct spec *spec, const struct container_report *report,
		      struct err *err);

#endif
