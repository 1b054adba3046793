/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/podman_record.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"

enum {
	ANSWER_SIZE = 4 << 20,
	DEFAULT_SIGNAL = 15,
	DEFAULT_STOP_S = 10,
	DEFAULT_PIDS = 2048,
	DEFAULT_SHM = 65536000,
};

/* -- asking Podman ---------------------------------------------------------------------------- */

/* In a mount namespace of its own: Podman mounts its storage over itself where that is not done yet, and that is not for us to leave. */
static _Noreturn void podman_become(char *const *argv, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		_exit(125);
	(void)execvp(argv[0], argv);
	_exit(127);
}

/* The one object of what `podman KIND inspect REFERENCE` prints. */
static json_t *inspected(const char *kind, const char *reference)
{
	_cleanup_strv_ char **argv = NULL;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_close_ int from = -1, to = -1;
	_cleanup_json_ json_t *list = NULL;
	int ends[2], status = 1, r;
	pid_t pid;

	strv_add(&argv, "podman");
	strv_add(&argv, kind);
	strv_add(&argv, "inspect");
	strv_add(&argv, "--");
	strv_add(&argv, reference);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	from = ends[0];
	to = ends[1];
	pid = fork();
	if (pid < 0)
		return NULL;
	if (pid == 0)
		podman_become(argv, to);
	fd_close(fd_take(&to));
	r = fd_read_all(from, ANSWER_SIZE, &text);
	fd_close(fd_take(&from)); /* who has more to say is not waited for */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0 || status != 0)
		return NULL;
	list = json_loadb(text.data, text.length, 0, NULL);
	return json_array_size(list) == 1 ? json_incref(json_array_get(list, 0)) : NULL;
}

/* -- in Docker's structure -------------------------------------------------------------------- */

/* In 4.x a string, whose words only Path and Args tell apart. */
static void entrypoint_put(const json_t *container, json_t *config)
{
	size_t args = json_array_size(json_at(container, "Args")),
	       cmd = json_array_size(json_at(config, "Cmd"));
	const json_t *now = json_object_get(config, "Entrypoint");
	json_t *list;

	if (json_is_array(now))
		return;
	if (json_string_length(now) == 0 || args + 1 < cmd) {
		json_put(config, "Entrypoint", json_null());
		return;
	}
	list = json_array();
	json_push(list, json_text(json_string_at(container, "Path", "")));
	for (size_t i = 0; i + cmd < args; i++)
		json_push(list, json_deep_copy(json_array_get(json_at(container, "Args"), i)));
	json_put(config, "Entrypoint", list);
}

/* Only the command line tells. */
static bool detached(const json_t *config)
{
	_cleanup_strv_ char **words = json_strv_at(config, "CreateCommand");

	for (size_t i = 0; words && words[i]; i++)
		if (strcmp(words[i], "--detach") == 0 ||
		    (words[i][0] == '-' && strchr(words[i], 'd') &&
		     strspn(words[i] + 1, "diqtP") == strlen(words[i] + 1)))
			return true;
	return false;
}

static void environment_put(json_t *config)
{
	static const char *const every[] = { "TERM=xterm", "container=podman",
					     "HOSTNAME=", "HOME=" };
	_cleanup_strv_ char **env = json_strv_at(config, "Env");
	json_t *list = json_array();

	for (size_t i = 0; env && env[i]; i++) {
		bool usual = str_prefix(env[i], "PATH=/usr/local/sbin:/usr/local/bin:");

		for (size_t k = 0; k < ARRAY_SIZE(every); k++)
			usual |= str_prefix(env[i], every[k]);
		if (!usual)
			json_push(list, json_text(env[i]));
	}
	json_put(config, "Env", list);
}

static void config_put(const json_t *container, json_t *config)
{
	/* a number before 5.0, a name since */
	const json_t *stop = json_object_get(config, "StopSignal");

	entrypoint_put(container, config);
	environment_put(config);
	if (!detached(config))
		(void)json_object_del(config, "AttachStdout");
	if (json_is_integer(stop)) {
		_cleanup_free_ char *text = str_printf("%lld", (long long)json_integer_value(stop));

		json_put(config, "StopSignal",
			 json_text(json_integer_value(stop) == DEFAULT_SIGNAL ? "" : text));
	} else if (strcmp(json_string_at(config, "StopSignal", ""), "SIGTERM") == 0) {
		json_put(config, "StopSignal", json_text(""));
	}
	if (json_int_at(config, "StopTimeout", 0) == DEFAULT_STOP_S)
		(void)json_object_del(config, "StopTimeout");
	if (strcmp(json_string_at(config, "WorkingDir", ""), "/") == 0)
		json_put(config, "WorkingDir", json_text(""));
}

/* CAP_X as Docker says it; what Podman drops of Docker's set is not in ours either. */
static void capabilities_put(json_t *host)
{
	static const char *const keys[] = { "CapAdd", "CapDrop" };
	static const char *const without[] = { "AUDIT_WRITE", "MKNOD", "NET_RAW" };

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		_cleanup_strv_ char **names = json_strv_at(host, keys[k]);
		json_t *list = json_array();

		for (size_t i = 0; names && names[i]; i++) {
			const char *name = names[i] + (str_prefix(names[i], "CAP_") ? 4 : 0);
			bool usual = false;

			for (size_t w = 0; k == 1 && w < ARRAY_SIZE(without); w++)
				usual |= strcmp(name, without[w]) == 0;
			if (!usual)
				json_push(list, json_text(name));
		}
		json_put(host, keys[k], list);
	}
}

/* "rw,rprivate,nosuid,nodev,rbind" without what is always so. */
static char *mount_words(const char *options)
{
	static const char *const usual[] = { "rw",   "rprivate", "nosuid",    "nodev",
					     "bind", "rbind",	 "tmpcopyup", "noexec" };
	_cleanup_strv_ char **words = strv_split(options, ',');
	struct buf out = BUF_EMPTY;

	for (size_t i = 0; words[i]; i++) {
		bool left_out = !*words[i];

		for (size_t k = 0; k < ARRAY_SIZE(usual); k++)
			left_out |= strcmp(words[i], usual[k]) == 0;
		if (!left_out)
			buf_printf(&out, "%s%s", out.length ? "," : "", words[i]);
	}
	return out.data ? out.data : str_dup("");
}

static void mounts_put(json_t *host)
{
	_cleanup_strv_ char **binds = json_strv_at(host, "Binds");
	_cleanup_strv_ char **targets = json_names(json_at(host, "Tmpfs"));
	json_t *list = json_array(), *tmpfs = json_object();

	for (size_t i = 0; binds && binds[i]; i++) {
		_cleanup_strv_ char **parts = strv_split(binds[i], ':');
		size_t count = strv_length(parts);
		_cleanup_free_ char *words = mount_words(count > 2 ? parts[2] : "");
		_cleanup_free_ char *text =
			count < 2 ? str_dup(binds[i]) :
				    str_printf("%s%s%s%s%s", str_is_id(parts[0]) ? "" : parts[0],
					       str_is_id(parts[0]) ? "" : ":", parts[1],
					       *words ? ":" : "", words);

		json_push(list, json_text(text));
	}
	for (size_t i = 0; targets[i]; i++) {
		_cleanup_free_ char *words =
			mount_words(json_string_at(json_at(host, "Tmpfs"), targets[i], ""));

		json_put(tmpfs, targets[i], json_text(words));
	}
	json_put(host, "Binds", list);
	json_put(host, "Tmpfs", tmpfs);
}

/* nofile and nproc are given to every container, with numbers of the host: only the command line tells whether they were asked for. */
static void rlimits_put(const json_t *container, json_t *host)
{
	_cleanup_strv_ char **words = json_strv_at(container, "Config.CreateCommand");
	json_t *list = json_array(), *one;
	size_t i;

	json_array_foreach(json_object_get(host, "Ulimits"), i, one)
	{
		const char *from = json_string_at(one, "Name", "");
		_cleanup_free_ char *name = str_dup(from + (str_prefix(from, "RLIMIT_") ? 7 : 0));
		bool asked = !words;

		for (char *c = name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		for (size_t k = 0; words && words[k]; k++) {
			const char *value = str_prefix(words[k], "--ulimit=") ?
						    words[k] + strlen("--ulimit=") :
						    words[k];

			asked |= str_prefix(value, name) && value[strlen(name)] == '=';
		}
		if (!asked)
			continue;
		one = json_deep_copy(one);
		json_put(one, "Name", json_text(name));
		json_push(list, one);
	}
	json_put(host, "Ulimits", list);
}

/* `inspect` does not have them. */
static void sysctls_put(const json_t *container, json_t *host)
{
	_cleanup_strv_ char **words = json_strv_at(container, "Config.CreateCommand");
	json_t *all = json_object();

	for (size_t i = 0; words && words[i]; i++) {
		const char *text = str_prefix(words[i], "--sysctl=") ?
					   words[i] + strlen("--sysctl=") :
				   strcmp(words[i], "--sysctl") == 0 ? words[i + 1] :
								       NULL;
		_cleanup_free_ char *name = text ? str_ndup(text, strcspn(text, "=")) : NULL;

		if (text && text[strlen(name)] == '=')
			json_put(all, name, json_text(text + strlen(name) + 1));
	}
	json_put(host, "Sysctls", all);
}

static void log_put(json_t *host)
{
	static const char *const ours[] = { "journald", "none", "json-file" };
	const char *type = json_string_at(host, "LogConfig.Type", ""),
		   *size = json_string_at(host, "LogConfig.Size", "0B"), *known = "local";
	json_t *config = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (strcmp(ours[i], type) == 0)
			known = ours[i];
	if (strcmp(size, "0B") != 0 && strcmp(known, "none") != 0)
		json_put(config, "max-size", json_text(size));
	json_put(host, "LogConfig", json_pack("{s:s,s:o}", "Type", known, "Config", config));
}

/* From release 5 on Podman's record has what it told its runtime beside what its user said. */
static void annotations_put(json_t *host)
{
	static const char *const own[] = { "io.container.manager", "io.podman.annotations.",
					   "io.kubernetes.cri-o.",
					   "org.opencontainers.image.stopSignal",
					   "org.systemd.property." };
	json_t *all = json_object_get(host, "Annotations");
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(all, next, key, value) for (size_t i = 0; i < ARRAY_SIZE(own);
							     i++) if (str_prefix(key, own[i]))
	{
		(void)json_object_del(all, key);
		break;
	}
}

static void host_put(const json_t *container, json_t *host)
{
	static const char *const modes[] = { "PidMode", "UTSMode", "UsernsMode" };
	const char *init = json_string_value(json_object_get(
		json_at(container, "Config.Annotations"), "io.podman.annotations.init"));
	json_t *one;
	size_t i;

	capabilities_put(host);
	mounts_put(host);
	rlimits_put(container, host);
	sysctls_put(container, host);
	annotations_put(host);
	log_put(host);
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcmp(json_string_at(host, modes[i], ""), "private") == 0)
			json_put(host, modes[i], json_text(""));
	if (strcmp(json_string_at(host, "IpcMode", ""), "shareable") == 0)
		json_put(host, "IpcMode", json_text("private")); /* nobody has to say it */
	if (json_int_at(host, "NanoCpus", 0) > 0) {		 /* both ways to say it */
		json_put(host, "CpuPeriod", json_integer(0));
		json_put(host, "CpuQuota", json_integer(0));
	}
	if (json_int_at(host, "PidsLimit", 0) == DEFAULT_PIDS)
		json_put(host, "PidsLimit", json_integer(0));
	json_array_foreach(json_object_get(host, "Devices"), i, one)
	{
		if (!*json_string_at(one, "CgroupPermissions", ""))
			json_put(one, "CgroupPermissions", json_text("rwm"));
	}
	json_put(host, "Init", json_boolean(str_equal(init, "TRUE")));
	if (json_int_at(host, "ShmSize", 0) == DEFAULT_SHM)
		json_put(host, "ShmSize", json_integer(0));
	if (json_int_at(host, "MemorySwappiness", 0) == 0)
		(void)json_object_del(host, "MemorySwappiness");
	(void)json_object_del(host, "CgroupParent"); /* Podman's own folder */
	(void)json_object_del(host, "Runtime");
}

/* Podman's default network is our default one; its way without root has no meaning here. */
static void networks_put(const json_t *container, json_t *host, json_t *own)
{
	const char *key, *mode = json_string_at(host, "NetworkMode", "");
	json_t *all = json_array(), *value;

	if (str_prefix(mode, "slirp4netns") || str_prefix(mode, "pasta"))
		json_put(host, "NetworkMode", json_text("bridge"));
	else if (strcmp(mode, "host") != 0 && strcmp(mode, "none") != 0 &&
		 !str_prefix(mode, "container:"))
		json_object_foreach((json_t *)json_at(container, "NetworkSettings.Networks"), key,
				    value)
		{
			const json_t *aliases = json_object_get(value, "Aliases");
			json_t *one = json_object();

			json_put(one, "Name",
				 json_text(strcmp(key, "podman") == 0 ? "bridge" : key));
			if (json_is_array(aliases))
				json_put(one, "Aliases", json_deep_copy(aliases));
			json_push(all, one);
		}
	json_put(own, "Networks", all);
}

json_t *podman_record_make(const json_t *container, const json_t *image)
{
	static const char *const both[] = { "Config", "HostConfig" };
	json_t *record = json_object(), *own = json_object(); /* own: what Docker has no word for */
	const char *rootfs = json_string_at(container, "Rootfs", "");
	const json_t *timeout = json_at(container, "Config.Timeout");

	json_put(record, "ID", json_text(json_string_at(container, "Id", "")));
	json_put(record, "Name", json_text(json_string_at(container, "Name", "")));
	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		json_put(record, both[i],
			 json_is_object(json_object_get(container, both[i])) ?
				 json_deep_copy(json_object_get(container, both[i])) :
				 json_object());
	config_put(container, json_object_get(record, "Config"));
	host_put(container, json_object_get(record, "HostConfig"));
	networks_put(container, json_object_get(record, "HostConfig"), own);
	json_put(own, "TimeZone", json_text(json_string_at(container, "Config.Timezone", "")));
	if (json_is_integer(timeout))
		json_put(own, "Timeout", json_deep_copy(timeout));
	if (strcmp(json_string_at(container, "Config.HealthcheckOnFailureAction", "none"),
		   "none") != 0)
		json_put(own, "HealthOnFailure",
			 json_text(json_string_at(container, "Config.HealthcheckOnFailureAction",
						  "")));
	if (strcmp(json_string_at(container, "Config.Umask", "0022"), "0022") != 0)
		json_put(own, "Umask",
			 json_integer(strtol(json_string_at(container, "Config.Umask", "0022"),
					     NULL, 8)));
	json_put(own, "Rootfs", json_text(rootfs));
	if (*rootfs)
		json_put(json_object_get(record, "Config"), "Image", json_text(""));
	json_put(record, "Cloche", own);
	if (json_object_get(image, "Config"))
		json_put(record, "ImageConfig", json_deep_copy(json_object_get(image, "Config")));
	return record;
}

json_t *podman_record(const char *reference)
{
	_cleanup_json_ json_t *container = inspected("container", reference), *image = NULL;
	const char *id = json_string_at(container, "Image", "");

	if (!container)
		return NULL;
	if (*id)
		image = inspected("image", id);
	return podman_record_make(container, image);
}
