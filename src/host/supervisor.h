/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose the children of a process are, by its own words: conmon, containerd's shim, systemd-nspawn, lxc-start and cloche-monitor carry
 * the container's id and name in their arguments. */
#ifndef CLOCHE_HOST_SUPERVISOR_H
#define CLOCHE_HOST_SUPERVISOR_H

#include <stddef.h>
#include <sys/types.h>

struct cgroup_owner;

/* words: NUL-separated arguments, `length` bytes with the last NUL. Owner is left as it was when they say nothing. */
void supervisor_parse(const char *words, size_t length, struct cgroup_owner *owner);
/* The same for a process; one that is gone says nothing. */
void supervisor_owner(pid_t pid, struct cgroup_owner *owner);
/* The value of --NAME VALUE, --NAME=VALUE or -NAME VALUE among words; NULL: none. */
const char *supervisor_option(const char *words, size_t length, const char *option);
/* The arguments of a process: a buffer of the caller's, at least 2 bytes; how many bytes, the last one NUL. 0: gone, or none. */
size_t supervisor_words(pid_t pid, char *out, size_t size);

#endif
