/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

void fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
}

void fd_cleanup(int *fd)
{
	fd_close(*fd);
}

bool fd_is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int fd_write_all(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length > 0) {
		ssize_t n = write(fd, p, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		length -= (size_t)n;
	}
	return 0;
}

int fd_write_pages(int pipe, int file, off_t offset, const void *data, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = splice(file, &offset, pipe, NULL, length - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return -errno;
		if (n <= 0)
			return fd_write_all(pipe, (const char *)data + done, length - done);
		done += (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, size_t limit_bytes, struct buf *buf)
{
	char chunk[16384];
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		total += (size_t)n;
		if (total > limit_bytes)
			return -EFBIG;
		buf_add(buf, chunk, (size_t)n);
	}
	buf_add(buf, "", 0);
	return 0;
}

int file_read(int dir, const char *path, size_t limit_bytes, struct buf *buf)
{
	_cleanup_close_ int fd =
		openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_all(fd, limit_bytes, buf);
}

int file_read_given(const char *path, size_t limit_bytes, struct buf *buf)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_all(fd, limit_bytes, buf);
}

int file_replace(int dir, const char *name, const void *data, size_t length, mode_t mode,
		 bool durable, struct err *err)
{
	_cleanup_free_ char *temp = str_printf(".%s.%d", name, (int)getpid());
	_cleanup_close_ int fd = -1;
	int r;

	for (int tries = 0; fd < 0 && tries < 2; tries++) {
		fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		if (fd < 0 && errno == EEXIST) /* left by a killed process that had our pid */
			(void)unlinkat(dir, temp, 0);
	}
	if (fd < 0)
		return err_sys(err, errno, "write %s", name);
	/* the umask takes nothing from the owner */
	r = mode & 077 && fchmod(fd, mode) < 0 ? -errno : fd_write_all(fd, data, length);
	if (r == 0 && durable && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir, temp, dir, name) < 0)
		r = -errno;
	if (r == 0 && durable && fsync(dir) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, temp, 0); /* the write's error is what matters */
		return err_sys(err, r, "write %s", name);
	}
	return 0;
}

int file_poke(int dir, const char *path, const char *text)
{
	_cleanup_close_ int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t length = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, length);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

int dir_open_make(int dir, const char *name, mode_t mode, struct err *err)
{
	bool made = mkdirat(dir, name, mode) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return err_sys(err, errno, "make folder %s", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open folder %s", name);
	if (made && mode & 077 && fchmod(fd, mode) < 0) {
		int code = errno;

		fd_close(fd);
		return err_sys(err, code, "set the mode of folder %s", name);
	}
	return fd;
}

static int tree_empty(int fd_owned, dev_t device)
{
	DIR *d = fdopendir(fd_owned);
	int first = 0;

	if (!d) {
		int code = errno;

		fd_close(fd_owned);
		return -code;
	}
	for (;;) {
		struct dirent *e;
		int r;

		errno = 0;
		e = readdir(d);
		if (!e)
			break;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = e->d_type == DT_DIR			  ? -EISDIR :
		    unlinkat(dirfd(d), e->d_name, 0) == 0 ? 0 :
							    -errno;
		if (r == -EISDIR || r == -EPERM) {
			struct stat st;
			int sub = openat(dirfd(d), e->d_name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (sub < 0) {
				r = -errno;
			} else if (fstat(sub, &st) < 0 || st.st_dev != device) {
				fd_close(sub);
				r = -EXDEV;
			} else {
				r = tree_empty(sub, device);
				if (unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) < 0 && r == 0)
					r = -errno;
			}
		}
		if (r < 0 && r != -ENOENT && first == 0)
			first = r;
	}
	(void)closedir(d);
	return first;
}

int dir_remove(int dir, const char *name)
{
	struct stat st;
	int fd, r;

	if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR)
		return unlinkat(dir, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	r = tree_empty(fd, st.st_dev);
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

void fd_close_others(const int *kept, size_t count, int also)
{
	int first = 0, next;

	do {
		next = also >= first ? also : -1;
		for (size_t i = 0; i < count; i++)
			if (kept[i] >= first && (next < 0 || kept[i] < next))
				next = kept[i];
		if (next != first) /* with -1, the last time, up to the highest there may be */
			(void)close_range((unsigned int)first, (unsigned int)next - 1, 0);
		first = next + 1;
	} while (next >= 0);
}
