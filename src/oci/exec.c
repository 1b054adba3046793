/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/foreground.h"
#include "oci/launch.h"
#include "oci/oci.h"
#include "oci/state.h"
#include "runtime/capability.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

struct exec_args {
	struct launch_options launch;
	const char *process, *cwd, *user, *apparmor, *process_label, *cgroup;
	char **env, **caps, **gids;
	bool tty, no_new_privs, ignore_paused;
};

static const struct opt exec_opts[] = {
	OPT_STRING('p', "process", "FILE", struct exec_args, process,
		   "read the process from FILE (process.json)"),
	OPT_STRING(0, "console-socket", "SOCKET", struct exec_args, launch.console_socket,
		   "send the terminal's master to the unix SOCKET"),
	OPT_STRING(0, "pid-file", "FILE", struct exec_args, launch.pid_file,
		   "write the process id to FILE"),
	OPT_STRING(0, "pidfd-socket", "SOCKET", struct exec_args, launch.pidfd_socket,
		   "send a pidfd of the process to the unix SOCKET"),
	OPT_BOOL('d', "detach", struct exec_args, launch.detach,
		 "return once the command runs, and leave it to the caller"),
	OPT_BOOL('t', "tty", struct exec_args, tty, "with a terminal of its own"),
	OPT_STRING(0, "cwd", "DIR", struct exec_args, cwd, "the working folder"),
	OPT_LIST('e', "env", "NAME=VALUE", struct exec_args, env, "set a variable"),
	OPT_STRING('u', "user", "UID[:GID]", struct exec_args, user, "as this user"),
	OPT_LIST('g', "additional-gids", "GID", struct exec_args, gids, "in this group, too"),
	OPT_LIST('c', "cap", "CAPABILITY", struct exec_args, caps, "with this capability, too"),
	OPT_BOOL(0, "no-new-privs", struct exec_args, no_new_privs, "set no_new_privs"),
	OPT_STRING(0, "apparmor", "PROFILE", struct exec_args, apparmor,
		   "under this AppArmor profile"),
	OPT_STRING(0, "process-label", "LABEL", struct exec_args, process_label,
		   "with this SELinux label"),
	OPT_STRING(0, "cgroup", "PATH", struct exec_args, cgroup,
		   "in the cgroup PATH beneath the container's"),
	OPT_BOOL(0, "ignore-paused", struct exec_args, ignore_paused,
		 "in a paused container, too: it waits until that goes on"),
	OPT_INT(0, "preserve-fds", "N", struct exec_args, launch.preserve_fds,
		"pass N more descriptors on, from 3 upwards"),
	OPT_BOOL(0, "no-subreaper", struct exec_args, launch.no_subreaper, "passed over"),
	OPT_END,
};

static int process_file(const char *path, struct spec *spec, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	r = fd_read_all(fd, SPEC_FILE_MAX, &text);
	if (r < 0)
		return err_sys(err, r, "read %s", path);
	return spec_read_process(text.data, text.length, spec, err);
}

static int number(const char *text, const char *what, uint32_t *ret, struct err *err)
{
	uint64_t value;

	if (str_to_u64(text, UINT32_MAX - 1, &value) < 0)
		return err_set(err, EINVAL, "%s: \"%s\" is not a number of one", what, text);
	*ret = (uint32_t)value;
	return 0;
}

static int user_set(struct spec_process *process, const char *text, struct err *err)
{
	_cleanup_free_ char *copy = str_dup(text);
	char *gid = strchr(copy, ':');
	int r;

	if (gid)
		*gid++ = '\0';
	r = number(copy, "--user", &process->uid, err);
	if (r == 0 && gid)
		r = number(gid, "--user", &process->gid, err);
	return r;
}

/* The first process of the container, with what the command line says in its place. */
static int process_flags(const struct exec_args *a, char **command, struct spec *spec,
			 struct err *err)
{
	struct spec_process *process = &spec->process;
	int r = 0;

	if (!command[0])
		return err_set(err, EINVAL, "process args cannot be empty: name a command");
	strv_clear(process->args);
	process->args = strv_copy(command);
	process->terminal = a->tty;
	for (size_t i = 0; a->env && a->env[i]; i++)
		env_set(&process->env, a->env[i]);
	if (a->cwd) {
		free(process->cwd);
		process->cwd = str_dup(a->cwd);
	}
	if (a->user)
		r = user_set(process, a->user, err);
	for (size_t i = 0; r == 0 && a->gids && a->gids[i]; i++) {
		process->additional_gids = spec_grow(process->additional_gids,
						     process->additional_gid_count,
						     sizeof(*process->additional_gids));
		r = number(a->gids[i], "--additional-gids",
			   &process->additional_gids[process->additional_gid_count++], err);
	}
	/* not inheritable: a program that is executed later must not get it from there (CVE-2022-29162) */
	for (size_t i = 0; r == 0 && a->caps && a->caps[i]; i++) {
		int bit = capability_parse(a->caps[i], err);

		r = bit < 0 ? bit : 0;
		if (r == 0) {
			process->cap_bounding |= UINT64_C(1) << bit;
			process->cap_permitted |= UINT64_C(1) << bit;
			process->cap_effective |= UINT64_C(1) << bit;
		}
	}
	return r;
}

static int process_choose(const struct exec_args *a, char **command, struct spec *spec,
			  struct err *err)
{
	struct spec_process *process = &spec->process;
	int r = a->process ? process_file(a->process, spec, err) :
			     process_flags(a, command, spec, err);

	if (r < 0)
		return r;
	if (a->no_new_privs)
		process->no_new_privileges = true;
	if (a->apparmor) {
		free(process->apparmor_profile);
		process->apparmor_profile = str_dup(a->apparmor);
	}
	if (a->process_label) {
		free(process->selinux_label);
		process->selinux_label = str_dup(a->process_label);
	}
	if (a->tty)
		process->terminal = true;
	if (a->cgroup && strchr(a->cgroup, ':')) {
		(void)err_set(err, EOPNOTSUPP,
			      "--cgroup %s: a process enters the same folder in all hierarchies",
			      a->cgroup);
		return err_hint(err, "name a folder that all have, without a controller");
	}
	if (a->cgroup && strcmp(a->cgroup, "/") != 0) {
		char *path =
			str_printf("%s/%s", spec->cgroup_path, a->cgroup + (a->cgroup[0] == '/'));

		free(spec->cgroup_path);
		spec->cgroup_path = path;
	}
	if (process->terminal && a->launch.detach && !a->launch.console_socket)
		return err_set(
			err, EINVAL,
			"cannot allocate a terminal without --console-socket, which is where "
			"its master goes");
	if (!a->launch.console_socket)
		foreground_size(process);
	return spec_check_process(process, err);
}

static int exec_make(const struct oci *oci, const struct exec_args *a, const struct state *state,
		     struct spec *spec, struct cgroup *cgroup, int init,
		     struct container *ret_container, struct err *err)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	struct hook_data data = { state, spec };
	struct container_io io = CONTAINER_IO_NONE;
	struct container container = CONTAINER_NONE;
	int r;

	for (int i = 0; i < 3; i++)
		io.stdio[i] = i;
	io.own_stdio = true;
	io.listener_state = launch_listener_state;
	io.data = &data;
	r = launch_preserve(a->launch.preserve_fds, spec, &io, err);
	if (r == 0)
		r = launch_seccomp(oci, spec, &program, err);
	if (r == 0)
		r = launch_listener(spec, &program, &io, err);
	if (r == 0)
		r = container_exec(&container, spec, init, &io, program.filter ? &program : NULL,
				   cgroup, err);
	fd_close(io.listener);
	if (r == 0 && a->launch.console_socket)
		r = launch_console_send(a->launch.console_socket, container.terminal, err);
	if (r == 0 && a->launch.pidfd_socket)
		r = launch_pidfd_send(a->launch.pidfd_socket, container.pidfd, err);
	if (r == 0 && a->launch.pid_file)
		r = launch_pid_write(a->launch.pid_file, container.pid, err);
	if (a->launch.console_socket) {
		fd_close(container.terminal);
		container.terminal = -1;
	}
	if (r < 0) {
		container_abort(&container);
		return r;
	}
	*ret_container = container;
	return 0;
}

static int exec_do(const struct oci *oci, const struct exec_args *a, char **operands,
		   int *ret_status, struct err *err)
{
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	struct container container = CONTAINER_NONE;
	_cleanup_close_ int init = -1;
	struct cgroup *cgroup = NULL;
	struct spec *spec = NULL;
	enum oci_status status;
	int r = state_read(oci, operands[0], &state, err);

	if (r < 0)
		return r;
	cgroup = cgroup_open(err);
	if (!cgroup)
		return -err->code;
	status = state_status(&state, cgroup, &init);
	if (status == OCI_STOPPED || status == OCI_CREATING)
		r = err_set(err, ESRCH, "cannot exec in a stopped container: \"%s\" is %s",
			    operands[0], oci_status_name(status));
	else if (status == OCI_PAUSED && !a->ignore_paused)
		r = err_set(err, EBUSY,
			    "cannot exec in a paused container (use --ignore-paused to "
			    "override)");
	if (r == 0)
		r = state_spec(&state, &spec, err);
	if (r == 0)
		r = process_choose(a, operands + 1, spec, err);
	if (r == 0) {
		launch_warnings(oci, spec);
		r = exec_make(oci, a, &state, spec, cgroup, init, &container, err);
	}
	if (r == 0 && a->launch.detach)
		*ret_status = 0;
	else if (r == 0)
		r = foreground(&container, NULL, ret_status, err);
	container_close(&container);
	spec_free(spec);
	cgroup_close(cgroup);
	return r;
}

static int exec_run(void *cli, void *args, char **operands, struct err *err)
{
	int status = 0;

	if (exec_do(cli, args, operands, &status, err) < 0)
		return err->exit_status ? err->exit_status :
					  255; /* as runc: not to be taken for the command's */
	return status;
}

const struct command oci_exec = {
	.program = "cloche-runtime",
	.name = "exec",
	.args = "ID [COMMAND] [ARG...]",
	.summary = "run one more process in a container",
	.opts = exec_opts,
	.args_size = sizeof(struct exec_args),
	.run = exec_run,
};
