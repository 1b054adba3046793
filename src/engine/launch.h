/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process between a start and its monitor: it makes the container, and its network meanwhile, says go, and becomes the monitor. */
#ifndef CLOCHE_ENGINE_LAUNCH_H
#define CLOCHE_ENGINE_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

struct cgroup;
struct endpoints;
struct engine;
struct monitor_exec;
struct publish;
struct record;
struct seccomp_program;
struct spec;

struct launch {
	struct engine *engine;
	struct record *record;
	struct spec *spec;
	const struct seccomp_program *seccomp;
	struct cgroup *cgroup;
	struct endpoints *endpoints;
	struct publish *publish;
	struct monitor_exec *monitor;
	int dir, run; /* containers/ID and RUN/ID */
	int client;   /* the starting command, for the monitor */
	int result;   /* where a struct err goes when it fails; closed by the exec of the monitor */
	int init_binary; /* -1: none */
	int64_t started_ns;
};

/* After a fork, which is for this alone. What a start that failed has left, the command takes back: who is killed here cannot. */
_Noreturn void launch_process(struct launch *launch);

#endif
