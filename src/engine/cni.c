/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cni.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/record.h"

#define FOLDER "/etc/cni/net.d"
#define PATHS "/opt/cni/bin:/usr/lib/cni"

enum {
	CONFIG_MAX = 60 << 10,
	/* a pipe has room for it */ RESULT_MAX = 1 << 20,
	PATIENCE_MS = 60000
};

bool cni_wanted(const struct record *record)
{
	return str_prefix(json_string_at(record->config, "HostConfig.NetworkMode", ""), "cni:");
}

static const char *name_of(const struct record *record)
{
	return json_string_at(record->config, "HostConfig.NetworkMode", "") + strlen("cni:");
}

static const char *paths(void)
{
	const char *own = getenv("CNI_PATH");

	return own && *own ? own : PATHS;
}

/* -- configuration ---------------------------------------------------------------------------- */

/* One file as a list; NULL: it is none, or of another name. */
static json_t *list_of(const char *file, const char *name)
{
	_cleanup_free_ char *path = str_printf(FOLDER "/%s", file);
	json_t *config = json_load_file(path, JSON_REJECT_DUPLICATES, NULL), *list;

	if (!json_is_object(config) || strcmp(json_string_at(config, "name", ""), name) != 0) {
		json_decref(config);
		return NULL;
	}
	if (json_is_array(json_object_get(config, "plugins")))
		return config;
	list = json_pack("{s:s,s:s,s:[o]}", "name", name, "cniVersion",
			 json_string_at(config, "cniVersion", "0.4.0"), "plugins", config);
	return list;
}

static bool is_config(const char *name)
{
	return str_suffix(name, ".conflist") || str_suffix(name, ".conf") ||
	       str_suffix(name, ".json");
}

/* The first file by name that has it, as others do. */
static int list_find(const char *name, json_t **ret_list, struct err *err)
{
	DIR *d = opendir(FOLDER);
	_cleanup_strv_ char **files = NULL;
	json_t *list = NULL;
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		if (is_config(e->d_name))
			strv_add(&files, e->d_name);
	if (d)
		(void)closedir(d);
	if (files)
		strv_sort(files);
	for (size_t i = 0; !list && files && files[i]; i++)
		list = list_of(files[i], name);
	if (!list) {
		err_set(err, ENOENT, "no CNI network %s in " FOLDER, name);
		return err_hint(
			err,
			"Debian's containernetworking-plugins has the plugins, and its manual examples of lists");
	}
	*ret_list = list;
	return 0;
}

static char *program_find(const char *type)
{
	_cleanup_strv_ char **folders = strv_split(paths(), ':');

	for (size_t i = 0; folders[i] && *type && !strchr(type, '/'); i++) {
		char *path = str_printf("%s/%s", folders[i], type);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": ""}] of the spec's conventions. */
static int mappings_of(const struct record *record, json_t **ret_mappings, struct err *err)
{
	const json_t *bindings = json_at(record->config, "HostConfig.PortBindings"), *one;
	json_t *all = json_array(), *list;
	const char *key;
	size_t i;

	json_object_foreach((json_t *)bindings, key, list){ json_array_foreach(list, i, one){
		const char *port = json_string_at(one, "HostPort", ""), *slash = strchr(key, '/');
	uint64_t number;

	if (!slash || str_to_u64(port, 65535, &number) < 0 || number == 0) {
		json_decref(all);
		return err_set(err, EINVAL,
			       "port %s: a CNI network wants one port of the host, not %s", key,
			       *port ? port : "any");
	}
	json_push(all, json_pack("{s:I,s:i,s:s,s:s}", "hostPort", (json_int_t)number,
				 "containerPort", (int)strtol(key, NULL, 10), "protocol", slash + 1,
				 "hostIP", json_string_at(one, "HostIp", "")));
}
}
*ret_mappings = all;
return 0;
}

int cni_prepare(const struct record *record, struct err *err)
{
	_cleanup_json_ json_t *list = NULL, *mappings = NULL;
	const json_t *plugin;
	bool maps = false;
	size_t i;
	int r;

	if (!cni_wanted(record))
		return 0;
	r = list_find(name_of(record), &list, err);
	if (r == 0)
		r = mappings_of(record, &mappings, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(list, "plugins"), i, plugin)
	{
		const char *type = json_string_at(plugin, "type", "");
		_cleanup_free_ char *program = program_find(type);

		if (!program)
			return err_set(err, ENOENT, "CNI network %s: no plugin %s in %s",
				       name_of(record), type, paths());
		maps |= json_bool_at(plugin, "capabilities.portMappings");
	}
	if (json_array_size(mappings) > 0 && !maps) {
		err_set(err, EINVAL, "CNI network %s has no plugin that publishes ports",
			name_of(record));
		return err_hint(err, "add the plugin portmap to its list");
	}
	return 0;
}

/* -- running plugins -------------------------------------------------------------------------- */

struct call {
	const struct record *record;
	const char *command;
	char *netns; /* "" when it is gone */
	const json_t *list;
	json_t *mappings;
};

static char **environment(const struct call *call)
{
	char **env = NULL;

	strv_add(&env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&env, "CNI_IFNAME=eth0");
	strv_add_take(&env, str_printf("CNI_COMMAND=%s", call->command));
	strv_add_take(&env, str_printf("CNI_CONTAINERID=%s", call->record->row.id));
	strv_add_take(&env, str_printf("CNI_NETNS=%s", call->netns));
	strv_add_take(&env, str_printf("CNI_PATH=%s", paths()));
	return env;
}

/* Its standard output to the end, at most PATIENCE_MS between two pieces. */
static int output_read(int fd, struct buf *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char piece[4096];
	ssize_t n;

	while (poll(&p, 1, PATIENCE_MS) > 0 && out->length < RESULT_MAX) {
		n = read(fd, piece, sizeof(piece));
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_add(out, piece, (size_t)n);
	}
	return -ETIMEDOUT;
}

static _Noreturn void plugin_become(const char *program, char *const *env, int in, int out)
{
	char *const argv[] = { (char *)program, NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)dup2(in, 0);
	(void)dup2(out, 1);
	(void)dup2(null, 2);
	(void)execve(program, argv, env);
	_exit(127);
}

static int plugin_run(const char *program, char *const *env, const char *config, struct buf *out,
		      struct err *err)
{
	int in[2], answer[2], status = 0, r;
	size_t length = strlen(config);
	pid_t pid;

	if (length > CONFIG_MAX)
		return err_set(err, E2BIG, "its configuration is too large");
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	if (pipe2(answer, O_CLOEXEC) < 0) {
		fd_close(in[0]);
		fd_close(in[1]);
		return err_sys(err, errno, "make a pipe");
	}
	r = write(in[1], config, length) == (ssize_t)length ? 0 : -EIO;
	pid = r < 0 ? -1 : fork();
	if (pid == 0)
		plugin_become(program, env, in[0], answer[1]);
	fd_close(in[0]);
	fd_close(in[1]);
	fd_close(answer[1]);
	if (pid > 0)
		r = output_read(answer[0], out);
	fd_close(answer[0]);
	if (pid < 0)
		return err_sys(err, errno, "start %s", program);
	if (r < 0)
		(void)kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0)
		status = 0; /* somebody else waits for all children: the output tells */
	buf_add(out, "", 1);
	if (r < 0)
		return err_sys(err, r, "hear from %s", program);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EREMOTEIO;
}

/* One plugin with the result so far. *result: replaced by its answer where it has one. */
static int plugin_call(const struct call *call, const json_t *plugin, json_t **result,
		       struct err *err)
{
	const char *type = json_string_at(plugin, "type", "");
	_cleanup_json_ json_t *config = json_deep_copy(plugin), *answer = NULL;
	_cleanup_free_ char *program = program_find(type), *text = NULL;
	_cleanup_strv_ char **env = environment(call);
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	int r;

	if (!program)
		return err_set(err, ENOENT, "no CNI plugin %s in %s", type, paths());
	json_put(config, "name", json_text(json_string_at(call->list, "name", "")));
	json_put(config, "cniVersion",
		 json_text(json_string_at(call->list, "cniVersion", "0.4.0")));
	if (json_bool_at(plugin, "capabilities.portMappings"))
		json_put(config, "runtimeConfig",
			 json_pack("{s:O}", "portMappings", call->mappings));
	(void)json_object_del(config, "capabilities");
	if (*result)
		json_put(config, "prevResult", json_incref(*result));
	text = json_dumps(config, JSON_COMPACT);
	r = plugin_run(program, env, text, &out, err);
	if (out.data)
		answer = json_loads(out.data, 0, NULL);
	if (r == -EREMOTEIO)
		return err_set(err, EREMOTEIO, "CNI plugin %s, %s: %s%s%s", type, call->command,
			       json_string_at(answer, "msg", "failed without a word"),
			       *json_string_at(answer, "details", "") ? ": " : "",
			       json_string_at(answer, "details", ""));
	if (r < 0)
		return err_wrap(err, "CNI plugin %s, %s", type, call->command);
	if (json_is_object(answer)) {
		json_decref(*result);
		*result = ptr_take(&answer);
	}
	return 0;
}

/* -- the verbs -------------------------------------------------------------------------------- */

static int kept_write(int dir, const json_t *list, const json_t *result, struct err *err)
{
	_cleanup_json_ json_t *kept = json_pack("{s:O}", "List", list);
	_cleanup_free_ char *text = NULL;

	if (result)
		json_put(kept, "Result", json_incref((json_t *)result));
	text = json_dumps(kept, JSON_COMPACT);
	return file_replace(dir, "cni", text, strlen(text), 0600, false, err);
}

static json_t *kept_read(struct engine *engine, const struct record *record)
{
	_cleanup_close_ int dir =
		engine_container_dir(engine, record->row.id, false, &(struct err){ 0 });
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	if (dir < 0 || file_read(dir, "cni", RESULT_MAX, &text) < 0 || !text.data)
		return NULL;
	return json_loadb(text.data, text.length, 0, NULL);
}

json_t *cni_result(struct engine *engine, const struct record *record)
{
	_cleanup_json_ json_t *kept = kept_read(engine, record);

	return json_incref(json_object_get(kept, "Result"));
}

int cni_add(struct engine *engine, const struct record *record, pid_t pid, struct err *err)
{
	_cleanup_free_ char *netns = str_printf("/proc/%d/ns/net", (int)pid);
	_cleanup_json_ json_t *list = NULL, *mappings = NULL, *result = NULL;
	_cleanup_close_ int dir = -1;
	const json_t *plugin;
	size_t i;
	int r;

	if (!cni_wanted(record))
		return 0;
	r = cni_delete(engine, record, err); /* of a start before a power cut */
	if (r < 0)
		err_clear(err);
	r = list_find(name_of(record), &list, err);
	if (r == 0)
		r = mappings_of(record, &mappings, err);
	dir = r < 0 ? r : engine_container_dir(engine, record->row.id, false, err);
	if (dir < 0)
		return dir;
	r = kept_write(dir, list, NULL, err);
	json_array_foreach(json_object_get(list, "plugins"), i, plugin)
	{
		struct call call = { record, "ADD", netns, list, mappings };

		if (r == 0)
			r = plugin_call(&call, plugin, &result, err);
		engine_kill_point("cni-added");
	}
	if (r == 0)
		r = kept_write(dir, list, result, err);
	if (r < 0) {
		struct err ignored = ERR_NONE;

		(void)cni_delete(engine, record, &ignored); /* what was made before */
	}
	return r;
}

int cni_check(struct engine *engine, const struct record *record, pid_t pid, struct err *err)
{
	_cleanup_free_ char *netns = str_printf("/proc/%d/ns/net", (int)pid);
	_cleanup_json_ json_t *kept = kept_read(engine, record), *mappings = NULL;
	json_t *list = json_object_get(kept, "List"),
	       *result = json_incref(json_object_get(kept, "Result"));
	const json_t *plugin;
	size_t i;
	int r;

	if (!list || !result) {
		json_decref(result);
		return err_set(err, ENOENT, "the plugins have added no network");
	}
	r = mappings_of(record, &mappings, err);
	json_array_foreach(json_object_get(list, "plugins"), i, plugin)
	{
		struct call call = { record, "CHECK", netns, list, mappings };

		if (r == 0)
			r = plugin_call(&call, plugin, &result, err);
	}
	json_decref(result);
	return r;
}

int cni_delete(struct engine *engine, const struct record *record, struct err *err)
{
	_cleanup_json_ json_t *kept = NULL, *mappings = NULL;
	_cleanup_close_ int dir = -1;
	json_t *plugins;
	int result = 0;

	if (!cni_wanted(record))
		return 0;
	kept = kept_read(engine, record);
	if (!kept)
		return 0;
	if (mappings_of(record, &mappings, err) < 0)
		return -err->code;
	plugins = json_object_get(json_object_get(kept, "List"), "plugins");
	for (size_t i = json_array_size(plugins); i-- > 0;) {
		json_t *previous = json_incref(json_object_get(kept, "Result"));
		/* the namespace went with the container, and its links with it */
		struct call call = { record, "DEL", (char *)"", json_object_get(kept, "List"),
				     mappings };
		struct err why = ERR_NONE;
		int r = plugin_call(&call, json_array_get(plugins, i), &previous, &why);

		json_decref(previous);
		if (r < 0 && result == 0) {
			*err = why;
			result = r;
		}
	}
	dir = engine_container_dir(engine, record->row.id, false, err);
	if (result == 0 && dir >= 0)
		(void)unlinkat(dir, "cni", 0);
	return result;
}
