/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/signal_name.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/draft.h"
#include "engine/env_file.h"
#include "engine/extra_option.h"
#include "engine/health.h"
#include "engine/systemd_init.h"

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

int draft_config(struct draft *draft, const char *id, const char *image, char *const *command,
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
