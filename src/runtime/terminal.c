/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/spec.h"

int terminal_open(int devpts, const struct spec_process *process, int *ret_master)
{
	struct winsize size = { .ws_row = (unsigned short)process->rows,
				.ws_col = (unsigned short)process->columns };
	_cleanup_close_ int master =
		openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int slave = -1;
	struct statfs fs;
	int unlocked = 0;

	if (master < 0 || fstatfs(master, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return -ENODEV;
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return -errno;
	/* the peer without a name: nothing of the container's is looked up */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	if (size.ws_row > 0)
		(void)ioctl(master, TIOCSWINSZ, &size); /* cosmetic */
	if (fchown(slave, process->uid, (gid_t)-1) < 0)
		return -errno;
	*ret_master = fd_take(&master);
	return fd_take(&slave);
}

int terminal_stdio(const int stdio[3], int slave)
{
	for (int i = 0; i < 3; i++) {
		int from = slave >= 0 ? slave : stdio[i];

		if (from < 0)
			return -EBADF;
		if (from == i) {
			if (fcntl(i, F_SETFD, 0) < 0)
				return -errno;
		} else if (dup2(from, i) < 0) {
			return -errno;
		}
	}
	return 0;
}

int terminal_session(bool terminal)
{
	if (setsid() < 0 && errno != EPERM)
		return -errno;
	return terminal && ioctl(0, TIOCSCTTY, 0) < 0 ? -errno : 0;
}
