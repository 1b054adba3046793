/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/json_table.h"
#include "base/str.h"
#include "oci/annotation.h"
#include "oci/cgroup_path.h"
#include "oci/foreground.h"
#include "oci/notify.h"
#include "oci/oci.h"
#include "runtime/cgroup.h"
#include "runtime/scope.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

void launched_clear(struct launched *launched)
{
	container_close(&launched->container);
	notify_close(&launched->notify);
	state_clear(&launched->state);
	spec_free(launched->spec);
	cgroup_close(launched->cgroup);
	*launched = LAUNCHED_NONE;
}

/* -- the bundle ------------------------------------------------------------------------------- */

static int bundle_enter(const struct launch_options *options, char **ret_path, struct err *err)
{
	const char *bundle = options->bundle ? options->bundle : ".";
	_cleanup_free_ char *path = NULL;

	if (chdir(bundle) < 0)
		return err_sys(err, errno, "enter bundle %s", bundle);
	path = getcwd(NULL, 0);
	if (!path)
		return err_sys(err, errno, "find the path of bundle %s", bundle);
	*ret_path = ptr_take(&path);
	return 0;
}

static int config_read(const struct launch_options *options, struct buf *text, struct err *err)
{
	const char *name = options->config ? options->config : "config.json";
	_cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open %s", name);
	r = fd_read_all(fd, SPEC_FILE_MAX, text);
	if (r == -EFBIG)
		return err_set(err, EFBIG, "%s is larger than %d bytes", name, SPEC_FILE_MAX);
	return r < 0 ? err_sys(err, r, "read %s", name) : 0;
}

/* What every container may open and make, behind the rules that are told (config-linux.md, "Default Devices"): the nodes
 * that we supply, terminals, and any node made with mknod, which opens nothing yet. */
static void device_rules_add(struct spec_resources *resources)
{
	static const struct spec_device_rule allowed[] = {
		{ true, 'c', -1, -1, "m" },    { true, 'b', -1, -1, "m" },
		{ true, 'c', 1, 3, "rwm" },    { true, 'c', 1, 8, "rwm" },
		{ true, 'c', 1, 7, "rwm" },    { true, 'c', 5, 0, "rwm" },
		{ true, 'c', 1, 5, "rwm" },    { true, 'c', 1, 9, "rwm" },
		{ true, 'c', 136, -1, "rwm" }, { true, 'c', 5, 2, "rwm" },
	};
	static const struct spec_device_rule none = { false, 'a', -1, -1, "rwm" };
	const struct spec_device_rule *last =
		resources->device_count ? &resources->devices[resources->device_count - 1] : NULL;

	/* all is allowed already */
	if (last && last->allow && last->type == 'a' && last->major < 0 && last->minor < 0 &&
	    strlen(last->access) == 3)
		return;
	resources->devices = reallocarray(resources->devices,
					  resources->device_count + ARRAY_SIZE(allowed) + 1,
					  sizeof(*allowed));
	if (!resources->devices)
		abort();
	if (resources->device_count == 0)
		resources->devices[resources->device_count++] = none;
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		resources->devices[resources->device_count++] = allowed[i];
}

static int spec_prepare(struct launch_options *options, const struct buf *text, struct spec *spec,
			struct err *err)
{
	int r = spec_read(text->data, text->length, spec, err);

	if (r == 0)
		r = annotations_apply(spec, options, err);
	if (r == 0)
		r = annotations_open_hooks(spec, err);
	if (r == 0)
		r = spec_check(spec, err);
	if (r == 0)
		r = spec_check_process(&spec->process, err);
	if (r < 0)
		return r;
	if (spec->process.terminal && options->detach && !options->console_socket)
		return err_set(
			err, EINVAL,
			"cannot allocate a terminal without --console-socket, which is where "
			"its master goes");
	if (!spec->process.terminal && options->console_socket)
		return err_set(err, EINVAL,
			       "--console-socket: process.terminal is not set in config.json");
	if (!options->console_socket)
		foreground_size(&spec->process);
	spec->no_pivot = options->no_pivot;
	spec->no_new_keyring = options->no_new_keyring;
	device_rules_add(&spec->resources);
	return 0;
}

void launch_warnings(const struct oci *oci, const struct spec *spec)
{
	for (size_t i = 0; spec->warnings && spec->warnings[i]; i++)
		oci_log(oci, "warning", spec->warnings[i]);
}

/* -- what goes in and out --------------------------------------------------------------------- */

int launch_preserve(long preserve_fds, struct spec *spec, struct container_io *io, struct err *err)
{
	const char *listen = getenv("LISTEN_FDS");
	uint64_t count = 0;

	if (preserve_fds < 0 || preserve_fds > 65536)
		return err_set(err, EINVAL, "--preserve-fds %ld: not a count of descriptors",
			       preserve_fds);
	if (listen && str_to_u64(listen, 65536, &count) == 0 && count > 0) {
		_cleanup_free_ char *assignment = str_printf("LISTEN_FDS=%s", listen);

		env_set(&spec->process.env, assignment);
		env_set(&spec->process.env, "LISTEN_PID=1");
	}
	io->preserve = (int)preserve_fds + (int)count;
	for (int fd = 3; fd < 3 + io->preserve; fd++) {
		int flags = fcntl(fd, F_GETFD);

		/* what is close-on-exec is ours: nothing else survives the start of this program */
		if (flags < 0 || flags & FD_CLOEXEC)
			return err_set(err, EBADF,
				       "descriptor %d is to be preserved and is not open", fd);
	}
	return 0;
}

static int socket_connect(const char *path, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_close_ int at = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0 || at < 0)
		return err_sys(err, errno, "open socket %s", path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", at);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(err, errno, "connect to socket %s", path);
	return fd_take(&fd);
}

int launch_console_send(const char *path, int master, struct err *err)
{
	_cleanup_close_ int fd = socket_connect(path, err);
	int r;

	if (fd < 0)
		return fd;
	r = fd_pass_send_text(fd, "/dev/ptmx", master);
	return r < 0 ? err_sys(err, r, "send the terminal to %s", path) : 0;
}

int launch_pidfd_send(const char *path, int pidfd, struct err *err)
{
	_cleanup_close_ int fd = socket_connect(path, err);
	int r;

	if (fd < 0)
		return fd;
	r = fd_pass_send_text(fd, "pidfd", pidfd);
	return r < 0 ? err_sys(err, r, "send the pidfd to %s", path) : 0;
}

int launch_pid_write(const char *path, pid_t pid, struct err *err)
{
	_cleanup_free_ char *temp = str_printf("%s.%d", path, (int)getpid());
	_cleanup_close_ int fd = -1;
	char text[16];
	int r;

	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(err, errno, "write pid file %s", path);
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	r = fd_write_all(fd, text, strlen(text));
	if (r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temp);
		return err_sys(err, r, "write pid file %s", path);
	}
	return 0;
}

/* -- the filter ------------------------------------------------------------------------------- */

int launch_seccomp(const struct oci *oci, const struct spec *spec, struct seccomp_program *ret,
		   struct err *err)
{
	struct seccomp_policy policy = { .oci_json = spec->seccomp_json };
	_cleanup_close_ int root = -1, cache = -1;
	struct err ignored = ERR_NONE;

	if (!spec->seccomp_json)
		return 0;
	root = state_root(oci, err);
	if (root < 0)
		return root;
	cache = dir_open_make(root, ".cache", 0700, &ignored); /* none costs time only */
	return seccomp_compile(&policy, cache, ret, err);
}

int launch_listener(const struct spec *spec, const struct seccomp_program *program,
		    struct container_io *io, struct err *err)
{
	if (!(program->flags & SECCOMP_PROGRAM_LISTENER))
		return 0;
	if (!spec->seccomp_listener || !*spec->seccomp_listener)
		return err_set(err, EINVAL,
			       "config.json: linux.seccomp.listenerPath: is needed for "
			       "SCMP_ACT_NOTIFY");
	io->listener = socket_connect(spec->seccomp_listener, err);
	return io->listener < 0 ? io->listener : 0;
}

char *launch_hook_state(const void *data, pid_t pid, const char *status)
{
	const struct hook_data *hook = data;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *json;

	state_json(&text, hook->state, status, pid);
	json = text.data;
	text = BUF_EMPTY;
	return json;
}

char *launch_listener_state(const void *data, pid_t pid)
{
	const struct hook_data *hook = data;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *json;

	buf_puts(&text, "{\"ociVersion\": ");
	json_quote(&text, hook->state->version);
	buf_printf(&text, ", \"fds\": [\"seccompFd\"], \"pid\": %d, \"metadata\": ", (int)pid);
	json_quote(&text, hook->spec->seccomp_metadata);
	buf_puts(&text, ", \"state\": ");
	state_json(&text, hook->state, "creating", pid);
	buf_puts(&text, "}");
	json = text.data;
	text = BUF_EMPTY;
	return json;
}

/* -- the whole -------------------------------------------------------------------------------- */

static char *now_text(void)
{
	struct timespec now = { 0 };
	char stamp[32];
	struct tm tm;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	return str_printf("%s.%09ldZ", stamp, now.tv_nsec);
}

static void state_fill(struct launched *l, const char *id, char *bundle)
{
	struct state *state = &l->state;
	const struct spec *spec = l->spec;

	state->id = str_dup(id);
	state->version = str_dup(spec->version);
	state->bundle = bundle;
	state->rootfs =
		spec->rootfs_path && spec->rootfs_path[0] == '/' ?
			str_dup(spec->rootfs_path) :
			str_printf("%s/%s", bundle, spec->rootfs_path ? spec->rootfs_path : "");
	state->created = now_text();
	state->cgroup = str_dup(spec->cgroup_path);
	state->owner = str_dup("root");
	state->own_pid_namespace = spec->namespaces[SPEC_NS_PID].mode == SPEC_NS_NEW;
	for (size_t i = 0; i < spec->annotation_count; i++)
		spec_add_pair(&state->annotations, &state->annotation_count,
			      str_dup(spec->annotations[i].name),
			      str_dup(spec->annotations[i].value));
}

static int start_socket(const struct state *state, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/start",
		       state->dir);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		return err_sys(err, errno, "make the socket of start");
	return fd_take(&fd);
}

/* The scope, when systemd is to make the cgroup. Where it is, systemd decides: what we thought was recorded for a delete. */
static int scope_enter(struct launched *l, pid_t *ret_holder, struct err *err)
{
	const struct scope_description description = {
		.id = l->state.id,
		.resources = &l->spec->resources,
		.v2 = cgroup_mode(l->cgroup) == CGROUP_V2,
		.annotations = l->spec->annotations,
		.annotation_count = l->spec->annotation_count,
	};
	char *path;
	int r;

	if (!l->state.scope.unit)
		return 0;
	r = scope_start(&l->state.scope, &description, ret_holder, &path, err);
	if (r < 0)
		return r;
	l->scope_made = true;
	free(l->spec->cgroup_path);
	free(l->state.cgroup);
	l->spec->cgroup_path = path;
	l->state.cgroup = str_dup(path);
	return 0;
}

static int cgroup_made(const void *data, struct cgroup *cgroup, struct err *err)
{
	const struct hook_data *hook = data;

	return state_cgroup_record(hook->state, cgroup, err);
}

static int container_make(const struct oci *oci, const struct launch_options *options,
			  bool wait_socket, struct launched *l, struct err *err)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	struct hook_data hook = { &l->state, l->spec };
	_cleanup_close_ int notify_folder = -1;
	pid_t holder = 0;
	struct container_io io = CONTAINER_IO_NONE;
	int r;

	for (int i = 0; i < 3; i++)
		io.stdio[i] = i;
	io.own_stdio = true;
	io.hook_state = launch_hook_state;
	io.listener_state = launch_listener_state;
	io.cgroup_made = cgroup_made;
	io.data = &hook;
	r = launch_preserve(options->preserve_fds, l->spec, &io, err);
	if (r == 0)
		r = notify_prepare(l->spec, &l->state, &notify_folder, err);
	if (r == 0)
		r = launch_seccomp(oci, l->spec, &program, err);
	if (r == 0)
		r = launch_listener(l->spec, &program, &io, err);
	if (r == 0 && wait_socket) {
		io.start = start_socket(&l->state, err);
		r = io.start < 0 ? io.start : 0;
	}
	if (r == 0)
		r = scope_enter(l, &holder, err);
	if (r == 0)
		r = container_create(&l->container, l->spec, &io, program.filter ? &program : NULL,
				     l->cgroup, err);
	scope_holder_end(&holder);
	fd_close(io.start);
	fd_close(io.listener);
	return r;
}

/* What the caller waits for, in the order in which it looks: the terminal, the pid, our record, and then init may go on. */
static int container_tell(const struct launch_options *options, struct launched *l, struct err *err)
{
	int r = 0;

	if (options->console_socket) {
		r = launch_console_send(options->console_socket, l->container.terminal, err);
		fd_close(l->container.terminal);
		l->container.terminal = -1;
	}
	if (r == 0)
		r = state_set_pid(&l->state, l->container.pid, err);
	if (r == 0)
		r = state_write(&l->state, err);
	if (r == 0 && options->pidfd_socket)
		r = launch_pidfd_send(options->pidfd_socket, l->container.pidfd, err);
	if (r == 0 && options->pid_file)
		r = launch_pid_write(options->pid_file, l->container.pid, err);
	return r;
}

void launch_undo(const struct oci *oci, struct launched *l)
{
	struct err ignored = ERR_NONE;

	bool made = l->container.pid >
		    0; /* else its maker has undone it, or it was somebody else's */

	container_abort(&l->container);
	if (l->scope_made)
		(void)scope_stop(&l->state.scope, &ignored);
	if (l->cgroup && l->state.cgroup && made)
		(void)cgroup_remove(l->cgroup, l->state.cgroup, &ignored);
	if (l->state.id)
		state_remove(oci, l->state.id);
}

int launch(const struct oci *oci, const char *id, struct launch_options *options, bool wait_socket,
	   struct launched *ret_launched, struct err *err)
{
	_cleanup_(launched_clear) struct launched l = LAUNCHED_NONE;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *bundle = NULL;
	int r = state_id_check(id, err);

	if (r == 0)
		r = bundle_enter(options, &bundle, err);
	if (r == 0)
		r = config_read(options, &text, err);
	l.spec = spec_new();
	if (r == 0)
		r = spec_prepare(options, &text, l.spec, err);
	if (r == 0) {
		l.cgroup = cgroup_open(err);
		r = l.cgroup ? cgroup_path_resolve(oci, l.spec, id, &l.state.scope, err) :
			       -err->code;
	}
	if (r == 0)
		r = state_new(oci, id, &l.state.dir, err);
	if (r < 0) {
		free(bundle);
		return r;
	}
	if (cgroup_mode(l.cgroup) == CGROUP_V2 && l.spec->resources.memory_swappiness >= 0) {
		l.spec->resources.memory_swappiness = -1;
		strv_add(&l.spec->warnings, "cgroup v2 has no swappiness of a cgroup: left out");
	}
	launch_warnings(oci, l.spec);
	state_fill(&l, id, bundle);
	r = file_replace(l.state.dir, "config.json", text.data, text.length, 0600, false, err);
	if (r == 0)
		r = state_write(&l.state, err);
	if (r == 0)
		r = container_make(oci, options, wait_socket, &l, err);
	if (r == 0) {
		r = container_tell(options, &l, err);
		/* init has a copy of the descriptor, and would hold the lock as long as it waits */
		(void)flock(l.state.dir, LOCK_UN);
		if (r == 0 && !wait_socket)
			r = notify_open(&l.state, &l.notify, err);
		if (r == 0)
			r = container_go(&l.container, err);
		if (r < 0)
			container_abort(&l.container);
	}
	if (r < 0) {
		launch_undo(oci, &l);
		return r;
	}
	*ret_launched = l;
	l = LAUNCHED_NONE;
	return 0;
}
