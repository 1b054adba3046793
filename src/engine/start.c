/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
#include "engine/container_files.h"
#include "engine/device_follow.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/extra_option.h"
#include "engine/forward_look.h"
#include "engine/frame.h"
#include "engine/guard.h"
#include "engine/health.h"
#include "engine/hooks.h"
#include "engine/image_need.h"
#include "engine/keeper.h"
#include "engine/lan_endpoint.h"
#include "engine/launch.h"
#include "engine/lease.h"
#include "engine/log_option.h"
#include "engine/machine.h"
#include "engine/monitor_exec.h"
#include "engine/netns_name.h"
#include "engine/network_device.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/rename.h"
#include "engine/restart.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "engine/systemd_init.h"
#include "engine/traffic.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

/* CAP_NET_ADMIN and CAP_NET_RAW: without them a process cannot send with addresses that it does not have */
#define NETWORK_RIGHTS (UINT64_C(1) << 12 | UINT64_C(1) << 13)

static int fifo_make(int run, const char *name, struct err *err)
{
	if (mkfifoat(run, name, 0622) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make fifo %s", name);
	/* any user of the container may open /dev/stdout again, to write */
	return fchmodat(run, name, 0622, 0) < 0 ? err_sys(err, errno, "make fifo %s", name) : 0;
}

static int started_wait(struct launch *launch, int result, int client, struct err *err)
{
	struct frame *frame = mem_new(sizeof(*frame));
	_cleanup_free_ void *owned = frame;
	struct container_report report;
	ssize_t n;
	int r;

	do
		n = read(result, err, sizeof(*err));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*err))
		return -err->code;
	*err = ERR_NONE;
	r = frame_receive(client, frame);
	if (r == 0 && frame->type == FRAME_STARTED)
		return 0;
	if (r == 0 && frame->type == FRAME_FAILED && frame->length == sizeof(report)) {
		memcpy(&report, frame->data, sizeof(report));
		return container_explain(launch->spec, &report, err);
	}
	return err_set(err, EPIPE, "the start was interrupted: its process was killed");
}

/* What a start that failed has left. The words stay for `inspect`. */
static void start_undo(struct launch *launch, bool again, const struct err *err)
{
	struct err ignored = ERR_NONE;
	int status = err->exit_status == 126 || err->exit_status == 127 ? err->exit_status : 128;
	_cleanup_free_ char *text = str_printf("%d %s\n", status, err->words);

	(void)cgroup_remove(launch->cgroup, launch->spec->cgroup_path, &ignored);
	guard_remove(launch->engine, launch->run);
	netns_name_remove(launch->run);
	lan_endpoints_release(launch->run);
	network_devices_return(launch->run);
	(void)cni_delete(launch->engine, launch->record, &ignored);
	(void)publish_release(launch->engine, launch->record, launch->run, &ignored);
	(void)unlinkat(launch->dir, "exit", 0);
	if (!again)
		(void)unlinkat(launch->dir, "restarts",
			       0); /* a policy begins with a start that worked */
	(void)file_replace(launch->dir, "error", text, strlen(text), 0600, false, &ignored);
	hooks_release(launch->engine, launch->record, launch->run);
	(void)dir_remove(launch->engine->run, launch->record->row.id);
}

static int launch_run(struct launch *launch, const struct start_options *options, int *ret_client,
		      char ***ret_warnings, struct err *err)
{
	_cleanup_close_ int client = -1, result = -1;
	int pair[2], ends[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "make a socket pair");
	client = pair[0];
	launch->client = pair[1];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		fd_close(pair[1]);
		return err_sys(err, errno, "make a pipe");
	}
	result = ends[0];
	launch->result = ends[1];
	r = frame_hello(client, options->hello_flags);
	engine_kill_point("start-before-fork");
	pid = r < 0 ? -1 : fork();
	if (pid == 0) {
		(void)close(client);
		(void)close(result);
		launch_process(launch);
	}
	r = pid < 0 ? -errno : 0;
	fd_close(pair[1]);
	fd_close(ends[1]);
	if (r < 0)
		return err_sys(err, r, "fork");
	engine_kill_point("start-forked");
	/* while that works */
	forward_look(launch->endpoints, launch->publish, forward_warn, ret_warnings);
	r = started_wait(launch, result, client, err);
	engine_kill_point("start-started");
	if (r < 0) {
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret_client = fd_take(&client);
	return 0;
}

/* The reaper's program on a read-only mount of its own: root of a container without a user namespace could else write to
 * the host's file through /proc/1/exe. */
static int init_binary_open(struct engine *engine, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/cloche-init", engine->libexec);
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV |
						   MOUNT_ATTR_NOSUID };
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0) {
		int code = errno;

		fd_close(fd);
		return err_sys(err, code, "protect %s", path);
	}
	return fd;
}

int start_container(struct engine *engine, struct record *record,
		    const struct start_options *options, int *ret_client, char ***ret_warnings,
		    struct err *err)
{
	_cleanup_(built_spec_clear) struct built_spec built = { 0 };
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	_cleanup_(publish_clear) struct publish publish = PUBLISH_NONE;
	_cleanup_close_ int dir = -1, run = -1, init_binary = -1;
	_cleanup_free_ char *words = NULL;
	struct monitor_exec monitor = MONITOR_EXEC_NONE;
	struct launch launch = { .engine = engine,
				 .endpoints = &endpoints,
				 .publish = &publish,
				 .record = record,
				 .monitor = &monitor };
	int r;

	engine_kill_point("start-locked");
	r = rename_settle(engine, record, err);
	if (r == 0)
		r = extra_requires_start(engine, record, ret_warnings, err);
	if (r < 0)
		return r;
	launch.started_ns = engine_now_ns(); /* after those that it waited for */
	dir = engine_container_dir(engine, record->row.id, true, err);
	if (dir < 0)
		return dir;
	r = endpoints_load(engine, record, &endpoints, err);
	if (r == 0)
		r = cni_prepare(record, err);
	if (r == 0)
		r = endpoints_up(engine, record, &endpoints, "", err);
	if (r == 0)
		r = container_files_prepare(engine, record, &endpoints, dir, err);
	if (r == 0)
		restart_started(engine, record, options->again);
	if (r == 0)
		health_started(engine, record);
	if (r < 0)
		return r;
	launch.cgroup = engine_cgroup(engine, err);
	if (!launch.cgroup)
		return -err->code;
	r = spec_build(engine, record, &built, err);
	if (r < 0)
		return r;
	tell_debug("start %s: %zu layers, %zu mounts, cgroup %s", record->row.name,
		   built.spec->lower_count, built.spec->mount_count, built.spec->cgroup_path);
	built.spec->cgroup_adopted = machine_wanted(record);
	built.spec->process.rows = options->rows;
	built.spec->process.columns = options->columns;
	if (json_at(record->config, "Cloche.Needs")) /* which most images have not */
		image_need_warn(engine, json_at(record->config, "Cloche.Needs"),
				systemd_init_is(record), ret_warnings);
	for (size_t i = 0; built.warnings && built.warnings[i]; i++)
		strv_add(ret_warnings, built.warnings[i]);
	if (built.spec->seccomp_default) {
		r = seccomp_for_spec(engine, built.spec, &program, err);
		if (r < 0)
			return r;
		launch.seccomp = &program;
	}
	if (built.spec->init) {
		init_binary = init_binary_open(engine, err);
		if (init_binary < 0)
			return init_binary;
	}
	endpoints.guarded = (built.spec->process.cap_bounding & NETWORK_RIGHTS) != 0;
	r = traffic_load(record, &endpoints, endpoints.guarded, &endpoints.traffic, err);
	if (r < 0)
		return r;
	run = engine_run_dir(engine, record->row.id, true, err);
	if (run < 0)
		return run;
	engine_kill_point("start-run-folder");
	if (!built.spec->process.terminal) {
		r = fifo_make(run, "stdout", err);
		if (r == 0)
			r = fifo_make(run, "stderr", err);
		if (r < 0)
			return r;
	}
	r = log_sink_prepare(record, run, err);
	if (r == 0)
		r = device_follow_started(engine, record, run, err);
	if (r == 0)
		r = hooks_prepare(engine, record, built.spec, run, err);
	if (r == 0)
		r = leases_note(&endpoints, run, err);
	if (r == 0)
		r = publish_prepare(engine, record, &endpoints, &publish, err);
	if (r < 0) {
		hooks_release(engine, record, run);
		(void)dir_remove(engine->run, record->row.id);
		return r;
	}
	launch.spec = built.spec;
	launch.dir = dir;
	launch.run = run;
	launch.init_binary = init_binary;
	words = publish_firewall_words(engine, &publish);
	if (words)
		strv_add(ret_warnings, words);
	r = launch_run(&launch, options, ret_client, ret_warnings, err);
	if (r < 0) {
		start_undo(&launch, options->again, err);
		return r;
	}
	tell_debug("start %s: it runs", record->row.name);
	if (built.spec->hooks[SPEC_HOOK_POSTSTART].count > 0) {
		struct container_status status;

		status_get(engine, record->row.id, &status);
		hooks_poststart(engine, record, built.spec, status.pid, ret_warnings);
	}
	event_begin(engine);
	if (options->hello_flags & HELLO_OUTPUT)
		event_container(engine, record, "attach", NULL);
	event_networks(engine, record, &endpoints, "connect");
	event_volumes(engine, record, "mount");
	event_container(engine, record, "start", NULL);
	event_end(engine);
	if ((engine->settings.keeper || leases_want_keeper(&endpoints)) && !keeper_pid(engine) &&
	    keeper_start(engine, err) < 0) {
		strv_add(ret_warnings, err->words); /* all works without it */
		err_clear(err);
	}
	return 0;
}
