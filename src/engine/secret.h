/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --secret: a file or a variable of who runs the container, as a file in it that lies in memory only. The record knows where
 * each comes from, never what it is: a later start reads the file again, or takes the variable from its own environment. A pipe, as a
 * shell's <(command) is, gives its bytes once: they are kept by this process until its start of the container, and no longer.
 *	--secret id=NAME[,src=FILE|env=NAME][,target=PATH][,uid=N][,gid=N][,mode=OCTAL]
 */
#ifndef CLOCHE_ENGINE_SECRET_H
#define CLOCHE_ENGINE_SECRET_H

#include <jansson.h>
#include <stdbool.h>

struct built_spec;
struct engine;
struct err;
struct record;

/* The list of options as the record has it, a new reference; the sources must be there now. NULL: refused. */
json_t *secret_options(struct engine *engine, char *const *list, struct err *err);
/* One of them came from a pipe: no other process can start the container. */
bool secrets_once(const json_t *secrets);
/* At a start: mounts of them in built->spec. */
int secret_mounts(struct engine *engine, const struct record *record, struct built_spec *built,
		  struct err *err);
void secrets_forget(struct engine *engine);

#endif
