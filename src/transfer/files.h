/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tar as a stream of files (base/tree_stream.h), for who unpacks it in a container. Read in the sandbox. */
#ifndef CLOCHE_TRANSFER_FILES_H
#define CLOCHE_TRANSFER_FILES_H

struct err;
struct work;

/* in: the tar; out: the stream, without its end. Devices are left out; a hard link is an error. */
int files_stream(const struct work *work, int in, int out, struct err *err);

#endif
