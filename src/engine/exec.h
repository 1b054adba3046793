/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `exec`: a command in a running container, with the container's own user, rights and filter. */
#ifndef CLOCHE_ENGINE_EXEC_H
#define CLOCHE_ENGINE_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

struct engine;
struct err;
struct record;

struct exec_options {
	bool interactive, tty, detach, privileged;
	char **env, **env_files;
	const char *user, *workdir;
	unsigned short rows, columns;
};

struct exec_process { /* the caller's ends */
	pid_t pid;
	int pidfd, in, out, err, terminal; /* -1: none */
	char id[65];			   /* of the container */
	char exec_id[65];		   /* of this process, in events */
	struct record *record;		   /* of the container, for exec_end(); its own */
};

/* -ENOENT, -ESRCH with Docker's words and exit status 1; 126 and 127 for the command itself. */
int exec_start(struct engine *engine, const char *reference, char *const *command,
	       const struct exec_options *options, struct exec_process *ret_process,
	       struct err *err);
/* Tell in the event log how it went on, and forget what belongs to it but the descriptors. code: its exit code, -1: it runs on and
 * nobody of ours waits for it (detached). */
void exec_end(struct engine *engine, struct exec_process *process, int code);

#endif
