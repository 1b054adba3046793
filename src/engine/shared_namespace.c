/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/shared_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/fd_pass.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/mount.h"
#include "state/uid_range.h"

static const struct mode {
	enum spec_namespace_kind kind;
	const char *key, *file, *words;
} modes[] = {
	{ SPEC_NS_PID, "PidMode", "pid", "PID" },
	{ SPEC_NS_IPC, "IpcMode", "ipc", "IPC" },
	{ SPEC_NS_UTS, "UTSMode", "uts", "UTS" },
	{ SPEC_NS_NETWORK, "NetworkMode", "net", "network" },
};

/* Whom a mode names, or NULL. */
static const char *other_of(const json_t *host, const struct mode *mode)
{
	const char *value = json_string_at(host, mode->key, "");

	return str_prefix(value, "container:") ? value + strlen("container:") : NULL;
}

bool shared_namespace_any(const json_t *host)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (other_of(host, &modes[i]))
			return true;
	return false;
}

static int shareable(const struct record *other, const struct mode *mode, struct err *err)
{
	const char *ipc = json_string_at(other->config, "HostConfig.IpcMode", "");

	if (mode->kind != SPEC_NS_IPC || strcmp(ipc, "shareable") == 0 || strcmp(ipc, "host") == 0)
		return 0;
	return err_set(
		err, EINVAL,
		"cannot join IPC of container %s: non-shareable IPC (hint: use --ipc shareable for "
		"the donor container)",
		other->row.id);
}

int shared_namespace_check(struct engine *engine, json_t *host, struct err *err)
{
	uint32_t base = 0;
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_(record_clear) struct record other = RECORD_EMPTY;
		_cleanup_free_ char *value = NULL;
		const char *name = other_of(host, &modes[i]);
		int r;

		if (!name)
			continue;
		r = record_find(engine, name, &other, err);
		if (r == 0)
			r = shareable(&other, &modes[i], err);
		if (r < 0)
			return r;
		if (!first && other.row.uid_base != base)
			return err_set(
				err, EINVAL,
				"containers with different ranges of users cannot be joined by one");
		first = false;
		base = other.row.uid_base;
		if (shared_namespace_any(json_at(other.config, "HostConfig")))
			return err_set(
				err, EOPNOTSUPP,
				"container %s shares another one's namespaces itself; name that one",
				other.row.name);
		value = str_printf("container:%s", other.row.id);
		json_put(host, modes[i].key, json_text(value));
	}
	if (!first && base == 0)
		json_put(host, "UsernsMode", json_text("host"));
	else if (!first && *json_string_at(host, "UsernsMode", ""))
		return err_set(
			err, EINVAL,
			"conflicting options: --userns and a namespace of a container, which has its own users");
	return 0;
}

/* -- at a start ------------------------------------------------------------------------------- */

static int join(struct built_spec *built, enum spec_namespace_kind kind, pid_t pid,
		const char *file, struct err *err)
{
	_cleanup_free_ char *path = str_printf("/proc/%d/ns/%s", (int)pid, file);
	struct spec_namespace *ns = &built->spec->namespaces[kind];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open namespace %s", path);
	(void)built_spec_keep(built, fd);
	free(ns->path);
	ns->mode = SPEC_NS_JOIN;
	ns->path = str_printf("/proc/self/fd/%d",
			      fd); /* of the process that starts it, too: it is forked */
	return 0;
}

/* A mount can be copied only in its own mount namespace: a child goes there and passes it back. */
static int shm_of(int pidfd, struct err *err)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	int pair[2], fd = -1, n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "make a socket pair");
	pid = sys_clone3(&args);
	if (pid == 0) {
		int copy = setns(pidfd, CLONE_NEWNS) < 0 ? -errno :
							   mount_copy(AT_FDCWD, "/dev/shm", 0);

		_exit(copy < 0 || fd_pass_send(pair[1], 's', &copy, 1) < 0 ? 1 : 0);
	}
	fd_close(pair[1]);
	n = pid < 0 ? -errno : fd_pass_receive(pair[0], 's', &fd, 1);
	fd_close(pair[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return n == 1 ? fd : err_set(err, ENOENT, "share /dev/shm of the other container");
}

static int one_join(struct engine *engine, const struct mode *mode, const char *id,
		    struct built_spec *built, int *ret_shm, struct err *err)
{
	_cleanup_(record_clear) struct record other = RECORD_EMPTY;
	_cleanup_close_ int pidfd = -1;
	struct spec *spec = built->spec;
	struct container_status status;
	int r = record_find(engine, id, &other, err);

	if (r < 0)
		return err_wrap(err, "join the %s namespace", mode->words);
	pidfd = status_pidfd(engine, other.row.id);
	status_get(engine, other.row.id, &status);
	if (pidfd < 0 || status.status != STATUS_RUNNING)
		return err_set(err, ESRCH, "cannot join %s of a non running container: %s",
			       mode->words, other.row.id);
	r = join(built, mode->kind, status.pid, mode->file, err);
	if (mode->kind == SPEC_NS_UTS) { /* its name is the other's */
		free(ptr_take(&spec->hostname));
		free(ptr_take(&spec->domainname));
	}
	if (r == 0 && other.row.uid_base && spec->uid_map_count == 0) {
		struct spec_id_map map = { 0, other.row.uid_base, UID_RANGE_SIZE };

		spec->uid_map = mem_new(sizeof(map));
		spec->gid_map = mem_new(sizeof(map));
		*spec->uid_map = *spec->gid_map = map;
		spec->uid_map_count = spec->gid_map_count = 1;
		r = join(built, SPEC_NS_USER, status.pid, "user", err);
	}
	if (r == 0 && mode->kind == SPEC_NS_IPC) {
		*ret_shm = shm_of(pidfd, err);
		r = *ret_shm < 0 ? *ret_shm : 0;
		if (r == 0)
			(void)built_spec_keep(built, *ret_shm);
	}
	/* the number may be another process's by now; what was opened then is not the container's */
	if (r == 0 && sys_pidfd_send_signal(pidfd, 0) < 0)
		r = err_set(err, ESRCH, "cannot join %s of a non running container: %s",
			    mode->words, other.row.id);
	return r;
}

int shared_namespace_fill(struct engine *engine, const struct record *record,
			  struct built_spec *built, int *ret_shm, char **ret_other, struct err *err)
{
	const json_t *host = json_at(record->config, "HostConfig");
	const char *network = json_string_at(host, "NetworkMode", "");
	int r = 0;

	*ret_shm = -1;
	*ret_other = NULL;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(modes); i++) {
		const char *id = other_of(host, &modes[i]);

		if (!id)
			continue;
		r = one_join(engine, &modes[i], id, built, ret_shm, err);
		if (r == 0 && modes[i].kind == SPEC_NS_NETWORK)
			*ret_other = str_dup(id);
	}
	if (r == 0 && str_prefix(network, "ns:")) {
		struct spec_namespace *ns = &built->spec->namespaces[SPEC_NS_NETWORK];

		ns->mode = SPEC_NS_JOIN;
		ns->path = str_dup(network + strlen("ns:"));
	}
	return r;
}
