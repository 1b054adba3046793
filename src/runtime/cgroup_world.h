/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the tests of cgroup_v1.c and cgroup_v2.c: a plain folder stands for a hierarchy. Behind cmocka.h. */
#ifndef CLOCHE_RUNTIME_CGROUP_WORLD_H
#define CLOCHE_RUNTIME_CGROUP_WORLD_H

#include <fcntl.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/cgroup_ops.h"

struct fixture {
	char path[64];
	struct cgroup_hierarchy h;
	struct err err;
};

static inline void file_make(struct fixture *f, const char *path, const char *text)
{
	_cleanup_close_ int fd =
		openat(f->h.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static inline void check_file(struct fixture *f, const char *path, const char *wanted)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	assert_int_equal(file_read(f->h.fd, path, 4096, &text), 0);
	assert_string_equal(text.data, wanted);
}

#endif
