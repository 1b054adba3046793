/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/capability.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_answer.h"
#include "runtime/spec.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static _Noreturn void fail(const struct init_plan *plan, enum container_step step, size_t index,
			   int code)
{
	struct container_report report = { .step = (uint32_t)step | (uint32_t)index << 8,
					   .code = code < 0 ? -code : code };

	if (write(plan->report, &report, sizeof(report)) < 0)
		_exit(126);
	_exit(step == STEP_EXEC && report.code == ENOENT ? 127 : 126);
}

static int groups_set(const struct spec_process *process)
{
	return process->keep_groups ?
		       0 :
		       setgroups(process->additional_gid_count, process->additional_gids);
}

static void limits_set(const struct init_plan *plan)
{
	const struct spec_process *process = &plan->spec->process;

	for (size_t i = 0; i < process->rlimit_count; i++) {
		struct rlimit limit = { .rlim_cur = process->rlimits[i].soft,
					.rlim_max = process->rlimits[i].hard };

		if (setrlimit((__rlimit_resource_t)process->rlimits[i].resource, &limit) < 0)
			fail(plan, STEP_RLIMIT, i, errno);
	}
}

/* Raise hard limits that are to be raised, which the host may refuse; the rest is set last, since some limit us, too. */
static void limits_check(const struct init_plan *plan)
{
	const struct spec_process *process = &plan->spec->process;

	for (size_t i = 0; i < process->rlimit_count; i++) {
		__rlimit_resource_t resource = (__rlimit_resource_t)process->rlimits[i].resource;
		struct rlimit limit;

		if (getrlimit(resource, &limit) < 0)
			fail(plan, STEP_RLIMIT, i, errno);
		if (process->rlimits[i].hard <= limit.rlim_max)
			continue;
		limit.rlim_max = process->rlimits[i].hard;
		if (setrlimit(resource, &limit) < 0)
			fail(plan, STEP_RLIMIT, i, errno);
	}
}

/* As execvp(3), with the container's PATH: the first that can be executed; EACCES is remembered, since a later folder
 * may have a better one. attempt: executes, or only looks; returns the errno. */
static int execute(const struct spec_process *process,
		   int (*attempt)(const char *path, const struct spec_process *process))
{
	const char *path = env_get(process->env, "PATH"), *end, *name = process->args[0];
	int worst = ENOENT;

	if (strchr(name, '/'))
		return attempt(name, process);
	if (!*name)
		return ENOENT;
	for (path = path ? path : DEFAULT_PATH;; path = end + 1) {
		char full[4096] = "";

		end = strchrnul(path, ':');
		if ((size_t)(end - path) + strlen(name) + 2 < sizeof(full)) {
			int code;

			memcpy(full, path, (size_t)(end - path));
			full[end - path] = '\0';
			/* An empty entry of PATH is the working folder. */
			if (end != path)
				(void)str_append(full, sizeof(full), "/");
			(void)str_append(full, sizeof(full), name);
			code = attempt(full, process);
			if (code == EACCES) {
				struct stat st;

				if (stat(full, &st) == 0 ? !S_ISDIR(st.st_mode) : errno == EACCES)
					worst = EACCES;
			} else if (code != ENOENT && code != ENOTDIR) {
				return code;
			}
		}
		if (!*end)
			return worst;
	}
}

void process_forget_caller(void)
{
	struct sched_param normal = { 0 };
	unsigned long every[8192 / 8 / sizeof(unsigned long)];

	if (sched_getscheduler(0) != SCHED_OTHER)
		(void)sched_setscheduler(0, SCHED_OTHER,
					 &normal); /* keeps what it is without the right */
	if (getpriority(PRIO_PROCESS, 0) != 0)
		(void)setpriority(PRIO_PROCESS, 0, 0);
	/* all processors; the cpuset cgroup has the last word */
	memset(every, 0xff, sizeof(every));
	(void)sched_setaffinity(0, sizeof(every), (const cpu_set_t *)every);
	(void)sys_ioprio_set(0);
	(void)prctl(PR_SET_TIMERSLACK, 50000); /* the kernel's own, in ns */
}

/* CLONE_CLEAR_SIGHAND leaves what is ignored ignored: what our caller ignored (nohup, a shell's background) stays his. */
static void signals_reset(void)
{
	const struct sigaction standard = { .sa_handler = SIG_DFL };

	for (int i = 1; i < _NSIG; i++)
		(void)sigaction(i, &standard, NULL); /* KILL, STOP and the C library's own say no */
}

static int attempt_exec(const char *path, const struct spec_process *process)
{
	(void)execve(path, process->args, process->env);
	return errno;
}

static int attempt_look(const char *path, const struct spec_process *process)
{
	struct stat st;

	(void)process;
	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* -- working folder --------------------------------------------------------------------------- */

/* No magic links: one to a descriptor that leads out of the container's root would be followed (CVE-2024-21626). The kernel
 * tells a folder that is not beneath our root by the path that it gives: none, or one that does not start with a slash. */
static int folder_enter(const char *path)
{
	_cleanup_close_ int fd = sys_openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
					     RESOLVE_NO_MAGICLINKS);
	char where[4096];

	if (fd < 0 || fchdir(fd) < 0)
		return -errno;
	if (syscall(SYS_getcwd, where, sizeof(where)) < 0)
		return -errno;
	return where[0] == '/' ? 0 : -EACCES;
}

/* -- what the command is born with ------------------------------------------------------------ */

struct sched_attributes { /* linux/sched/types.h, which libc's header does not bear beside it */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static void scheduling_set(const struct init_plan *plan)
{
	const struct spec_process *process = &plan->spec->process;
	const struct spec_scheduler *s = &process->scheduler;
	struct sched_attributes attributes = { .size = sizeof(attributes),
					       .policy = s->policy,
					       .flags = s->flags,
					       .nice = s->nice,
					       .priority = s->priority,
					       .runtime = s->runtime_ns,
					       .deadline = s->deadline_ns,
					       .period = s->period_ns };

	if (s->set && syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
		fail(plan, STEP_SCHEDULER, 0, errno);
	if (process->io_class && syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0,
					 process->io_class << 13 | process->io_priority) < 0)
		fail(plan, STEP_IO_PRIORITY, 0, errno);
}

/* "0-3,7" as a mask of memory nodes or processors. false: it is none. */
static bool nodes_parse(const char *text, unsigned long *mask, size_t words)
{
	const size_t bits = 8 * sizeof(*mask);

	while (*text) {
		char *end;
		unsigned long first, last;

		if (*text < '0' || *text > '9')
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (first > last || last >= words * bits || (*end && *end != ','))
			return false;
		for (; first <= last; first++)
			mask[first / bits] |= 1UL << first % bits;
		text = *end ? end + 1 : end;
	}
	return true;
}

void process_affinity(const struct init_plan *plan, const char *cpus)
{
	unsigned long mask[1024 / (8 * sizeof(unsigned long))] = { 0 };

	if (!cpus || !*cpus)
		return;
	if (!nodes_parse(cpus, mask, ARRAY_SIZE(mask)))
		fail(plan, STEP_SCHEDULER, 0, EINVAL);
	if (sched_setaffinity(0, sizeof(mask), (const cpu_set_t *)mask) < 0)
		fail(plan, STEP_SCHEDULER, 0, errno);
}

static void memory_policy_set(const struct init_plan *plan)
{
	const struct spec_memory_policy *policy = &plan->spec->memory_policy;
	unsigned long mask[1024 / (8 * sizeof(unsigned long))] = { 0 };
	bool nodes = policy->nodes && *policy->nodes;

	if (!policy->set)
		return;
	if (nodes && !nodes_parse(policy->nodes, mask, ARRAY_SIZE(mask)))
		fail(plan, STEP_MEMORY_POLICY, 0, EINVAL);
	if (syscall(SYS_set_mempolicy, policy->mode, nodes ? mask : NULL,
		    nodes ? 8 * sizeof(mask) : 0) < 0)
		fail(plan, STEP_MEMORY_POLICY, 0, errno);
}

int process_keyring(const struct init_plan *plan)
{
	const char *label = plan->spec->process.selinux_label;
	bool labelled = label && *label &&
			file_poke(plan->proc, "thread-self/attr/keycreate", label) == 0;
	int r = sys_keyctl_join_session(NULL) < 0 ? -errno : 0;

	if (labelled && file_poke(plan->proc, "thread-self/attr/keycreate", "\n") < 0)
		return -errno;
	if (labelled && r == -EACCES) /* a policy may forbid to make keys for others */
		r = sys_keyctl_join_session(NULL) < 0 ? -errno : 0;
	return r == -ENOSYS || r == -EDQUOT ? 0 : r;
}

/* AppArmor's files first, which other LSMs do not share (Linux 5.1). Written through the host's proc. */
static void labels_set(const struct init_plan *plan)
{
	const struct spec_process *process = &plan->spec->process;
	int r = 0;

	if (process->apparmor_profile && *process->apparmor_profile) {
		_cleanup_free_ char *text = str_printf("exec %s", process->apparmor_profile);

		r = file_poke(plan->proc, "thread-self/attr/apparmor/exec", text);
		if (r == -ENOENT)
			r = file_poke(plan->proc, "thread-self/attr/exec", text);
	}
	if (r == 0 && process->selinux_label && *process->selinux_label)
		r = file_poke(plan->proc, "thread-self/attr/exec", process->selinux_label);
	if (r < 0)
		fail(plan, STEP_LABEL, 0, r);
}

/* What one pipe or socket lets only its owner open again (/dev/stdout) is the user's. Files and devices stay whose they are. */
static void stdio_give(const struct init_plan *plan)
{
	struct stat st;

	for (int fd = 0; plan->io->own_stdio && fd < 3; fd++)
		if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
			(void)!fchown(fd, plan->spec->process.uid, (gid_t)-1); /* a convenience */
}

/* Nothing of the host's crosses, and nothing is there while the command's path is resolved, for /proc/self/fd to lead out by: all
 * but the standard streams, what is to be preserved, the report and the socket to the parent, which are no file and no folder. */
static void descriptors_close(struct init_plan *plan, int *binary, int *listener)
{
	int own = -1, *sync = plan->birth ? &plan->sync : &own;
	int *kept[] = { &plan->report, binary, listener, sync }, next = 3 + plan->io->preserve;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) { /* out of the way of each other */
		if (*kept[i] < 0)
			continue;
		*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC,
				 3 + plan->io->preserve + (int)ARRAY_SIZE(kept));
		if (*kept[i] < 0)
			_exit(126);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (*kept[i] < 0)
			continue;
		if (dup3(*kept[i], next, O_CLOEXEC) < 0)
			_exit(126);
		*kept[i] = next++;
	}
	if (close_range((unsigned int)next, ~0u, 0) < 0)
		fail(plan, STEP_STDIO, 0, errno);
}

/* -- the filter ------------------------------------------------------------------------------- */

/* The right to load it is there or no_new_privs is set; afterwards only capset, prctl and execve are called, and sendmsg for a
 * listener, which a filter must not notify of. */
static void filter_load(const struct init_plan *plan, int listener_socket, const char *state)
{
	int listener = seccomp_load(plan->seccomp);

	if (listener < 0)
		fail(plan, STEP_SECCOMP, 0, listener);
	if (plan->seccomp->flags & SECCOMP_PROGRAM_LISTENER) {
		int r = fd_pass_send_text(listener_socket, state, listener);

		if (r < 0)
			fail(plan, STEP_LISTENER, 0, r);
	}
}

/* Our number where the caller is: the host's proc says it. */
static pid_t pid_on_host(const struct init_plan *plan)
{
	char text[16] = "";

	return readlinkat(plan->proc, "self", text, sizeof(text) - 1) > 0 ?
		       (pid_t)strtol(text, NULL, 10) :
		       getpid();
}

/* -- the way ---------------------------------------------------------------------------------- */

void process_check(const struct init_plan *plan)
{
	const struct spec_process *process = &plan->spec->process;
	int code;

	if (!plan->spec->told_exactly)
		return;
	/* a profile that is not loaded fails `create`; a hook would be executed with it */
	if (plan->spec->hooks[SPEC_HOOK_START_CONTAINER].count == 0)
		labels_set(plan);
	limits_check(plan);
	if (groups_set(process) < 0)
		fail(plan, STEP_GROUPS, 0, errno);
	if (process->cwd)
		(void)folder_enter(
			process->cwd); /* for a relative path; it fails later, with words */
	/* the capabilities over files go and come with the file system's user (capabilities(7)) */
	(void)setfsgid(process->gid);
	(void)setfsuid(process->uid);
	code = execute(process, attempt_look);
	(void)setfsuid(0);
	(void)setfsgid(0);
	(void)!chdir("/"); /* a root that cannot be entered is told of above */
	if (code)
		fail(plan, STEP_EXEC, 0, code);
}

/* Root's way to the folder counts as well as the user's, as with every runtime. */
static void folder_set(const struct init_plan *plan, bool *ret_done, bool last)
{
	int r = plan->spec->process.cwd ? folder_enter(plan->spec->process.cwd) : 0;

	*ret_done = r == 0;
	if (r < 0 && (last || r != -EACCES))
		fail(plan, STEP_CWD, 0, r);
}

static void ids_set(const struct init_plan *plan)
{
	const struct spec_process *process = &plan->spec->process;
	int r = capability_drop_bounding(process);

	if (r < 0)
		fail(plan, STEP_CAPABILITIES, 0, r);
	if (groups_set(process) < 0 || setresgid(process->gid, process->gid, process->gid) < 0)
		fail(plan, STEP_GROUPS, 0, errno);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 ||
	    setresuid(process->uid, process->uid, process->uid) < 0)
		fail(plan, STEP_USER, 0, errno);
	if (prctl(PR_SET_KEEPCAPS, 0) < 0)
		fail(plan, STEP_CAPABILITIES, 0, errno);
}

static void rights_set(const struct init_plan *plan, int listener_socket, const char *state)
{
	const struct spec_process *process = &plan->spec->process;
	bool nnp = process->no_new_privileges;
	int r = 0;

	if (nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(plan, STEP_CAPABILITIES, 0, errno);
	if (plan->seccomp && !nnp) {
		r = capability_raise_admin();
		if (r < 0)
			fail(plan, STEP_CAPABILITIES, 0, r);
		filter_load(plan, listener_socket, state);
	}
	r = capability_apply(process);
	if (r < 0)
		fail(plan, STEP_CAPABILITIES, 0, r);
	if (plan->seccomp && nnp)
		filter_load(plan, listener_socket, state);
}

/* Whether a process can be born behind the filter: by the calls that it and its maker then make. */
static bool filter_lets_be_born(const struct init_plan *plan)
{
	const struct seccomp_program *filter = plan->seccomp;

	if (filter && filter->flags & SECCOMP_PROGRAM_LISTENER)
		return false; /* its listener is told whose filter it is */
	return seccomp_lets_pass(filter, SYS_clone, CLONE_PARENT, 0) &&
	       seccomp_lets_pass(filter, SYS_write, 0, 0) &&
	       seccomp_lets_pass(filter, SYS_setsid, 0, 0) &&
	       seccomp_lets_pass(filter, SYS_ioctl, 0, TIOCSCTTY) &&
	       seccomp_lets_pass(filter, SYS_exit_group, 0, 0);
}

_Noreturn void process_become(const struct init_plan *given)
{
	struct init_plan own = *given, *plan = &own;
	const struct spec *spec = plan->spec;
	const struct spec_process *process = &spec->process;
	int binary = spec->init ? plan->io->init_binary : -1, listener = plan->io->listener, r;
	_cleanup_free_ char *state = NULL;
	bool in_folder = false, late = plan->birth && filter_lets_be_born(plan);

	signals_reset();
	limits_set(plan);
	if (spec->personality_set && personality(spec->personality) < 0)
		fail(plan, STEP_PERSONALITY, 0, errno);
	scheduling_set(plan);
	memory_policy_set(plan);
	labels_set(plan);
	stdio_give(plan);
	folder_set(plan, &in_folder, false);
	ids_set(plan);
	umask(process->umask < 0 ? 0022 : (mode_t)process->umask);
	if (!in_folder)
		folder_set(plan, &in_folder, true);
	if (plan->birth && !late) {
		plan->birth(plan);
		plan->birth = NULL;
	}
	if (listener >= 0)
		state = plan->io->listener_state(plan->io->data, pid_on_host(plan));
	descriptors_close(plan, &binary, &listener);
	rights_set(plan, listener, state);
	if (late)
		plan->birth(plan);
	if (spec->init) {
		_cleanup_strv_ char **args = NULL;

		strv_add(&args, "cloche-init");
		for (size_t i = 0; process->args[i]; i++)
			strv_add(&args, process->args[i]);
		(void)execveat(binary, "", args, process->env, AT_EMPTY_PATH);
		r = errno;
	} else {
		r = execute(process, attempt_exec);
	}
	fail(plan, STEP_EXEC, 0, r);
}
