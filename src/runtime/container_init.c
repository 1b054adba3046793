/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Init of a container, from its birth in new namespaces to the execve of the user's command.
 *
 * It runs in a copy of a program with one thread, so the C library is whole, but it prints nothing and
 * reports a failure as a number: the parent has the words. Order that must hold:
 *  1. proc and sysfs are made while the host's are still visible: the kernel wants to see one unmasked
 *     (mount_too_revealing() in fs/namespace.c) and the old root goes away with pivot_root.
 *  2. Every target is resolved beneath the new root's descriptor, before and after pivot alike.
 *  3. The cgroup namespace is made after the parent moved us, so that its root is our folder.
 *  4. The seccomp filter is loaded while we may (CAP_SYS_ADMIN), or last when no_new_privs is set.
 */
#include "runtime/container_step.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/cgroup.h"
#include "runtime/container_dev.h"
#include "runtime/hook.h"
#include "runtime/init_root.h"
#include "runtime/mount.h"
#include "runtime/mount_place.h"
#include "runtime/process.h"
#include "runtime/spec.h"
#include "runtime/terminal.h"
#include "runtime/user.h"

_Noreturn void container_fail(const struct init_plan *plan, enum container_step step, size_t index,
			      int code)
{
	struct container_report report = { .step = (uint32_t)step | (uint32_t)index << 8,
					   .code = code < 0 ? -code : code };

	if (write(plan->report, &report, sizeof(report)) < 0)
		_exit(126); /* the parent is gone: nobody is left to tell */
	_exit(report.code == ENOENT && step == STEP_EXEC ? 127 : 126);
}

static void wait_for(const struct init_plan *plan, enum init_word word)
{
	char got;
	ssize_t n;

	do
		n = recv(plan->sync, &got, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n != 1 || got != (char)word)
		_exit(126); /* the parent was killed: a start that never happened */
}

/* -- streams ---------------------------------------------------------------------------------- */

static int terminal_make(const struct init_plan *plan, int root, int devpts, int *ret_master)
{
	_cleanup_close_ int console = -1, at = -1, bound = -1;
	struct err ignored = ERR_NONE;
	int slave;

	if (devpts < 0)
		devpts = bound = root_open(root, "/dev/pts", O_PATH | O_DIRECTORY, &ignored);
	slave = devpts < 0 ? devpts : terminal_open(devpts, &plan->spec->process, ret_master);
	if (slave < 0)
		container_fail(plan, STEP_TERMINAL, 0, slave);
	/* its own node, not one that a name in the container leads to (CVE-2025-52565) */
	console = open_tree(slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	at = mount_place_strict(root, "/dev/console", false);
	if (at < 0 || console < 0 || mount_attach(console, at) < 0)
		container_fail(plan, STEP_TERMINAL, 0, at < 0 ? at : errno);
	return slave;
}

static void loopback_up(const struct init_plan *plan)
{
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &request) < 0)
		container_fail(plan, STEP_NETWORK, 0, errno);
}

/* -- the whole -------------------------------------------------------------------------------- */

static void user_look_up(const struct init_plan *plan, int root)
{
	struct spec_process *process = &plan->spec->process;
	enum container_step step = STEP_NONE;
	size_t index = 0;
	int r = 0;

	if (process->user)
		r = user_resolve(root, process, &step, &index);
	else if (plan->spec->told_exactly)
		user_home_set(root, process);
	if (r < 0)
		container_fail(plan, step, index, r);
}

/* It goes with the old root. Where a folder above is closed to the container's root, hooks could not get there either. */
static void root_show(const struct spec *spec, int root)
{
	_cleanup_close_ int place =
		spec->hook_root ? open(spec->hook_root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	_cleanup_close_ int copy = place < 0 ? -1 : mount_copy(root, "", AT_RECURSIVE);

	if (copy >= 0)
		(void)mount_attach(copy, place);
}

/* Before pivot_root: paths of hooks are the host's, and what they see is the container's mounts and the host's root. */
static void hooks_of_create(const struct init_plan *plan)
{
	const struct spec_hooks *hooks = &plan->spec->hooks[SPEC_HOOK_CREATE_CONTAINER];
	_cleanup_free_ char *state = NULL;

	if (fd_pass_send(plan->sync, (char)INIT_HOOKS, NULL, 0) < 0)
		_exit(126);
	wait_for(plan, INIT_HOOKS);
	if (hooks->count > 0)
		state = plan->io->hook_state(plan->io->data, getpid(), "creating");
	for (size_t i = 0; i < hooks->count; i++) {
		int status, r = hook_run(&hooks->list[i], state, &status);

		if (r < 0)
			container_fail(plan, STEP_HOOK_CREATE, i, r);
	}
}

static void receive_mounts(const struct init_plan *plan, int *fds, size_t count)
{
	for (size_t got = 0; got < count;) {
		int n = fd_pass_receive(plan->sync, (char)INIT_MOUNTS, fds + got, count - got);

		if (n <= 0)
			_exit(126); /* the parent was killed or gave up, and has the words */
		got += (size_t)n;
	}
}

/* The mounts of the container beneath its new root, which is entered. */
static void root_set_up(const struct init_plan *plan, const int *fds, size_t bind_count,
			int *ret_slave, int *ret_master)
{
	const struct spec *spec = plan->spec;
	int *binds = (int *)fds + 1, devpts = -1, root = init_root_enter(plan, fds[0]), r;

	for (size_t i = 0; i < spec->mount_count; i++)
		init_root_mount(plan, root, i, &binds, &devpts);
	container_dev_in_root(plan, root);
	container_devices_attach(plan, root, (int *)fds + 1 + bind_count);
	user_look_up(plan, root);
	if (spec->process.terminal)
		*ret_slave = terminal_make(plan, root, devpts, ret_master);
	container_dev_finish(plan, root);
	init_root_mask(plan, root);
	init_root_protect(plan, root);
	if (spec->process.cwd) {
		struct err ignored = ERR_NONE;
		/* Docker makes a missing working folder; when it cannot be made, chdir says why. */
		fd_close(root_make_dir(root, spec->process.cwd, 0, 0, &ignored));
	}
	if (spec->rootfs_readonly) {
		r = mount_change(root, MOUNT_ATTR_RDONLY, 0, -1, 0);
		if (r < 0)
			container_fail(plan, STEP_ROOT, 0, r);
	}
	if (hook_any_of_create(spec)) {
		root_show(spec, root);
		hooks_of_create(plan);
	}
	init_root_leave(plan, root);
	if (spec->rootfs_propagation) {
		r = mount_change(root, 0, spec->rootfs_propagation & ~(uint64_t)MS_REC, -1,
				 spec->rootfs_propagation & MS_REC ? AT_RECURSIVE : 0);
		if (r < 0)
			container_fail(plan, STEP_ROOT_PROPAGATION, 0, r);
	}
}

/* `start` connects to the socket, says go and learns on the same connection what comes of it. Who only looks whether we
 * still wait connects and goes away. */
static void wait_for_start(struct init_plan *plan)
{
	for (;;) {
		int connection = accept4(plan->io->start, NULL, NULL, SOCK_CLOEXEC);
		char got = 0;
		ssize_t n;

		if (connection < 0 && errno != EINTR && errno != ECONNABORTED)
			container_fail(plan, STEP_SYNC, 0, errno);
		if (connection < 0)
			continue;
		do
			n = recv(connection, &got, 1, 0);
		while (n < 0 && errno == EINTR);
		if (n == 1 && got == (char)INIT_GO) {
			plan->report = connection;
			break;
		}
		fd_close(connection);
	}
	fd_close(plan->io->start);
}

static void hooks_of_start(const struct init_plan *plan)
{
	const struct spec_hooks *hooks = &plan->spec->hooks[SPEC_HOOK_START_CONTAINER];
	_cleanup_free_ char *state = NULL;

	if (hooks->count > 0)
		state = plan->io->hook_state(plan->io->data, getpid(), "created");
	for (size_t i = 0; i < hooks->count; i++) {
		int status, r = hook_run(&hooks->list[i], state, &status);

		if (r < 0)
			container_fail(plan, STEP_HOOK_START, i, r);
	}
}

static void become_root(const struct init_plan *plan)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		container_fail(plan, STEP_BECOME_ROOT, 0, errno);
	umask(0);
}

static void names_set(const struct init_plan *plan)
{
	const struct spec *spec = plan->spec;

	if (spec->namespaces[SPEC_NS_UTS].mode == SPEC_NS_INHERIT)
		return;
	if ((spec->hostname && *spec->hostname &&
	     sethostname(spec->hostname, strlen(spec->hostname)) < 0) ||
	    (spec->domainname && *spec->domainname &&
	     setdomainname(spec->domainname, strlen(spec->domainname)) < 0))
		container_fail(plan, STEP_HOSTNAME, 0, errno);
}

/* Without a proc of its own the container's parameters are written through one that is made for it. */
static void sysctls_without_proc(const struct init_plan *plan)
{
	_cleanup_close_ int proc = -1;

	for (size_t i = 0; i < plan->spec->mount_count; i++)
		if (plan->spec->mounts[i].kind == SPEC_MOUNT_PROC)
			return;
	if (plan->spec->sysctl_count == 0)
		return;
	proc = mount_new("proc", "proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (proc ==
	    -EPERM) /* the pid namespace is the host's; parameters are those of who opens them, whatever the mount */
		proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		container_fail(plan, STEP_SYSCTL, 0, proc);
	container_sysctls_write(plan, proc);
}

_Noreturn void container_init(const struct init_plan *given)
{
	struct init_plan own = *given, *plan = &own;
	const struct spec *spec = plan->spec;
	size_t bind_count = 0, node_count = 0;
	int *fds, slave = -1, master = -1, r;

	for (size_t i = 0; i < spec->mount_count; i++)
		bind_count += spec->mounts[i].kind == SPEC_MOUNT_BIND;
	for (size_t i = 0; container_nodes_by_parent(spec) && i < spec->device_count; i++)
		node_count += !spec->devices[i].fifo;
	/* first of all: what is done from here on is counted and limited */
	r = cgroup_door_pass(plan->door);
	if (r < 0)
		container_fail(plan, STEP_CGROUP, 0, r);
	fds = mem_new((1 + bind_count + node_count) * sizeof(int));

	wait_for(plan, INIT_MAPPED);
	become_root(plan);
	if (spec->told_exactly || spec->process.apparmor_profile || spec->process.selinux_label) {
		plan->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (plan->proc < 0)
			container_fail(plan, STEP_LABEL, 0, errno);
	}
	names_set(plan);
	if (spec_is_new(spec, SPEC_NS_NETWORK))
		loopback_up(plan);
	r = spec->no_new_keyring ? 0 : process_keyring(plan);
	if (r < 0)
		container_fail(plan, STEP_KEYRING, 0, r);
	if (container_has_root(spec)) {
		receive_mounts(plan, fds, 1 + bind_count + node_count);
		if (spec_is_new(spec, SPEC_NS_CGROUP) && unshare(CLONE_NEWCGROUP) < 0)
			container_fail(plan, STEP_CGROUP_NAMESPACE, 0, errno);
		sysctls_without_proc(plan);
		root_set_up(plan, fds, bind_count, &slave, &master);
	} else if (hook_any_of_create(spec)) {
		hooks_of_create(plan);
	}
	process_check(plan);
	/* now, since the caller of an OCI runtime reads the streams that we were given to their end */
	r = terminal_stdio(plan->io->stdio, slave);
	if (r == 0)
		r = terminal_session(slave >= 0);
	if (r < 0)
		container_fail(plan, STEP_STDIO, 0, r);
	if (fd_pass_send(plan->sync, (char)INIT_READY, &master, master >= 0 ? 1 : 0) < 0)
		_exit(126);
	wait_for(plan, INIT_GO);
	if (plan->io->start >= 0)
		wait_for_start(plan);
	hooks_of_start(plan);
	process_become(plan);
}
