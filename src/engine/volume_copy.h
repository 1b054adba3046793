/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Volumes on the move: out as a tar, in from a tar, and a copy beside it. Numbers of owners are those of the containers, as they lie on disk, so
 * that they are right wherever the volume comes to. Who runs may go on; what it writes meanwhile is in the copy or not.
 *
 * A volume that is not there yet is made in tmp/ and gets its row and its name when it is whole: a killed import leaves nothing that could
 * be taken for one. Into one that is there what comes is put over what is.
 */
#ifndef CLOCHE_ENGINE_VOLUME_COPY_H
#define CLOCHE_ENGINE_VOLUME_COPY_H

struct engine;
struct err;

int volume_export(struct engine *engine, const char *name, int out, struct err *err);
int volume_import(struct engine *engine, const char *name, int in, struct err *err);
/* -EEXIST: `to` is there already. Labels go along. */
int volume_clone(struct engine *engine, const char *from, const char *to, struct err *err);

#endif
