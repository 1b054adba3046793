/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/image_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"

enum { LIST_MAX = 10000, WORD_MAX = 4096, TEXT_MAX = 65536, HISTORY_MAX = 10000 };

struct string_field {
	const char *path;
	size_t limit, offset;
};

struct list_field {
	const char *path;
	int (*read)(const json_t *, const char *, size_t, char ***, struct err *);
	size_t offset;
};

#define AT(field) offsetof(struct image_config, field)

static const struct string_field strings[] = {
	{ "config.User", WORD_MAX, AT(user) },
	{ "config.WorkingDir", WORD_MAX, AT(working_dir) },
	{ "config.StopSignal", WORD_MAX, AT(stop_signal) },
	{ "architecture", WORD_MAX, AT(architecture) },
	{ "os", WORD_MAX, AT(os) },
	{ "variant", WORD_MAX, AT(variant) },
	{ "created", WORD_MAX, AT(created) },
	{ "author", TEXT_MAX, AT(author) },
};

static const struct list_field lists[] = {
	{ "config.Env", document_strv, AT(env) },
	{ "config.Entrypoint", document_strv, AT(entrypoint) },
	{ "config.Cmd", document_strv, AT(cmd) },
	{ "config.Shell", document_strv, AT(shell) },
	{ "config.Volumes", document_keys, AT(volumes) },
	{ "config.ExposedPorts", document_keys, AT(exposed_ports) },
	{ "config.Labels", document_pairs, AT(labels) },
	{ "rootfs.diff_ids", document_strv, AT(diff_ids) },
};

static int read_history(const json_t *json, struct image_config *config, struct err *err)
{
	const json_t *array, *item;
	size_t i;
	int r = document_array(json, "history", HISTORY_MAX, &array, err);

	if (r < 0 || json_array_size(array) == 0)
		return r;
	config->history = mem_new(json_array_size(array) * sizeof(*config->history));
	json_array_foreach(array, i, item)
	{
		struct image_history *step = &config->history[config->history_count++];

		if (!json_is_object(item))
			return err_set(err, EBADMSG, "history is not a list of objects");
		r = document_string(item, "created", WORD_MAX, &step->created, err);
		if (r == 0)
			r = document_string(item, "created_by", DOCUMENT_SIZE, &step->created_by,
					    err);
		if (r == 0)
			r = document_string(item, "author", TEXT_MAX, &step->author, err);
		if (r == 0)
			r = document_string(item, "comment", TEXT_MAX, &step->comment, err);
		if (r < 0)
			return err_wrap(err, "history, step %zu", i);
		step->empty_layer = json_bool_at(item, "empty_layer");
	}
	return 0;
}

static bool path_plain(const char *path)
{
	if (*path != '/')
		return false;
	for (const char *s = path; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.')
			return false;
		s += n + (s[n] == '/');
	}
	return true;
}

/* "80", "80/tcp", "7000-7010/udp" */
static bool port_valid(const char *text)
{
	_cleanup_free_ char *copy = str_dup(text);
	char *slash = strchr(copy, '/'), *dash;
	uint64_t first, last;

	if (slash) {
		*slash++ = '\0';
		if (strcmp(slash, "tcp") != 0 && strcmp(slash, "udp") != 0 &&
		    strcmp(slash, "sctp") != 0)
			return false;
	}
	dash = strchr(copy, '-');
	if (dash)
		*dash++ = '\0';
	if (str_to_u64(copy, 65535, &first) < 0 || first == 0)
		return false;
	return !dash || (str_to_u64(dash, 65535, &last) == 0 && last >= first);
}

static int check(const struct image_config *config, struct err *err)
{
	for (size_t i = 0; config->env && config->env[i]; i++)
		if (config->env[i][0] == '=' || config->env[i][0] == '\0')
			return err_set(err, EBADMSG, "config.Env: \"%.100s\" has no name",
				       config->env[i]);
	for (size_t i = 0; config->volumes && config->volumes[i]; i++)
		if (!path_plain(config->volumes[i]))
			return err_set(err, EBADMSG,
				       "config.Volumes: \"%.100s\" is not an absolute path",
				       config->volumes[i]);
	for (size_t i = 0; config->exposed_ports && config->exposed_ports[i]; i++)
		if (!port_valid(config->exposed_ports[i]))
			return err_set(err, EBADMSG, "config.ExposedPorts: \"%.100s\" is no port",
				       config->exposed_ports[i]);
	if (strv_length(config->diff_ids) > IMAGE_LAYERS_MAX)
		return err_set(err, EBADMSG, "rootfs.diff_ids has more than %d layers",
			       IMAGE_LAYERS_MAX);
	for (size_t i = 0; config->diff_ids && config->diff_ids[i]; i++)
		if (digest_check(config->diff_ids[i], err) < 0)
			return err_wrap(err, "rootfs.diff_ids");
	return 0;
}

static int parse(const json_t *json, struct image_config *config, struct err *err)
{
	char *base = (char *)config;
	const json_t *ignored;
	int r;

	if (!json_is_object(json))
		return err_set(err, EBADMSG, "it is not an object");
	/* paths below these would read as missing */
	r = document_object(json, "config", LIST_MAX, &ignored, err);
	if (r == 0)
		r = document_object(json, "rootfs", LIST_MAX, &ignored, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(strings); i++)
		r = document_string(json, strings[i].path, strings[i].limit,
				    (char **)(void *)(base + strings[i].offset), err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(lists); i++)
		r = lists[i].read(json, lists[i].path, LIST_MAX,
				  (char ***)(void *)(base + lists[i].offset), err);
	if (r == 0)
		r = read_history(json, config, err);
	return r == 0 ? check(config, err) : r;
}

int image_config_parse(const char *bytes, size_t length, struct image_config *ret_config,
		       struct err *err)
{
	struct image_config config = IMAGE_CONFIG_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	int r = document_parse(bytes, length, "the image's configuration", &json, err);

	if (r < 0)
		return r;
	r = parse(json, &config, err);
	if (r < 0) {
		image_config_clear(&config);
		return err_wrap(err, "the image's configuration");
	}
	config.raw = str_ndup(bytes, length);
	config.raw_length = length;
	*ret_config = config;
	return 0;
}

void image_config_clear(struct image_config *config)
{
	char *base = (char *)config;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*(char **)(void *)(base + strings[i].offset));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_clear(*(char ***)(void *)(base + lists[i].offset));
	for (size_t i = 0; i < config->history_count; i++) {
		free(config->history[i].created);
		free(config->history[i].created_by);
		free(config->history[i].author);
		free(config->history[i].comment);
	}
	free(config->history);
	free(config->raw);
	*config = IMAGE_CONFIG_EMPTY;
}
