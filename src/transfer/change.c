/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/change.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/duration.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

struct verb {
	const char *name;
	int (*apply)(json_t *config, const struct verb *verb, const char *rest, struct err *err);
	const char *key; /* in config */
};

/* The next word at *s, Dockerfile's quoting undone: "..." and '...' hold blanks, \ takes the next byte as it is.
 * NULL: there is none; *ret_open: a quote that does not end. */
static char *next_word(const char **s, bool *ret_open)
{
	_cleanup_(buf_clear) struct buf word = BUF_EMPTY;
	char quote = '\0';
	const char *p = *s;

	while (isspace((unsigned char)*p))
		p++;
	if (!*p)
		return NULL;
	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == quote) {
			quote = '\0';
		} else if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p;
		} else {
			if (*p == '\\' && quote != '\'' && p[1])
				p++;
			buf_add(&word, p, 1);
		}
	}
	*ret_open |= quote != '\0';
	*s = p;
	buf_puts(&word, "");
	return ptr_take(&word.data);
}

static int words_of(const struct verb *verb, const char *rest, char ***ret_words, struct err *err)
{
	_cleanup_strv_ char **words = NULL;
	bool open = false;
	char *word;

	while ((word = next_word(&rest, &open)))
		strv_add_take(&words, word);
	if (open)
		return err_set(err, EINVAL, "%s: a quote that does not end", verb->name);
	if (!words)
		return err_set(err, EINVAL, "%s requires at least one argument", verb->name);
	*ret_words = ptr_take(&words);
	return 0;
}

/* ["a", "b"] as a new array; NULL: it is not of that form. */
static json_t *json_form(const char *rest)
{
	json_t *json = *rest == '[' ? json_loads(rest, 0, NULL) : NULL, *item;
	size_t i;

	json_array_foreach(json, i, item) if (!json_is_string(item))
	{
		json_decref(json);
		return NULL;
	}
	return json;
}

/* CMD, ENTRYPOINT: a list as it is, anything else is a line for the shell. */
static int apply_command(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	json_t *list = json_form(rest);

	(void)err;
	if (!list) {
		list = json_array();
		json_push(list, json_text("/bin/sh"));
		json_push(list, json_text("-c"));
		json_push(list, json_text(rest));
	}
	json_put(config, verb->key, list);
	return 0;
}

static json_t *object_at(json_t *config, const char *key)
{
	json_t *object = json_object_get(config, key);

	if (!object) {
		object = json_object();
		json_put(config, key, object);
	}
	return object;
}

static void set_env(json_t *config, const char *key, const char *name, const char *value)
{
	_cleanup_free_ char *assignment = str_printf("%s=%s", name, value);
	_cleanup_strv_ char **env = json_strv_at(config, key);

	env_set(&env, assignment);
	json_put(config, key, json_from_strv(env));
}

static void set_label(json_t *config, const char *key, const char *name, const char *value)
{
	json_put(object_at(config, key), name, json_text(value));
}

/* ENV, LABEL: NAME=VALUE..., or NAME and the rest of the line. */
static int apply_pairs(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	void (*set)(json_t *, const char *, const char *, const char *) =
		strcmp(verb->name, "ENV") == 0 ? set_env : set_label;
	_cleanup_strv_ char **words = NULL;
	int r = words_of(verb, rest, &words, err);

	if (r < 0)
		return r;
	if (!strchr(words[0], '=')) {
		const char *value = rest + strcspn(rest, " \t");

		value += strspn(value, " \t");
		if (!words[1])
			return err_set(err, EINVAL, "%s must have two arguments", verb->name);
		set(config, verb->key, words[0], value);
		return 0;
	}
	for (size_t i = 0; words[i]; i++) {
		char *equals = strchr(words[i], '=');

		if (!equals || equals == words[i])
			return err_set(err, EINVAL, "%s: \"%s\" is not of the form NAME=VALUE",
				       verb->name, words[i]);
		*equals = '\0';
		set(config, verb->key, words[i], equals + 1);
	}
	return 0;
}

static int add_ports(json_t *ports, const char *text, struct err *err)
{
	_cleanup_free_ char *range = str_dup(text);
	char *slash = strchr(range, '/'), *dash;
	const char *protocol = "tcp";
	uint64_t first, last;

	if (slash) {
		*slash = '\0';
		protocol = slash + 1;
	}
	if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
	    strcmp(protocol, "sctp") != 0)
		return err_set(err, EINVAL, "invalid proto: %s", protocol);
	dash = strchr(range, '-');
	if (dash)
		*dash++ = '\0';
	if (str_to_u64(range, 65535, &first) < 0 || first == 0 ||
	    str_to_u64(dash ? dash : range, 65535, &last) < 0 || last < first)
		return err_set(err, EINVAL, "invalid containerPort: %s", text);
	for (; first <= last; first++) {
		_cleanup_free_ char *port =
			str_printf("%llu/%s", (unsigned long long)first, protocol);

		json_put(ports, port, json_object());
	}
	return 0;
}

static int apply_expose(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	_cleanup_strv_ char **words = NULL;
	int r = words_of(verb, rest, &words, err);

	for (size_t i = 0; r == 0 && words[i]; i++)
		r = add_ports(object_at(config, verb->key), words[i], err);
	return r;
}

static int apply_volume(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	_cleanup_json_ json_t *list = json_form(rest);
	_cleanup_strv_ char **words = NULL;
	const json_t *item;
	size_t i;
	int r = list ? 0 : words_of(verb, rest, &words, err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, item) strv_add(&words, json_string_value(item));
	for (i = 0; words && words[i]; i++) {
		if (words[i][0] != '/' || strcmp(words[i], "/") == 0)
			return err_set(err, EINVAL, "VOLUME: \"%s\" is no path below /", words[i]);
		json_put(object_at(config, verb->key), words[i], json_object());
	}
	return 0;
}

/* Exactly one word */
static int apply_word(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	_cleanup_strv_ char **words = NULL;
	int r = words_of(verb, rest, &words, err);

	if (r < 0 || !words)
		return r;
	if (words[1])
		return err_set(err, EINVAL, "%s requires exactly one argument", verb->name);
	json_put(config, verb->key, json_text(words[0]));
	return 0;
}

/* A relative folder is below the last one. */
static int apply_workdir(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	const char *before = json_string_at(config, verb->key, "/");
	_cleanup_free_ char *path = NULL;

	(void)err;
	if (*rest == '/')
		path = str_dup(rest);
	else
		path = str_printf("%s%s%s", before, str_suffix(before, "/") ? "" : "/", rest);
	json_put(config, verb->key, json_text(path));
	return 0;
}

/* --interval=30s and its kin stand before the word that says what kind of check it is. */
static int health_flag(json_t *check, const char *word, struct err *err)
{
	static const struct {
		const char *flag, *key;
	} times[] = {
		{ "--interval=", "Interval" },
		{ "--timeout=", "Timeout" },
		{ "--start-period=", "StartPeriod" },
		{ "--start-interval=", "StartInterval" },
	};
	static const char of_retries[] = "--retries=";
	uint64_t retries;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		const char *value = word + strlen(times[i].flag);
		int64_t ns;

		if (!str_prefix(word, times[i].flag))
			continue;
		if (duration_parse(value, &ns) < 0)
			return err_set(err, EINVAL, "HEALTHCHECK: time: invalid duration \"%s\"",
				       value);
		if (ns != 0 && ns < 1000000)
			return err_set(err, EINVAL,
				       "HEALTHCHECK: interval \"%s\" cannot be less than 1ms",
				       word);
		json_put(check, times[i].key, json_integer(ns));
		return 0;
	}
	if (!str_prefix(word, of_retries))
		return err_set(err, EINVAL, "unknown flag: %s in HEALTHCHECK", word);
	if (str_to_u64(word + strlen(of_retries), INT32_MAX, &retries) < 0)
		return err_set(err, EINVAL, "HEALTHCHECK: %s is not a number", word);
	json_put(check, "Retries", json_integer((json_int_t)retries));
	return 0;
}

static int apply_health(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	_cleanup_json_ json_t *check = json_object();
	_cleanup_free_ char *word = NULL;
	bool open = false;
	json_t *test;

	while ((word = next_word(&rest, &open)) && str_prefix(word, "--")) {
		if (health_flag(check, word, err) < 0)
			return -err->code;
		free(ptr_take(&word));
	}
	rest += strspn(rest, " \t");
	if (!word)
		return err_set(err, EINVAL, "HEALTHCHECK requires at least one argument");
	if (strcasecmp(word, "NONE") == 0) {
		if (*rest)
			return err_set(err, EINVAL, "HEALTHCHECK NONE takes no arguments");
		json_put(config, verb->key, json_pack("{s:[s]}", "Test", "NONE"));
		return 0;
	}
	if (strcasecmp(word, "CMD") != 0)
		return err_set(err, EINVAL, "unknown type \"%s\" in HEALTHCHECK (try CMD)", word);
	test = json_form(rest);
	if (!*rest || (test && json_array_size(test) == 0)) {
		json_decref(test);
		return err_set(err, EINVAL, "missing command after HEALTHCHECK CMD");
	}
	if (test)
		(void)json_array_insert_new(test, 0, json_string("CMD"));
	else
		test = json_pack("[s,o]", "CMD-SHELL", json_text(rest));
	json_put(check, "Test", test);
	json_put(config, verb->key, json_incref(check));
	return 0;
}

/* What a build from the image does first; kept as it was typed. */
static int apply_onbuild(json_t *config, const struct verb *verb, const char *rest, struct err *err)
{
	_cleanup_free_ char *first = str_ndup(rest, strcspn(rest, " \t"));
	json_t *triggers = json_object_get(config, verb->key);

	if (strcasecmp(first, "ONBUILD") == 0)
		return err_set(err, EINVAL, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (strcasecmp(first, "MAINTAINER") == 0 || strcasecmp(first, "FROM") == 0) {
		for (char *c = first; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		return err_set(err, EINVAL, "%s isn't allowed as an ONBUILD trigger", first);
	}
	if (!json_is_array(triggers)) {
		triggers = json_array();
		json_put(config, verb->key, triggers);
	}
	json_push(triggers, json_text(rest));
	return 0;
}

static const struct verb verbs[] = {
	{ "CMD", apply_command, "Cmd" },
	{ "ENTRYPOINT", apply_command, "Entrypoint" },
	{ "ENV", apply_pairs, "Env" },
	{ "EXPOSE", apply_expose, "ExposedPorts" },
	{ "HEALTHCHECK", apply_health, "Healthcheck" },
	{ "LABEL", apply_pairs, "Labels" },
	{ "ONBUILD", apply_onbuild, "OnBuild" },
	{ "STOPSIGNAL", apply_word, "StopSignal" },
	{ "USER", apply_word, "User" },
	{ "VOLUME", apply_volume, "Volumes" },
	{ "WORKDIR", apply_workdir, "WorkingDir" },
};

int change_apply(json_t *config, const char *instruction, struct err *err)
{
	_cleanup_free_ char *line = str_dup(instruction + strspn(instruction, " \t"));
	size_t n = strcspn(line, " \t"), end = strlen(line);
	const char *rest = line + n + strspn(line + n, " \t");

	while (end > n && isspace((unsigned char)line[end - 1]))
		line[--end] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strlen(verbs[i].name) != n || strncasecmp(verbs[i].name, line, n) != 0)
			continue;
		if (!*rest)
			return err_set(err, EINVAL, "%s requires at least one argument",
				       verbs[i].name);
		return verbs[i].apply(config, &verbs[i], rest, err);
	}
	return err_set(err, EINVAL, "%.*s is not a valid change command", (int)n, line);
}
