/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/apparmor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/spec.h"

#define PARSER "/sbin/apparmor_parser"
#define PROFILES "/sys/kernel/security/apparmor/profiles"

enum { PROFILES_MAX = 16 << 20 };

/* What a container may not do whatever its capabilities are: mount, write the host's parameters in /proc and /sys, read what
 * tells of the host's memory, trace or signal a process that is not in a container of ours. Paths of /proc are those of the
 * container's own mount. @{PROC} and @{pid} are spelled out, so that no file of the host's policy is needed. */
static const char profile_text[] =
	"abi <kernel>,\n"
	"profile " APPARMOR_DEFAULT " flags=(attach_disconnected,mediate_deleted) {\n"
	"  network,\n"
	"  capability,\n"
	"  file,\n"
	"  umount,\n"
	"  deny mount,\n"
	"\n"
	"  signal (receive) peer=unconfined,\n"
	"  signal (send, receive) peer=" APPARMOR_DEFAULT ",\n"
	"  ptrace (trace, read, tracedby, readby) peer=" APPARMOR_DEFAULT ",\n"
	"  ptrace (tracedby, readby) peer=unconfined,\n"
	"  unix,\n"
	"\n"
	/* files in /proc itself; folders there that are not of a process; of sys only kernel/shm* and net */
	"  deny /proc/* w,\n"
	"  deny /proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,\n"
	"  deny /proc/sys/[^k]** w,\n"
	"  deny /proc/sys/kernel/{?,??,[^s][^h][^m]**} w,\n"
	"  deny /proc/sysrq-trigger rwklx,\n"
	"  deny /proc/kcore rwklx,\n"
	"  deny /proc/kmem rwklx,\n"
	"  deny /proc/mem rwklx,\n"
	"\n"
	/* of /sys only the container's own cgroups */
	"  deny /sys/[^f]*/** wklx,\n"
	"  deny /sys/f[^s]*/** wklx,\n"
	"  deny /sys/fs/[^c]*/** wklx,\n"
	"  deny /sys/fs/c[^g]*/** wklx,\n"
	"  deny /sys/fs/cg[^r]*/** wklx,\n"
	"  deny /sys/firmware/** rwklx,\n"
	"  deny /sys/devices/virtual/powercap/** rwklx,\n"
	"  deny /sys/kernel/security/{,**} rwklx,\n"
	"}\n";

bool apparmor_enabled(void)
{
	_cleanup_close_ int fd =
		open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char yes = 0;

	return fd >= 0 && read(fd, &yes, 1) == 1 && yes == 'Y' && access(PARSER, X_OK) == 0 &&
	       access(PROFILES, R_OK) == 0;
}

/* A line is "NAME (MODE)". */
static int is_loaded(const char *profile, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_free_ char *start = str_printf("%s (", profile);
	int r = file_read(AT_FDCWD, PROFILES, PROFILES_MAX, &text);
	char *rest = text.data, *line;

	if (r < 0)
		return err_sys(err, r, "read " PROFILES);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (str_prefix(line, start))
			return 1;
	return 0;
}

static int load(struct err *err)
{
	int in[2], status = 0, r;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)execl(PARSER, PARSER, "--replace", "--quiet", "--skip-cache", (char *)NULL);
		_exit(127);
	}
	fd_close(in[0]);
	r = pid < 0 ? -errno : fd_write_all(in[1], profile_text, strlen(profile_text));
	fd_close(in[1]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		r = -EINVAL;
	if (r == 0)
		return 0;
	err_set(err, -r, "load AppArmor profile " APPARMOR_DEFAULT ": apparmor_parser failed");
	return err_hint(err, "run with --security-opt apparmor=unconfined");
}

int apparmor_apply(struct spec *spec, const char *profile, struct err *err)
{
	int r;

	if (profile && strcmp(profile, "unconfined") == 0)
		return 0;
	if (!apparmor_enabled()) {
		if (!profile)
			return 0;
		return err_set(err, EOPNOTSUPP,
			       "AppArmor profile %s: this host does not use AppArmor", profile);
	}
	r = is_loaded(profile ? profile : APPARMOR_DEFAULT, err);
	if (r == 0 && profile && strcmp(profile, APPARMOR_DEFAULT) != 0) {
		err_set(err, ENOENT, "AppArmor profile %s is not loaded", profile);
		return err_hint(err, "load it with: apparmor_parser -r FILE");
	}
	if (r == 0)
		r = load(err);
	if (r < 0)
		return r;
	free(spec->process.apparmor_profile);
	spec->process.apparmor_profile = str_dup(profile ? profile : APPARMOR_DEFAULT);
	return 0;
}
