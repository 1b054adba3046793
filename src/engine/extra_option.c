/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/extra_option.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/lifecycle.h"
#include "engine/start.h"
#include "engine/status.h"

enum { HEALTHY_PATIENCE_MS = 5 * 60 * 1000 };

static int requires_put(struct engine *engine, char *const *names, json_t *own, struct err *err)
{
	json_t *list = json_array();

	json_put(own, "Requires", list);
	for (size_t i = 0; names[i]; i++) {
		_cleanup_(record_clear) struct record record = RECORD_EMPTY;
		bool healthy = str_suffix(names[i], ":healthy");
		_cleanup_free_ char *name =
			str_ndup(names[i], strlen(names[i]) - (healthy ? strlen(":healthy") : 0));

		if (record_find(engine, name, &record, err) < 0)
			return err_wrap(err, "--requires %s", names[i]);
		if (healthy && !health_wanted(&record))
			return err_set(err, EINVAL,
				       "--requires %s: container %s has no health check", names[i],
				       name);
		json_push(list, json_pack("{s:s,s:b}", "Id", record.row.id, "Healthy", healthy));
	}
	return 0;
}

int extra_options(struct engine *engine, const struct create_options *o, json_t *own,
		  struct err *err)
{
	if (o->timeout) {
		uint64_t seconds;

		if (str_to_u64(o->timeout, INT32_MAX, &seconds) < 0)
			return err_argument(err, o->timeout, "--timeout",
					    "not a number of seconds");
		if (seconds > 0)
			json_put(own, "Timeout", json_integer((json_int_t)seconds));
	}
	return o->requires ? requires_put(engine, o->requires, own, err) : 0;
}

/* -- keep-id ---------------------------------------------------------------------------------- */

/* Who is behind this command: root by sudo or doas is somebody else. */
static uid_t login_user(void)
{
	static const char *const variables[] = { "SUDO_UID", "DOAS_UID" };
	_cleanup_(buf_clear) struct buf login = BUF_EMPTY;
	uint64_t uid;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value && str_to_u64(value, UINT32_MAX - 1, &uid) == 0)
			return (uid_t)uid;
	}
	if (file_read(AT_FDCWD, "/proc/self/loginuid", 32, &login) == 0 && login.data) {
		login.data[strcspn(login.data, "\n")] = '\0';
		if (str_to_u64(login.data, UINT32_MAX - 1, &uid) == 0)
			return (uid_t)uid;
	}
	return getuid();
}

int extra_userns(const struct create_options *o, char **ret_user, struct err *err)
{
	const char *mode = o->userns ? o->userns : "";
	const struct passwd *who;
	uid_t uid;

	*ret_user = NULL;
	if (str_prefix(mode, "auto:") || str_prefix(mode, "keep-id:")) {
		err_set(err, EINVAL, "--userns %s: its options are not possible here", mode);
		return err_hint(err, "a container has 65536 numbers of its own, all from 0 on");
	}
	if (strcmp(mode, "keep-id") != 0 || o->user)
		return 0;
	uid = login_user();
	if (uid >= 65536)
		return err_set(
			err, ERANGE,
			"--userns keep-id: user %u is outside of the 65536 numbers that a container has",
			(unsigned int)uid);
	who = getpwuid(uid);
	*ret_user = str_printf("%u:%u", (unsigned int)uid,
			       (unsigned int)(who && who->pw_gid < 65536 ? who->pw_gid : uid));
	return 0;
}

/* -- requires --------------------------------------------------------------------------------- */

static int one_start(struct engine *engine, const char *id, char ***warnings, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct start_options options = { 0 };
	struct container_status status;
	int lock, client = -1, r = record_lock(engine, id, &record, &lock, err);

	if (r == -ENOENT)
		return err_set(err, ENOENT, "the container %.12s that it requires was removed", id);
	if (r < 0)
		return r;
	status_get(engine, id, &status);
	if (status.status != STATUS_RUNNING || status.ending) {
		lifecycle_settle(engine, id);
		r = release_container(engine, &record, err);
		if (r == 0)
			r = start_container(engine, &record, &options, &client, warnings, err);
		fd_close(client);
	}
	engine_unlock(engine, id, lock);
	return r < 0 ? err_wrap(err, "start %s, which it requires", record.row.name) : 0;
}

int extra_requires_start(struct engine *engine, const struct record *record, char ***warnings,
			 struct err *err)
{
	const json_t *list = json_at(record->config, "Cloche.Requires"), *one;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, one)
	{
		const char *id = json_string_at(one, "Id", "");

		r = one_start(engine, id, warnings, err);
		if (r == 0 && json_bool_at(one, "Healthy"))
			r = health_wait(engine, id, HEALTHY_PATIENCE_MS, err);
		if (r < 0)
			break;
	}
	return r;
}
