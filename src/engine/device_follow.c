/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/device_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/tell.h"
#include "engine/engine.h"
#include "engine/keeper.h"
#include "engine/live_mount.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/cgroup.h"

static const char file_name[] = "follow";

char *device_follow_strip(const char *text, bool *ret_follow)
{
	*ret_follow = str_suffix(text, ",follow");
	return str_ndup(text, strlen(text) - (*ret_follow ? strlen(",follow") : 0));
}

void device_follow_put(char *const *list, json_t *own)
{
	for (size_t i = 0; list && list[i]; i++) {
		bool follow;
		_cleanup_free_ char *text = device_follow_strip(list[i], &follow);
		_cleanup_strv_ char **parts = strv_split(text, ':');

		if (!follow)
			continue;
		if (!json_is_array(json_object_get(own, "FollowDevices")))
			json_put(own, "FollowDevices", json_array());
		json_push(json_object_get(own, "FollowDevices"),
			  json_text(parts[0] && parts[1] && parts[1][0] == '/' ? parts[1] :
										 parts[0]));
	}
}

bool device_follow_is(const struct record *record, const char *path)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_at(record->config, "Cloche.FollowDevices"), i, one)
	{
		if (strcmp(json_string_value(one), path) == 0)
			return true;
	}
	return false;
}

/* The numbers of what is there now, 0 for none. */
static dev_t number_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) ? st.st_rdev :
										      0;
}

static void state_text(const struct record *record, struct buf *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_at(record->config, "HostConfig.Devices"), i, one)
	{
		const char *path = json_string_at(one, "PathInContainer", "");
		dev_t number = number_of(json_string_at(one, "PathOnHost", ""));

		if (device_follow_is(record, path))
			buf_printf(text, "%u:%u %s\n", major(number), minor(number), path);
	}
}

static int state_write(const struct record *record, int run, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	state_text(record, &text);
	return file_replace(run, file_name, text.data ? text.data : "", text.length, 0600, false,
			    err);
}

int device_follow_started(struct engine *engine, const struct record *record, int run,
			  struct err *err)
{
	int r;

	if (json_array_size(json_at(record->config, "Cloche.FollowDevices")) == 0)
		return 0;
	r = state_write(record, run, err);
	if (r == 0 && !keeper_pid(engine))
		r = keeper_start(engine, err);
	return r < 0 ? err_wrap(err, "--device ...,follow") : 0;
}

/* -- a change --------------------------------------------------------------------------------- */

static int rules_change(struct engine *engine, const struct record *record, struct err *err)
{
	_cleanup_(built_spec_clear) struct built_spec built = { 0 };
	_cleanup_free_ char *path = spec_cgroup_path(engine, record);
	struct cgroup *cgroup = engine_cgroup(engine, err);
	int r = cgroup ? spec_build_devices(engine, record, &built, err) : -err->code;

	return r < 0 ? r : cgroup_update(cgroup, path, &built.spec->resources, err);
}

/* was: a line of RUN/ID/follow. */
static void one_change(struct engine *engine, const struct record *record, char *was,
		       bool *ret_ruled)
{
	char *path = strchr(was, ' ');
	struct err err = ERR_NONE;
	unsigned int numbers[2];
	const json_t *one;
	dev_t now = 0, then;
	size_t i;
	int r = 0;

	if (!path || sscanf(was, "%u:%u ", &numbers[0], &numbers[1]) != 2)
		return;
	path++;
	then = makedev(numbers[0], numbers[1]);
	json_array_foreach(json_at(record->config, "HostConfig.Devices"), i, one)
	{
		if (strcmp(json_string_at(one, "PathInContainer", ""), path) == 0)
			now = number_of(json_string_at(one, "PathOnHost", ""));
	}
	if (now == then)
		return;
	/* the right goes before the node, and comes before it */
	if (!*ret_ruled)
		r = rules_change(engine, record, &err);
	*ret_ruled = true;
	if (r == 0 && then)
		r = live_mount_remove(engine, record, path, &err);
	if (r == -EINVAL || r == -ENOENT) { /* somebody inside was faster */
		err_clear(&err);
		r = 0;
	}
	if (r == 0 && now)
		r = live_device_add(engine, record, path, &err);
	tell_debug("device %s of %s is %u:%u now%s%s", path, record->row.name, major(now),
		   minor(now), r < 0 ? ": " : "", r < 0 ? err.words : "");
}

void device_follow_mend(struct engine *engine, const char *id)
{
	struct err err = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, id, false, &err);
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct container_status status;
	char *rest, *line;
	bool ruled = false;
	int lock;

	if (run < 0 || faccessat(run, file_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
	    record_lock(engine, id, &record, &lock, &err) < 0)
		return;
	status_get(engine, id, &status);
	if (status.status == STATUS_RUNNING && !status.ending &&
	    file_read(run, file_name, 65536, &text) == 0) {
		for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;)
			one_change(engine, &record, line, &ruled);
		if (ruled)
			(void)state_write(&record, run, &err);
	}
	engine_unlock(engine, id, lock);
}
