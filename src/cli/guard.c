/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guard: load the kill guard, look at what it saw, put other engines' containers under it, take it away. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/host_view.h"
#include "engine/engine.h"
#include "guard/guard_map.h"

static const struct opt no_opts[] = { OPT_END };

static int map_open(const struct engine *engine, const char *name, struct err *err)
{
	int fd = guard_map_open(engine->suffix, name);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return err_sys(err, fd, "open the kill guard's map %s", name);
	err_set(err, ENOENT, "no kill guard is loaded");
	return err_hint(err, "load it with: cloche guard enable");
}

/* -- enable, disable, status ------------------------------------------------------------------ */

/* Which programs may signal into whose containers. The engines' own, wherever they are installed. */
static void passes_add(const struct engine *engine)
{
	static const struct {
		const char *path;
		enum host_engine engine;
	} known[] = {
		{ "/usr/bin/dockerd", ENGINE_DOCKER },
		{ "/usr/sbin/dockerd", ENGINE_DOCKER },
		{ "/usr/bin/containerd-shim-runc-v2", ENGINE_DOCKER },
		{ "/usr/sbin/runc", ENGINE_DOCKER },
		{ "/usr/bin/runc", ENGINE_DOCKER },
		{ "/usr/bin/crun", ENGINE_DOCKER },
		{ "/usr/bin/containerd-shim-runc-v2", ENGINE_CONTAINERD },
		{ "/usr/sbin/runc", ENGINE_CONTAINERD },
		{ "/usr/bin/runc", ENGINE_CONTAINERD },
		{ "/usr/bin/crun", ENGINE_CONTAINERD },
		{ "/usr/bin/containerd-shim-runc-v2", ENGINE_KUBERNETES },
		{ "/usr/sbin/runc", ENGINE_KUBERNETES },
		{ "/usr/bin/runc", ENGINE_KUBERNETES },
		{ "/usr/bin/crun", ENGINE_KUBERNETES },
		{ "/usr/bin/podman", ENGINE_PODMAN },
		{ "/usr/bin/conmon", ENGINE_PODMAN },
		{ "/usr/sbin/runc", ENGINE_PODMAN },
		{ "/usr/bin/crun", ENGINE_PODMAN },
		{ "/usr/bin/conmon", ENGINE_CRIO },
		{ "/usr/sbin/runc", ENGINE_CRIO },
		{ "/usr/bin/crun", ENGINE_CRIO },
		{ "/usr/bin/lxc-start", ENGINE_LXC },
		{ "/usr/bin/lxc-stop", ENGINE_LXC },
		{ "/usr/bin/lxc-execute", ENGINE_LXC },
		{ "/usr/bin/systemd-nspawn", ENGINE_NSPAWN },
		{ "/lib/systemd/systemd-machined", ENGINE_NSPAWN },
	};
	static const char *const ours[] = { "cloche-init", "cloche-runtime", "cloche-serve",
					    "cloche-keeper", "cloche-publish" };
	_cleanup_close_ int map = guard_map_open(engine->suffix, "pass");
	_cleanup_free_ char *folder = str_dup(engine->self);
	char *slash = strrchr(folder, '/');

	if (map < 0)
		return;
	guard_pass(map, engine->self, 1u << ENGINE_CLOCHE);
	guard_pass(map, engine->monitor, 1u << ENGINE_CLOCHE);
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		_cleanup_free_ char *beside = str_printf("%s/%s", folder, ours[i]),
				    *libexec = str_printf("%s/%s", engine->libexec, ours[i]);

		guard_pass(map, beside, 1u << ENGINE_CLOCHE);
		guard_pass(map, libexec, 1u << ENGINE_CLOCHE);
	}
	guard_pass(map, "/usr/sbin/criu", UINT32_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		guard_pass(map, known[i].path, 1u << known[i].engine);
}

/* Run the loader and take its line. */
static int loader_run(const struct engine *engine, char line[512], struct err *err)
{
	_cleanup_free_ char *program = str_printf("%s/cloche-guard", engine->libexec),
			    *object = str_printf("%s/guard.bpf.o", engine->libexec),
			    *folder = str_printf(GUARD_FOLDER "%s", engine->suffix);
	char *argv[] = { program, (char *)"load", folder, object, NULL };
	_cleanup_(buf_clear) struct buf said = BUF_EMPTY;
	int ends[2], status = 0;
	pid_t pid;

	if (access(program, X_OK) < 0 || access(object, R_OK) < 0) {
		err_set(err, EOPNOTSUPP, "this Cloche was built without the kill guard: no %s",
			program);
		return err_hint(err, "build it with clang and libbpf-dev installed");
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], 1);
		(void)execv(program, argv);
		_exit(127);
	}
	fd_close(ends[1]);
	if (pid > 0) {
		(void)fd_read_all(ends[0], 4096, &said);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	fd_close(ends[0]);
	if (pid < 0)
		return err_sys(err, errno, "run %s", program);
	line[0] = '\0';
	(void)str_append(line, 512, said.data ? said.data : "");
	line[strcspn(line, "\n")] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, EOPNOTSUPP,
		       "load the kill guard: this kernel takes none of its programs: %s",
		       str_prefix(line, "none ") ? line + 5 : line);
}

static int enable_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	char line[512];

	(void)args;
	(void)operands;
	if (!engine || loader_run(engine, line, err) < 0)
		return 1;
	passes_add(engine);
	(void)printf("level: %s\n", guard_level(engine->suffix));
	if (!str_suffix(line, " already"))
		(void)printf("containers that are started from now on are under it%s\n",
			     str_prefix(line, "audit") ?
				     "; this kernel lets it record signals, not refuse them" :
				     "");
	return 0;
}

const struct command command_guard_enable = {
	.group = "guard",
	.name = "enable",
	.args = "",
	.summary =
		"load the kill guard: signals from outside into a container are refused, or recorded",
	.details =
		"A signal into a container by a process of the host that is not the engine's, pid 1's or cloche kill's is a mistake: pkill, "
		"killall or kill by root, a host init script's pidof | xargs kill. At level deny the sender gets EPERM, root too; where the kernel does "
		"not load such programs, at level audit, it is recorded: cloche guard log. Which level it is is found out by trying.\n"
		"With it comes an iterator that tells cloche sockets -p at once which process has which socket. The guard is of this boot: programs pinned in /sys/fs/bpf, no daemon. It is against mistakes, not against root, who can disable it, write "
		"to cgroup.kill or unlink the pins. A container with --pid host is known by its cgroup, where the host has the unified hierarchy. Run this again after Cloche was upgraded, so that its new programs may signal. Containers choose by "
		"run --guard deny, audit or off; the setting guard is the default.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = enable_run,
};

static int disable_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	int r;

	(void)args;
	(void)operands;
	if (!engine)
		return 1;
	r = guard_unload(engine->suffix);
	return r < 0 ? err_sys(err, r, "take the kill guard away"), 1 : 0;
}

const struct command command_guard_disable = {
	.group = "guard",
	.name = "disable",
	.args = "",
	.summary = "take the kill guard away, with what it recorded",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = disable_run,
};

static void target_line(const struct guard_target *target)
{
	static const char *const modes[] = { "off", "audit", "deny" };

	if (target->mode < ARRAY_SIZE(modes) && target->name[0])
		(void)printf("%-5s %.12s %.63s\n", modes[target->mode], target->id, target->name);
}

static int status_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	_cleanup_close_ int map = -1, groups = -1;
	uint32_t key, *before = NULL;
	uint64_t group, *group_before = NULL;
	struct guard_target target;

	(void)args;
	(void)operands;
	if (!engine)
		return 1;
	(void)printf("level: %s\n", guard_level(engine->suffix));
	(void)printf("default: %s\n", engine->settings.guard);
	map = guard_map_open(engine->suffix, "guarded");
	while (map >= 0 && guard_map_next(map, before, &key) == 0) {
		before = &key;
		if (guard_map_get(map, &key, &target) == 0)
			target_line(&target);
	}
	groups = guard_map_open(engine->suffix, "groups");
	while (groups >= 0 && guard_map_next(groups, group_before, &group) == 0) {
		group_before = &group;
		if (guard_map_get(groups, &group, &target) == 0)
			target_line(&target);
	}
	return strcmp(guard_level(engine->suffix), "off") == 0;
}

const struct command command_guard_status = {
	.group = "guard",
	.name = "status",
	.args = "",
	.summary = "show the guard's level and what is under it; ends with 1 when none is loaded",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = status_run,
};

/* -- other engines' --------------------------------------------------------------------------- */

static bool pattern_matches(const struct owner *owner, const char *pattern)
{
	_cleanup_free_ char *whole = str_printf("%s:%s", owner_engine(owner), owner_title(owner));

	return strcmp(pattern, owner_engine(owner)) == 0 || fnmatch(pattern, whole, 0) == 0 ||
	       fnmatch(pattern, owner_title(owner), 0) == 0 ||
	       (strlen(pattern) >= 12 && str_prefix(owner->id, pattern));
}

/* Nobody tells us of the end of another engine's container, and numbers of namespaces are used again. */
static void stale_remove(int map, const struct process_table *table)
{
	uint32_t key, *before = NULL, dead[256];
	size_t count = 0;

	while (count < ARRAY_SIZE(dead) && guard_map_next(map, before, &key) == 0) {
		struct guard_target target;
		bool lives = false;

		before = &key;
		if (guard_map_get(map, &key, &target) < 0 || !target.name[0] ||
		    (target.engine & 1u << ENGINE_CLOCHE))
			continue;
		for (size_t i = 1; i < table->owner_count && !lives; i++) {
			char path[40];
			struct stat st;

			(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid",
				       (int)table->owners[i].init);
			lives = table->owners[i].init && stat(path, &st) == 0 &&
				(uint32_t)st.st_ino == key;
		}
		if (!lives)
			dead[count++] = key;
	}
	for (size_t i = 0; i < count; i++)
		(void)guard_map_remove(map, &dead[i]);
}

struct add_args {
	const char *mode;
};

static const struct opt add_opts[] = {
	OPT_STRING(0, "mode", "MODE", struct add_args, mode, "deny, audit or off (default: deny)"),
	OPT_END,
};

static int add_run(void *data, void *args, char **operands, struct err *err)
{
	const struct add_args *a = args;
	const char *mode = a->mode ? a->mode : "deny";
	struct engine *engine = cli_engine(data, err);
	_cleanup_(host_view_clear) struct host_view view = HOST_VIEW_EMPTY;
	_cleanup_close_ int map = -1;
	struct stat own;
	int added = 0;

	if (strcmp(mode, "deny") != 0 && strcmp(mode, "audit") != 0 && strcmp(mode, "off") != 0) {
		err_set(err, EINVAL, "guard %s: not deny, audit or off", mode);
		return 125;
	}
	map = engine ? map_open(engine, "guarded", err) : -1;
	if (map < 0 || host_view_open(data, PROCESS_ARGS, &view, err) < 0)
		return 1;
	stale_remove(map, &view.table);
	(void)stat("/proc/self/ns/pid", &own);
	for (size_t i = 1; i < view.table.owner_count; i++) {
		const struct owner *owner = &view.table.owners[i];
		struct guard_target target = { .mode = mode[0] == 'd' ? GUARD_DENY :
						       mode[0] == 'a' ? GUARD_AUDIT :
									GUARD_OFF,
					       .engine = 1u << owner->engine };
		char path[40];
		struct stat st;
		uint32_t key;

		(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)owner->init);
		if (!owner->init || !pattern_matches(owner, operands[0]) || stat(path, &st) < 0 ||
		    st.st_ino == own.st_ino)
			continue;
		key = (uint32_t)st.st_ino;
		(void)snprintf(target.id, sizeof(target.id), "%.12s", owner->id);
		(void)snprintf(target.name, sizeof(target.name), "%.63s", owner_title(owner));
		if (target.mode == GUARD_OFF ? guard_map_remove(map, &key) == 0 :
					       guard_map_put(map, &key, &target, false) == 0) {
			(void)printf("%s:%s\n", owner_engine(owner), owner_title(owner));
			added++;
		}
	}
	if (added)
		return 0;
	err_set(err, ENOENT,
		"guard %s: no running container with a pid namespace of its own is called so",
		operands[0]);
	return 1;
}

const struct command command_guard_add = {
	.group = "guard",
	.name = "add",
	.args = "PATTERN",
	.summary =
		"put running containers under the guard, of any engine: docker, web*, docker:web*",
	.details =
		"PATTERN is an engine's word, a name, an id, or a pattern of names, alone or behind ENGINE:. The engine's own programs may signal its "
		"containers on. Containers of Cloche are put under it when they start; this changes running ones.",
	.opts = add_opts,
	.args_size = sizeof(struct add_args),
	.run = add_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- log -------------------------------------------------------------------------------------- */

struct log_args {
	bool follow, json;
};

static const struct opt log_opts[] = {
	OPT_BOOL('f', "follow", struct log_args, follow, "wait for more"),
	OPT_FORMAT_JSON(struct log_args, json),
	OPT_BOOL(0, "json", struct log_args, json, "print an object for each"),
	OPT_END,
};

static int64_t wall_ns(uint64_t monotonic_ns)
{
	struct timespec wall, since;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_MONOTONIC, &since);
	return (wall.tv_sec - since.tv_sec) * 1000000000LL + (wall.tv_nsec - since.tv_nsec) +
	       (int64_t)monotonic_ns;
}

static const char *signal_text(unsigned int number)
{
	const char *name = sigabbrev_np((int)number);
	static char text[16];

	if (name)
		(void)snprintf(text, sizeof(text), "SIG%s", name);
	else
		(void)snprintf(text, sizeof(text), "signal %u", number);
	return text;
}

static void safe(const char *bytes, size_t size, char *out, size_t out_size)
{
	str_escape(out, out_size, bytes, strnlen(bytes, size));
}

static void event_json(const struct guard_event *e)
{
	_cleanup_json_ json_t *o = json_object();
	char text[4 * GUARD_NAME];
	int64_t ns = wall_ns(e->time_ns);

	json_put(o, "Number", json_integer((json_int_t)e->number));
	json_put(o, "TimeNano", json_integer(ns));
	json_put(o, "What", json_text(e->what == GUARD_PTRACE ? "ptrace" : "signal"));
	json_put(o, "Denied", json_boolean(e->denied != 0));
	json_put(o, "Signal",
		 e->what == GUARD_SIGNAL ? json_text(signal_text(e->signal)) : json_null());
	json_put(o, "SenderPid", json_integer(e->sender_pid));
	safe(e->sender_comm, GUARD_COMM, text, sizeof(text));
	json_put(o, "SenderCommand", json_text(text));
	json_put(o, "SenderUid", json_integer(e->sender_uid));
	json_put(o, "SenderLoginUid",
		 e->sender_login == UINT32_MAX ? json_null() : json_integer(e->sender_login));
	safe(e->sender_tty, GUARD_TTY, text, sizeof(text));
	json_put(o, "SenderTty", json_text(text));
	safe(e->name, GUARD_NAME, text, sizeof(text));
	json_put(o, "Container", json_text(text));
	safe(e->id, sizeof(e->id), text, sizeof(text));
	json_put(o, "ID", json_text(text));
	json_put(o, "TargetPid", json_integer(e->target_pid));
	json_put(o, "TargetInnerPid", json_integer(e->target_inner_pid));
	safe(e->target_comm, GUARD_COMM, text, sizeof(text));
	json_put(o, "TargetCommand", json_text(text));
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
}

static void event_text(const struct guard_event *e)
{
	char sender[4 * GUARD_COMM], target[4 * GUARD_COMM], name[4 * GUARD_NAME],
		tty[4 * GUARD_TTY], day[40] = "";
	int64_t ns = wall_ns(e->time_ns);
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	safe(e->sender_comm, GUARD_COMM, sender, sizeof(sender));
	safe(e->target_comm, GUARD_COMM, target, sizeof(target));
	safe(e->sender_tty, GUARD_TTY, tty, sizeof(tty));
	safe(e->name, GUARD_NAME, name, sizeof(name));
	if (localtime_r(&seconds, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S%z", &tm);
	(void)printf("%s %s %s pid %u (%s) of user %s", day, e->denied ? "denied" : "seen",
		     e->what == GUARD_PTRACE ? "ptrace by" : signal_text(e->signal), e->sender_pid,
		     sender, view_user(e->sender_uid));
	if (e->sender_login != UINT32_MAX && e->sender_login != e->sender_uid)
		(void)printf(", logged in as %s", view_user(e->sender_login));
	if (*tty)
		(void)printf(", on %s", tty);
	(void)printf(", to pid %u (%s, %u inside) of container %s", e->target_pid, target,
		     e->target_inner_pid, name);
	if (e->denied)
		(void)printf("; to do it on purpose: cloche kill %s", name);
	(void)putchar('\n');
}

struct log_maps {
	int events, written, bell;
};

/* Everything from number *next on; what was overwritten is told of. */
static int events_print(const struct log_maps *maps, const struct log_args *a, uint64_t *next)
{
	uint32_t zero = 0;
	uint64_t count;

	if (guard_map_get(maps->written, &zero, &count) < 0)
		return -ENOENT;
	if (count > *next + GUARD_EVENTS) {
		if (*next > 0 && !a->json)
			(void)printf("(%llu more were not read in time)\n",
				     (unsigned long long)(count - GUARD_EVENTS - *next));
		*next = count - GUARD_EVENTS;
	}
	for (; *next < count; (*next)++) {
		uint32_t at = (uint32_t)(*next % GUARD_EVENTS);
		struct guard_event event;

		if (guard_map_get(maps->events, &at, &event) < 0)
			return -ENOENT;
		if (event.number == 0 || event.number < *next + 1)
			break; /* it is being written */
		if (event.number != *next + 1)
			continue;
		if (a->json)
			event_json(&event);
		else
			event_text(&event);
	}
	return fflush(stdout) == 0 ? 0 : -EPIPE;
}

/* Whatever lies in the ring is only there to wake: say that it was read (Documentation/bpf/ringbuf.rst). */
static void bell_quiet(int bell)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile uint64_t *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, bell, 0);
	const volatile uint64_t *producer =
		mmap(NULL, page, PROT_READ, MAP_SHARED, bell, (off_t)page);

	if (consumer != MAP_FAILED && producer != MAP_FAILED)
		*consumer = *producer;
	if (consumer != MAP_FAILED)
		(void)munmap((void *)consumer, page);
	if (producer != MAP_FAILED)
		(void)munmap((void *)producer, page);
}

static int log_run(void *data, void *args, char **operands, struct err *err)
{
	enum { AGAIN_MS = 1000 }; /* another follower may have answered the bell */
	const struct log_args *a = args;
	struct engine *engine = cli_engine(data, err);
	struct epoll_event wanted = { .events = EPOLLIN };
	_cleanup_close_ int events = -1, written = -1, bell = -1, poll = -1;
	struct log_maps maps;
	uint64_t next = 0;
	int r;

	(void)operands;
	if (!engine || (events = map_open(engine, "events", err)) < 0 ||
	    (written = map_open(engine, "written", err)) < 0 ||
	    (bell = map_open(engine, "bell", err)) < 0)
		return 1;
	maps = (struct log_maps){ events, written, bell };
	poll = epoll_create1(EPOLL_CLOEXEC);
	if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, bell, &wanted) < 0) {
		err_sys(err, errno, "wait for the kill guard");
		return 1;
	}
	do {
		bell_quiet(bell);
		r = events_print(&maps, a, &next);
		if (r == 0 && a->follow)
			(void)epoll_wait(poll, &wanted, 1, AGAIN_MS);
	} while (r == 0 && a->follow && strcmp(guard_level(engine->suffix), "off") != 0);
	return 0;
}

const struct command command_guard_log = {
	.group = "guard",
	.name = "log",
	.args = "",
	.summary = "show who signalled into containers from outside, and what came of it",
	.details = "The last 1024 are kept, in the kernel, until the guard is taken away.",
	.opts = log_opts,
	.args_size = sizeof(struct log_args),
	.run = log_run,
	.flags = COMMAND_INTERSPERSED,
};
