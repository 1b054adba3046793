/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors and whole files. Every descriptor made here is close-on-exec. */
#ifndef CLOCHE_BASE_FD_H
#define CLOCHE_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

struct err;

#define _cleanup_close_ _cleanup_(fd_cleanup)
#define fd_take(p) \
	__extension__({ \
		int fd_take_ = *(p); \
		*(p) = -1; \
		fd_take_; \
	})

void fd_close(int fd);	  /* -1 is fine; keeps errno */
void fd_cleanup(int *fd); /* for _cleanup_close_ */
bool fd_is_regular(int fd);

/* Write all of it. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t length);
/* The same to a pipe, of what stands in a file of ours at `offset`, too: the pipe gets the file's pages, not a copy (splice(2)), where
 * the file system can do that. Nobody may change the file before the pipe was read. */
int fd_write_pages(int pipe, int file, off_t offset, const void *data, size_t length);
/* Read to the end of file, at most limit_bytes (-EFBIG beyond). The buffer is added to. */
int fd_read_all(int fd, size_t limit_bytes, struct buf *buf);

/* A small file beneath a directory descriptor, whole, no symlink followed at its last component. 0 or -errno, no words:
 * callers know what the file is for. */
int file_read(int dir, const char *path, size_t limit_bytes, struct buf *buf);
/* The same for a file that a user of ours named: links are followed and pipes waited for, as `--env-file <(pass show web)` needs. */
int file_read_given(const char *path, size_t limit_bytes, struct buf *buf);
/* Replace `name` by temp + fsync + rename + fsync of the folder: after a crash it is whole, old or
 * new. durable=false leaves the fsyncs out (for files that die with the boot). */
int file_replace(int dir, const char *name, const void *data, size_t length, mode_t mode,
		 bool durable, struct err *err);
/* One write(2) to an existing file (proc, sysfs, cgroup). 0 or -errno. */
int file_poke(int dir, const char *path, const char *text);
/* Open a directory beneath dir, making it (mode exactly, whatever the umask) when missing.
 * Symlinks are not followed. Descriptor or -errno. */
int dir_open_make(int dir, const char *name, mode_t mode, struct err *err);
/* Remove a tree beneath dir, never following links nor leaving the file system of `name`.
 * A missing name is success. 0 or -errno of the first failure (it goes on after it). */
int dir_remove(int dir, const char *name);

/* In a child: close all descriptors but these and `also`; -1 is passed over. In as many calls as there are gaps, however many are open. */
void fd_close_others(const int *kept, size_t count, int also);

#endif
