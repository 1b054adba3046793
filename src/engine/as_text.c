/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/as_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/as_options.h"

/* -- a shell's command line ------------------------------------------------------------------- */

static void shell_word(struct buf *out, const char *word)
{
	if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "_-./:=,@+%[]") == strlen(word)) {
		buf_puts(out, word);
		return;
	}
	buf_puts(out, "'");
	for (const char *p = word; *p; p++) {
		if (*p == '\'')
			buf_puts(out, "'\\''");
		else
			buf_add(out, p, 1);
	}
	buf_puts(out, "'");
}

void as_text_run(const struct as_options *options, const char *name, struct buf *out)
{
	buf_puts(out, "cloche run --name ");
	shell_word(out, name);
	for (size_t i = 0; i < options->count; i++) {
		buf_printf(out, " \\\n\t--%s", options->list[i].name);
		if (options->list[i].value) {
			buf_puts(out, " ");
			shell_word(out, options->list[i].value);
		}
	}
	buf_puts(out, " \\\n\t");
	shell_word(out, *options->image ? options->image : "--");
	for (size_t i = 0; options->command && options->command[i]; i++) {
		buf_puts(out, " ");
		shell_word(out, options->command[i]);
	}
	buf_puts(out, "\n");
}

/* -- compose ---------------------------------------------------------------------------------- */

enum form { SCALAR, WORD /* unquoted: true, a number */, LIST, SECONDS };

static const struct {
	const char *option, *key;
	enum form form;
} compose[] = {
	{ "add-host", "extra_hosts", LIST },
	{ "annotation", "annotations", LIST },
	{ "cap-add", "cap_add", LIST },
	{ "cap-drop", "cap_drop", LIST },
	{ "cgroup-parent", "cgroup_parent", SCALAR },
	{ "cpu-period", "cpu_period", WORD },
	{ "cpu-quota", "cpu_quota", WORD },
	{ "cpu-shares", "cpu_shares", WORD },
	{ "cpus", "cpus", WORD },
	{ "cpuset-cpus", "cpuset", SCALAR },
	{ "device", "devices", LIST },
	{ "device-cgroup-rule", "device_cgroup_rules", LIST },
	{ "dns", "dns", LIST },
	{ "dns-option", "dns_opt", LIST },
	{ "dns-search", "dns_search", LIST },
	{ "domainname", "domainname", SCALAR },
	{ "env", "environment", LIST },
	{ "expose", "expose", LIST },
	{ "group-add", "group_add", LIST },
	{ "hostname", "hostname", SCALAR },
	{ "init", "init", WORD },
	{ "interactive", "stdin_open", WORD },
	{ "ipc", "ipc", SCALAR },
	{ "label", "labels", LIST },
	{ "memory", "mem_limit", WORD },
	{ "memory-reservation", "mem_reservation", WORD },
	{ "memory-swap", "memswap_limit", WORD },
	{ "memory-swappiness", "mem_swappiness", WORD },
	{ "oom-kill-disable", "oom_kill_disable", WORD },
	{ "oom-score-adj", "oom_score_adj", WORD },
	{ "pid", "pid", SCALAR },
	{ "pids-limit", "pids_limit", WORD },
	{ "privileged", "privileged", WORD },
	{ "publish", "ports", LIST },
	{ "read-only", "read_only", WORD },
	{ "restart", "restart", SCALAR },
	{ "runtime", "runtime", SCALAR },
	{ "security-opt", "security_opt", LIST },
	{ "shm-size", "shm_size", WORD },
	{ "stop-signal", "stop_signal", SCALAR },
	{ "stop-timeout", "stop_grace_period", SECONDS },
	{ "sysctl", "sysctls", LIST },
	{ "tmpfs", "tmpfs", LIST },
	{ "tty", "tty", WORD },
	{ "user", "user", SCALAR },
	{ "userns", "userns_mode", SCALAR },
	{ "uts", "uts", SCALAR },
	{ "workdir", "working_dir", SCALAR },
};

static const struct {
	const char *option, *key;
} checks[] = {
	{ "health-interval", "interval" },	   { "health-timeout", "timeout" },
	{ "health-start-period", "start_period" }, { "health-start-interval", "start_interval" },
	{ "health-retries", "retries" },
};

/* A JSON string is one of YAML's; a dollar would be a variable of Compose's. */
static void yaml_text(struct buf *out, const char *text)
{
	buf_puts(out, "\"");
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else if (*p == '$')
			buf_puts(out, "$$");
		else if (*p < 0x20 || *p == 0x7f)
			buf_printf(out, "\\x%02x", *p);
		else
			buf_add(out, p, 1);
	}
	buf_puts(out, "\"");
}

static void yaml_list(struct buf *out, const char *key, char *const *words)
{
	buf_printf(out, "    %s: [", key);
	for (size_t i = 0; words[i]; i++) {
		buf_puts(out, i ? ", " : "");
		yaml_text(out, words[i]);
	}
	buf_puts(out, "]\n");
}

static const char *value_of(const struct as_options *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->list[i].name, name) == 0)
			return options->list[i].value ? options->list[i].value : "";
	return NULL;
}

static void compose_row(const struct as_options *options, size_t row, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < options->count; i++) {
		const char *value = options->list[i].value;

		if (strcmp(options->list[i].name, compose[row].option) != 0)
			continue;
		if (first)
			buf_printf(out, "    %s:", compose[row].key);
		if (compose[row].form == LIST) {
			buf_puts(out, first ? "\n      - " : "      - ");
			yaml_text(out, value ? value : "");
		} else if (compose[row].form == SCALAR) {
			buf_puts(out, " ");
			yaml_text(out, value ? value : "");
		} else {
			buf_printf(out, " %s%s", value ? value : "true",
				   compose[row].form == SECONDS ? "s" : "");
		}
		buf_puts(out, "\n");
		first = false;
		if (compose[row].form != LIST)
			return;
	}
}

/* name=NET,alias=A,ip=I of --network, or the name alone. */
static void compose_networks(const struct as_options *options, struct buf *out, char ***names)
{
	for (size_t i = 0; i < options->count; i++) {
		_cleanup_strv_ char **words = NULL;
		const char *value = options->list[i].value;
		bool long_form;

		if (strcmp(options->list[i].name, "network") != 0)
			continue;
		if (strcmp(value, "host") == 0 || strcmp(value, "none") == 0 ||
		    str_prefix(value, "container:")) {
			buf_puts(out, "    network_mode: ");
			yaml_text(out, value);
			buf_puts(out, "\n");
			return;
		}
		if (!*names)
			buf_puts(out, "    networks:\n");
		words = strv_split(value, ',');
		long_form = str_prefix(words[0], "name=");
		strv_add(names, long_form ? words[0] + strlen("name=") : words[0]);
		buf_puts(out, "      ");
		yaml_text(out, (*names)[strv_length(*names) - 1]);
		buf_puts(out, words[1] ? ":\n" : ": {}\n");
		for (size_t pass = 0, k = 1; words[k]; k++) {
			if (!str_prefix(words[k], "alias="))
				continue;
			if (pass++ == 0)
				buf_puts(out, "        aliases:\n");
			buf_puts(out, "          - ");
			yaml_text(out, words[k] + strlen("alias="));
			buf_puts(out, "\n");
		}
		for (size_t k = 1; words[k]; k++) {
			char *equals = strchr(words[k], '=');
			const char *key = str_prefix(words[k], "ip=")	       ? "ipv4_address" :
					  str_prefix(words[k], "ip6=")	       ? "ipv6_address" :
					  str_prefix(words[k], "mac-address=") ? "mac_address" :
					  str_prefix(words[k], "gw-priority=") ? "gw_priority" :
					  str_prefix(words[k], "interface-name=") ?
										 "interface_name" :
										 NULL;

			if (key)
				buf_printf(out, "        %s: %s\n", key, equals + 1);
		}
	}
}

static bool volume_name(const char *source)
{
	return *source && *source != '/' && *source != '.' && *source != '~';
}

/* --volume as it is, --mount in the long form. Named volumes are made outside of the file: they have the files. */
static void compose_volumes(const struct as_options *options, struct buf *out, char ***names)
{
	bool first = true;

	for (size_t i = 0; i < options->count; i++) {
		const char *value = options->list[i].value;
		bool mount = strcmp(options->list[i].name, "mount") == 0;
		_cleanup_strv_ char **words = NULL;

		if (!mount && strcmp(options->list[i].name, "volume") != 0)
			continue;
		buf_puts(out, first ? "    volumes:\n      - " : "      - ");
		first = false;
		if (!mount) {
			_cleanup_free_ char *source = str_ndup(value, strcspn(value, ":"));

			if (strchr(value, ':') && volume_name(source))
				strv_add(names, source);
			yaml_text(out, value);
			buf_puts(out, "\n");
			continue;
		}
		words = strv_split(value, ',');
		for (size_t k = 0; words[k]; k++) {
			static const struct {
				const char *word, *group, *key;
			} long_words[] = {
				{ "type", NULL, "type" },
				{ "source", NULL, "source" },
				{ "target", NULL, "target" },
				{ "readonly", NULL, "read_only" },
				{ "bind-propagation", "bind", "propagation" },
				{ "volume-nocopy", "volume", "nocopy" },
				{ "volume-subpath", "volume", "subpath" },
				{ "tmpfs-size", "tmpfs", "size" },
				{ "tmpfs-mode", "tmpfs", "mode" },
			};
			char *equals = strchr(words[k], '=');

			if (equals)
				*equals++ = '\0';
			if (strcmp(words[k], "source") == 0 && volume_name(equals ? equals : "/"))
				strv_add(names, equals);
			for (size_t n = 0; n < ARRAY_SIZE(long_words); n++) {
				if (strcmp(words[k], long_words[n].word) != 0)
					continue;
				if (k > 0)
					buf_puts(out, "        ");
				if (long_words[n].group)
					buf_printf(out, "%s:\n          ", long_words[n].group);
				buf_printf(out, "%s: ", long_words[n].key);
				if (!equals)
					buf_puts(out, "true");
				else if (strcmp(long_words[n].group ? long_words[n].group : "",
						"tmpfs") == 0)
					buf_puts(out, equals);
				else
					yaml_text(out, equals);
				buf_puts(out, "\n");
			}
		}
	}
}

static void compose_health(const struct as_options *options, struct buf *out)
{
	const char *command = value_of(options, "health-cmd");
	bool first = true;

	if (value_of(options, "no-healthcheck"))
		buf_puts(out, "    healthcheck:\n      disable: true\n");
	if (command) {
		buf_puts(out, "    healthcheck:\n      test: [\"CMD-SHELL\", ");
		yaml_text(out, command);
		buf_puts(out, "]\n");
		first = false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const char *value = value_of(options, checks[i].option);

		if (!value)
			continue;
		buf_printf(out, "%s      %s: %s\n", first ? "    healthcheck:\n" : "",
			   checks[i].key, value);
		first = false;
	}
}

static void compose_pairs(const struct as_options *options, struct buf *out)
{
	const char *driver = value_of(options, "log-driver");
	bool first = true;

	if (driver || value_of(options, "log-opt"))
		buf_puts(out, "    logging:\n");
	if (driver)
		buf_printf(out, "      driver: %s\n", driver);
	for (size_t i = 0; i < options->count; i++) {
		const char *value = options->list[i].value;

		if (strcmp(options->list[i].name, "log-opt") != 0)
			continue;
		buf_printf(out, "%s        %.*s: ", first ? "      options:\n" : "",
			   (int)strcspn(value, "="), value);
		yaml_text(out, value + strcspn(value, "=") + 1);
		buf_puts(out, "\n");
		first = false;
	}
	first = true;
	for (size_t i = 0; i < options->count; i++) {
		const char *value = options->list[i].value, *colon;
		int name;

		if (strcmp(options->list[i].name, "ulimit") != 0)
			continue;
		name = (int)strcspn(value, "=");
		colon = strchr(value, ':');
		buf_printf(out, "%s      %.*s: { soft: %.*s, hard: %s }\n",
			   first ? "    ulimits:\n" : "", name, value,
			   colon ? (int)(colon - value) - name - 1 : 0, value + name + 1,
			   colon ? colon + 1 : "");
		first = false;
	}
}

/* What is none of these forms. */
static bool compose_known(const char *option)
{
	static const char *const others[] = { "network",    "volume",	  "mount",
					      "health-cmd", "entrypoint", "no-healthcheck",
					      "log-driver", "log-opt",	  "ulimit",
					      "rm",	    "detach" };

	for (size_t i = 0; i < ARRAY_SIZE(compose); i++)
		if (strcmp(compose[i].option, option) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (strcmp(checks[i].option, option) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(others[i], option) == 0)
			return true;
	return false;
}

static void compose_outside(struct buf *out, const char *key, char *const *names)
{
	if (names)
		buf_printf(out, "%s:\n", key);
	for (size_t i = 0; names && names[i]; i++) {
		bool told = false;

		for (size_t k = 0; k < i; k++)
			told |= strcmp(names[k], names[i]) == 0;
		if (told)
			continue;
		buf_puts(out, "  ");
		yaml_text(out, names[i]);
		buf_puts(out, ":\n    external: true\n");
	}
}

void as_text_compose(const struct as_options *options, const char *name, struct buf *out)
{
	_cleanup_strv_ char **networks = NULL, **volumes = NULL;
	const char *entrypoint = value_of(options, "entrypoint");

	buf_puts(out, "services:\n  ");
	yaml_text(out, name);
	buf_puts(out, ":\n    container_name: ");
	yaml_text(out, name);
	buf_puts(out, "\n    image: ");
	yaml_text(out, options->image);
	buf_puts(out, "\n");
	if (entrypoint)
		yaml_list(out, "entrypoint", (char *const[]){ (char *)entrypoint, NULL });
	if (options->command)
		yaml_list(out, "command", options->command);
	for (size_t i = 0; i < ARRAY_SIZE(compose); i++)
		compose_row(options, i, out);
	compose_health(options, out);
	compose_pairs(options, out);
	compose_volumes(options, out, &volumes);
	compose_networks(options, out, &networks);
	for (size_t i = 0; i < options->count; i++)
		if (!compose_known(options->list[i].name))
			buf_printf(out, "    # not in Compose: --%s %s\n", options->list[i].name,
				   options->list[i].value ? options->list[i].value : "");
	compose_outside(out, "networks", networks);
	compose_outside(out, "volumes", volumes);
}

/* -- quadlet ---------------------------------------------------------------------------------- */

static const struct {
	const char *option, *key;
} quadlet[] = {
	{ "add-host", "AddHost" },
	{ "annotation", "Annotation" },
	{ "cap-add", "AddCapability" },
	{ "cap-drop", "DropCapability" },
	{ "device", "AddDevice" },
	{ "dns", "DNS" },
	{ "dns-option", "DNSOption" },
	{ "dns-search", "DNSSearch" },
	{ "env", "Environment" },
	{ "expose", "ExposeHostPort" },
	{ "group-add", "GroupAdd" },
	{ "health-cmd", "HealthCmd" },
	{ "health-interval", "HealthInterval" },
	{ "health-on-failure", "HealthOnFailure" },
	{ "health-retries", "HealthRetries" },
	{ "health-start-period", "HealthStartPeriod" },
	{ "health-timeout", "HealthTimeout" },
	{ "hostname", "HostName" },
	{ "init", "RunInit" },
	{ "label", "Label" },
	{ "log-driver", "LogDriver" },
	{ "mount", "Mount" },
	{ "network", "Network" },
	{ "pids-limit", "PidsLimit" },
	{ "publish", "PublishPort" },
	{ "read-only", "ReadOnly" },
	{ "rootfs", "Rootfs" },
	{ "shm-size", "ShmSize" },
	{ "stop-timeout", "StopTimeout" },
	{ "sysctl", "Sysctl" },
	{ "tmpfs", "Tmpfs" },
	{ "tz", "Timezone" },
	{ "ulimit", "Ulimit" },
	{ "volume", "Volume" },
	{ "workdir", "WorkingDir" },
};

/* A word of a unit (systemd.syntax(7)): quoted when it has blanks or quotes; a per cent sign is a specifier. */
static void unit_word(struct buf *out, const char *word, bool quotes)
{
	bool needed = quotes && (!*word || strpbrk(word, " \t\n\"'\\;#$") != NULL);

	buf_puts(out, needed ? "\"" : "");
	for (const char *p = word; *p; p++) {
		if (*p == '%')
			buf_puts(out, "%%");
		else if (*p == '\n')
			buf_puts(out, "\\n");
		else if (needed && (*p == '"' || *p == '\\'))
			buf_printf(out, "\\%c", *p);
		else
			buf_add(out, p, 1);
	}
	buf_puts(out, needed ? "\"" : "");
}

static const char *quadlet_key(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(quadlet); i++)
		if (strcmp(quadlet[i].option, option) == 0)
			return quadlet[i].key;
	return NULL;
}

void as_text_quadlet(const struct as_options *options, const char *name, struct buf *out)
{
	const char *restart = value_of(options, "restart");

	buf_printf(out, "[Container]\nContainerName=%s\n", name);
	if (*options->image)
		buf_printf(out, "Image=%s\n", options->image);
	for (size_t i = 0; i < options->count; i++) {
		const char *option = options->list[i].name, *value = options->list[i].value;
		const char *key = quadlet_key(option);

		if (strcmp(option, "restart") == 0 || strcmp(option, "rm") == 0 ||
		    strcmp(option, "detach") == 0)
			continue;
		if (key) {
			buf_printf(out, "%s=", key);
			unit_word(out, value ? value : "true",
				  strcmp(option, "env") == 0 || strcmp(option, "label") == 0 ||
					  strcmp(option, "annotation") == 0);
		} else {
			_cleanup_free_ char *word = value ? str_printf("--%s=%s", option, value) :
							    str_printf("--%s", option);

			buf_puts(out, "PodmanArgs=");
			unit_word(out, word, true);
		}
		buf_puts(out, "\n");
	}
	if (options->command) {
		buf_puts(out, "Exec=");
		for (size_t i = 0; options->command[i]; i++) {
			buf_puts(out, i ? " " : "");
			unit_word(out, options->command[i], true);
		}
		buf_puts(out, "\n");
	}
	if (restart)
		buf_printf(out, "\n[Service]\nRestart=%s\n",
			   str_prefix(restart, "on-failure") ? "on-failure" : "always");
	buf_puts(out, "\n[Install]\nWantedBy=multi-user.target default.target\n");
}
