/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose a process is, by the text of its /proc/PID/cgroup: every engine names a container's folder after it. Known are the forms of
 * Cloche, Docker, Podman, containerd, Kubernetes, CRI-O, LXC/Incus and systemd-nspawn; on cgroup v1, hybrid and v2; with the cgroupfs and
 * the systemd driver. Where containers are nested the outermost one counts: it is the host's.
 */
#ifndef CLOCHE_HOST_CGROUP_OWNER_H
#define CLOCHE_HOST_CGROUP_OWNER_H

#include <stdbool.h>

enum host_engine {
	ENGINE_HOST,
	ENGINE_CLOCHE,
	ENGINE_DOCKER,
	ENGINE_PODMAN,
	ENGINE_CONTAINERD,
	ENGINE_KUBERNETES,
	ENGINE_CRIO,
	ENGINE_LXC,
	ENGINE_NSPAWN,
	ENGINE_OTHER, /* namespaces of its own, made by something else */
};
const char *host_engine_word(enum host_engine engine); /* "docker"; "" for the host */
/* The engine of a word, ENGINE_HOST for "host"; -1: none. */
int host_engine_find(const char *word);

enum { OWNER_TEXT = 80 };

struct cgroup_owner {
	enum host_engine engine;
	char id[OWNER_TEXT];   /* 64 hex digits, Cloche: 12; LXC and nspawn: "" */
	char name[OWNER_TEXT]; /* Cloche, LXC, nspawn: from the folder; else "" */
	char part[OWNER_TEXT]; /* Cloche: "-" and the instance's digits; containerd: its namespace; Kubernetes: the pod's uid */
};

/* False: the host's own, as far as its cgroup says. */
bool cgroup_owner_parse(const char *text, struct cgroup_owner *ret_owner);

#endif
