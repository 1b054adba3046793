/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3: where memfds are not executable unless told */
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static int self_open(void)
{
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

static int is_protected(int fd)
{
	struct statvfs fs;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & SEALS) == SEALS)
		return 1;
	return fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_RDONLY;
}

/* Up to where the file is ever mapped: names and lines for a debugger stand behind that, which are three quarters of it. The
 * whole, when it is not what we expect. */
static off_t size_that_runs(int self, off_t size)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[32];
	off_t end = 0;
	ssize_t length;

	if (pread(self, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_phentsize != sizeof(segments[0]) || header.e_phnum > ARRAY_SIZE(segments))
		return size;
	length = header.e_phnum * (ssize_t)sizeof(segments[0]);
	if (pread(self, segments, (size_t)length, (off_t)header.e_phoff) != length)
		return size;
	for (size_t i = 0; i < header.e_phnum; i++) {
		off_t to = (off_t)(segments[i].p_offset + segments[i].p_filesz);

		if (to > end)
			end = to;
	}
	return end > 0 && end < size ? end : size;
}

static int copy_make(int self)
{
	_cleanup_close_ int copy =
		memfd_create("cloche-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	struct stat st;
	off_t done = 0, size;

	if (copy < 0 && errno == EINVAL)
		copy = memfd_create("cloche-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0 || fstat(self, &st) < 0)
		return -errno;
	size = size_that_runs(self, st.st_size);
	while (done < size) {
		ssize_t n = sendfile(copy, self, &done, (size_t)(size - done));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
	}
	if (fchmod(copy, 0555) < 0 || fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return fd_take(&copy);
}

void seal_self(char **argv)
{
	_cleanup_close_ int self = self_open(), copy = -1;

	if (self >= 0 && is_protected(self)) {
		/* the kernel names a program by its descriptor's number when it is executed by one */
		(void)prctl(PR_SET_NAME, "cloche-runtime");
		return;
	}
	copy = self < 0 ? -errno : copy_make(self);
	if (copy >= 0)
		(void)fexecve(copy, argv, environ);
	(void)fprintf(stderr, "cloche-runtime: protect this program from the container: %s\n",
		      strerror(copy < 0 ? -copy : errno));
	exit(1);
}
