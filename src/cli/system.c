/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events, info, version, and the group system. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/err.h"
#include "base/filter.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/docker_type.h"
#include "cli/time_option.h"
#include "engine/check.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/inspect.h"
#include "engine/lifecycle.h"
#include "engine/restart.h"
#include "image/architecture.h"
#include "state/event_log.h"

/* -- events ----------------------------------------------------------------------------------- */

struct events_args {
	const char *since, *until, *format;
	char **filters;
};

static const struct opt events_opts[] = {
	OPT_LIST('f', "filter", "NAME=VALUE", struct events_args, filters,
		 "container, event, image, label, network, scope, type or volume"),
	OPT_STRING(0, "format", "TEMPLATE", struct events_args, format, "json or a template"),
	OPT_STRING(0, "since", "TIME", struct events_args, since,
		   "from a time on: RFC 3339, seconds, or 10m ago"),
	OPT_STRING(0, "until", "TIME", struct events_args, until, "up to a time, then end"),
	OPT_END,
};

struct events {
	const struct events_args *args;
	struct err *err;
	bool failed;
};

static bool is_of(const json_t *event, const char *type, const char *value)
{
	const char *id = json_string_at(event, "Actor.ID", "");
	const json_t *attributes = json_at(event, "Actor.Attributes");

	if (strcmp(json_string_at(event, "Type", ""), type) != 0)
		return false;
	return (*value && str_prefix(id, value)) ||
	       strcmp(json_string_at(attributes, "name", ""), value) == 0;
}

static bool event_filter(const char *name, const char *value, void *data)
{
	const json_t *event = data, *attributes = json_at(event, "Actor.Attributes");
	const char *action = json_string_at(event, "Action", "");

	if (strcmp(name, "type") == 0)
		return strcmp(json_string_at(event, "Type", ""), value) == 0;
	if (strcmp(name, "event") ==
	    0) /* "health_status: healthy" is found by its first word, too */
		return strcmp(action, value) == 0 ||
		       (str_prefix(action, value) && action[strlen(value)] == ':');
	if (strcmp(name, "scope") == 0)
		return strcmp(json_string_at(event, "scope", ""), value) == 0;
	if (strcmp(name, "label") == 0)
		return filter_label(attributes, value);
	if (strcmp(name, "image") == 0) {
		const char *image = json_string_at(attributes, "image", "");
		size_t length = strlen(value);

		return is_of(event, name, value) || strcmp(image, value) == 0 ||
		       (strncmp(image, value, length) == 0 && image[length] == ':');
	}
	return is_of(event, name, value);
}

static void event_plain(const json_t *event)
{
	int64_t ns = json_int_at(event, "timeNano", 0);
	time_t seconds = (time_t)(ns / 1000000000);
	_cleanup_strv_ char **names = json_names(json_at(event, "Actor.Attributes"));
	const char *separator = " (";
	struct tm tm;
	char day[40] = "", zone[16] = "";

	if (localtime_r(&seconds, &tm)) {
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
		(void)strftime(zone, sizeof(zone), "%z", &tm);
	}
	(void)printf("%s.%09lld%.3s:%s %s %s %s", day, (long long)(ns % 1000000000), zone,
		     zone[0] ? zone + 3 : "", json_string_at(event, "Type", ""),
		     json_string_at(event, "Action", ""), json_string_at(event, "Actor.ID", ""));
	for (size_t i = 0; names[i]; i++) { /* by name, as Docker's client */
		(void)printf("%s%s=%s", separator, names[i],
			     json_string_value(json_object_get(json_at(event, "Actor.Attributes"),
							       names[i])));
		separator = ", ";
	}
	(void)printf("%s\n", separator[0] == ',' ? ")" : "");
}

static int event_print(void *data, const char *line)
{
	struct events *events = data;
	_cleanup_json_ json_t *event = json_loads(line, 0, NULL);

	if (!event || !filter_match(events->args->filters, event_filter, event))
		return 0;
	if (!events->args->format)
		event_plain(event);
	else if (format_typed(events->args->format, event, &docker_event, events->err) < 0)
		events->failed = true;
	return events->failed || fflush(stdout) != 0;
}

static int events_run(void *data, void *args, char **operands, struct err *err)
{
	static const char *const names[] = { "config", "container", "daemon", "event",	"image",
					     "label",  "network",   "node",   "plugin", "scope",
					     "secret", "service",   "type",   "volume", NULL };
	struct events_args *a = args;
	struct engine *engine = cli_engine(data, err);
	struct events events = { a, err, false };
	int64_t since = engine_now_ns(), until = 0;

	(void)operands;
	if (filter_check(a->filters, names, err) < 0)
		return 1;
	if (!engine || (a->since && time_option_parse(a->since, &since, err) < 0) ||
	    (a->until && time_option_parse(a->until, &until, err) < 0))
		return 1;
	return event_read(engine->root, since, until, !until || until > engine_now_ns(),
			  event_print, &events, err) < 0 ||
	       events.failed;
}

const struct command command_events = {
	.group = "system",
	.name = "events",
	.alias = "events",
	.args = "",
	.summary = "show events as they happen",
	.opts = events_opts,
	.args_size = sizeof(struct events_args),
	.run = events_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- info, version ---------------------------------------------------------------------------- */

struct format_args {
	const char *format;
};

static const struct opt format_opts[] = {
	OPT_STRING('f', "format", "TEMPLATE", struct format_args, format, "json or a template"),
	OPT_END,
};

static void plain_lines(const json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		_cleanup_free_ char *text =
			json_is_string(value) ? str_dup(json_string_value(value)) :
						json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		if (json_is_object(value)) {
			(void)printf("%*s%s:\n", indent, "", key);
			plain_lines(value, indent + 1);
		} else {
			(void)printf("%*s%s: %s\n", indent, "", key, text);
		}
	}
}

/* The words that Docker's info has for people, and scripts look for; of the others the key. */
static void headings_put(json_t *info)
{
	static const struct {
		const char *key, *words;
	} headings[] = {
		{ "ContainersRunning", " Running" },
		{ "ContainersPaused", " Paused" },
		{ "ContainersStopped", " Stopped" },
		{ "ServerVersion", "Server Version" },
		{ "Driver", "Storage Driver" },
		{ "LoggingDriver", "Logging Driver" },
		{ "CgroupDriver", "Cgroup Driver" },
		{ "CgroupVersion", "Cgroup Version" },
		{ "SecurityOptions", "Security Options" },
		{ "DefaultRuntime", "Default Runtime" },
		{ "InitBinary", "Init Binary" },
		{ "KernelVersion", "Kernel Version" },
		{ "OperatingSystem", "Operating System" },
		{ "NCPU", "CPUs" },
		{ "DockerRootDir", "Docker Root Dir" },
		{ "LiveRestoreEnabled", "Live Restore Enabled" },
	};
	_cleanup_json_ json_t *all = json_object();
	const char *key;
	json_t *value;
	json_int_t memory = json_int_at(info, "MemTotal", 0);

	json_object_foreach(info, key, value)
	{
		const char *words = key;

		if (strcmp(key, "MemoryLimit") == 0)
			break; /* it and what follows is for templates */
		for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
			if (strcmp(headings[i].key, key) == 0)
				words = headings[i].words;
		if (strcmp(key, "MemTotal") == 0) {
			_cleanup_free_ char *text = str_size((double)memory, 1024, 4);

			json_put(all, "Total Memory", json_text(text));
		} else {
			json_put(all, words, json_incref(value));
		}
	}
	(void)json_object_clear(info);
	(void)json_object_update(info, all);
}

/* A line each: "log.driver: local (built in)" */
static void settings_flatten(json_t *settings)
{
	_cleanup_strv_ char **names = json_names(settings);

	for (size_t i = 0; names[i]; i++) {
		const json_t *one = json_object_get(settings, names[i]);
		_cleanup_free_ char *text = str_printf("%s (%s)", json_string_at(one, "Value", ""),
						       json_string_at(one, "Source", ""));

		json_put(settings, names[i], json_text(text));
	}
}

static int info_run(void *data, void *args, char **operands, struct err *err)
{
	struct format_args *a = args;
	struct engine *engine = cli_engine(data, err);
	_cleanup_json_ json_t *info = engine ? inspect_info(engine, err) : NULL;

	(void)operands;
	if (!info)
		return 1;
	if (a->format)
		return format_typed(a->format, info, &docker_info, err) < 0;
	settings_flatten(json_object_get(info, "Settings"));
	headings_put(info);
	plain_lines(info, 0);
	return 0;
}

const struct command command_info = {
	.group = "system",
	.name = "info",
	.alias = "info",
	.args = "",
	.summary = "show what this instance is and can do",
	.opts = format_opts,
	.args_size = sizeof(struct format_args),
	.run = info_run,
	.flags = COMMAND_INTERSPERSED,
};

static int version_run(void *data, void *args, char **operands, struct err *err)
{
	struct format_args *a = args;
	_cleanup_json_ json_t *version = json_object();
	struct utsname host;
	static const char *const sides[] = { "Client", "Server" };

	(void)data;
	(void)operands;
	(void)uname(&host);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		json_t *side = json_object();

		json_put(side, "Version", json_text(CLOCHE_VERSION));
		/* Docker 28.0's, whose structures are printed here; there is no socket */
		json_put(side, "ApiVersion", json_text("1.48"));
		json_put(side, "Os", json_text("linux"));
		json_put(side, "Arch", json_text(architecture_here()));
		json_put(side, "KernelVersion", json_text(host.release));
		if (i == 0)
			json_put(side, "Context", json_text("default"));
		else
			json_put(side, "MinAPIVersion", json_text("1.24"));
		json_put(version, sides[i], side);
	}
	if (a->format)
		return format_typed(a->format, version, &docker_version, err) < 0;
	plain_lines(version, 0);
	return 0;
}

const struct command command_version = {
	.name = "version",
	.args = "",
	.summary = "show the version",
	.opts = format_opts,
	.args_size = sizeof(struct format_args),
	.run = version_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- system check, reap, docs ----------------------------------------------------------------- */

struct check_args {
	bool repair;
};

static const struct opt check_opts[] = {
	OPT_BOOL(0, "repair", struct check_args, repair, "put right what is found"),
	OPT_END,
};

static int check_run(void *data, void *args, char **operands, struct err *err)
{
	struct check_args *a = args;
	struct cli *cli = data;
	_cleanup_strv_ char **found = NULL;
	int left;

	(void)operands;
	/* not cli_engine(): what is to be seen would be repaired before */
	if (engine_open(&cli->engine, &cli->settings, err) < 0)
		return 1;
	left = check_instance(cli->engine, a->repair, &found, err);
	for (size_t i = 0; found && found[i]; i++)
		(void)printf("%s\n", found[i]);
	if (left < 0)
		return 1;
	if (!found)
		(void)printf("nothing found: database, files, processes and cgroups agree\n");
	return left > 0;
}

const struct command command_system_check = {
	.group = "system",
	.name = "check",
	.args = "",
	.summary = "compare database, files, mounts, cgroups and processes",
	.details =
		"Each finding is a line. The exit status is 1 when one is left. What a pull that was cut has left for the next one is told, too, with its "
		"size and age, and is no finding: cloche-system-prune(1) removes it, --repair does not.",
	.opts = check_opts,
	.args_size = sizeof(struct check_args),
	.run = check_run,
};

static const struct opt no_opts[] = { OPT_END };

static int reap_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	return !engine || lifecycle_reap(engine, operands[0], err) < 0;
}

const struct command command_system_reap = {
	.group = "system",
	.name = "reap",
	.args = "ID",
	.summary = "release what an ended container held",
	.details = "The monitor of a container runs this at its end.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = reap_run,
};

static int restart_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);

	(void)args;
	return !engine || restart_due(engine, operands[0], err) < 0;
}

const struct command command_system_restart = {
	.group = "system",
	.name = "restart",
	.args = "ID",
	.summary = "start a container whose restart is due",
	.details = "Who waits for the time of a restart runs this at its end.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = restart_run,
};

static int health_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	int r = engine ? health_check(engine, operands[0], err) : -err->code;

	(void)args;
	return r != 0;
}

const struct command command_system_health = {
	.group = "system",
	.name = "health",
	.args = "ID",
	.summary = "check the health of a container, now",
	.details =
		"The monitor of a container with a health check runs this when a check is due. The exit status is 1 while the container "
		"is within its start period and not healthy yet.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = health_run,
};

static int boot_run(void *data, void *args, char **operands, struct err *err)
{
	struct engine *engine = cli_engine(data, err);
	_cleanup_strv_ char **failed = NULL;
	int started = engine ? restart_boot(engine, &failed, err) : -err->code;

	(void)args;
	(void)operands;
	if (started < 0)
		return 1;
	for (size_t i = 0; failed && failed[i]; i++)
		cli_warn(failed[i]);
	(void)printf("%d started\n", started);
	return failed != NULL;
}

const struct command command_system_start = {
	.group = "system",
	.name = "start",
	.args = "",
	.summary = "start the containers whose restart policy wants them after a boot",
	.details =
		"Those with the policy always, those with unless-stopped that no user has stopped, and those with on-failure that "
		"the boot ended. The service unit and the init script that `./setup install` puts in place run this at boot.",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = boot_run,
};

/* Pages and completions from the tables, for the build. */
static int man_write(const struct command *const *commands, const char *folder, struct err *err)
{
	for (size_t i = 0; i == 0 || commands[i - 1]; i++) {
		const struct command *command = commands[i];
		_cleanup_free_ char *path = NULL;
		FILE *f;

		if (!command)
			path = str_printf("%s/cloche.1", folder);
		else if (command->group && !command_short_name(command))
			path = str_printf("%s/cloche-%s-%s.1", folder, command->group,
					  command->name);
		else
			path = str_printf("%s/cloche-%s.1", folder,
					  command_short_name(command) ?
						  command_short_name(command) :
						  command->name);
		f = fopen(path, "we");
		if (!f)
			return err_sys(err, errno, "write %s", path);
		if (command)
			opt_man(command, f);
		else
			opt_man_index(commands, f);
		if (fclose(f) != 0)
			return err_sys(err, errno, "write %s", path);
	}
	return 0;
}

/* A file of all settings as they are built in, each as a comment. */
static void conf_write(void)
{
	const char *section = "";

	(void)printf(
		"# Settings of Cloche. Files in conf.d, ~/.config/cloche/cloche.conf, variables and flags go over these;\n"
		"# `cloche info` shows what is in force, and where it comes from.\n");
	for (size_t i = 0; settings_table[i].key; i++) {
		const struct setting *one = &settings_table[i];

		if (strcmp(section, one->section) != 0)
			(void)printf("\n[%s]\n", one->section);
		section = one->section;
		(void)printf("# %s (%s)\n# %s = %s\n", one->help, one->variable, one->key,
			     one->default_value);
	}
}

static int docs_run(void *data, void *args, char **operands, struct err *err)
{
	struct cli *cli = data;

	(void)args;
	if (strcmp(operands[0], "man") == 0 && operands[1])
		return man_write(cli->commands, operands[1], err) < 0;
	if (strcmp(operands[0], "conf") == 0) {
		conf_write();
		return 0;
	}
	if (strcmp(operands[0], "bash") != 0 && strcmp(operands[0], "zsh") != 0 &&
	    strcmp(operands[0], "fish") != 0) {
		err_set(err, EINVAL, "docs %s: not man FOLDER, conf, bash, zsh or fish",
			operands[0]);
		return 1;
	}
	opt_completion(cli->commands, operands[0], stdout);
	return 0;
}

const struct command command_system_docs = {
	.group = "system",
	.name = "docs",
	.args = "KIND [FOLDER]",
	.summary =
		"write manual pages (man FOLDER), a file of settings (conf) or a completion script (bash, zsh, fish)",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = docs_run,
};

static int completion_run(void *data, void *args, char **operands, struct err *err)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	struct cli *cli = data;

	(void)args;
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(operands[0], shells[i]) == 0) {
			opt_completion(cli->commands, operands[0], stdout);
			return 0;
		}
	}
	err_set(err, EINVAL, "completion %s: not bash, zsh or fish", operands[0]);
	return 1;
}

const struct command command_completion = {
	.name = "completion",
	.args = "SHELL",
	.summary = "print a completion script for bash, zsh or fish",
	.details = "For instance: source <(cloche completion bash)",
	.opts = no_opts,
	.args_size = sizeof(char),
	.run = completion_run,
	.flags = COMMAND_INTERSPERSED,
};
