/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of `run` that Docker does not have and Podman does: --timeout, --requires, and the words auto and keep-id of --userns. They stand
 * in the record under .Cloche (Timeout in seconds, Requires as a list of {Id, Healthy}).
 */
#ifndef CLOCHE_ENGINE_EXTRA_OPTION_H
#define CLOCHE_ENGINE_EXTRA_OPTION_H

#include <jansson.h>

struct create_options;
struct engine;
struct err;
struct record;

int extra_options(struct engine *engine, const struct create_options *options, json_t *own,
		  struct err *err);
/* --userns=auto is what a container has anyway. With keep-id its process has the number of the user who asks for it (of sudo, doas or login), so
 * that files in folders that are mounted are his: *ret_user, "UID:GID", when options->user is not set; else NULL. */
int extra_userns(const struct create_options *options, char **ret_user, struct err *err);
/* Start what the container requires and does not run yet, and wait for those that have to be healthy. The caller holds the lock of this one;
 * only what was there before it can be required, so that nobody waits for himself. Closes the store. */
int extra_requires_start(struct engine *engine, const struct record *record, char ***ret_warnings,
			 struct err *err);

#endif
