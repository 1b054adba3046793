/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/draft.h"
#include "engine/engine.h"
#include "engine/mount_option.h"
#include "engine/volumes_from.h"

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

int draft_mounts(struct draft *draft, struct err *err)
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

int draft_volumes_record(struct draft *draft, struct store *store, const char *id, struct err *err)
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
		r = draft_volumes_record(&draft, store, record->row.id, err);
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
