/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One more process in a running container.
 *
 * A child of the caller joins everything in a single setns(2) on the pidfd of init. Until its execve it is one of ours
 * inside, so it is not dumpable: nobody in the container can open its memory, its descriptors or, through /proc/PID/exe, our
 * program (CVE-2019-5736). That holds in a user namespace of the container's own. Without one, CAP_SYS_PTRACE in the container
 * is that of the host, which reaches what is not dumpable, too. There the child stays out of the container's pid namespace,
 * where nobody inside can name it, and does everything; its last act is to make the process that executes the command, born
 * there with the command's user, capabilities and filter and without a descriptor of the host's: who traces that one gains what
 * tracing the command would give. For a moment the container needs room for two processes.
 */
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/container_step.h"
#include "runtime/join.h"
#include "runtime/process.h"
#include "runtime/spec.h"
#include "runtime/terminal.h"
#include "runtime/user.h"

#ifdef __SANITIZE_ADDRESS__
/* The search for leaks at the end traces us from a task of its own, which would be born in the container's pid namespace and
 * wait for its parent for ever there. */
static bool pid_namespace_joined;

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return pid_namespace_joined;
}
#endif

static _Noreturn void fail(const struct init_plan *plan, enum container_step step, size_t index,
			   int code)
{
	struct container_report report = { .step = (uint32_t)step | (uint32_t)index << 8,
					   .code = code < 0 ? -code : code };

	(void)!write(plan->report, &report, sizeof(report)); /* who is gone needs no report */
	_exit(126);
}

static int namespaces_of(const struct spec *spec)
{
	static const int flags[SPEC_NS_COUNT] = {
		[SPEC_NS_USER] = CLONE_NEWUSER,	  [SPEC_NS_MOUNT] = CLONE_NEWNS,
		[SPEC_NS_NETWORK] = CLONE_NEWNET, [SPEC_NS_IPC] = CLONE_NEWIPC,
		[SPEC_NS_UTS] = CLONE_NEWUTS,	  [SPEC_NS_CGROUP] = CLONE_NEWCGROUP,
		[SPEC_NS_TIME] = CLONE_NEWTIME,
	};
	int wanted = 0;

	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (spec->namespaces[i].mode == SPEC_NS_NEW ||
		    (spec->namespaces[i].mode == SPEC_NS_JOIN &&
		     (i != SPEC_NS_USER || !join_is_own_user(spec->namespaces[i].path))))
			wanted |= flags[i];
	return wanted;
}

/* Whether the container's rights are those of the host's root, as far as it has any. */
static bool rights_are_the_hosts(const struct spec *spec)
{
	const struct spec_namespace *user = &spec->namespaces[SPEC_NS_USER];

	return user->mode == SPEC_NS_INHERIT ||
	       (user->mode == SPEC_NS_JOIN && join_is_own_user(user->path));
}

static bool needs_birth(const struct spec *spec)
{
	return spec->namespaces[SPEC_NS_PID].mode != SPEC_NS_INHERIT && rights_are_the_hosts(spec);
}

/* As our sibling, so that it is the caller's child. By the old call, since filters know its flags. */
static void birth(const struct init_plan *plan)
{
	bool terminal = plan->spec->process.terminal;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT, NULL, NULL, NULL, 0);
	int r;

	if (pid < 0)
		fail(plan, STEP_BIRTH, 0, errno);
	if (pid > 0) {
		(void)!write(plan->sync, &pid, sizeof(pid)); /* a caller that is gone needs none */
		_exit(0);
	}
	r = terminal_session(terminal);
	if (r < 0)
		fail(plan, STEP_STDIO, 0, r);
}

static _Noreturn void guest(const struct init_plan *plan, int init_pidfd)
{
	struct spec_process *process = &plan->spec->process;
	int slave = -1, master = -1, root, r;

	process_affinity(plan, process->cpus_initial);
	r = cgroup_door_pass(plan->door);
	if (r < 0)
		fail(plan, STEP_CGROUP, 0, r);
	if (plan->birth && setns(init_pidfd, CLONE_NEWPID) < 0)
		fail(plan, STEP_JOIN, 0, errno);
	if (setns(init_pidfd, namespaces_of(plan->spec)) < 0)
		fail(plan, STEP_JOIN, 0, errno);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail(plan, STEP_BECOME_ROOT, 0, errno);
	r = plan->spec->no_new_keyring ? 0 : process_keyring(plan);
	if (r < 0)
		fail(plan, STEP_KEYRING, 0, r);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		fail(plan, STEP_ROOT, 0, errno);
	if (process->user) {
		enum container_step step = STEP_NONE;
		size_t index = 0;

		r = user_resolve(root, process, &step, &index);
		if (r < 0)
			fail(plan, step, index, r);
	} else if (plan->spec->told_exactly) {
		user_home_set(root, process);
	}
	if (process->terminal) {
		_cleanup_close_ int devpts =
			open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		slave = devpts < 0 ? -errno : terminal_open(devpts, process, &master);
		if (slave < 0)
			fail(plan, STEP_TERMINAL, 0, slave);
	}
	if (fd_pass_send(plan->sync, (char)INIT_READY, &master, master >= 0 ? 1 : 0) < 0)
		_exit(126);
	r = terminal_stdio(plan->io->stdio, slave);
	if (r == 0 && !plan->birth)
		r = terminal_session(slave >= 0);
	if (r < 0)
		fail(plan, STEP_STDIO, 0, r);
	process_affinity(plan, process->cpus_final);
	process_become(plan);
}

static int guest_clone(struct container *c, const struct spec *spec, int init_pidfd,
		       const struct container_io *io, const struct seccomp_program *seccomp,
		       const struct cgroup_door *door, struct err *err)
{
	struct clone_args args = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				   .pidfd = (uintptr_t)&c->pidfd,
				   .exit_signal = SIGCHLD };
	_cleanup_close_ int sync = -1, report = -1, proc = -1;
	int pair[2], ends[2];
	sigset_t none;
	pid_t pid;

	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return err_sys(err, errno, "open /proc");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "make a socket pair");
	c->sync = pair[0];
	sync = pair[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	c->report = ends[0];
	report = ends[1];
	process_forget_caller();
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(err, errno, "protect the memory of this process");
	if (spec->namespaces[SPEC_NS_PID].mode != SPEC_NS_INHERIT && !needs_birth(spec)) {
		if (setns(init_pidfd, CLONE_NEWPID) < 0)
			return err_sys(err, errno, "join the container's pid namespace");
#ifdef __SANITIZE_ADDRESS__
		pid_namespace_joined = true;
#endif
	}
	if (door->folder >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)door->folder;
	}
	pid = sys_clone3(&args);
	if (pid < 0)
		return err_sys(err, errno, "make a process in the container");
	if (pid == 0) {
		struct init_plan plan = { .spec = (struct spec *)spec, /* a copy since the fork */
					  .io = io,
					  .seccomp = seccomp,
					  .door = door,
					  .sync = sync,
					  .report = report,
					  .proc = proc,
					  .birth = needs_birth(spec) ? birth : NULL };

		(void)close(pair[0]);
		(void)close(ends[0]);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		guest(&plan, init_pidfd);
	}
	c->pid = pid;
	return 0;
}

/* "Pid:\t12" of a pidfd's fdinfo (pidfd_open(2)). */
static pid_t pidfd_pid(int pidfd)
{
	_cleanup_free_ char *file = str_printf("/proc/self/fdinfo/%d", pidfd);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *at = file_read(AT_FDCWD, file, 4096, &text) < 0 ? NULL :
								      strstr(text.data, "Pid:");

	return at ? (pid_t)strtol(at + strlen("Pid:"), NULL, 10) : -1;
}

/* A container that divides its own cgroup (v2, "no internal processes") has no place for a process at its root: where its first
 * process is, there is one. */
static int door_of_init(struct cgroup *cgroup, int init_pidfd, struct cgroup_door *ret_door,
			struct err *err)
{
	pid_t pid = pidfd_pid(init_pidfd);
	_cleanup_free_ char *file = str_printf("/proc/%d/cgroup", (int)pid);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = pid > 0 ? file_read(AT_FDCWD, file, 65536, &text) : -ESRCH;

	if (r < 0 || !str_prefix(text.data, "0::/"))
		return err_set(err, EBUSY, "find the cgroup of the container's first process");
	text.data[strcspn(text.data, "\n")] = '\0';
	cgroup_door_close(ret_door);
	return cgroup_door_open(cgroup, text.data + strlen("0::"), ret_door, err);
}

/* The process that was born takes the place of its maker, which ends. */
static int birth_take(struct container *c, struct err *err)
{
	pid_t pid;
	ssize_t n;

	do
		n = recv(c->sync, &pid, sizeof(pid), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(pid))
		return -EPIPE; /* the maker's report tells why */
	(void)waitpid(c->pid, NULL, 0);
	fd_close(c->pidfd);
	c->pid = pid;
	/* our own child, which nobody else reaps: the number is still its own */
	c->pidfd = sys_pidfd_open(pid, 0);
	return c->pidfd < 0 ? err_sys(err, errno, "open a process of the container") : 0;
}

int container_exec(struct container *ret_container, const struct spec *spec, int init_pidfd,
		   const struct container_io *io, const struct seccomp_program *seccomp,
		   struct cgroup *cgroup, struct err *err)
{
	struct container c = CONTAINER_NONE;
	struct container_report report;
	_cleanup_(cgroup_door_close) struct cgroup_door door = CGROUP_DOOR_NONE;
	ssize_t n;
	int r = cgroup_door_open(cgroup, spec->cgroup_path, &door, err);

	if (r == 0)
		r = guest_clone(&c, spec, init_pidfd, io, seccomp, &door, err);
	if (r == -EBUSY && door.folder >= 0) {
		container_abort(&c);
		err_clear(err);
		r = door_of_init(cgroup, init_pidfd, &door, err);
		if (r == 0)
			r = guest_clone(&c, spec, init_pidfd, io, seccomp, &door, err);
	}
	if (r < 0) {
		container_abort(&c);
		return r;
	}
	r = fd_pass_receive(c.sync, (char)INIT_READY, &c.terminal, 1);
	if (r >= 0 && needs_birth(spec))
		r = birth_take(&c, err);
	/* End of file: the command runs. */
	do
		n = read(c.report, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	if (n == sizeof(report)) {
		container_abort(&c);
		return container_explain(spec, &report, err);
	}
	if (r < 0) {
		container_abort(&c);
		if (err->code)
			return -err->code;
		return err_set(err, EPIPE, "the container ended meanwhile");
	}
	*ret_container = c;
	return 0;
}
