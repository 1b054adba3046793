/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/signal_name.h"
#include "base/str.h"
#include "base/tell.h"
#include "engine/cdi.h"
#include "engine/container_label.h"
#include "engine/device_follow.h"
#include "engine/device_option.h"
#include "engine/disk_limit.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/env_file.h"
#include "engine/event.h"
#include "engine/extra_option.h"
#include "engine/health.h"
#include "engine/hooks.h"
#include "engine/image.h"
#include "engine/image_need.h"
#include "engine/lifecycle.h"
#include "engine/limit_option.h"
#include "engine/log_option.h"
#include "engine/machine.h"
#include "engine/mount_option.h"
#include "engine/name.h"
#include "engine/network_option.h"
#include "engine/publish.h"
#include "engine/repair.h"
#include "engine/secret.h"
#include "engine/shared_namespace.h"
#include "engine/single_option.h"
#include "engine/spec_build.h"
#include "engine/systemd_init.h"
#include "engine/traffic.h"
#include "engine/volumes_from.h"
#include "state/uid_range.h"

struct draft { /* everything about a container before it has a row */
	struct engine *engine;
	const struct create_options *options;
	json_t *image; /* config blob of the image; NULL: none */
	json_t *config, *host, *mounts, *own;
	char **volumes;	  /* names, to be made and referred to */
	char **anonymous; /* those of them without a name of the user's */
	char ***warnings;
	char **made; /* of volumes, those that were not there before */
};

void record_clear(struct record *record)
{
	container_row_clear(&record->row);
	json_decref(record->config);
	*record = RECORD_EMPTY;
}

int record_find(struct engine *engine, const char *reference, struct record *ret_record,
		struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct record record = RECORD_EMPTY;
	json_error_t why;
	int r;

	if (!store)
		return -err->code;
	r = container_find(store, *reference == '/' ? reference + 1 : reference, &record.row, err);
	if (r < 0)
		return r;
	record.config = json_loads(record.row.config, 0, &why);
	if (!record.config) {
		r = err_set(err, EBADMSG, "the record of container %s is damaged: %s",
			    record.row.name, why.text);
		record_clear(&record);
		return r;
	}
	*ret_record = record;
	return 0;
}

/* -- Config ----------------------------------------------------------------------------------- */

static char **image_strv(const struct draft *draft, const char *path)
{
	return draft->image ? json_strv_at(draft->image, path) : NULL;
}

static int environment(struct draft *draft, struct err *err)
{
	_cleanup_strv_ char **of_image = image_strv(draft, "config.Env"), **env = NULL;
	const struct create_options *o = draft->options;
	int r = 0;

	for (size_t i = 0; r == 0 && o->env_files && o->env_files[i]; i++)
		r = env_file_read(o->env_files[i], &env, err);
	for (size_t i = 0; r == 0 && o->env && o->env[i]; i++)
		r = env_file_assign(o->env[i], &env, err);
	/* Docker's order: the user's, then what the image has besides. */
	for (size_t i = 0; r == 0 && of_image && of_image[i]; i++) {
		_cleanup_free_ char *name = str_ndup(of_image[i], strcspn(of_image[i], "="));

		if (!env_get(env, name))
			strv_add(&env, of_image[i]);
	}
	if (r == 0)
		json_put(draft->config, "Env", json_from_strv(env));
	return r;
}

static int labels(struct draft *draft, struct err *err)
{
	const json_t *of_image = draft->image ? json_at(draft->image, "config.Labels") : NULL;
	json_t *object = json_is_object(of_image) ? json_copy((json_t *)of_image) : json_object();
	const struct create_options *o = draft->options;
	_cleanup_strv_ char **list = NULL;
	int r = 0;

	json_put(draft->config, "Labels", object);
	for (size_t i = 0; r == 0 && o->label_files && o->label_files[i]; i++)
		r = label_file_read(o->label_files[i], &list, err);
	for (size_t i = 0; o->labels && o->labels[i]; i++)
		strv_add(&list, o->labels[i]);
	for (size_t i = 0; r == 0 && list && list[i]; i++) {
		char *value = strchr(list[i], '=');

		if (value)
			*value++ = '\0';
		if (!*list[i])
			return err_set(err, EINVAL, "invalid label '%s': empty name", list[i]);
		json_put(object, list[i], json_text(value));
	}
	return r;
}

static int command_line(struct draft *draft, char *const *command, struct err *err)
{
	const struct create_options *o = draft->options;
	_cleanup_strv_ char **entrypoint = image_strv(draft, "config.Entrypoint");
	_cleanup_strv_ char **cmd = image_strv(draft, "config.Cmd");
	_cleanup_strv_ char **all = NULL;
	json_t *args = json_array();

	if (o->entrypoint) {
		strv_clear(ptr_take(&entrypoint));
		strv_clear(ptr_take(&cmd));
		if (*o->entrypoint)
			strv_add(&entrypoint, o->entrypoint);
	}
	if (command && command[0]) {
		strv_clear(ptr_take(&cmd));
		cmd = strv_copy(command);
	}
	json_put(draft->config, "Cmd", cmd ? json_from_strv(cmd) : json_null());
	json_put(draft->config, "Entrypoint",
		 entrypoint ? json_from_strv(entrypoint) : json_null());
	for (size_t i = 0; entrypoint && entrypoint[i]; i++)
		strv_add(&all, entrypoint[i]);
	for (size_t i = 0; cmd && cmd[i]; i++)
		strv_add(&all, cmd[i]);
	for (size_t i = 1; all && all[0] && all[i]; i++)
		json_push(args, json_text(all[i]));
	json_put(draft->own, "Path", json_text(all ? all[0] : ""));
	json_put(draft->own, "Args", args);
	return all ? 0 : err_set(err, EINVAL, "no command specified");
}

static const char *of_image(const struct draft *draft, const char *given, const char *path)
{
	return given ? given : draft->image ? json_string_at(draft->image, path, "") : "";
}

static int config_fill(struct draft *draft, const char *id, const char *image, char *const *command,
		       struct err *err)
{
	const struct create_options *o = draft->options;
	json_t *config = draft->config;
	const char *stop_signal = of_image(draft, o->stop_signal, "config.StopSignal");
	_cleanup_free_ char *kept_id = NULL;
	char own[HOST_NAME_MAX + 1] = "";
	int r = extra_userns(o, &kept_id, err);

	if (r < 0)
		return r;

	/* Docker's: who shares the host's network has its name too */
	if (strcmp(json_string_at(draft->host, "NetworkMode", ""), "host") != 0 ||
	    gethostname(own, sizeof(own) - 1) < 0)
		(void)str_append(own, 13, id);
	if (o->hostname &&
	    (strlen(o->hostname) > 63 || !*o->hostname || strpbrk(o->hostname, "/ \n\t")))
		return err_set(err, EINVAL, "invalid hostname: %s", o->hostname);
	if (*stop_signal && signal_parse(stop_signal) < 0)
		return err_set(err, EINVAL, "invalid signal: %s", stop_signal);
	if (o->workdir && o->workdir[0] != '/')
		return err_set(
			err, EINVAL,
			"the working directory '%s' is invalid, it needs to be an absolute path",
			o->workdir);
	json_put(config, "Hostname",
		 json_text(o->hostname		     ? o->hostname :
			   str_equal(o->uts, "host") ? "" :
						       own));
	json_put(config, "Domainname", json_text(o->domainname));
	json_put(config, "User",
		 json_text(kept_id ? kept_id : of_image(draft, o->user, "config.User")));
	json_put(config, "AttachStdin", json_boolean(!o->detach && o->interactive));
	json_put(config, "AttachStdout", json_boolean(!o->detach));
	json_put(config, "AttachStderr", json_boolean(!o->detach));
	json_put(config, "Tty", json_boolean(o->tty));
	json_put(config, "OpenStdin", json_boolean(o->interactive));
	json_put(config, "StdinOnce", json_boolean(o->interactive && !o->detach));
	json_put(config, "Image", json_text(image ? image : ""));
	json_put(config, "WorkingDir", json_text(of_image(draft, o->workdir, "config.WorkingDir")));
	if (*stop_signal)
		json_put(config, "StopSignal", json_text(stop_signal));
	if (o->stop_timeout) {
		char *end;
		long seconds = strtol(o->stop_timeout, &end, 10);

		if (*end || !*o->stop_timeout)
			return err_argument(err, o->stop_timeout, "--stop-timeout", "not a number");
		json_put(config, "StopTimeout", json_integer(seconds));
	}
	r = health_option(o, json_at(draft->image, "config.Healthcheck"), config, draft->own, err);
	if (r < 0)
		return r;
	if ((r = environment(draft, err)) < 0 || (r = labels(draft, err)) < 0)
		return r;
	r = command_line(draft, command, err);
	return r < 0 ? r :
		       systemd_init_option(o, json_string_at(draft->own, "Path", ""), draft->host,
					   config, draft->own, err);
}

/* -- Mounts ----------------------------------------------------------------------------------- */

static bool target_taken(const struct draft *draft, const char *target)
{
	const json_t *mount;
	size_t i;

	json_array_foreach(draft->mounts, i,
			   mount) if (strcmp(json_string_at(mount, "Destination", ""), target) ==
				      0) return true;
	return false;
}

/* One that is mounted from elsewhere: a start need not ask the database what it is. */
static void volume_options_put(struct engine *engine, const char *name, json_t *mount)
{
	struct err ignored = ERR_NONE;
	struct store *store = engine_store(engine, &ignored);
	struct volume_row row = { 0 };

	if (store && volume_find(store, name, &row, &ignored) == 0 && row.options)
		json_put(mount, "VolumeOptions", json_loads(row.options, 0, NULL));
	volume_row_clear(&row);
}

static void volume_want(struct draft *draft, const struct mount_option *option, json_t *mount,
			bool copy)
{
	char random[65];
	const char *name = option->source;
	_cleanup_free_ char *path = NULL;

	if (!name) {
		engine_random_hex(random, 64);
		name = random;
		strv_add(&draft->anonymous, name);
	}
	volume_options_put(draft->engine, name, mount);
	strv_add(&draft->volumes, name);
	path = str_printf("%s/volumes/%s/_data", draft->engine->settings.root, name);
	json_put(mount, "Name", json_text(name));
	json_put(mount, "Source", json_text(path));
	json_put(mount, "Driver", json_text("local"));
	json_put(mount, "CopyUp", json_boolean(copy && !option->nocopy && !option->subpath));
	if (option->subpath)
		json_put(mount, "Subpath", json_text(option->subpath));
}

static int bind_want(const struct mount_option *option, json_t *mount, struct err *err)
{
	struct stat st;

	if (stat(option->source, &st) < 0) {
		if (errno != ENOENT)
			return err_sys(err, errno, "mount %s", option->source);
		if (!option->create_source) {
			return err_set(
				err, ENOENT,
				"invalid mount config for type \"bind\": bind source path does not exist: %s",
				option->source);
		}
	}
	json_put(mount, "Source", json_text(option->source));
	json_put(mount, "CreateSource", json_boolean(option->create_source));
	json_put(mount, "IdMap", json_text(option->idmap ? option->idmap : ""));
	json_put(mount, "SetId", json_boolean(option->setid));
	return 0;
}

static int mount_want(struct draft *draft, const struct mount_option *option, struct err *err)
{
	static const char *const types[] = { "bind", "volume", "tmpfs" };
	json_t *mount;

	if (target_taken(draft, option->target))
		return err_set(err, EINVAL, "Duplicate mount point: %s", option->target);
	mount = json_object();
	json_push(draft->mounts, mount);
	json_put(mount, "Type", json_text(types[option->type]));
	json_put(mount, "Destination", json_text(option->target));
	json_put(mount, "Mode", json_text(option->readonly ? "ro" : ""));
	json_put(mount, "RW", json_boolean(!option->readonly));
	json_put(mount, "Propagation",
		 json_text(option->propagation		     ? option->propagation :
			   option->type == MOUNT_OPTION_BIND ? "rprivate" :
							       ""));
	json_put(mount, "Nonrecursive", json_boolean(option->nonrecursive));
	json_put(mount, "NoExec",
		 json_boolean(option->type == MOUNT_OPTION_TMPFS ? !option->exec : option->noexec));
	json_put(mount, "NoSuid",
		 json_boolean(option->type == MOUNT_OPTION_TMPFS ? !option->suid : option->nosuid));
	if (option->relabel) {
		const char word[2] = { option->relabel, '\0' };

		json_put(mount, "Relabel", json_text(word));
	}
	if (option->type == MOUNT_OPTION_BIND)
		return bind_want(option, mount, err);
	if (option->type == MOUNT_OPTION_VOLUME)
		volume_want(draft, option, mount, true);
	else
		json_put(mount, "Data", json_text(option->tmpfs_data));
	return 0;
}

static int mounts_of(struct draft *draft, char *const *list,
		     int (*parse)(const char *, struct mount_option *, struct err *),
		     struct err *err)
{
	for (size_t i = 0; list && list[i]; i++) {
		_cleanup_(mount_option_clear) struct mount_option option = { 0 };
		int r = parse(list[i], &option, err);

		if (r == 0)
			r = mount_want(draft, &option, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The modules of the kernel that runs, where programs look for them, and their headers where they are installed. */
static int host_modules_mount(struct draft *draft, struct err *err)
{
	_cleanup_strv_ char **list = NULL;
	_cleanup_free_ char *headers = NULL;
	struct utsname host;

	(void)uname(&host);
	strv_add_take(&list,
		      str_printf("/lib/modules/%s:/lib/modules/%s:ro", host.release, host.release));
	headers = str_printf("/lib/modules/%s", host.release);
	if (access(headers, F_OK) < 0) {
		err_sys(err, errno, "--host-modules: look for %s", headers);
		return err_hint(err, "install the modules of the running kernel on the host");
	}
	free(headers);
	headers = str_printf("/usr/src/linux-headers-%s", host.release);
	if (access(headers, F_OK) == 0)
		strv_add_take(&list, str_printf("%s:%s:ro", headers, headers));
	return mounts_of(draft, list, mount_option_volume, err);
}

static int mounts_fill(struct draft *draft, struct err *err)
{
	const struct create_options *o = draft->options;
	const json_t *volumes = draft->image ? json_at(draft->image, "config.Volumes") : NULL;
	const char *path;
	json_t *ignored, *tmpfs;
	int r;

	if (o->host_modules && (r = host_modules_mount(draft, err)) < 0)
		return r;
	if ((r = mounts_of(draft, o->volumes, mount_option_volume, err)) < 0 ||
	    (r = mounts_of(draft, o->mounts, mount_option_mount, err)) < 0 ||
	    (r = mounts_of(draft, o->tmpfs, mount_option_tmpfs, err)) < 0 ||
	    (r = volumes_from(draft->engine, o->volumes_from, draft->mounts, &draft->volumes,
			      err)) < 0)
		return r;
	json_object_foreach((json_t *)volumes, path, ignored)
	{
		_cleanup_(mount_option_clear) struct mount_option option = { 0 };

		if (mount_option_volume(path, &option, err) < 0)
			return err_wrap(err, "the image's volume %s", path);
		if (!target_taken(draft, option.target) && mount_want(draft, &option, err) < 0)
			return -err->code;
	}
	json_put(draft->host, "VolumesFrom",
		 o->volumes_from ? json_from_strv(o->volumes_from) : json_null());
	tmpfs = json_object();
	json_put(draft->host, "Binds", o->volumes ? json_from_strv(o->volumes) : json_null());
	for (size_t i = 0; o->tmpfs && o->tmpfs[i]; i++) {
		_cleanup_free_ char *target = str_ndup(o->tmpfs[i], strcspn(o->tmpfs[i], ":"));
		const char *rest = strchr(o->tmpfs[i], ':');

		json_put(tmpfs, target, json_text(rest ? rest + 1 : ""));
	}
	json_put(draft->host, "Tmpfs", tmpfs);
	return 0;
}

/* -- the rest --------------------------------------------------------------------------------- */

static int volumes_record(struct draft *draft, struct store *store, const char *id, struct err *err)
{
	for (size_t i = 0; draft->volumes && draft->volumes[i]; i++) {
		struct volume_row row = { .name = draft->volumes[i],
					  .created_ns = engine_now_ns() };
		int r;

		for (size_t k = 0; draft->anonymous && draft->anonymous[k]; k++)
			row.anonymous |= strcmp(draft->anonymous[k], row.name) == 0;
		r = volume_add(store, &row, err);
		if (r < 0 && r != -EEXIST)
			return r;
		if (r == 0)
			strv_add(&draft->made, row.name);
		r = volume_ref_add(store, row.name, id, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int record_mount_add(struct engine *engine, struct record *record, const char *text,
		     const json_t **ret_mount, struct err *err)
{
	_cleanup_(mount_option_clear) struct mount_option option = { 0 };
	json_t *host = json_object_get(record->config, "HostConfig"), *binds;
	bool long_form = strchr(text, '=') && (!strchr(text, ':') || str_prefix(text, "type="));
	struct draft draft = { .engine = engine,
			       .mounts = json_object_get(record->config, "Mounts") };
	struct store *store = engine_store(engine, err);
	int r = store ? (long_form ? mount_option_mount : mount_option_volume)(text, &option, err) :
			-err->code;

	if (r == 0)
		r = mount_want(&draft, &option, err);
	if (r == 0)
		r = volumes_record(&draft, store, record->row.id, err);
	strv_clear(draft.volumes);
	strv_clear(draft.made);
	strv_clear(draft.anonymous);
	if (r < 0)
		return r;
	*ret_mount = json_array_get(draft.mounts, json_array_size(draft.mounts) - 1);
	if (!long_form) {
		binds = json_object_get(host, "Binds");
		if (!json_is_array(binds)) {
			binds = json_array();
			json_put(host, "Binds", binds);
		}
		json_push(binds, json_text(text));
	}
	return 0;
}

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

/* The row, its volumes and their references: one transaction. A name that we made ourselves is made anew when it is taken. */
/* In the transaction: an rmi may have been faster since the image was looked up. */
static int image_lives(struct store *store, const struct container_row *row, struct err *err)
{
	struct image_row image = { 0 };
	int r = str_prefix(row->image_id, "sha256:") ?
			image_find(store, row->image_id, &image, err) :
			0;

	image_row_clear(&image);
	return r == -ENOENT ? err_set(err, ENOENT, "No such image: %s", row->image_id) : r;
}

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
			r = volumes_record(draft, store, row->id, err);
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
	    (r = mounts_fill(draft, err)) < 0)
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
	return r < 0 ? r : config_fill(draft, row->id, image, command, err);
}

int create_container(struct engine *engine, const struct create_options *options, const char *image,
		     char *const *command, struct record *ret_record, char ***ret_warnings,
		     struct err *err)
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
	engine_random_hex(id, 64);
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
	engine_unlock(engine, id, lock);
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

int record_lock(struct engine *engine, const char *reference, struct record *ret_record,
		int *ret_lock, struct err *err)
{
	struct record record = RECORD_EMPTY;
	_cleanup_free_ char *id = NULL;
	int lock, r = record_find(engine, reference, &record, err);

	if (r < 0)
		return r;
	id = str_dup(record.row.id);
	record_clear(&record);
	lock = engine_lock(engine, id, err);
	if (lock < 0)
		return lock;
	r = record_find(engine, id, ret_record, err);
	if (r == -ENOENT)
		repair_gone(engine, id, lock);
	else if (r < 0)
		engine_unlock(engine, id, lock);
	else
		*ret_lock = lock;
	return r;
}
