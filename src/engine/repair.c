/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/repair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/disk_limit.h"
#include "engine/engine.h"
#include "engine/lan_endpoint.h"
#include "engine/lifecycle.h"
#include "engine/netns_name.h"
#include "engine/network_device.h"
#include "engine/record.h"
#include "engine/restart.h"
#include "engine/start.h"
#include "engine/status.h"
#include "engine/volume.h"
#include "runtime/cgroup.h"
#include "state/uid_range.h"

/* No row: a create that did not get there, or a removal that did not finish. */
static int orphan_remove(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_free_ char *path = str_printf("containers/%s", id),
			    *foreign = str_printf("oci/%s", id); /* another runtime's */
	struct cgroup *cgroup = engine_cgroup(engine, err);
	_cleanup_close_ int pidfd = status_pidfd(engine, id);
	_cleanup_close_ int run = engine_run_dir(engine, id, false, err);
	_cleanup_strv_ char **volumes = NULL;
	int r;

	if (pidfd >= 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	r = cgroup ? cgroup_remove_id(cgroup, engine->suffix, id, err) : -err->code;
	if (r < 0)
		return r;
	holder_end_id(engine, id);
	if (run >= 0) {
		netns_name_remove(run);
		lan_endpoints_release(run);
		network_devices_return(run);
	}
	r = disk_limit_container_release(engine, id, err);
	if (r < 0)
		return r;
	(void)dir_remove(engine->run, foreign);
	if (dir_remove(engine->run, id) < 0 || dir_remove(engine->root, path) < 0)
		return err_set(err, EIO, "remove what is left of container %.12s", id);
	r = uid_range_release(id, 0, err);
	if (r == 0)
		r = engine_journal_read(engine, id, &volumes, err);
	for (size_t i = 0; r == 0 && volumes && volumes[i]; i++)
		r = volume_remove_again(engine, volumes[i], err);
	return r;
}

/* A removal was killed before it killed the container (removal.c). */
static void taken_unmark(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);

	if (run >= 0)
		(void)unlinkat(run, "taken", 0); /* mostly it is not there */
}

static bool has_run_folder(struct engine *engine, const char *id)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &ignored);

	return run >= 0;
}

int repair_container(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct container_status status;
	bool by_boot; /* it went with the boot: `system start` says what runs again, and in which order */
	int r = record_find(engine, id, &record, err);

	if (r == -ENOENT) {
		err_clear(err);
		return orphan_remove(engine, id, err);
	}
	if (r < 0)
		return r;
	status_get(engine, id, &status);
	by_boot = status.unknown && !status.finished_ns && !has_run_folder(engine, id);
	if (status.unknown && holder_alive(engine, id)) {
		/* The monitor was killed, then init ended: the streams may hold lines, and the holder has the exit code. */
		r = restore_monitor(engine, &record, err);
		if (r < 0)
			return r;
		status.status = STATUS_EXITED;
	}
	if (status.status != STATUS_RUNNING || status.ending) {
		lifecycle_settle(engine, id);
		r = release_container(engine, &record, err);
		if (r == 0 && !by_boot)
			restart_after_end(engine, &record);
		return r;
	}
	taken_unmark(engine, id);
	/* A start that is on its way has no monitor yet, but then its lock is held. */
	return status.monitored ? 0 : restore_monitor(engine, &record, err);
}

void repair_gone(struct engine *engine, const char *id, int lock)
{
	struct err ignored = ERR_NONE;

	if (orphan_remove(engine, id, &ignored) == 0)
		engine_unlock(engine, id, lock);
	else
		fd_close(lock); /* the file stays */
}

bool repair_unmonitored(struct engine *engine, const char *id,
			const struct container_status *status)
{
	struct err err = ERR_NONE;
	bool done;
	int lock;
	/* unknown: it and its monitor were killed, or the host went down; written down is what was released already */
	bool ended = status->unknown && !status->finished_ns;

	if (((status->status != STATUS_RUNNING && !status->restarting) || status->monitored) &&
	    !ended)
		return false;
	lock = engine_try_lock(engine, id);
	if (lock < 0)
		return false;
	done = repair_container(engine, id, &err) == 0;
	if (done)
		engine_unlock(engine, id, lock);
	else
		fd_close(lock); /* as below */
	return done;
}

void repair_wait(struct engine *engine, const char *id, struct container_status *status)
{
	struct err ignored = ERR_NONE;
	char path[80] = "";
	int lock;

	/* the monitor writes its file when it listens; until its process executes it, that is the one that starts the container */
	if (status->status == STATUS_RUNNING && status->monitored && !status->ending &&
	    str_append(path, sizeof(path), id) && str_append(path, sizeof(path), "/monitor") &&
	    faccessat(engine->run, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	lock = engine_lock(engine, id, &ignored);
	if (lock < 0)
		return;
	if (repair_container(engine, id, &ignored) == 0)
		engine_unlock(engine, id, lock);
	else
		fd_close(lock); /* as below */
	status_get(engine, id, status);
}

void repair_ended(struct engine *engine)
{
	int fd = openat(engine->run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		fd_close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		struct container_status status;
		struct err err = ERR_NONE;
		int lock;

		if (!str_is_id(e->d_name))
			continue;
		status_get(engine, e->d_name, &status);
		if (status.status == STATUS_RUNNING || status.restarting)
			continue;
		lock = engine_try_lock(engine, e->d_name);
		if (lock < 0)
			continue;
		if (repair_container(engine, e->d_name, &err) == 0)
			engine_unlock(engine, e->d_name, lock);
		else
			fd_close(lock); /* as below */
	}
	(void)closedir(d);
}

/* RUN/boot says of which boot the run folders are: where /run outlives a reboot, all of them are of containers that ended. */
static void after_boot(struct engine *engine)
{
	char then[64], now[64];
	ssize_t n = readlinkat(engine->run, "boot", then, sizeof(then) - 1);

	status_boot_id(now);
	then[n < 0 ? 0 : n] = '\0';
	if (strcmp(then, now) == 0)
		return;
	repair_ended(engine);
	(void)unlinkat(engine->run, "boot", 0);
	(void)!symlinkat(now, engine->run, "boot"); /* else the next command does the same */
}

void repair_interrupted(struct engine *engine)
{
	int fd = openat(engine->root, "locks", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		fd_close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		struct err err = ERR_NONE;
		int lock;

		if (!str_is_id(e->d_name))
			continue;
		lock = engine_try_lock(engine, e->d_name);
		if (lock < 0)
			continue;
		if (repair_container(engine, e->d_name, &err) == 0)
			engine_unlock(engine, e->d_name, lock);
		else
			fd_close(lock); /* the next command, or `system check`, which says why */
	}
	(void)closedir(d);
	after_boot(engine);
}
