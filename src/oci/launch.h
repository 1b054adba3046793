/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a bundle to a created container: what create and run share. */
#ifndef CLOCHE_OCI_LAUNCH_H
#define CLOCHE_OCI_LAUNCH_H

#include <stdbool.h>

#include "oci/notify.h"
#include "oci/state.h"
#include "runtime/container.h"

struct cgroup;
struct err;
struct oci;
struct spec;

struct launch_options { /* of create, run and, some of them, exec */
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	bool detach, keep, no_pivot, no_new_keyring, no_subreaper, no_mount_fallback;
	long preserve_fds;
};

struct launched {
	struct state state;
	struct spec *spec;
	struct cgroup *cgroup;
	struct container container;
	struct notify notify; /* of run: the command may tell that it is ready */
	bool scope_made;
};
#define LAUNCHED_NONE \
	((struct launched){ .container = CONTAINER_NONE, \
			    .state = STATE_EMPTY, \
			    .notify = NOTIFY_NONE })
void launched_clear(struct launched *launched);

/* wait_socket: init waits for `start` from another process. Changes the working folder to the bundle. On failure nothing is left. */
int launch(const struct oci *oci, const char *id, struct launch_options *options, bool wait_socket,
	   struct launched *ret_launched, struct err *err);
/* Undo it: kill, remove cgroup and state. */
void launch_undo(const struct oci *oci, struct launched *launched);

/* -- shared with exec ------------------------------------------------------------------------- */

/* Descriptors that go along: --preserve-fds and those of LISTEN_FDS, with their variables. -EBADF names one that is not open. */
int launch_preserve(long preserve_fds, struct spec *spec, struct container_io *io, struct err *err);
/* Send the terminal's master to --console-socket. */
int launch_console_send(const char *path, int master, struct err *err);
int launch_pidfd_send(const char *path, int pidfd, struct err *err);
int launch_pid_write(const char *path, pid_t pid, struct err *err);
/* The filter of the spec into *ret; its cache is in ROOT/.cache. filter NULL: unconfined. */
struct seccomp_program;
int launch_seccomp(const struct oci *oci, const struct spec *spec, struct seccomp_program *ret,
		   struct err *err);
int launch_listener(const struct spec *spec, const struct seccomp_program *program,
		    struct container_io *io, struct err *err);
/* For struct container_io: data is a struct hook_data. */
struct hook_data {
	const struct state *state;
	const struct spec *spec;
};
char *launch_hook_state(const void *data, pid_t pid, const char *status);
char *launch_listener_state(const void *data, pid_t pid);
void launch_warnings(const struct oci *oci, const struct spec *spec);

#endif
