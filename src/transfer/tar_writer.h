/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tar of regular files with short names (ustar; sizes over 8 GiB in base 256): what `save` writes. No time, no owner, so
 * that the same images give the same bytes. */
#ifndef CLOCHE_TRANSFER_TAR_WRITER_H
#define CLOCHE_TRANSFER_TAR_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* name: at most 100 bytes. */
int tar_write_bytes(int out, const char *name, const void *bytes, size_t length, struct err *err);
int tar_write_file(int out, const char *name, int fd, uint64_t size, struct err *err);
/* For what the caller writes between them. */
int tar_write_head(int out, const char *name, uint64_t size, struct err *err);
int tar_write_pad(int out, uint64_t size, struct err *err);
int tar_write_end(int out, struct err *err);

#endif
