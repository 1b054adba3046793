/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-runtime: the command line of an OCI runtime, as runc and crun have it, over src/runtime. No process of it stays: who
 * calls it (containerd's shim, conmon) is the subreaper that gets the container's first process as a child. */
#ifndef CLOCHE_OCI_OCI_H
#define CLOCHE_OCI_OCI_H

#include <stdbool.h>

#include "base/opt.h"

struct err;

#define OCI_ROOT "/run/cloche-runtime"

struct oci { /* the global options */
	const char *root, *log, *log_format, *cgroup_manager, *rootless, *criu;
	bool debug, systemd_cgroup, version;
	int log_fd;
	const char *
		log_name; /* not NULL: log_fd is a socket of syslog or of the journal, and we are called so */
	bool log_journal;
};

extern const struct command oci_create, oci_run, oci_start, oci_state, oci_kill, oci_delete,
	oci_exec, oci_list, oci_ps, oci_pause, oci_resume, oci_update, oci_events, oci_features,
	oci_spec, oci_checkpoint, oci_restore, oci_mounts;

/* -- log.c ------------------------------------------------------------------------------------ */

/* To --log, a file (or file:PATH), syslog:NAME or journald:NAME, as text or JSON lines, as containerd and podman read them; without one to stderr, debug only with --debug.
 * level: "error", "warning", "debug". */
int oci_log_open(struct oci *oci, struct err *err);
void oci_log(const struct oci *oci, const char *level, const char *words);
/* The error that ends a command: to the log and to stderr. */
void oci_log_error(const struct oci *oci, const struct err *err);

#endif
