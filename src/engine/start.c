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
#include "engine/container_label.h"
#include "engine/device_follow.h"
#include "engine/disk_limit.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/extra_option.h"
#include "engine/foreign_runtime.h"
#include "engine/forward_look.h"
#include "engine/frame.h"
#include "engine/guard.h"
#include "engine/health.h"
#include "engine/hooks.h"
#include "engine/image_need.h"
#include "engine/keeper.h"
#include "engine/lan_endpoint.h"
#include "engine/lease.h"
#include "engine/lifecycle.h"
#include "engine/log_option.h"
#include "engine/machine.h"
#include "engine/monitor_exec.h"
#include "engine/names.h"
#include "engine/netns_name.h"
#include "engine/network_device.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "engine/rename.h"
#include "engine/resolv_conf.h"
#include "engine/restart.h"
#include "engine/spec_build.h"
#include "engine/starter.h"
#include "engine/status.h"
#include "engine/systemd_init.h"
#include "engine/traffic.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/hook.h"
#include "runtime/seccomp.h"

/* CAP_NET_ADMIN and CAP_NET_RAW: without them a process cannot send with addresses that it does not have */
#define NETWORK_RIGHTS (UINT64_C(1) << 12 | UINT64_C(1) << 13)

struct launch { /* what the process needs that becomes the monitor */
	struct engine *engine;
	struct record *record;
	struct spec *spec;
	const struct seccomp_program *seccomp;
	struct cgroup *cgroup;
	struct endpoints *endpoints;
	struct publish *publish;
	struct monitor_exec *monitor;
	int dir, run, client, result, init_binary;
	int64_t started_ns;
	bool again;
};

/* -- files ------------------------------------------------------------------------------------ */

/* --add-host: "NAME:IP", the address "host-gateway" being the host's on the container's network. */
static void extra_hosts(const struct record *record, const struct endpoints *endpoints,
			struct buf *hosts)
{
	_cleanup_strv_ char **list = json_strv_at(record->config, "HostConfig.ExtraHosts");
	const struct endpoint *gateway = endpoints_gateway(endpoints);
	char text[ADDRESS_TEXT];

	for (size_t i = 0; list && list[i]; i++) {
		char *colon = strchr(list[i], ':');

		*colon = '\0';
		if (strcmp(colon + 1, "host-gateway") != 0)
			buf_printf(hosts, "%s\t%s\n", colon + 1, list[i]);
		else if (gateway && gateway->network.subnet4.address.family)
			buf_printf(hosts, "%s\t%s\n",
				   address_text(&gateway->network.subnet4.address, text), list[i]);
		else if (gateway)
			buf_printf(hosts, "%s\t%s\n",
				   address_text(&gateway->network.subnet6.address, text), list[i]);
		else
			buf_printf(hosts, "127.0.0.1\t%s\n", list[i]);
	}
}

/* A container that shares another one's network has its names, too. dir: containers/ID */
static void shared_files(const struct record *record, int dir, struct buf *hosts,
			 struct buf *resolv)
{
	const char *mode = json_string_at(record->config, "HostConfig.NetworkMode", "");
	_cleanup_free_ char *hosts_path = NULL, *resolv_path = NULL;

	if (!str_prefix(mode, "container:"))
		return;
	hosts_path = str_printf("../%s/hosts", mode + strlen("container:"));
	resolv_path = str_printf("../%s/resolv.conf", mode + strlen("container:"));
	buf_clear(hosts);
	buf_clear(resolv);
	(void)file_read(dir, hosts_path, 1 << 20, hosts); /* none is an empty one */
	(void)file_read(dir, resolv_path, 1 << 20, resolv);
}

static int own_files_write(const struct record *record, const struct endpoints *endpoints, int dir,
			   struct err *err)
{
	const char *hostname = json_string_at(record->config, "Config.Hostname", "");
	bool host_network =
		strcmp(json_string_at(record->config, "HostConfig.NetworkMode", ""), "host") == 0;
	_cleanup_(buf_clear) struct buf hosts = BUF_EMPTY, name = BUF_EMPTY, resolv = BUF_EMPTY;
	struct stat st;

	/* Written once: what the container changed in them stays over a restart, as with Docker. */
	if (fstatat(dir, "resolv.conf", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (host_network) {
		(void)file_read(AT_FDCWD, "/etc/hosts", 1 << 20, &hosts);
		resolv_conf_host(record, &resolv);
	} else {
		buf_puts(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
				 "fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n"
				 "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
		if (endpoints->count > 0) {
			endpoints_hosts(endpoints, record, &hosts);
			resolv_conf_own(record, endpoints->resolver >= 0, &resolv);
		} else if (cni_wanted(record)) {
			resolv_conf_own(record, false, &resolv);
			buf_printf(&hosts, "127.0.1.1\t%s\n", hostname);
		} else if (*hostname) {
			buf_printf(&hosts, "127.0.1.1\t%s\n", hostname);
		}
	}
	shared_files(record, dir, &hosts, &resolv);
	extra_hosts(record, endpoints, &hosts);
	buf_printf(&name, "%s\n", hostname);
	if (file_replace(dir, "hosts", hosts.data ? hosts.data : "", hosts.length, 0644, false,
			 err) < 0 ||
	    file_replace(dir, "hostname", name.data, name.length, 0644, false, err) < 0 ||
	    file_replace(dir, "resolv.conf", resolv.data ? resolv.data : "", resolv.length, 0644,
			 false, err) < 0)
		return -err->code;
	return 0;
}

int container_folders_make(struct engine *engine, const struct record *record, struct err *err)
{
	static const char *const folders[] = { "upper", "work" };
	_cleanup_free_ char *path = disk_limit_folder(record);
	_cleanup_close_ int dir = -1;

	if (disk_limit_container(engine, record, err) < 0)
		return -err->code;
	dir = openat(engine->root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, errno, "open the folder of container %s", record->row.name);

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int fd = dir_open_make(dir, folders[i], i == 0 ? 0755 : 0700, err);

		if (fd < 0)
			return fd;
		fd_close(fd);
	}
	return 0;
}

void container_root_settle(struct engine *engine, const struct record *record)
{
	_cleanup_free_ char *folder = disk_limit_folder(record),
			    *path = str_printf("%s/work/work/incompat", folder);

	(void)dir_remove(engine->root, path);
}

static int folders_make(struct engine *engine, const struct record *record,
			const struct endpoints *endpoints, int dir, struct err *err)
{
	int r = container_folders_make(engine, record, err);

	if (r < 0)
		return r;
	container_root_settle(engine, record);
	(void)unlinkat(dir, "exit", 0);
	(void)unlinkat(dir, "error", 0);
	(void)unlinkat(dir, "death", 0);
	status_started_unmark(dir);
	return own_files_write(record, endpoints, dir, err);
}

static int fifo_make(int run, const char *name, struct err *err)
{
	if (mkfifoat(run, name, 0622) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make fifo %s", name);
	/* any user of the container may open /dev/stdout again, to write */
	return fchmodat(run, name, 0622, 0) < 0 ? err_sys(err, errno, "make fifo %s", name) : 0;
}

/* -- the process that becomes the monitor ----------------------------------------------------- */

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

/* -- the process that becomes the monitor, continued ------------------------------------------ */

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
	/* while init executes the command: who is killed before this has names from the next exec on */
	names_publish(launch->engine, &launch->record->row, container.pid);
	monitor->init = container.pid;
	monitor->pidfd = container.pidfd;
	monitor->report = container.report;
	monitor->terminal = container.terminal;
	return 0;
}

static _Noreturn void launch_process(struct launch *launch)
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

/* -- the command's side ----------------------------------------------------------------------- */

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
static void start_undo(struct launch *launch, const struct err *err)
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
	if (!launch->again)
		(void)unlinkat(launch->dir, "restarts",
			       0); /* a policy begins with a start that worked */
	(void)file_replace(launch->dir, "error", text, strlen(text), 0600, false, &ignored);
	hooks_release(launch->engine, launch->record, launch->run);
	(void)dir_remove(launch->engine->run, launch->record->row.id);
}

static int launch_run(struct launch *launch, const struct start_options *options, int *ret_client,
		      struct err *err)
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
				 .monitor = &monitor,
				 .again = options->again };
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
		r = folders_make(engine, record, &endpoints, dir, err);
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
	forward_look(&endpoints, &publish, ret_warnings);
	r = launch_run(&launch, options, ret_client, err);
	if (r < 0) {
		start_undo(&launch, err);
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
