/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/tell.h"
#include "engine/cni.h"
#include "engine/container_label.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/foreign_runtime.h"
#include "engine/guard.h"
#include "engine/hooks.h"
#include "engine/lifecycle.h"
#include "engine/log_option.h"
#include "engine/machine.h"
#include "engine/monitor_exec.h"
#include "engine/names.h"
#include "engine/netns_name.h"
#include "engine/network_device.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/starter.h"
#include "engine/status.h"
#include "runtime/container.h"
#include "runtime/hook.h"
#include "runtime/spec.h"

static void result_send(int result, const struct err *err)
{
	(void)!write(result, err,
		     sizeof(*err)); /* below PIPE_BUF: atomic. Nobody to tell: nothing lost */
}

static int stdin_open(const struct launch *launch, int *ret_writer, struct err *err)
{
	int ends[2], r;

	*ret_writer = -1;
	if (!json_bool_at(launch->record->config, "Config.OpenStdin")) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		return fd < 0 ? err_sys(err, errno, "open /dev/null") : fd;
	}
	r = container_label_pipe(launch->spec, launch->run, ends, err);
	if (r < 0)
		return r;
	/* programs that open /dev/stdin again, as whatever user, may */
	(void)fchmod(ends[0], 0666);
	*ret_writer = ends[1];
	return ends[0];
}

static int output_open(const struct launch *launch, const char *name, int *ret_keeper,
		       struct err *err)
{
	int buffer = log_buffer_bytes(launch->record), run = launch->run, fd;

	/* A reader first, so that the writer's open does not wait for one. It stays open in the monitor. */
	*ret_keeper = openat(run, name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	fd = *ret_keeper < 0 ? -1 : openat(run, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && container_label_fifo(launch->spec, fd, err) < 0) {
		fd_close(fd);
		return -err->code;
	}
	if (fd >= 0 && buffer > 0)
		(void)fcntl(fd, F_SETPIPE_SZ, buffer); /* as much as the kernel allows */
	return fd < 0 ? err_sys(err, errno, "open fifo %s", name) : fd;
}

/* `kill` of who saw RUN/ID/init: the container was started and then killed, as it is when both come a moment later. An init that failed
 * ends by itself, one that still lives was not what stopped the start. */
static bool killed_meanwhile(int pidfd, int why)
{
	siginfo_t info = { 0 };
	/* its socket and its namespaces are gone a little before it is */
	int patience_ms = why == -EPIPE || why == -ESRCH ? KILL_PATIENCE_MS : 0;

	return lifecycle_ended(pidfd, patience_ms) &&
	       waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
}

/* -- struct container_io ---------------------------------------------------------------------- */

static char *hook_state(const void *data, pid_t pid, const char *status)
{
	const struct launch *launch = data;
	const struct hooks_data hooks = { launch->engine, launch->record };

	return hooks_state(&hooks, pid, status);
}

/* What the container's network namespace gets. On failure start_undo() takes back what there is. */
static int network_attach(const void *data, const struct container *container, struct err *err)
{
	const struct launch *launch = data;
	int r = network_devices_give(launch->record, launch->run, container->pid, err);

	if (r == 0)
		r = endpoints_attach(launch->endpoints, launch->record, container->pid,
				     container->pidfd, launch->run, err);
	if (r == 0)
		r = cni_add(launch->engine, launch->record, container->pid, err);
	if (r == 0)
		r = publish_start(launch->engine, launch->publish, launch->record, container->pidfd,
				  launch->run, err);
	if (r == 0 && launch->spec->namespaces[SPEC_NS_NETWORK].mode == SPEC_NS_NEW)
		netns_name_add(launch->engine, launch->record, launch->run, container->pid);
	engine_kill_point("start-network");
	launch->monitor->starter = starter_text(); /* needs nothing but a moment */
	return r;
}

/* What init sets of links to come (sysctls), and what hooks see before there is a network, comes first. */
static bool network_waits(const struct launch *launch)
{
	const struct spec *spec = launch->spec;

	for (size_t i = 0; i < spec->sysctl_count; i++)
		if (str_prefix(spec->sysctls[i].name, "net.") &&
		    (strstr(spec->sysctls[i].name, ".conf.") ||
		     strstr(spec->sysctls[i].name, ".neigh.")))
			return true;
	return foreign_runtime_is(launch->record) || hook_any_of_create(spec);
}

/* -- the whole -------------------------------------------------------------------------------- */

static int streams_open(struct launch *launch, struct container_io *io, struct err *err)
{
	struct monitor_exec *monitor = launch->monitor;

	if (launch->spec->process.terminal)
		return 0;
	io->stdio[0] = stdin_open(launch, &monitor->stdin_writer, err);
	if (io->stdio[0] >= 0)
		io->stdio[1] = output_open(launch, "stdout", &monitor->stdout_keeper, err);
	if (io->stdio[1] >= 0)
		io->stdio[2] = output_open(launch, "stderr", &monitor->stderr_keeper, err);
	return io->stdio[2] < 0 ? -err->code : 0;
}

static int launch_create(struct launch *launch, struct container *container, struct err *err)
{
	struct container_io io = CONTAINER_IO_NONE;
	const bool later = network_waits(launch);
	pid_t holder = 0;
	int r;

	io.init_binary = launch->init_binary;
	io.hook_state = hook_state;
	io.meanwhile = later ? NULL : network_attach;
	io.data = launch;
	r = streams_open(launch, &io, err);
	if (r == 0 && foreign_runtime_is(launch->record)) {
		r = foreign_runtime_create(launch->engine, launch->record, launch->spec, &io,
					   container, err);
	} else if (r == 0) {
		r = machine_scope_start(launch->record, launch->spec, launch->cgroup, &holder, err);
		if (r == 0)
			r = container_create(container, launch->spec, &io, launch->seccomp,
					     launch->cgroup, err);
	}
	if (r == 0 && later) {
		r = network_attach(launch, container, err);
		if (r < 0)
			container_abort(container);
	}
	machine_holder_end(&holder);
	for (int i = 0; i < 3; i++)
		fd_close(io.stdio[i]);
	return r;
}

static int launch_container(struct launch *launch, struct err *err)
{
	struct monitor_exec *monitor = launch->monitor;
	struct container container = CONTAINER_NONE;
	const bool foreign = foreign_runtime_is(launch->record);
	int r = launch_create(launch, &container, err);

	if (r == 0) {
		engine_kill_point("start-container-created");
		tell_debug("start %s: its first process is %d", launch->record->row.name,
			   (int)container.pid);
		guard_add(launch->engine, launch->record, launch->run, container.pid);
		/* before the command may change who has which name */
		names_publish(launch->engine, &launch->record->row, container.pid);
		r = status_init_write(launch->run, container.pid, launch->started_ns,
				      monitor->starter, err);
	}
	if (r == 0)
		status_started_mark(launch->dir, launch->started_ns);
	engine_kill_point("start-init-written");
	if (r == 0 && !foreign)
		r = machine_register(launch->record, launch->endpoints, container.pid, err);
	if (r == 0)
		r = foreign ?
			    foreign_runtime_start(launch->engine, launch->record, &container, err) :
			    container_go(&container, err);
	if (r < 0 && killed_meanwhile(container.pidfd, r)) {
		err_clear(err);
		r = 0;
	}
	if (r < 0) {
		container_abort(&container);
		(void)unlinkat(launch->run, "init", 0);
		return r;
	}
	engine_kill_point("start-going");
	monitor->init = container.pid;
	monitor->pidfd = container.pidfd;
	monitor->report = container.report;
	monitor->terminal = container.terminal;
	return 0;
}

_Noreturn void launch_process(struct launch *launch)
{
	struct monitor_exec *monitor = launch->monitor;
	struct err err = ERR_NONE;

	engine_store_forget(launch->engine);
	(void)setsid(); /* a key pressed now is for the command, not for the container's parent */
	if (launch_container(launch, &err) < 0) {
		result_send(launch->result, &err);
		_exit(125);
	}
	monitor->dir = launch->dir;
	monitor->run = launch->run;
	monitor->client = launch->client;
	monitor->started_ns = launch->started_ns;
	monitor_exec(launch->engine, launch->record, monitor, &err);
	/* Still here: the container runs and nobody would look after it. */
	(void)sys_pidfd_send_signal(monitor->pidfd, SIGKILL);
	(void)waitpid(monitor->init, NULL, 0);
	result_send(launch->result, &err);
	_exit(125);
}
