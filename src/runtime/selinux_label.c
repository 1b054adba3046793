/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/selinux_label.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

bool selinux_enabled(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

int selinux_label_check(const char *what, const char *label, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (!label || !*label)
		return 0;
	if (!selinux_enabled())
		return err_set(err, EOPNOTSUPP, "%s: \"%s\": this host does not use SELinux", what,
			       label);
	/* what is written there is a label that is asked about, its final zero with it (security_check_context(3)) */
	fd = open("/sys/fs/selinux/context", O_RDWR | O_CLOEXEC);
	if (fd >= 0 && write(fd, label, strlen(label) + 1) < 0 && errno == EINVAL)
		return err_set(err, EINVAL,
			       "%s: \"%s\" is no label of the SELinux policy that is loaded", what,
			       label);
	return 0; /* one that cannot be asked about is found out when it is set */
}
