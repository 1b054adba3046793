/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/tar_writer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { BLOCK = 512, PIECE = 256 * 1024 };

struct header { /* pax(1), "ustar Interchange Format" */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

static void put_size(char field[12], uint64_t size)
{
	if (size < 1ULL << 33) {
		(void)snprintf(field, 12, "%011llo", (unsigned long long)size);
		return;
	}
	for (int i = 11; i > 0; i--, size >>= 8) /* GNU's base 256 */
		field[i] = (char)(size & 0xff);
	field[0] = (char)0x80;
}

int tar_write_head(int out, const char *name, uint64_t size, struct err *err)
{
	struct header h = { .mode = "0000644",
			    .uid = "0000000",
			    .gid = "0000000",
			    .mtime = "00000000000",
			    .type = '0',
			    .magic = "ustar",
			    .version = { '0', '0' } };
	const unsigned char *bytes = (const unsigned char *)&h;
	unsigned int sum = 0;
	int r;

	if (strlen(name) > sizeof(h.name))
		return err_set(err, ENAMETOOLONG, "write %s to an archive", name);
	memcpy(h.name, name, strlen(name));
	put_size(h.size, size);
	memset(h.checksum, ' ', sizeof(h.checksum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += bytes[i];
	(void)snprintf(h.checksum, sizeof(h.checksum), "%06o", sum);
	r = fd_write_all(out, &h, BLOCK);
	return r < 0 ? err_sys(err, r, "write") : 0;
}

int tar_write_pad(int out, uint64_t size, struct err *err)
{
	static const char zeros[BLOCK];
	size_t n = (size_t)((BLOCK - size % BLOCK) % BLOCK);
	int r = fd_write_all(out, zeros, n);

	return r < 0 ? err_sys(err, r, "write") : 0;
}

int tar_write_bytes(int out, const char *name, const void *bytes, size_t length, struct err *err)
{
	int r = tar_write_head(out, name, length, err);

	if (r < 0)
		return r;
	r = fd_write_all(out, bytes, length);
	return r < 0 ? err_sys(err, r, "write") : tar_write_pad(out, length, err);
}

/* In the kernel where both ends allow it: file to file, or file to pipe. */
static ssize_t move(int in, int out, char *piece, size_t length, bool *kernel)
{
	if (*kernel) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, length, 0);

		if (n >= 0)
			return n;
		*kernel = false;
	}
	return read(in, piece, length < PIECE ? length : PIECE);
}

int tar_write_file(int out, const char *name, int fd, uint64_t size, struct err *err)
{
	_cleanup_free_ char *piece = mem_new(PIECE);
	uint64_t left = size;
	bool kernel = true;
	int r = tar_write_head(out, name, size, err);

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = err_sys(err, errno, "read %s", name);
	while (r == 0 && left > 0) {
		size_t want = left < 1U << 30 ? (size_t)left : 1U << 30;
		ssize_t n = move(fd, out, piece, want, &kernel);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, n < 0 ? errno : EIO, "read %s", name);
		if (!kernel)
			r = fd_write_all(out, piece, (size_t)n);
		if (r < 0)
			return err_sys(err, r, "write");
		left -= (uint64_t)n;
	}
	return r < 0 ? r : tar_write_pad(out, size, err);
}

int tar_write_end(int out, struct err *err)
{
	static const char zeros[2 * BLOCK];
	int r = fd_write_all(out, zeros, sizeof(zeros));

	return r < 0 ? err_sys(err, r, "write") : 0;
}
