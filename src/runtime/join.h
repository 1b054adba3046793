/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Namespaces that are there already. A process made for it joins them (setns(2)), makes the container's first process as its
 * sibling (CLONE_PARENT), and ends: our own namespaces stay, which hooks and mounts need. It is also the one that makes
 * a time namespace with offsets, which can be set only before somebody is in it (time_namespaces(7)). */
#ifndef CLOCHE_RUNTIME_JOIN_H
#define CLOCHE_RUNTIME_JOIN_H

#include <stdbool.h>
#include <sys/types.h>

struct clone_args;
struct err;
struct spec;

bool join_wanted(const struct spec *spec);
/* As clone3(2) with args in the namespaces of spec: 0 in the child. -1: failed, err says why. */
pid_t join_clone(const struct spec *spec, const struct clone_args *args, int *ret_pidfd,
		 struct err *err);

/* The words, and what helps, for clone3(2) refused with code. Returns -code. */
int join_refused(int code, struct err *err);

/* Whether path is the user namespace that we are in, which cannot be joined. */
bool join_is_own_user(const char *path);

#endif
