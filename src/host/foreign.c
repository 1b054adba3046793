/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/foreign.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "host/owner.h"
#include "host/process.h"
#include "host/supervisor.h"

enum { STATE_LIMIT_BYTES = 16 << 20 };

static json_t *file_json(const char *path)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	return file_read(AT_FDCWD, path, STATE_LIMIT_BYTES, &text) < 0 ?
		       NULL :
		       json_loadb(text.data, text.length, 0, NULL);
}

static void words_add(struct buf *out, const json_t *words)
{
	const json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
		buf_printf(out, "%s%s", out->length ? " " : "", json_string_value(word));
}

static void put_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_put(object, key, json_text(text));
}

/* -- Docker ----------------------------------------------------------------------------------- */

void foreign_ports(const json_t *ports, struct buf *out)
{
	const char *port;
	json_t *bindings, *binding;
	size_t i;

	json_object_foreach((json_t *)ports, port, bindings)
	{
		if (json_array_size(bindings) == 0)
			buf_printf(out, "%s%s", out->length ? ", " : "", port);
		json_array_foreach(bindings, i, binding)
		{
			const char *address = json_string_at(binding, "HostIp", "");
			const char *brackets = strchr(address, ':') ? "[]" : "";

			buf_printf(out, "%s%.1s%s%s:%s->%s", out->length ? ", " : "", brackets,
				   address, *brackets ? brackets + 1 : "",
				   json_string_at(binding, "HostPort", ""), port);
		}
	}
}

json_t *foreign_docker(const json_t *config)
{
	_cleanup_(buf_clear) struct buf command = BUF_EMPTY, ports = BUF_EMPTY;
	const char *name = json_string_at(config, "Name", "");
	json_t *details = json_object();

	put_text(details, "Name", *name == '/' ? name + 1 : name);
	put_text(details, "Image", json_string_at(config, "Config.Image", ""));
	buf_puts(&command, json_string_at(config, "Path", ""));
	words_add(&command, json_at(config, "Args"));
	put_text(details, "Command", command.data);
	put_text(details, "Created", json_string_at(config, "Created", ""));
	put_text(details, "User", json_string_at(config, "Config.User", ""));
	foreign_ports(json_at(config, "NetworkSettings.Ports"), &ports);
	put_text(details, "Ports", ports.data);
	if (json_bool_at(config, "State.Running"))
		put_text(details, "State",
			 json_bool_at(config, "State.Paused") ? "paused" : "running");
	else
		put_text(details, "State",
			 strcmp(json_string_at(config, "State.StartedAt", "0001"),
				"0001-01-01T00:00:00Z") == 0 ?
				 "created" :
				 "exited");
	return details;
}

static void daemon_note(pid_t pid, char ***roots)
{
	static const char *const options[] = { "--data-root", "-g", "--graph" };
	char words[8192];
	size_t length = supervisor_words(pid, words, sizeof(words));

	for (size_t i = 0; length && i < ARRAY_SIZE(options); i++) {
		const char *root = supervisor_option(words, length, options[i]);

		if (root && root[0] == '/')
			strv_add(roots, root);
	}
}

/* Where root's daemons that run keep their data. */
static void daemons_find(char ***roots)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		_cleanup_(buf_clear) struct buf comm = BUF_EMPTY;
		char path[300];
		struct stat st;

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "%s/comm", e->d_name);
		if (file_read(dirfd(d), path, 64, &comm) == 0 &&
		    strcmp(comm.data, "dockerd\n") == 0 &&
		    fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_uid == 0)
			daemon_note((pid_t)strtol(e->d_name, NULL, 10), roots);
	}
	if (d)
		(void)closedir(d);
}

/* The default, the configuration's, and those of daemons that run with another one. */
static char **docker_roots(void)
{
	_cleanup_json_ json_t *daemon = file_json("/etc/docker/daemon.json");
	const char *configured = json_string_at(daemon, "data-root", NULL);
	char **roots = NULL;

	strv_add(&roots, "/var/lib/docker");
	if (configured)
		strv_add(&roots, configured);
	daemons_find(&roots);
	return roots;
}

static json_t *docker_details(const char *id)
{
	_cleanup_free_ char *usual = str_printf("/var/lib/docker/containers/%s/config.v2.json", id);
	_cleanup_json_ json_t *there = file_json(usual);
	_cleanup_strv_ char **roots = NULL;

	if (there)
		return foreign_docker(there);
	roots = docker_roots();

	for (size_t i = 0; roots && roots[i]; i++) {
		_cleanup_free_ char *path =
			str_printf("%s/containers/%s/config.v2.json", roots[i], id);
		_cleanup_json_ json_t *config = file_json(path);

		if (config)
			return foreign_docker(config);
	}
	return NULL;
}

static json_t *docker_record_read(const char *root, const char *id)
{
	_cleanup_free_ char *path = str_printf("%s/containers/%s/config.v2.json", root, id),
			    *host_path = str_printf("%s/containers/%s/hostconfig.json", root, id),
			    *image_path = NULL;
	_cleanup_json_ json_t *image = NULL;
	json_t *all = file_json(path), *host = all ? file_json(host_path) : NULL;
	const char *digest = json_string_at(all, "Image", "");

	if (!all || !host) {
		json_decref(all);
		json_decref(host);
		return NULL;
	}
	json_put(all, "HostConfig", host);
	if (str_prefix(digest, "sha256:") &&
	    strspn(digest + 7, "0123456789abcdef") == strlen(digest + 7)) {
		image_path =
			str_printf("%s/image/overlay2/imagedb/content/sha256/%s", root, digest + 7);
		image = file_json(image_path);
	}
	if (json_object_get(image, "config"))
		json_put(all, "ImageConfig", json_incref(json_object_get(image, "config")));
	return all;
}

json_t *foreign_docker_record(const char *reference)
{
	_cleanup_strv_ char **roots = docker_roots();
	json_t *found = NULL;

	for (size_t i = 0; !found && roots && roots[i]; i++) {
		_cleanup_free_ char *folder = str_printf("%s/containers", roots[i]);
		DIR *d = opendir(folder);
		const struct dirent *e;

		while (d && !found && (e = readdir(d)) != NULL) {
			json_t *one = e->d_name[0] == '.' ? NULL :
							    docker_record_read(roots[i], e->d_name);
			const char *name = json_string_at(one, "Name", "");

			if (one && (str_prefix(e->d_name, reference) ||
				    strcmp(name + (*name == '/'), reference) == 0))
				found = one;
			else
				json_decref(one);
		}
		if (d)
			(void)closedir(d);
	}
	return found;
}

/* -- Podman, CRI-O ---------------------------------------------------------------------------- */

json_t *foreign_podman(const json_t *containers, const char *id)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(containers, i, entry)
	{
		_cleanup_json_ json_t *metadata =
			json_loads(json_string_at(entry, "metadata", "{}"), 0, NULL);
		json_t *details;

		if (strcmp(json_string_at(entry, "id", ""), id) != 0)
			continue;
		details = json_object();
		put_text(details, "Name",
			 json_string_at(metadata, "name",
					json_string_value(json_array_get(
						json_object_get(entry, "names"), 0))));
		put_text(details, "Image",
			 json_string_at(metadata, "image-name",
					json_string_at(entry, "image", "")));
		put_text(details, "Created", json_string_at(entry, "created", ""));
		return details;
	}
	return NULL;
}

json_t *foreign_bundle(const json_t *config)
{
	static const struct {
		const char *annotation, *key;
	} annotations[] = {
		{ "io.kubernetes.cri.container-name", "Name" },
		{ "io.kubernetes.cri.image-name", "Image" },
		{ "io.kubernetes.cri-o.Name", "Name" },
		{ "io.kubernetes.cri-o.ImageName", "Image" },
		{ "io.kubernetes.cri-o.Created", "Created" },
		{ "nerdctl/name", "Name" },
	};
	const json_t *all = json_object_get(config, "annotations");
	_cleanup_(buf_clear) struct buf command = BUF_EMPTY;
	json_t *details = json_object();
	const char *pod = json_string_value(json_object_get(all, "io.kubernetes.cri.sandbox-name")),
		   *name;

	for (size_t i = 0; i < ARRAY_SIZE(annotations); i++)
		put_text(details, annotations[i].key,
			 json_string_value(json_object_get(all, annotations[i].annotation)));
	name = json_string_at(details, "Name", pod ? "POD" : NULL);
	if (pod && name) {
		_cleanup_free_ char *both = str_printf("%s/%s", pod, name);

		put_text(details, "Name", both);
	}
	words_add(&command, json_at(config, "process.args"));
	put_text(details, "Command", command.data);
	return details;
}

/* conmon's bundle: ROOT/DRIVER-containers/ID/userdata, beside it the list of all. */
static json_t *conmon_details(const struct owner *owner)
{
	char words[8192];
	size_t length = supervisor_words(owner->supervisor, words, sizeof(words));
	const char *bundle = length ? supervisor_option(words, length, "-b") : NULL;
	_cleanup_free_ char *userdata =
		bundle ? str_dup(bundle) :
			 str_printf("/var/lib/containers/storage/overlay-containers/%s/userdata",
				    owner->id);
	_cleanup_free_ char *list_path = str_printf("%s/../../containers.json", userdata),
			    *config_path = str_printf("%s/config.json", userdata);
	_cleanup_json_ json_t *list = file_json(list_path), *config = file_json(config_path),
			      *inside = config ? foreign_bundle(config) : NULL;
	json_t *details = list ? foreign_podman(list, owner->id) : NULL;

	if (!details)
		return json_incref(inside);
	json_object_update_missing(details, inside);
	return details;
}

/* -- containerd ------------------------------------------------------------------------------- */

static json_t *shim_details(const struct owner *owner)
{
	_cleanup_json_ json_t *config = NULL;
	char words[8192], path[64];
	size_t length = supervisor_words(owner->supervisor, words, sizeof(words));
	const char *id = length ? supervisor_option(words, length, "-id") : NULL;

	/* the shim works in the bundle's folder; one shim serves a pod, each container's bundle lies beside it */
	(void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)owner->supervisor);
	if (id && length) {
		_cleanup_free_ char *file =
			strchr(owner->id, '/') ?
				NULL :
				str_printf("%s/../%s/config.json", path, owner->id);

		config = file ? file_json(file) : NULL;
	}
	return config ? foreign_bundle(config) : NULL;
}

/* -- any -------------------------------------------------------------------------------------- */

json_t *owner_details(const struct owner *owner)
{
	json_t *details = NULL;

	switch (owner->engine) {
	case ENGINE_DOCKER:
		details = docker_details(owner->id);
		break;
	case ENGINE_PODMAN:
	case ENGINE_CRIO:
		details = conmon_details(owner);
		break;
	case ENGINE_CONTAINERD:
	case ENGINE_KUBERNETES:
		details = shim_details(owner);
		break;
	case ENGINE_HOST:
	case ENGINE_CLOCHE:
	case ENGINE_LXC:
	case ENGINE_NSPAWN:
	case ENGINE_OTHER:
		break;
	}
	return details ? details : json_object();
}

/* -- all that there are ----------------------------------------------------------------------- */

static void listed_add(json_t *all, const char *engine, const char *id, json_t *details)
{
	if (!details)
		return;
	json_put(details, "Engine", json_text(engine));
	json_put(details, "Id", json_text(id));
	json_push(all, details);
}

static void docker_list(const char *root, json_t *all)
{
	_cleanup_free_ char *folder = str_printf("%s/containers", root);
	DIR *d = opendir(folder);
	const struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		_cleanup_free_ char *path = str_printf("%s/%s/config.v2.json", folder, e->d_name);
		_cleanup_json_ json_t *config = e->d_name[0] == '.' ? NULL : file_json(path);

		if (config)
			listed_add(all, "docker", e->d_name, foreign_docker(config));
	}
	if (d)
		(void)closedir(d);
}

static void podman_list(const char *path, json_t *all)
{
	_cleanup_json_ json_t *list = file_json(path);
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *id = json_string_at(entry, "id", "");

		listed_add(all, "podman", id, foreign_podman(list, id));
	}
}

/* The lists of the storages that running conmons name, and the default one, each once. */
static char **podman_lists(const struct process_table *table)
{
	char **lists = NULL;

	strv_add(&lists, "/var/lib/containers/storage/overlay-containers/containers.json");
	for (size_t i = 1; i < table->owner_count; i++) {
		const struct owner *owner = &table->owners[i];
		char words[8192], real[PATH_MAX];
		_cleanup_free_ char *path = NULL;
		const char *bundle;
		size_t length;

		if (owner->engine != ENGINE_PODMAN)
			continue;
		length = supervisor_words(owner->supervisor, words, sizeof(words));
		bundle = length ? supervisor_option(words, length, "-b") : NULL;
		path = bundle ? str_printf("%s/../../containers.json", bundle) : NULL;
		if (!path || !realpath(path, real))
			continue;
		if (!strv_has(lists, real))
			strv_add(&lists, real);
	}
	return lists;
}

static void lxc_list(json_t *all)
{
	DIR *d = opendir("/var/lib/lxc");
	const struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		_cleanup_free_ char *path = str_printf("/var/lib/lxc/%s/config", e->d_name);
		json_t *details;

		if (e->d_name[0] == '.' || access(path, F_OK) < 0)
			continue;
		details = json_object();
		put_text(details, "Name", e->d_name);
		listed_add(all, "lxc", "", details);
	}
	if (d)
		(void)closedir(d);
}

/* The same container, by id or, without one, by name. */
static json_t *listed_find(json_t *all, const struct owner *owner)
{
	json_t *entry;
	size_t i;

	json_array_foreach(all, i, entry)
	{
		const char *id = json_string_at(entry, "Id", "");

		if (strcmp(json_string_at(entry, "Engine", ""), owner_engine(owner)) == 0 &&
		    (*id ? strcmp(id, owner->id) == 0 :
			   strcmp(json_string_at(entry, "Name", ""), owner->name) == 0))
			return entry;
	}
	return NULL;
}

json_t *owner_all(const struct process_table *table)
{
	_cleanup_strv_ char **docker = docker_roots(), **podman = podman_lists(table);
	json_t *all = json_array();

	for (size_t i = 0; docker[i]; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= strcmp(docker[i], docker[k]) == 0;
		if (!again)
			docker_list(docker[i], all);
	}
	for (size_t i = 0; podman[i]; i++)
		podman_list(podman[i], all);
	lxc_list(all);
	for (size_t i = 1; i < table->owner_count; i++) {
		const struct owner *owner = &table->owners[i];
		json_t *entry = listed_find(all, owner);

		if (owner->engine == ENGINE_CLOCHE || owner->engine == ENGINE_OTHER)
			continue;
		if (!entry) {
			entry = owner_details(owner);
			listed_add(all, owner_engine(owner), owner->id, entry);
			if (!json_at(entry, "Name"))
				put_text(entry, "Name", owner_title(owner));
		}
		if (owner->processes && !json_at(entry, "State"))
			put_text(entry, "State", "running");
		json_put(entry, "Pid", json_integer(owner->init));
	}
	for (size_t i = 0; i < json_array_size(all); i++)
		if (!json_at(json_array_get(all, i), "State"))
			put_text(json_array_get(all, i), "State", "stopped");
	return all;
}
