/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/tell.h"
#include "engine/cdi.h"
#include "engine/container_label.h"
#include "engine/device_follow.h"
#include "engine/device_option.h"
#include "engine/disk_limit.h"
#include "engine/draft.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/extra_option.h"
#include "engine/hooks.h"
#include "engine/image.h"
#include "engine/image_need.h"
#include "engine/lifecycle.h"
#include "engine/limit_option.h"
#include "engine/log_option.h"
#include "engine/machine.h"
#include "engine/name.h"
#include "engine/network_option.h"
#include "engine/publish.h"
#include "engine/secret.h"
#include "engine/shared_namespace.h"
#include "engine/single_option.h"
#include "engine/spec_build.h"
#include "engine/traffic.h"
#include "state/uid_range.h"

static int conflict(struct store *store, const char *name, struct err *err)
{
	struct container_row other = { 0 };
	struct err ignored = ERR_NONE;

	if (container_find(store, name, &other, &ignored) < 0)
		return err_set(err, EEXIST, "The container name \"/%s\" is already in use", name);
	err_set(err, EEXIST,
		"Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to "
		"remove (or rename) that container to be able to reuse that name.",
		name, other.id);
	container_row_clear(&other);
	return -EEXIST;
}

/* In the transaction: an rmi may have been faster since the image was looked up. */
static int image_lives(struct store *store, const struct container_row *row, struct err *err)
{
	struct image_row image = { 0 };
	int r = str_prefix(row->image_id, "sha256:") ?
			image_find(store, row->image_id, &image, err) :
			0;

	image_row_clear(&image);
	if (r != -ENOENT)
		return r;
	err_set(err, ENOENT, "No such image: %s", row->image_id);
	return err_is(err, ERR_NO_IMAGE);
}

/* The row, its volumes and their references: one transaction. A name that we made ourselves is made anew when it is taken. */
static int record_add(struct draft *draft, struct container_row *row, struct err *err)
{
	struct store *store = engine_store(draft->engine, err);
	int r = store ? endpoints_check(draft->engine, json_at(draft->own, "Networks"), err) :
			-err->code;

	for (unsigned int try = 0; r == 0; try++) {
		if (!draft->options->name) {
			free(row->name);
			row->name = name_make(try);
		}
		r = store_begin(store, err);
		if (r < 0)
			return r;
		r = image_lives(store, row, err);
		if (r == 0)
			r = container_add(store, row, err);
		if (r == -EEXIST && !draft->options->name && try < 100) {
			store_rollback(store);
			err_clear(err);
			r = 0;
			continue;
		}
		if (r == -EEXIST)
			r = conflict(store, row->name, err);
		if (r == 0)
			r = draft_volumes_record(draft, store, row->id, err);
		if (r == 0)
			r = endpoints_record(draft->engine, row->id,
					     json_at(draft->own, "Networks"), err);
		engine_kill_point("create-before-commit");
		if (r == 0)
			r = store_commit(store, err);
		if (r < 0)
			store_rollback(store);
		break;
	}
	return r;
}

static int image_load(struct draft *draft, const char *image, struct container_row *row,
		      struct err *err)
{
	struct image_row found = { 0 };
	json_error_t why;
	json_t *needs;
	int r;

	if (!image || strcmp(image, "host") == 0) {
		json_put(draft->own, "Layers", json_array());
		row->image_id = str_dup(image ? "host" : "");
		return 0;
	}
	r = image_resolve(draft->engine, image, &found, err);
	if (r < 0)
		return r;
	draft->image = json_loads(found.config, 0, &why);
	needs = image_need_rare(
		found.needs,
		draft->options->platform ? NULL : json_string_at(draft->image, "architecture", ""));
	if (needs)
		json_put(draft->own, "Needs", needs);
	json_put(draft->own, "Layers", json_from_strv(found.layers));
	row->image_id = str_dup(found.id);
	image_row_clear(&found);
	return draft->image ? 0 :
			      err_set(err, EBADMSG, "the configuration of image %s is damaged: %s",
				      image, why.text);
}

static int rootfs_set(struct draft *draft, struct err *err)
{
	_cleanup_free_ char *path = str_dup(draft->options->rootfs), *full = NULL;
	size_t length = strlen(path);
	bool in_place = length > 3 && strcmp(path + length - 3, ":rw") == 0;
	struct stat st;

	if (in_place)
		path[length - 3] = '\0';
	full = realpath(path, NULL);
	if (!full || stat(full, &st) < 0)
		return err_sys(err, errno, "root file system %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "root file system %s is not a folder", path);
	json_put(draft->own, "Rootfs", json_text(full));
	json_put(draft->own, "RootfsInPlace", json_boolean(in_place));
	return 0;
}

/* Before anything is made: a container whose id cannot be told is none that was asked for. */
static int cidfile_open(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 && errno == EEXIST) {
		err_set(err, EEXIST,
			"container ID file found, make sure the other container isn't running or delete %s",
			path);
		return -EEXIST;
	}
	return fd < 0 ? err_sys(err, errno, "failed to create the container ID file %s", path) : fd;
}

/* --device vendor/class=name and --gpus: Docker's DeviceRequests of the driver cdi. */
static int cdi_options(struct draft *draft, struct err *err)
{
	const struct create_options *o = draft->options;
	_cleanup_strv_ char **names = NULL;
	int r = 0;

	for (size_t i = 0; o->devices && o->devices[i]; i++)
		if (cdi_is_name(o->devices[i]))
			strv_add(&names, o->devices[i]);
	if (o->gpus)
		r = cdi_gpus(o->gpus, &names, err);
	if (r == 0)
		r = cdi_check(draft->engine->settings.cdi_dirs, names, err);
	if (r == 0)
		json_put(draft->host, "DeviceRequests",
			 names ? json_pack("[{s:s,s:i,s:o,s:n,s:n}]", "Driver", "cdi", "Count", 0,
					   "DeviceIDs", json_from_strv(names), "Capabilities",
					   "Options") :
				 json_null());
	return r;
}

/* --annotation, --oom-kill-disable, and what is not in Docker: --umask, --tz. */
static int own_options(struct draft *draft, struct err *err)
{
	const struct create_options *o = draft->options;
	json_t *annotations = json_object();

	json_put(draft->host, "Annotations", annotations);
	for (size_t i = 0; o->annotations && o->annotations[i]; i++) {
		_cleanup_free_ char *name = str_dup(o->annotations[i]);
		char *value = strchr(name, '=');

		if (!value || value == name)
			return err_set(err, EINVAL, "invalid annotation '%s': not name=value",
				       name);
		*value++ = '\0';
		json_put(annotations, name, json_text(value));
	}
	if (o->oom_kill_disable && access("/sys/fs/cgroup/memory/memory.oom_control", F_OK) < 0)
		return err_set(err, EOPNOTSUPP,
			       "--oom-kill-disable: this host's cgroups (v2) have no such switch");
	if (o->oom_kill_disable && !o->memory)
		strv_add(draft->warnings,
			 "--oom-kill-disable without a limit of memory can stop the host itself");
	json_put(draft->host, "OomKillDisable", json_boolean(o->oom_kill_disable));
	if (o->secrets) {
		json_t *secrets = secret_options(draft->engine, o->secrets, err);

		if (!secrets)
			return -err->code;
		json_put(draft->own, "Secrets", secrets);
		if (secrets_once(secrets) && o->restart && strcmp(o->restart, "no") != 0)
			return err_set(
				err, EINVAL,
				"--secret from a pipe can be read once: not with --restart %s",
				o->restart);
	}
	if (o->register_machine) {
		int r = machine_option(o, draft->own, err);

		if (r < 0)
			return r;
	}
	if (o->umask) {
		char *end;
		long mask = strtol(o->umask, &end, 8);

		if (!*o->umask || *end || mask < 0 || mask > 0777)
			return err_argument(err, o->umask, "--umask", "not an octal mask");
		json_put(draft->own, "Umask", json_integer(mask));
	}
	if (o->tz) {
		_cleanup_free_ char *file = time_zone_file(o->tz);
		struct stat st;

		if (!file || stat(file, &st) < 0 || !S_ISREG(st.st_mode))
			return err_set(err, EINVAL, "--tz %s: this host knows no such time zone",
				       o->tz);
		json_put(draft->own, "TimeZone", json_text(o->tz));
	}
	return 0;
}

/* --platform: whether the kernel can run it is its own matter (binfmt_misc); that the image is of it is ours. */
static int platform_check(const struct draft *draft, const char *image, struct err *err)
{
	const char *wanted = draft->options->platform,
		   *variant = json_string_at(draft->image, "variant", "");
	_cleanup_strv_ char **words = NULL;
	size_t at;

	if (!wanted || !*wanted || !draft->image)
		return 0;
	words = strv_split(wanted, '/');
	at = words[1] != NULL; /* "arm64" alone is an architecture */
	if ((at == 1 && strcmp(words[0], json_string_at(draft->image, "os", "linux")) != 0) ||
	    (at == 0 && strcmp(words[0], json_string_at(draft->image, "os", "linux")) != 0 &&
	     strcmp(words[0], json_string_at(draft->image, "architecture", "")) != 0) ||
	    (at == 1 && strcmp(words[1], json_string_at(draft->image, "architecture", "")) != 0) ||
	    (at == 1 && words[2] && *variant && strcmp(words[2], variant) != 0)) {
		err_set(err, ENOENT,
			"image with reference %s was found but does not provide the specified platform (%s)",
			image, wanted);
		return err_hint(err, "it is for %s/%s; --pull always gets the other one",
				json_string_at(draft->image, "os", "linux"),
				json_string_at(draft->image, "architecture", "unknown"));
	}
	return 0;
}

static int draft_fill(struct draft *draft, struct container_row *row, const char *image,
		      char *const *command, struct err *err)
{
	const struct create_options *o = draft->options;
	int r;

	if (o->name && !name_valid(o->name))
		return err_set(
			err, EINVAL,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			o->name);
	if ((r = image_load(draft, image, row, err)) < 0 ||
	    (r = platform_check(draft, image, err)) < 0 ||
	    (o->rootfs && (r = rootfs_set(draft, err)) < 0) ||
	    (r = mode_options(draft->engine, o, draft->host, draft->warnings, err)) < 0 ||
	    (r = network_options(o, draft->host, draft->own, err)) < 0 ||
	    (r = shared_namespace_check(draft->engine, draft->host, err)) < 0 ||
	    (r = limit_options(draft->engine, o, draft->host, err)) < 0 ||
	    (r = right_options(o, draft->host, err)) < 0 ||
	    (r = device_options(o, draft->host, err)) < 0 ||
	    (r = single_options(o, draft->warnings, err)) < 0 ||
	    (r = cdi_options(draft, err)) < 0 || (r = own_options(draft, err)) < 0 ||
	    (r = extra_options(draft->engine, o, draft->own, err)) < 0 ||
	    (r = traffic_options(o, draft->own, err)) < 0 ||
	    (r = disk_limit_option(o, draft->host, err)) < 0 ||
	    (r = hooks_option(o, draft->own, err)) < 0 ||
	    (r = log_options(draft->engine, o, draft->host, err)) < 0 ||
	    (r = draft_mounts(draft, err)) < 0)
		return r;
	device_driver_warn(draft->host, draft->warnings);
	if (o->guard && strcmp(o->guard, "deny") != 0 && strcmp(o->guard, "audit") != 0 &&
	    strcmp(o->guard, "off") != 0)
		return err_set(err, EINVAL, "guard %s: not deny, audit or off", o->guard);
	if (o->guard)
		json_put(draft->own, "Guard", json_text(o->guard));
	device_follow_put(o->devices, draft->own);
	r = publish_options(draft->engine, o, draft->image, draft->config, draft->host, draft->own,
			    err);
	return r < 0 ? r : draft_config(draft, row->id, image, command, err);
}

int create_container(struct engine *engine, const struct create_options *options, const char *image,
		     char *const *command, struct record *ret_record, int *ret_lock,
		     char ***ret_warnings, struct err *err)
{
	struct record record = { .config = json_object() };
	struct draft draft = { .engine = engine,
			       .options = options,
			       .config = json_object(),
			       .host = json_object(),
			       .mounts = json_array(),
			       .own = json_object(),
			       .warnings = ret_warnings };
	char id[65];
	_cleanup_close_ int cidfile = -1;
	int lock = -1, r;

	json_put(record.config, "Config", draft.config);
	json_put(record.config, "HostConfig", draft.host);
	json_put(record.config, "Mounts", draft.mounts);
	json_put(record.config, "Cloche", draft.own);
	id_make(id);
	record.row.id = str_dup(id);
	record.row.created_ns = engine_now_ns();
	r = draft_fill(&draft, &record.row, image, command, err);
	if (r == 0)
		r = container_label_choose(engine, &record, err);
	if (r == 0 && options->cidfile) {
		cidfile = cidfile_open(options->cidfile, err);
		r = cidfile < 0 ? cidfile : 0;
	}
	if (r == 0 && options->replace && !options->name) {
		r = err_set(err, EINVAL, "--replace needs --name");
	} else if (r == 0 && options->replace) {
		struct err gone = ERR_NONE;

		/* nothing was wrong with the new one so far: the old one may go */
		r = lifecycle_remove(engine, options->name, true, false, &gone);
		if (r == -ENOENT)
			r = 0;
		if (r < 0)
			*err = gone;
	}
	if (r < 0)
		goto out;
	record.row.name = str_dup(options->name);
	lock = engine_lock(engine, id, err);
	r = lock < 0 ? lock : 0;
	engine_kill_point("create-locked");
	if (r == 0 && !*json_string_at(draft.host, "UsernsMode", "") &&
	    !shared_namespace_any(draft.host))
		r = uid_range_take(engine->root, engine->settings.root, id, NULL, 0,
				   &record.row.uid_base, err);
	engine_kill_point("create-uid-range");
	if (r == 0)
		r = engine_store(engine, err) ?
			    store_durable(engine->store, !options->remove, err) :
			    -err->code;
	if (r == 0) {
		record.row.config = json_dumps(record.config, JSON_COMPACT);
		r = record_add(&draft, &record.row, err);
	}
	if (r < 0 && record.row.uid_base) {
		struct err ignored = ERR_NONE;

		(void)uid_range_release(id, record.row.uid_base,
					&ignored); /* the repair finds it by the root and id */
	}
	engine_kill_point("create-committed");
	if (cidfile >= 0) {
		int written = r == 0 ? fd_write_all(cidfile, id, strlen(id)) : r;

		if (r == 0 && written < 0) {
			/* the container is there, and its id was not lost: it is printed */
			_cleanup_free_ char *warning =
				str_printf("write %s: %s", options->cidfile, strerror(-written));

			strv_add(draft.warnings, warning);
		} else if (written < 0) {
			(void)unlink(options->cidfile);
		}
	}
	tell_debug("create %s: %s", record.row.name ? record.row.name : "",
		   r == 0 ? id : err->words);
	if (r == 0) {
		event_begin(engine);
		for (size_t i = 0; draft.made && draft.made[i]; i++)
			event_volume(engine, draft.made[i], "create");
		event_container(engine, &record, "create", NULL);
		event_end(engine);
	}
out:
	if (r < 0 || !ret_lock)
		engine_unlock(engine, id, lock);
	else
		*ret_lock = lock;
	json_decref(draft.image);
	strv_clear(draft.volumes);
	strv_clear(draft.made);
	strv_clear(draft.anonymous);
	if (r < 0) {
		record_clear(&record);
		return r;
	}
	*ret_record = record;
	return 0;
}
