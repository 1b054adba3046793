/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/sys.h"
#include "runtime/capability.h"
#include "runtime/seccomp.h"
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

/* As execvp(3), with the container's PATH: the first that can be executed; EACCES is
 * remembered, since a later folder may have a better one. Returns the errno. */
static int execute(const struct spec_process *process)
{
	char *const *args = process->args, *const *env = process->env;
	const char *path = env_get(env, "PATH"), *end;
	int worst = ENOENT;

	if (strchr(args[0], '/')) {
		(void)execve(args[0], args, env);
		return errno;
	}
	if (!*args[0])
		return ENOENT;
	for (path = path ? path : DEFAULT_PATH;; path = end + 1) {
		char full[4096] = "";

		end = strchrnul(path, ':');
		if ((size_t)(end - path) + strlen(args[0]) + 2 < sizeof(full)) {
			memcpy(full, path, (size_t)(end - path));
			full[end - path] = '\0';
			/* An empty entry of PATH is the working folder. */
			if (end != path)
				(void)str_append(full, sizeof(full), "/");
			(void)str_append(full, sizeof(full), args[0]);
			(void)execve(full, args, env);
			if (errno == EACCES) {
				struct stat st;

				if (stat(full, &st) == 0 && !S_ISDIR(st.st_mode))
					worst = EACCES;
			} else if (errno != ENOENT && errno != ENOTDIR) {
				return errno;
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

_Noreturn void process_become(const struct init_plan *plan)
{
	const struct spec *spec = plan->spec;
	const struct spec_process *process = &spec->process;
	gid_t *groups = (gid_t *)process->additional_gids;
	const char *cwd = process->cwd;
	int r;

	signals_reset();
	limits_set(plan);
	/* Docker's: a folder that only root may enter is entered; where even it may not (NFS), the user tries below */
	if (process->cwd && chdir(process->cwd) == 0)
		cwd = NULL;
	r = capability_drop_bounding(process);
	if (r < 0)
		fail(plan, STEP_CAPABILITIES, 0, r);
	if (setgroups(process->additional_gid_count, groups) < 0 ||
	    setresgid(process->gid, process->gid, process->gid) < 0)
		fail(plan, STEP_GROUPS, 0, errno);
	if (plan->seccomp && !process->no_new_privileges) {
		r = seccomp_load(plan->seccomp);
		if (r < 0)
			fail(plan, STEP_SECCOMP, 0, r);
	}
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 ||
	    setresuid(process->uid, process->uid, process->uid) < 0)
		fail(plan, STEP_USER, 0, errno);
	umask(process->umask < 0 ? 0022 : (mode_t)process->umask);
	if (cwd && chdir(cwd) < 0)
		fail(plan, STEP_CWD, 0, errno);
	r = capability_apply(process);
	if (r < 0)
		fail(plan, STEP_CAPABILITIES, 0, r);
	if (prctl(PR_SET_KEEPCAPS, 0) < 0)
		fail(plan, STEP_CAPABILITIES, 0, errno);
	if (process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(plan, STEP_CAPABILITIES, 0, errno);
	if (plan->seccomp && process->no_new_privileges) {
		r = seccomp_load(plan->seccomp);
		if (r < 0)
			fail(plan, STEP_SECCOMP, 0, r);
	}
	/* Nothing of the host's crosses: all is close-on-exec from birth, and this is the wall behind it. */
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		fail(plan, STEP_STDIO, 0, errno);
	if (spec->init) {
		_cleanup_strv_ char **args = NULL;

		strv_add(&args, "cloche-init");
		for (size_t i = 0; process->args[i]; i++)
			strv_add(&args, process->args[i]);
		(void)execveat(plan->io->init_binary, "", args, process->env, AT_EMPTY_PATH);
		r = errno;
	} else {
		r = execute(process);
	}
	fail(plan, STEP_EXEC, 0, r);
}
