/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/join.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "runtime/spec.h"

static const int types[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = CLONE_NEWUSER,	    [SPEC_NS_MOUNT] = CLONE_NEWNS,
	[SPEC_NS_PID] = CLONE_NEWPID,	    [SPEC_NS_NETWORK] = CLONE_NEWNET,
	[SPEC_NS_IPC] = CLONE_NEWIPC,	    [SPEC_NS_UTS] = CLONE_NEWUTS,
	[SPEC_NS_CGROUP] = CLONE_NEWCGROUP, [SPEC_NS_TIME] = CLONE_NEWTIME,
};

enum { NO_NAMESPACE = SPEC_NS_COUNT };

struct result { /* of the process that joins; one atomic write */
	pid_t pid;
	int code, kind; /* what failed: a namespace, or NO_NAMESPACE for clone and offsets */
};

static bool offsets_wanted(const struct spec *spec)
{
	return spec->monotonic.set || spec->boottime.set;
}

bool join_wanted(const struct spec *spec)
{
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (spec->namespaces[i].mode == SPEC_NS_JOIN)
			return true;
	return offsets_wanted(spec);
}

/* -- in the process made for it --------------------------------------------------------------- */

/* Joining the user namespace that we are in is EINVAL. */
static bool is_ours(int fd)
{
	struct stat theirs, ours;

	return fstat(fd, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool join_is_own_user(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 && is_ours(fd);
}

/* One round over what is not joined yet. The user namespace comes between two rounds: some of the others belong to ours, and are
 * out of reach afterwards, and some to the one that is joined, and are out of reach before. The last is the mount namespace. */
static int round_of(int *fds, bool last, int *ret_kind)
{
	for (int i = SPEC_NS_COUNT - 1; i > SPEC_NS_USER; i--) {
		if (fds[i] < 0 || (i == SPEC_NS_MOUNT && !last))
			continue;
		if (setns(fds[i], types[i]) == 0) {
			fd_close(fds[i]);
			fds[i] = -1;
		} else if (last || errno != EPERM) {
			*ret_kind = i;
			return -errno;
		}
	}
	return 0;
}

static int join_all(int *fds, int *ret_kind)
{
	int r = round_of(fds, fds[SPEC_NS_USER] < 0, ret_kind);

	if (r < 0 || fds[SPEC_NS_USER] < 0)
		return r;
	if (!is_ours(fds[SPEC_NS_USER]) && setns(fds[SPEC_NS_USER], CLONE_NEWUSER) < 0) {
		*ret_kind = SPEC_NS_USER;
		return -errno;
	}
	return round_of(fds, true, ret_kind);
}

static int offsets_write(const struct spec *spec)
{
	const struct {
		const char *clock;
		const struct spec_time_offset *offset;
	} clocks[] = { { "monotonic", &spec->monotonic }, { "boottime", &spec->boottime } };

	if (unshare(CLONE_NEWTIME) < 0)
		return -errno;
	for (size_t i = 0; i < 2; i++) {
		char line[64];
		int r;

		if (!clocks[i].offset->set)
			continue;
		(void)snprintf(line, sizeof(line), "%s %" PRId64 " %u", clocks[i].clock,
			       clocks[i].offset->secs, clocks[i].offset->nanosecs);
		r = file_poke(AT_FDCWD, "/proc/self/timens_offsets", line);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Returns in the container's first process only. */
static void join_and_clone(const struct spec *spec, struct clone_args args, int *fds, int out)
{
	struct result result = { .kind = NO_NAMESPACE };

	if (offsets_wanted(spec)) {
		result.code = offsets_write(spec);
		args.flags &= ~(uint64_t)CLONE_NEWTIME;
	}
	if (result.code == 0)
		result.code = join_all(fds, &result.kind);
	if (result.code == 0) {
		/* the exit signal of a sibling is that of its parent's: ours, SIGCHLD */
		args.flags = (args.flags & ~(uint64_t)CLONE_PIDFD) | CLONE_PARENT;
		args.exit_signal = 0;
		result.pid = sys_clone3(&args);
		if (result.pid == 0)
			return;
		result.code = result.pid < 0 ? -errno : 0;
	}
	(void)!write(out, &result, sizeof(result)); /* a parent that is gone needs no result */
	_exit(0);
}

int join_refused(int code, struct err *err)
{
	err_sys(err, code, "make the container's namespaces");
	if (err->code == EINVAL || err->code == ENOSPC || err->code == EUSERS)
		err_hint(err, "the kernel may lack user namespaces, or their number is used up: "
			      "see /proc/sys/user/max_user_namespaces");
	else if (err->code == EPERM)
		err_hint(err, "a process in a chroot may not make a user namespace: enter its root "
			      "by pivot_root, or run with --userns=host");
	return -err->code;
}

/* -- in the caller ---------------------------------------------------------------------------- */

static int paths_open(const struct spec *spec, int *fds, struct err *err)
{
	for (int i = 0; i < SPEC_NS_COUNT; i++) {
		if (spec->namespaces[i].mode != SPEC_NS_JOIN)
			continue;
		fds[i] = open(spec->namespaces[i].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fds[i] < 0)
			return err_sys(err, errno, "open namespace %s", spec->namespaces[i].path);
	}
	return 0;
}

static int explain(const struct spec *spec, const struct result *result, struct err *err)
{
	const char *path = result->kind < SPEC_NS_COUNT ? spec->namespaces[result->kind].path :
							  NULL;

	if (path && result->code == -EINVAL)
		return err_set(err, EINVAL, "join namespace %s: it is none of this type", path);
	if (path)
		return err_sys(err, result->code, "join namespace %s", path);
	return join_refused(result->code, err);
}

pid_t join_clone(const struct spec *spec, const struct clone_args *args, int *ret_pidfd,
		 struct err *err)
{
	struct clone_args plain = { .exit_signal = SIGCHLD };
	struct result result = { 0 };
	int fds[SPEC_NS_COUNT], ends[2], r;
	pid_t joiner;
	ssize_t n;

	for (int i = 0; i < SPEC_NS_COUNT; i++)
		fds[i] = -1;
	r = paths_open(spec, fds, err);
	if (r == 0 && pipe2(ends, O_CLOEXEC) < 0)
		r = err_sys(err, errno, "make a pipe");
	if (r < 0)
		goto close_all;
	joiner = sys_clone3(&plain);
	if (joiner == 0) {
		(void)close(ends[0]);
		join_and_clone(spec, *args, fds, ends[1]);
		(void)close(ends[1]);
		for (int i = 0; i < SPEC_NS_COUNT; i++)
			fd_close(fds[i]);
		return 0;
	}
	r = joiner < 0 ? err_sys(err, errno, "make a process that joins namespaces") : 0;
	fd_close(ends[1]);
	if (joiner > 0) {
		do
			n = read(ends[0], &result, sizeof(result));
		while (n < 0 && errno == EINTR);
		(void)waitpid(joiner, NULL, 0);
		if (n != (ssize_t)sizeof(result))
			r = err_set(err, EPIPE, "the process that joins namespaces was killed");
		else if (result.code < 0)
			r = explain(spec, &result, err);
	}
	fd_close(ends[0]);
	if (r == 0) {
		/* our own child, which nobody else reaps: the number is still its own */
		*ret_pidfd = sys_pidfd_open(result.pid, 0);
		if (*ret_pidfd < 0)
			r = err_sys(err, errno, "open the container's first process");
	}
close_all:
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		fd_close(fds[i]);
	return r < 0 ? -1 : result.pid;
}
