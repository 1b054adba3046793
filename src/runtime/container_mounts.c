/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/container_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/container_step.h"
#include "runtime/join.h"
#include "runtime/mount.h"
#include "runtime/spec.h"

/* -- in the process made for it --------------------------------------------------------------- */

struct job {
	const struct spec *change;
	const int *binds; /* of each mount; -1: made inside */
	int proc;	  /* the host's: the container's own does not know us */
};

static int namespaces_enter(const struct spec *spec, int init_pidfd)
{
	const struct spec_namespace *user = &spec->namespaces[SPEC_NS_USER];
	bool other = user->mode == SPEC_NS_NEW ||
		     (user->mode == SPEC_NS_JOIN && !join_is_own_user(user->path));

	if (prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    setns(init_pidfd, CLONE_NEWNS | (other ? CLONE_NEWUSER : 0)) < 0)
		return -errno;
	if (other && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return -errno;
	(void)umask(0);
	return 0;
}

static int is_folder(int fd, bool *ret_folder)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_folder = S_ISDIR(st.st_mode);
	return 0;
}

static int add_one(const struct job *job, int root, size_t i, enum container_step *ret_step)
{
	const struct spec_mount *mount = &job->change->mounts[i];
	_cleanup_close_ int made = -1, target = -1;
	struct err ignored = ERR_NONE;
	bool folder = true;
	struct statfs fs;
	int fd = job->binds[i], r = 0;

	*ret_step = STEP_MOUNT;
	if (fd < 0) {
		fd = made = mount_new_labelled("tmpfs", mount->source ? mount->source : "tmpfs",
					       mount->data, job->change->mount_label,
					       (unsigned int)(mount->attr_set | mount->all_set));
		r = made < 0 ? made : 0;
	} else {
		r = is_folder(fd, &folder);
	}
	if (r < 0)
		return r;
	*ret_step = STEP_MOUNT_TARGET;
	target = folder ? root_make_dir(root, mount->destination, 0, 0, &ignored) :
			  root_make_file(root, mount->destination, 0, 0, &ignored);
	if (target < 0)
		return target;
	if (fstatfs(target, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
		*ret_step = STEP_REAL_PROC;
		return -EPERM;
	}
	return mount_attach(fd, target);
}

/* By its descriptor's name in the host's proc: umount2(2) takes paths only, and one in the container may change meanwhile. */
static int remove_one(const struct job *job, int root, size_t i, enum container_step *ret_step)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int target =
		root_open(root, job->change->mounts[i].destination, O_PATH, &ignored);
	char name[32];

	*ret_step = STEP_UNMOUNT;
	if (target < 0)
		return target;
	(void)snprintf(name, sizeof(name), "self/fd/%d", target);
	if (fchdir(job->proc) < 0 || umount2(name, MNT_DETACH) < 0)
		return -errno;
	return 0;
}

static void job_do(const struct job *job, const struct spec *spec, int init_pidfd,
		   int (*one)(const struct job *job, int root, size_t i,
			      enum container_step *ret_step),
		   struct container_report *report)
{
	enum container_step step = STEP_JOIN;
	int root = -1, r = namespaces_enter(spec, init_pidfd);
	size_t i = 0;

	if (r == 0) {
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		step = STEP_ROOT;
		r = root < 0 ? -errno : 0;
	}
	for (; r == 0 && i < job->change->mount_count; i += r == 0)
		r = one(job, root, i, &step);
	report->step = (uint32_t)step | (uint32_t)i << 8;
	report->code = -r;
}

/* -- in the caller ---------------------------------------------------------------------------- */

static int job_run(const struct job *job, const struct spec *spec, int init_pidfd,
		   int (*one)(const struct job *job, int root, size_t i,
			      enum container_step *ret_step),
		   struct err *err)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct container_report report = { 0 };
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = sys_clone3(&args);
	if (pid == 0) {
		job_do(job, spec, init_pidfd, one, &report);
		(void)!write(ends[1], &report, sizeof(report)); /* who is gone needs none */
		_exit(0);
	}
	fd_close(ends[1]);
	if (pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "make a process");
	}
	do
		n = read(ends[0], &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	fd_close(ends[0]);
	(void)waitpid(pid, NULL, 0);
	if (n != sizeof(report))
		return err_set(err, EPIPE, "the process that changes mounts was killed");
	return report.code == 0 ? 0 : container_explain(job->change, &report, err);
}

static int kinds_check(const struct spec *change, struct err *err)
{
	for (size_t i = 0; i < change->mount_count; i++) {
		const struct spec_mount *mount = &change->mounts[i];

		if (mount->kind != SPEC_MOUNT_BIND && mount->kind != SPEC_MOUNT_TMPFS)
			return err_set(err, EOPNOTSUPP,
				       "mount at %s: only bind mounts and tmpfs can be put into a "
				       "running container",
				       mount->destination);
		if (mount->copy_up || mount->copy_link)
			return err_set(
				err, EOPNOTSUPP,
				"mount at %s: tmpcopyup and copy-symlink are for a container "
				"that is being made",
				mount->destination);
	}
	return 0;
}

int container_mounts_add(const struct spec *spec, const struct spec *change, pid_t init,
			 int init_pidfd, struct err *err)
{
	_cleanup_free_ int *binds = mem_new((change->mount_count + 1) * sizeof(*binds));
	struct job job = { .change = change, .binds = binds, .proc = -1 };
	_cleanup_close_ int userns = -1;
	int r = kinds_check(change, err);

	for (size_t i = 0; i < change->mount_count; i++)
		binds[i] = -1;
	if (r == 0 && spec->namespaces[SPEC_NS_USER].mode != SPEC_NS_INHERIT) {
		_cleanup_free_ char *path = str_printf("/proc/%d/ns/user", (int)init);

		userns = open(path, O_RDONLY | O_CLOEXEC);
		if (userns < 0)
			r = err_sys(err, errno, "open the user namespace");
	}
	for (size_t i = 0; r == 0 && i < change->mount_count; i++) {
		if (change->mounts[i].kind != SPEC_MOUNT_BIND)
			continue;
		binds[i] = container_bind_open(spec, &change->mounts[i], userns, err);
		r = binds[i] < 0 ? binds[i] : 0;
	}
	if (r == 0)
		r = job_run(&job, spec, init_pidfd, add_one, err);
	for (size_t i = 0; i < change->mount_count; i++)
		fd_close(binds[i]);
	return r;
}

int container_mounts_remove(const struct spec *spec, const struct spec *change, int init_pidfd,
			    struct err *err)
{
	struct job job = { .change = change };
	int r;

	job.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (job.proc < 0)
		return err_sys(err, errno, "open /proc");
	r = job_run(&job, spec, init_pidfd, remove_one, err);
	fd_close(job.proc);
	return r;
}
