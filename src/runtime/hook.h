/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hooks of the runtime spec (config.md, "POSIX-platform Hooks"): programs that get the container's state on their stdin.
 * They run where the caller is: in the runtime's namespaces, or in init. */
#ifndef CLOCHE_RUNTIME_HOOK_H
#define CLOCHE_RUNTIME_HOOK_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct spec;
struct spec_hook;
struct spec_hooks;

/* Hooks that run while the container is made, before pivot_root. */
bool hook_any_of_create(const struct spec *spec);
/* Run one and wait for it, for its time-out at most, after which it is killed. 0: it exited with 0. -errno: not started; -ETIME: out
 * of time; -ECANCELED: a bad exit. *ret_status: as of waitpid(2). No words, since init calls it too. */
int hook_run(const struct spec_hook *hook, const char *state, int *ret_status);
/* All of a kind, in order; the first that fails ends it. kind: for the words. */
int hook_run_all(const struct spec_hooks *hooks, const char *kind, const char *state,
		 struct err *err);
/* The words for what hook_run returned. */
int hook_explain(const struct spec_hooks *hooks, const char *kind, size_t index, int code,
		 struct err *err);

#endif
