/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A layer of our own making to gzip, for the registry and the store: pieces of a megabyte, each a member of its own (RFC 1952, 2.2), by several
 * threads. The members do not depend on how many threads there are, and no time is written: the same tar gives the same bytes,
 * as long as CLOCHE_GZIP_LEVEL (1 to 9; 1) is the same. */
#ifndef CLOCHE_TRANSFER_COMPRESS_H
#define CLOCHE_TRANSFER_COMPRESS_H

struct err;

/* From the start of a file to another's end. */
int compress_file(int from, int to, struct err *err);

#endif
