/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/settings.h"

#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

const struct setting settings_table[] = {
	{ "storage", "root", "CLOCHE_ROOT", "/var/lib/cloche", "data of the instance" },
	{ "storage", "run-root", "CLOCHE_RUN_ROOT", "/run/cloche",
	  "what lives until the next boot" },
	{ "log", "driver", "CLOCHE_LOG_DRIVER", "local",
	  "local, json-file, journald, syslog or none" },
	{ "log", "max-size", "CLOCHE_LOG_MAX_SIZE", "20m", "size at which a log file is rotated" },
	{ "log", "max-file", "CLOCHE_LOG_MAX_FILE", "5", "number of log files of a container" },
	{ "container", "pids-limit", "CLOCHE_PIDS_LIMIT", "8192",
	  "processes and threads of a container" },
	{ "container", "shm-size", "CLOCHE_SHM_SIZE", "64m", "size of /dev/shm" },
	{ "container", "stop-timeout", "CLOCHE_STOP_TIMEOUT", "10",
	  "seconds of grace before a stop kills" },
	{ "container", "userns", "CLOCHE_USERNS", "private", "private (own ids) or host" },
	{ "container", "init", "CLOCHE_INIT", "false", "run an init in each container" },
	{ "container", "seccomp-profile", "CLOCHE_SECCOMP_PROFILE", "",
	  "path of a profile; empty: the built-in one" },
	{ "container", "selinux", "CLOCHE_SELINUX", "true",
	  "label containers where SELinux is on" },
	{ "container", "cdi-dirs", "CLOCHE_CDI_DIRS", "/etc/cdi:/run/cdi",
	  "folders of CDI files, the later one wins" },
	{ "client", "detach-keys", "CLOCHE_DETACH_KEYS", "ctrl-p,ctrl-q",
	  "keys that detach from a container" },
	{ "client", "log-level", "CLOCHE_LOG_LEVEL", "info",
	  "what is said on stderr: debug, info, warn, error or fatal; CLOCHE_DEBUG=1 is debug" },
	{ "client", "log-format", "CLOCHE_LOG_FORMAT", "text",
	  "text, or json: a line of JSON each" },
	{ "network", "publish-mode", "CLOCHE_PUBLISH_MODE", "kernel",
	  "how ports are published: kernel (translated) or visible (relayed, netstat shows them)" },
	{ "network", "publish-address", "CLOCHE_PUBLISH_ADDRESS", "",
	  "host address of -p without one; empty: every address" },
	{ "host", "guard", "CLOCHE_GUARD", "deny",
	  "what the kill guard does for containers, where one is enabled: deny, audit or off" },
	{ "host", "names", "CLOCHE_NAMES", "all",
	  "who may see names of container users on the host: all, admin (root and group adm) or off" },
	{ "host", "keeper", "CLOCHE_KEEPER", "false",
	  "the start of a container starts cloche-keeper, too, where it does not run" },
	{ NULL, NULL, NULL, NULL, NULL },
};
_Static_assert(ARRAY_SIZE(settings_table) <= SETTINGS_MOST, "a source for each row");

static int bad(const char *key, const char *value, const char *wanted, struct err *err)
{
	return err_set(err, EINVAL, "%s = %s: %s", key, value, wanted);
}

static int text_set(char **field, const char *value)
{
	free(*field);
	*field = str_dup(value);
	return 0;
}

static int path_set(char **field, const char *key, const char *value, struct err *err)
{
	return value[0] == '/' ? text_set(field, value) :
				 bad(key, value, "not an absolute path", err);
}

static int word_set(char **field, const char *key, const char *value, const char *const *words,
		    struct err *err)
{
	for (; *words; words++)
		if (strcmp(*words, value) == 0)
			return text_set(field, value);
	return bad(key, value, "not one of the possible words", err);
}

static int number_set(uint64_t *field, const char *key, const char *value, uint64_t most,
		      struct err *err)
{
	return str_to_u64(value, most, field) < 0 ? bad(key, value, "not a number in range", err) :
						    0;
}

static int size_set(uint64_t *field, const char *key, const char *value, struct err *err)
{
	return str_to_bytes(value, field) < 0 ? bad(key, value, "not a size, such as 64m", err) : 0;
}

static int one_set(struct settings *s, const char *key, const char *value, struct err *err)
{
	static const char *const drivers[] = { "local",	 "json-file", "journald",
					       "syslog", "none",      NULL };
	static const char *const userns[] = { "private", "host", NULL };
	static const char *const modes[] = { "kernel", "visible", NULL };
	static const char *const guard[] = { "deny", "audit", "off", NULL };
	static const char *const names[] = { "all", "admin", "off", NULL };
	static const char *const levels[] = { "debug", "info", "warn", "error", "fatal", NULL };
	static const char *const forms[] = { "text", "json", NULL };

	if (strcmp(key, "root") == 0)
		return path_set(&s->root, key, value, err);
	if (strcmp(key, "run-root") == 0)
		return path_set(&s->run_root, key, value, err);
	if (strcmp(key, "driver") == 0)
		return word_set(&s->log_driver, key, value, drivers, err);
	if (strcmp(key, "max-size") == 0)
		return size_set(&s->log_max_size_bytes, key, value, err);
	if (strcmp(key, "max-file") == 0)
		return number_set(&s->log_max_files, key, value, 1000, err);
	if (strcmp(key, "pids-limit") == 0)
		return number_set(&s->pids_limit, key, value, 4194304, err);
	if (strcmp(key, "shm-size") == 0)
		return size_set(&s->shm_size_bytes, key, value, err);
	if (strcmp(key, "stop-timeout") == 0)
		return number_set(&s->stop_timeout_s, key, value, 1000000, err);
	if (strcmp(key, "userns") == 0)
		return word_set(&s->userns, key, value, userns, err);
	if (strcmp(key, "cdi-dirs") == 0)
		return path_set(&s->cdi_dirs, key, value, err);
	if (strcmp(key, "detach-keys") == 0)
		return text_set(&s->detach_keys, value);
	if (strcmp(key, "seccomp-profile") == 0)
		return *value ? path_set(&s->seccomp_profile, key, value, err) :
				text_set(&s->seccomp_profile, "");
	if (strcmp(key, "publish-mode") == 0)
		return word_set(&s->publish_mode, key, value, modes, err);
	if (strcmp(key, "publish-address") == 0)
		return text_set(&s->publish_address, value);
	if (strcmp(key, "log-level") == 0)
		return word_set(&s->log_level, key, value, levels, err);
	if (strcmp(key, "log-format") == 0)
		return word_set(&s->log_format, key, value, forms, err);
	if (strcmp(key, "guard") == 0)
		return word_set(&s->guard, key, value, guard, err);
	if (strcmp(key, "names") == 0)
		return word_set(&s->names, key, value, names, err);
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return bad(key, value, "not true or false", err);
	*(strcmp(key, "keeper") == 0  ? &s->keeper :
	  strcmp(key, "selinux") == 0 ? &s->selinux :
					&s->init) = strcmp(value, "true") == 0;
	return 0;
}

/* The same, and whose word it is. */
static int row_set(struct settings *s, size_t row, const char *value, const char *source,
		   struct err *err)
{
	int r = one_set(s, settings_table[row].key, value, err);

	if (r == 0) {
		(void)text_set(&s->sources[row].value, value);
		(void)text_set(&s->sources[row].source, source);
	}
	return r;
}

int settings_tell(struct settings *s, const char *key, const char *value, const char *source,
		  struct err *err)
{
	for (size_t i = 0; settings_table[i].key; i++)
		if (strcmp(settings_table[i].key, key) == 0)
			return row_set(s, i, value, source, err);
	return err_set(err, EINVAL, "no such setting: %s", key);
}

/* -- files ------------------------------------------------------------------------------------ */

struct file_reading {
	struct settings *settings;
	const char *path;
	struct err *err;
};

static int file_line(void *data, const char *section, const char *key, const char *value)
{
	struct file_reading *reading = data;

	for (size_t i = 0; settings_table[i].key; i++)
		if (strcmp(settings_table[i].key, key) == 0 &&
		    strcmp(settings_table[i].section, section) == 0)
			return row_set(reading->settings, i, value, reading->path, reading->err) ==
			       0;
	err_set(reading->err, EINVAL, "no such setting: [%s] %s", section, key);
	return 0;
}

static int file_read_ini(struct settings *settings, const char *path, struct err *err)
{
	struct file_reading reading = { settings, path, err };
	int line;

	if (access(path, F_OK) < 0)
		return 0;
	line = ini_parse(path, file_line, &reading);
	if (line == 0)
		return 0;
	if (line < 0)
		return err_sys(err, errno, "read %s", path);
	if (err->code == 0)
		err_set(err, EINVAL, "not a line of a configuration file");
	return err_wrap(err, "%s line %d", path, line);
}

static int is_conf(const struct dirent *e)
{
	return str_suffix(e->d_name, ".conf") && e->d_name[0] != '.';
}

static int folder_read(struct settings *settings, const char *folder, struct err *err)
{
	struct dirent **list = NULL;
	int count = scandir(folder, &list, is_conf, alphasort), r = 0;

	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *path = str_printf("%s/%s", folder, list[i]->d_name);

		if (r == 0)
			r = file_read_ini(settings, path, err);
		free(list[i]);
	}
	free(list);
	return r;
}

static int home_read(struct settings *settings, struct err *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *path = NULL;

	if (config && config[0] == '/')
		path = str_printf("%s/cloche/cloche.conf", config);
	else if (home && home[0] == '/')
		path = str_printf("%s/.config/cloche/cloche.conf", home);
	return path ? file_read_ini(settings, path, err) : 0;
}

int settings_read(struct settings *settings, struct err *err)
{
	int r = 0;

	memset(settings, 0, sizeof(*settings));
	for (size_t i = 0; settings_table[i].key; i++)
		(void)one_set(settings, settings_table[i].key, settings_table[i].default_value,
			      err);
	if ((r = file_read_ini(settings, "/etc/cloche/cloche.conf", err)) < 0 ||
	    (r = folder_read(settings, "/etc/cloche/conf.d", err)) < 0 ||
	    (r = home_read(settings, err)) < 0)
		goto out;
	for (size_t i = 0; r == 0 && settings_table[i].key; i++) {
		const char *value = getenv(settings_table[i].variable);

		if (!value || !*value)
			continue;
		r = row_set(settings, i, value, settings_table[i].variable, err);
		if (r < 0)
			err_wrap(err, "environment variable %s", settings_table[i].variable);
	}
out:
	if (r < 0)
		settings_clear(settings);
	return r;
}

void settings_clear(struct settings *settings)
{
	free(settings->root);
	free(settings->run_root);
	free(settings->log_driver);
	free(settings->userns);
	free(settings->publish_mode);
	free(settings->publish_address);
	free(settings->detach_keys);
	free(settings->cdi_dirs);
	free(settings->seccomp_profile);
	free(settings->guard);
	free(settings->names);
	free(settings->log_level);
	free(settings->log_format);
	for (size_t i = 0; i < SETTINGS_MOST; i++) {
		free(settings->sources[i].value);
		free(settings->sources[i].source);
	}
	memset(settings, 0, sizeof(*settings));
}
