/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/document.h"
#include "transfer/base64.h"

enum { FILE_MAX = 1024 * 1024, WORD_MAX = 64 * 1024, ENTRIES_MAX = 10000 };

static const char hub[] = "docker.io", hub_key[] = "https://index.docker.io/v1/";

static void secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void credential_clear(struct credential *credential)
{
	free(credential->user);
	secret_free(credential->password);
	secret_free(credential->identity_token);
	*credential = CREDENTIAL_NONE;
}

/* -- files ------------------------------------------------------------------------------------ */

static char *docker_file(void)
{
	const char *config = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (config && *config)
		return str_printf("%s/config.json", config);
	return str_printf("%s/.docker/config.json", home && *home ? home : "/root");
}

static char **candidates(void)
{
	const char *named = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR"),
		   *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char **files = NULL;

	strv_add_take(&files, docker_file());
	if (named && *named)
		strv_add(&files, named);
	if (run && *run)
		strv_add_take(&files, str_printf("%s/containers/auth.json", run));
	if (config && *config)
		strv_add_take(&files, str_printf("%s/containers/auth.json", config));
	else if (home && *home)
		strv_add_take(&files, str_printf("%s/.config/containers/auth.json", home));
	return files;
}

/* 1; 0: there is none. */
static int file_json(const char *path, json_t **ret_json, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
							     err_sys(err, errno, "open %s", path);
	r = fd_read_all(fd, FILE_MAX, &text);
	if (r < 0)
		return err_sys(err, r, "read %s", path);
	if (text.length == 0)
		return 0;
	r = document_parse(text.data, text.length, path, ret_json, err);
	explicit_bzero(text.data, text.length);
	if (r < 0)
		return r;
	return json_is_object(*ret_json) ? 1 : err_set(err, EBADMSG, "%s is not an object", path);
}

/* -- one file's answer ------------------------------------------------------------------------ */

/* The keys that name a registry, the most exact first: podman's with a path, then the ways in which Docker wrote hosts. */
static char **keys_of(const char *domain, const char *path)
{
	static const char *const forms[] = { "%s",	    "https://%s",     "http://%s",
					     "https://%s/", "https://%s/v1/", "https://%s/v2/" };
	char **keys = NULL;

	for (_cleanup_free_ char *rest = str_dup(path); rest && *rest;) {
		char *slash = strrchr(rest, '/');

		strv_add_take(&keys, str_printf("%s/%s", domain, rest));
		if (slash)
			*slash = '\0';
		else
			*rest = '\0';
	}
	if (strcmp(domain, hub) == 0) {
		strv_add(&keys, hub_key);
		strv_add(&keys, "index.docker.io");
	}
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const char *at = strstr(forms[i], "%s");

		strv_add_take(&keys, str_printf("%.*s%s%s", (int)(at - forms[i]), forms[i], domain,
						at + 2));
	}
	return keys;
}

static int read_pair(const char *encoded, struct credential *c, struct err *err)
{
	char *pair = base64_decode(encoded), *colon = pair ? strchr(pair, ':') : NULL;

	if (!colon) {
		secret_free(pair);
		return err_set(err, EBADMSG, "\"auth\" is not USER:PASSWORD in base64");
	}
	c->user = str_ndup(pair, (size_t)(colon - pair));
	c->password = str_dup(colon + 1);
	secret_free(pair);
	return 0;
}

static int read_entry(const json_t *entry, struct credential *c, struct err *err)
{
	_cleanup_free_ char *auth = NULL;
	int r = document_string(entry, "identitytoken", WORD_MAX, &c->identity_token, err);

	if (r == 0)
		r = document_string(entry, "auth", WORD_MAX, &auth, err);
	if (r == 0 && auth && *auth)
		return read_pair(auth, c, err);
	if (r == 0)
		r = document_string(entry, "username", WORD_MAX, &c->user, err);
	if (r == 0)
		r = document_string(entry, "password", WORD_MAX, &c->password, err);
	return r;
}

/* -- helpers (docker-credential-helpers, "Development") ----------------------------------------- */

static bool helper_name_valid(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-_.") == strlen(name);
}

static _Noreturn void helper_exec(const char *program, const char *verb, int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	(void)execlp(program, program, verb, (char *)NULL);
	_exit(127);
}

static int helper_run(const char *name, const char *verb, const char *input, struct buf *output,
		      struct err *err)
{
	_cleanup_free_ char *program = str_printf("docker-credential-%s", name);
	int in[2], out[2], status = 0, r;
	pid_t pid;

	if (!helper_name_valid(name))
		return err_set(err, EINVAL, "\"%.100s\" is no name of a credential helper", name);
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	if (pipe2(out, O_CLOEXEC) < 0) {
		r = err_sys(err, errno, "make a pipe");
		fd_close(in[0]);
		fd_close(in[1]);
		return r;
	}
	pid = fork();
	if (pid == 0)
		helper_exec(program, verb, in[0], out[1]);
	fd_close(in[0]);
	fd_close(out[1]);
	r = pid < 0 ? -errno : fd_write_all(in[1], input, strlen(input));
	fd_close(in[1]);
	if (r == 0 || r == -EPIPE)
		r = fd_read_all(out[0], FILE_MAX, output);
	fd_close(out[0]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (r < 0)
		return err_sys(err, r, "run %s", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(err, ENOENT, "%s, which the settings name, is not there", program);
	if (status != 0)
		return err_set(err, EACCES, "%s %s failed", program, verb);
	return 0;
}

static int helper_get(const char *name, const char *key, struct credential *c, struct err *err)
{
	_cleanup_(buf_clear) struct buf answer = BUF_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	int r = helper_run(name, "get", key, &answer, err);

	if (r == -EACCES) { /* it does not have them: its way to say so */
		err_clear(err);
		return 0;
	}
	if (r == 0)
		r = document_parse(answer.data ? answer.data : "", answer.length,
				   "the credential helper's answer", &json, err);
	if (r == 0)
		r = document_string(json, "Username", WORD_MAX, &c->user, err);
	if (r == 0)
		r = document_string(json, "Secret", WORD_MAX, &c->password, err);
	if (r == 0 && c->user && strcmp(c->user, "<token>") == 0) {
		c->identity_token = ptr_take(&c->password);
		free(ptr_take(&c->user));
	}
	return r;
}

/* -- finding ---------------------------------------------------------------------------------- */

static bool have(const struct credential *c)
{
	return (c->user && *c->user && c->password) || (c->identity_token && *c->identity_token);
}

static const char *helper_for(const json_t *json, const char *domain)
{
	const char *key = strcmp(domain, hub) == 0 ? hub_key : domain;
	const char *own =
		json_string_value(json_object_get(json_object_get(json, "credHelpers"), key));

	return own ? own : json_string_value(json_object_get(json, "credsStore"));
}

static int find_in(const json_t *json, const char *domain, const char *path, struct credential *c,
		   struct err *err)
{
	_cleanup_strv_ char **keys = keys_of(domain, path);
	const json_t *auths = NULL;
	const char *helper = helper_for(json, domain);
	int r = 0;

	if (helper)
		r = helper_get(helper, strcmp(domain, hub) == 0 ? hub_key : domain, c, err);
	if (r < 0 || have(c))
		return r;
	r = document_object(json, "auths", ENTRIES_MAX, &auths, err);
	for (size_t i = 0; r == 0 && auths && keys[i] && !have(c); i++) {
		const json_t *entry = json_object_get(auths, keys[i]);

		credential_clear(c);
		if (json_is_object(entry))
			r = read_entry(entry, c, err);
	}
	return r;
}

int credential_find(const char *domain, const char *path, struct credential *ret_credential,
		    struct err *err)
{
	_cleanup_strv_ char **files = candidates();
	_cleanup_(credential_clear) struct credential c = CREDENTIAL_NONE;

	for (size_t i = 0; files[i] && !have(&c); i++) {
		_cleanup_json_ json_t *json = NULL;
		int r = file_json(files[i], &json, err);

		if (r > 0)
			r = find_in(json, domain, path, &c, err);
		if (r < 0)
			return err_wrap(err, "credentials for %s in %s", domain, files[i]);
	}
	if (!have(&c))
		credential_clear(&c);
	*ret_credential = c;
	c = CREDENTIAL_NONE;
	return 0;
}

/* -- keeping ---------------------------------------------------------------------------------- */

static int write_json(const char *path, const json_t *json, struct err *err)
{
	_cleanup_free_ char *copy = str_dup(path), *text = json_dumps(json, JSON_INDENT(8));
	const char *folder = dirname(copy);
	_cleanup_close_ int dir = -1;
	int r;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make folder %s", folder);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, errno, "open folder %s", folder);
	if (!text)
		return err_set(err, ENOMEM, "write %s", path);
	r = file_replace(dir, "config.json", text, strlen(text), 0600, true, err);
	explicit_bzero(text, strlen(text));
	return r;
}

int credential_store(const char *domain, const struct credential *c, char **ret_file,
		     bool *ret_plain, struct err *err)
{
	const char *key = strcmp(domain, hub) == 0 ? hub_key : domain, *helper;
	_cleanup_free_ char *file = docker_file(), *pair = NULL, *encoded = NULL;
	_cleanup_json_ json_t *json = NULL;
	json_t *auths, *entry = json_object();
	int r = file_json(file, &json, err);

	if (r < 0) {
		json_decref(entry);
		return r;
	}
	if (!json)
		json = json_object();
	helper = helper_for(json, domain);
	if (helper) {
		_cleanup_(buf_clear) struct buf ignored = BUF_EMPTY;
		_cleanup_json_ json_t *secret = json_object();
		_cleanup_free_ char *text = NULL;

		json_put(secret, "ServerURL", json_text(key));
		json_put(secret, "Username", json_text(c->user));
		json_put(secret, "Secret", json_text(c->password));
		text = json_dumps(secret, JSON_COMPACT);
		r = text ? helper_run(helper, "store", text, &ignored, err) : -ENOMEM;
	} else {
		pair = str_printf("%s:%s", c->user, c->password);
		encoded = base64_encode(pair, strlen(pair));
		explicit_bzero(pair, strlen(pair));
		json_put(entry, "auth", json_text(encoded));
	}
	auths = json_object_get(json, "auths");
	if (!json_is_object(auths)) {
		auths = json_object();
		json_put(json, "auths", auths);
	}
	json_put(auths, key, entry);
	if (r == 0)
		r = write_json(file, json, err);
	*ret_plain = !helper;
	if (r == 0)
		*ret_file = ptr_take(&file);
	return r;
}

int credential_erase(const char *domain, struct err *err)
{
	const char *key = strcmp(domain, hub) == 0 ? hub_key : domain, *helper;
	_cleanup_free_ char *file = docker_file();
	_cleanup_(buf_clear) struct buf ignored = BUF_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	int r = file_json(file, &json, err);

	if (r < 0)
		return r;
	if (!json || !json_object_get(json_object_get(json, "auths"), key))
		return -ENOENT;
	helper = helper_for(json, domain);
	if (helper && helper_run(helper, "erase", key, &ignored, err) < 0)
		return -err->code;
	(void)json_object_del(json_object_get(json, "auths"), key);
	return write_json(file, json, err);
}
