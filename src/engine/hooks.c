/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/tell.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "runtime/hook.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

enum { FILE_LIMIT_BYTES = 1 << 20 };

static const char end_file[] = "poststop"; /* in RUN/ID */

/* -- files ------------------------------------------------------------------------------------ */

static int pattern_compile(const json_t *json, regex_t *ret_pattern, struct err *err)
{
	const char *text = json_string_value(json);
	char why[128];
	int r = text ? regcomp(ret_pattern, text, REG_EXTENDED | REG_NOSUB) : REG_BADPAT;

	if (r == 0)
		return 0;
	(void)regerror(r, text ? ret_pattern : NULL, why, sizeof(why));
	return err_set(err, EINVAL, "pattern \"%s\": %s", text ? text : "", why);
}

/* 1, 0 or -errno */
static int pattern_matches(const json_t *json, const char *text, struct err *err)
{
	regex_t pattern;
	int r = pattern_compile(json, &pattern, err);

	if (r < 0)
		return r;
	r = regexec(&pattern, text, 0, NULL, 0) == 0;
	regfree(&pattern);
	return r;
}

static int annotation_matches(const char *name, const json_t *value, const json_t *annotations,
			      struct err *err)
{
	_cleanup_json_ json_t *of_name = json_text(name);
	const char *key;
	json_t *one;

	json_object_foreach((json_t *)annotations, key, one)
	{
		int r = pattern_matches(of_name, key, err);

		if (r == 1)
			r = pattern_matches(value, json_string_value(one), err);
		if (r != 0)
			return r;
	}
	return 0;
}

static bool has_binds(const struct record *record)
{
	const json_t *list = json_at(record->config, "Mounts"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (strcmp(json_string_at(one, "Type", ""), "tmpfs") != 0)
			return true;
	}
	return false;
}

/* oci-hooks(5): every condition that is there must hold, of a list of commands one; without any the hook never runs. */
static int when_holds(const json_t *when, const struct record *record, struct err *err)
{
	const json_t *always = json_object_get(when, "always"),
		     *binds = json_object_get(when, "hasBindMounts"),
		     *commands = json_object_get(when, "commands"), *value;
	const char *name;
	int matches = 0, r;
	size_t i;

	if (always && !json_is_true(always))
		return 0;
	matches += always != NULL;
	if (json_is_true(binds)) {
		if (!has_binds(record))
			return 0;
		matches++;
	}
	json_object_foreach(json_object_get(when, "annotations"), name, value)
	{
		r = annotation_matches(name, value,
				       json_at(record->config, "HostConfig.Annotations"), err);
		if (r != 1)
			return r;
		matches++;
	}
	if (json_array_size(commands) > 0) {
		r = 0;
		json_array_foreach(commands, i, value)
		{
			r = pattern_matches(value,
					    json_string_at(record->config, "Cloche.Path", ""), err);
			if (r != 0)
				break;
		}
		if (r != 1)
			return r;
		matches++;
	}
	return matches > 0;
}

static bool stage_is_known(const char *stage)
{
	for (size_t i = 0; i < SPEC_HOOK_COUNT; i++)
		if (stage && strcmp(stage, spec_hook_name(i)) == 0)
			return true;
	return false;
}

static int patterns_check(const json_t *when, struct err *err)
{
	const json_t *value;
	const char *name;
	regex_t pattern;
	size_t i;

	json_object_foreach((json_t *)json_object_get(when, "annotations"), name, value)
	{
		_cleanup_json_ json_t *of_name = json_text(name);

		if (pattern_compile(of_name, &pattern, err) < 0)
			return -err->code;
		regfree(&pattern);
		if (pattern_compile(value, &pattern, err) < 0)
			return -err->code;
		regfree(&pattern);
	}
	json_array_foreach(json_object_get(when, "commands"), i, value)
	{
		if (pattern_compile(value, &pattern, err) < 0)
			return -err->code;
		regfree(&pattern);
	}
	return 0;
}

static int file_check(const json_t *file, struct err *err)
{
	const json_t *stages = json_object_get(file, "stages"), *stage;
	const char *path = json_string_at(file, "hook.path", "");
	struct stat st;
	size_t i;

	if (strcmp(json_string_at(file, "version", ""), "1.0.0") != 0)
		return err_set(err, EINVAL, "version \"%s\" is not 1.0.0",
			       json_string_at(file, "version", ""));
	if (*path != '/')
		return err_set(err, EINVAL, "hook.path: \"%s\" is not an absolute path", path);
	if (stat(path, &st) < 0)
		return err_sys(err, errno, "hook.path: %s", path);
	if (!json_is_object(json_object_get(file, "when")))
		return err_set(err, EINVAL, "when: missing");
	if (json_array_size(stages) == 0)
		return err_set(err, EINVAL, "stages: missing");
	json_array_foreach(stages, i, stage)
	{
		if (!stage_is_known(json_string_value(stage)))
			return err_set(err, EINVAL, "stages: unknown stage \"%s\"",
				       json_is_string(stage) ? json_string_value(stage) : "");
	}
	return patterns_check(json_object_get(file, "when"), err);
}

static int file_load(int dir, const char *name, json_t **ret_file, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_json_ json_t *file = NULL;
	json_error_t why;
	int r = file_read(dir, name, FILE_LIMIT_BYTES, &text);

	if (r < 0)
		return err_sys(err, r, "read %s", name);
	file = json_loadb(text.data ? text.data : "", text.length, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(file))
		return err_set(err, EBADMSG, "%s: line %d: %s", name, file ? 1 : why.line,
			       file ? "not an object" : why.text);
	r = file_check(file, err);
	if (r < 0)
		return err_wrap(err, "%s", name);
	*ret_file = ptr_take(&file);
	return 0;
}

static int json_files(const struct dirent *e)
{
	return e->d_name[0] != '.' && str_suffix(e->d_name, ".json");
}

/* All of a folder, by name, into *files. */
static int folder_load(const char *path, json_t *files, struct err *err)
{
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries = NULL;
	int count, r = 0;

	if (dir < 0)
		return err_sys(err, errno, "--hooks-dir %s", path);
	count = scandirat(dir, ".", &entries, json_files, alphasort);
	for (int i = 0; i < count; i++) {
		json_t *file;

		if (r == 0)
			r = file_load(dir, entries[i]->d_name, &file, err);
		if (r == 0)
			json_put(files, entries[i]->d_name, file);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? err_wrap(err, "--hooks-dir %s", path) : 0;
}

int hooks_option(const struct create_options *o, json_t *own, struct err *err)
{
	_cleanup_json_ json_t *files = json_object();
	json_t *list;

	if (!o->hooks_dirs)
		return 0;
	list = json_array();
	json_put(own, "HooksDirs", list);
	for (size_t i = 0; o->hooks_dirs[i]; i++) {
		_cleanup_free_ char *full = realpath(o->hooks_dirs[i], NULL);

		if (!full)
			return err_sys(err, errno, "--hooks-dir %s", o->hooks_dirs[i]);
		if (folder_load(full, files, err) < 0)
			return -err->code;
		json_push(list, json_text(full));
	}
	return 0;
}

/* -- into the spec ---------------------------------------------------------------------------- */

int hooks_add(struct spec *spec, const char *stage, const json_t *json, struct err *err)
{
	const char *path = json_string_at(json, "path", "");
	int64_t timeout = json_int_at(json, "timeout", 0);
	struct spec_hooks *hooks = NULL;

	for (size_t i = 0; i < SPEC_HOOK_COUNT; i++)
		if (strcmp(stage, spec_hook_name(i)) == 0)
			hooks = &spec->hooks[i];
	if (!hooks || *path != '/' || timeout < 0 || timeout > INT_MAX / 1000)
		return err_set(err, EINVAL, "%s hook \"%s\" is not well formed", stage, path);
	hooks->list = spec_grow(hooks->list, hooks->count, sizeof(*hooks->list));
	hooks->list[hooks->count++] = (struct spec_hook){ .path = str_dup(path),
							  .args = json_strv_at(json, "args"),
							  .env = json_strv_at(json, "env"),
							  .timeout_s = (int)timeout };
	return 0;
}

int hooks_fill(const struct record *record, struct spec *spec, struct err *err)
{
	_cleanup_strv_ char **dirs = json_strv_at(record->config, "Cloche.HooksDirs");
	_cleanup_json_ json_t *files = NULL;
	_cleanup_strv_ char **names = NULL;

	if (!dirs)
		return 0;
	files = json_object();
	for (size_t i = 0; dirs[i]; i++)
		if (folder_load(dirs[i], files, err) < 0)
			return -err->code;
	names = json_names(files);
	for (size_t i = 0; names[i]; i++) {
		const json_t *file = json_object_get(files, names[i]), *stage;
		int r = when_holds(json_object_get(file, "when"), record, err);
		size_t k;

		json_array_foreach(json_object_get(file, "stages"), k, stage)
		{
			if (r == 1 && hooks_add(spec, json_string_value(stage),
						json_object_get(file, "hook"), err) < 0)
				r = -err->code;
		}
		if (r < 0)
			return err_wrap(err, "hook %s", names[i]);
	}
	return 0;
}

/* -- at work ---------------------------------------------------------------------------------- */

static char *bundle_path(const struct engine *engine, const struct record *record)
{
	return str_printf("%s/hooks/%s", engine->settings.run_root, record->row.id);
}

char *hooks_state(const void *data, pid_t pid, const char *status)
{
	const struct hooks_data *hooks = data;
	_cleanup_free_ char *bundle = bundle_path(hooks->engine, hooks->record);
	_cleanup_json_ json_t *state =
		json_pack("{s:s,s:s,s:s,s:s,s:O}", "ociVersion", "1.2.0", "id",
			  hooks->record->row.id, "status", status, "bundle", bundle, "annotations",
			  json_at(hooks->record->config, "HostConfig.Annotations"));

	if (pid > 0)
		json_put(state, "pid", json_integer(pid));
	return json_dumps(state, JSON_COMPACT);
}

static bool any(const struct spec *spec)
{
	for (size_t i = 0; i < SPEC_HOOK_COUNT; i++)
		if (spec->hooks[i].count > 0)
			return true;
	return false;
}

static json_t *hooks_json(const struct spec_hooks *hooks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < hooks->count; i++) {
		const struct spec_hook *hook = &hooks->list[i];
		json_t *one =
			json_pack("{s:s,s:i}", "path", hook->path, "timeout", hook->timeout_s);

		if (hook->args)
			json_put(one, "args", json_from_strv(hook->args));
		if (hook->env)
			json_put(one, "env", json_from_strv(hook->env));
		json_push(list, one);
	}
	return list;
}

/* Hooks of createContainer are the container's root, who may look into no folder of ours: nothing in it is a secret. */
static int bundle_make(struct engine *engine, const struct record *record, struct spec *spec,
		       struct err *err)
{
	_cleanup_close_ int all = dir_open_make(engine->run, "hooks", 0711, err), own = -1,
			    root = -1;
	_cleanup_free_ char *bundle = bundle_path(engine, record), *text = NULL;
	_cleanup_json_ json_t *config = NULL;

	own = all < 0 ? all : dir_open_make(all, record->row.id, 0755, err);
	root = own < 0 ? own : dir_open_make(own, "rootfs", 0755, err);
	if (root < 0)
		return root;
	spec->hook_root = str_printf("%s/rootfs", bundle);
	config = json_pack("{s:s,s:{s:s},s:s,s:O}", "ociVersion", "1.2.0", "root", "path",
			   spec->hook_root, "hostname",
			   json_string_at(record->config, "Config.Hostname", ""), "annotations",
			   json_at(record->config, "HostConfig.Annotations"));
	text = json_dumps(config, JSON_COMPACT);
	return file_replace(own, "config.json", text, strlen(text), 0644, false, err);
}

int hooks_prepare(struct engine *engine, const struct record *record, struct spec *spec, int run,
		  struct err *err)
{
	_cleanup_json_ json_t *list = NULL;
	_cleanup_free_ char *text = NULL;
	int r;

	if (!any(spec))
		return 0;
	list = hooks_json(&spec->hooks[SPEC_HOOK_POSTSTOP]);
	text = json_dumps(list, JSON_COMPACT);
	r = file_replace(run, end_file, text, strlen(text), 0600, false, err);
	return r < 0 ? r : bundle_make(engine, record, spec, err);
}

void hooks_poststart(struct engine *engine, const struct record *record, const struct spec *spec,
		     pid_t pid, char ***warnings)
{
	const struct spec_hooks *hooks = &spec->hooks[SPEC_HOOK_POSTSTART];
	struct hooks_data data = { engine, record };
	_cleanup_free_ char *state = hooks->count ? hooks_state(&data, pid, "running") : NULL;

	for (size_t i = 0; i < hooks->count; i++) {
		struct spec_hooks one = { &hooks->list[i], 1 };
		struct err err = ERR_NONE;

		if (hook_run_all(&one, "poststart", state, &err) < 0)
			strv_add(warnings, err.words);
	}
}

void hooks_release(struct engine *engine, const struct record *record, int run)
{
	_cleanup_free_ char *state = NULL, *bundle = str_printf("hooks/%s", record->row.id);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct hooks_data data = { engine, record };
	_cleanup_json_ json_t *list = NULL;
	struct spec *spec;
	const json_t *one;
	size_t i;

	/* those without hooks, which are nearly all, do not pay for a look */
	if (!json_at(record->config, "Cloche.HooksDirs") &&
	    json_array_size(json_at(record->config, "HostConfig.DeviceRequests")) == 0)
		return;
	if (file_read(run, end_file, FILE_LIMIT_BYTES, &text) < 0)
		return;
	list = json_loadb(text.data ? text.data : "", text.length, 0, NULL);
	spec = spec_new();
	state = hooks_state(&data, 0, "stopped");
	json_array_foreach(list, i, one)
	{
		struct spec_hooks *hooks = &spec->hooks[SPEC_HOOK_POSTSTOP], alone;
		struct err err = ERR_NONE;

		if (hooks_add(spec, "poststop", one, &err) < 0)
			continue;
		alone = (struct spec_hooks){ &hooks->list[hooks->count - 1], 1 };
		if (hook_run_all(&alone, "poststop", state, &err) < 0)
			tell_debug("release %s: %s", record->row.name, err.words);
	}
	spec_free(spec);
	(void)dir_remove(engine->run, bundle);
}
