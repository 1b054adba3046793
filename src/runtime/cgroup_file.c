/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/cgroup_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { FILE_LIMIT_BYTES = 1 << 20 };

static int point_open(const char *point, dev_t device)
{
	_cleanup_close_ int fd = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	return fstat(fd, &st) < 0 || st.st_dev != device ? -ENODEV : fd_take(&fd);
}

int cgroup_hierarchy_open(struct cgroup_hierarchy *h, struct err *err)
{
	int fd;

	if (h->fd >= 0)
		return 0;
	fd = point_open(h->mount_point, h->device);
	for (size_t i = 0; fd < 0 && h->other_points && h->other_points[i]; i++) {
		int other = point_open(h->other_points[i], h->device);

		if (other >= 0) {
			char *covered = h->mount_point;

			h->mount_point = h->other_points[i];
			h->other_points[i] = covered;
			fd = other;
		}
	}
	if (fd == -ENODEV)
		return err_set(err, ENODEV,
			       "open the cgroup hierarchy %s: something else is mounted over it",
			       h->mount_point);
	if (fd < 0)
		return err_sys(err, fd, "open the cgroup hierarchy %s", h->mount_point);
	h->fd = fd;
	return 0;
}

int cgroup_file_path(char *out, size_t size, const char *folder, const char *file)
{
	int n = snprintf(out, size, "%s%s%s", folder, *folder && *file ? "/" : "", file);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int cgroup_file_poke(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		     const char *text)
{
	char path[CGROUP_PATH_MAX];
	int r = cgroup_file_path(path, sizeof(path), folder, file);

	return r < 0 ? r : file_poke(h->fd, path, text);
}

int cgroup_file_read(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		     struct buf *buf)
{
	char path[CGROUP_PATH_MAX];
	int r = cgroup_file_path(path, sizeof(path), folder, file);

	return r < 0 ? r : file_read(h->fd, path, FILE_LIMIT_BYTES, buf);
}

bool cgroup_file_exists(const struct cgroup_hierarchy *h, const char *folder, const char *file)
{
	char path[CGROUP_PATH_MAX];

	return cgroup_file_path(path, sizeof(path), folder, file) == 0 &&
	       faccessat(h->fd, path, F_OK, 0) == 0;
}

int cgroup_file_u64(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		    uint64_t *ret_value)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	uint64_t value;
	int r = cgroup_file_read(h, folder, file, &text);

	if (r < 0)
		return r;
	text.data[strcspn(text.data, "\n")] = '\0';
	if (strcmp(text.data, "max") == 0 || strcmp(text.data, "-1") == 0) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	r = str_to_u64(text.data, UINT64_MAX, &value);
	if (r < 0)
		return r;
	/* v1 rounds its "no limit" down to a page, whose size is at most 64 KiB. */
	*ret_value = value >= (uint64_t)INT64_MAX - 65535 ? UINT64_MAX : value;
	return 0;
}

int cgroup_text_key(const char *text, const char *key, uint64_t *ret_value)
{
	size_t length = strlen(key);

	for (const char *line = text; *line; line += *line == '\n') {
		const char *end = strchrnul(line, '\n');

		if ((size_t)(end - line) > length && strncmp(line, key, length) == 0 &&
		    line[length] == ' ') {
			char number[24] = "";
			size_t digits = (size_t)(end - line) - length - 1;

			if (digits >= sizeof(number))
				return -EINVAL;
			memcpy(number, line + length + 1, digits);
			return str_to_u64(number, UINT64_MAX, ret_value);
		}
		line = end;
	}
	return -ENOENT;
}

int cgroup_file_key(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		    const char *key, uint64_t *ret_value)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = cgroup_file_read(h, folder, file, &text);

	return r < 0 ? r : cgroup_text_key(text.data, key, ret_value);
}

static uint64_t text_sum(const char *text, const char *key)
{
	uint64_t sum = 0;

	for (const char *p = text; p && (p = strstr(p, key)) != NULL; p += strlen(key))
		if (p > text && p[-1] == ' ')
			sum += strtoull(p + strlen(key), NULL, 10);
	return sum;
}

void cgroup_file_sums(const struct cgroup_hierarchy *h, const char *folder, const char *file,
		      const char *key, uint64_t *ret_sum, const char *other_key,
		      uint64_t *ret_other)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (cgroup_file_read(h, folder, file, &text) < 0)
		return;
	*ret_sum = text_sum(text.data, key);
	*ret_other = text_sum(text.data, other_key);
}

int cgroup_limit_explain(const struct cgroup_hierarchy *h, const char *folder, const char *file,
			 const char *text, const char *what, int r, struct err *err)
{
	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
		if (!cgroup_file_exists(h, folder, ""))
			return err_set(err, ENOENT, "limit %s: cgroup /%s does not exist", what,
				       folder);
		err_set(err, EOPNOTSUPP, "limit %s: this kernel has no %s", what, file);
		return err_hint(err, "run without this limit, or boot a kernel that has it");
	case -EINVAL:
	case -ERANGE:
		return err_set(err, EINVAL, "limit %s to %s: the kernel does not accept this value",
			       what, text);
	default:
		return err_sys(err, r, "limit %s to %s", what, text);
	}
}

size_t cgroup_folder_next(const char *folder, size_t length)
{
	if (!folder[length])
		return 0;
	length += folder[length] == '/';
	return length + strcspn(folder + length, "/");
}

int64_t cgroup_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
