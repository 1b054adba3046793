/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between a stream of files (tree_stream.h) and a tar. Writing is here: POSIX ustar with pax records for what does not fit
 * (pax(1)). Reading a foreign tar is cloche-transfer's, in its sandbox; what it made of it is checked again. */
#ifndef CLOCHE_ENGINE_TAR_STREAM_H
#define CLOCHE_ENGINE_TAR_STREAM_H

struct engine;
struct err;

enum tar_kind {
	TAR_PLAIN, /* the names as they come */
	TAR_LAYER, /* an image's layer: .wh. names for what is gone (OCI image spec, layer.md) */
};

int tar_from_stream(int in, int out, enum tar_kind kind, struct err *err);
/* The tar on descriptor `in` as the inside of a folder; without the end of the stream. */
int tar_to_stream(struct engine *engine, int in, int out, struct err *err);

#endif
