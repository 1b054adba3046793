/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/supervisor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "host/cgroup_owner.h"

static const char *next(const char *word, const char *end)
{
	word += strlen(word) + 1;
	return word < end ? word : NULL;
}

const char *supervisor_option(const char *words, size_t length, const char *option)
{
	const char *end = words + length;
	size_t n = strlen(option);

	for (const char *word = words; word; word = next(word, end)) {
		if (strcmp(word, option) == 0)
			return next(word, end);
		if (n > 2 && option[1] == '-' && strncmp(word, option, n) == 0 && word[n] == '=')
			return word + n + 1;
	}
	return NULL;
}

static void text_set(char out[OWNER_TEXT], const char *text)
{
	out[0] = '\0';
	if (text)
		(void)str_append(out, OWNER_TEXT, text);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void conmon_parse(const char *words, size_t length, struct cgroup_owner *owner)
{
	const char *exits = supervisor_option(words, length, "--exit-dir");

	owner->engine = exits && strstr(exits, "crio") ? ENGINE_CRIO : ENGINE_PODMAN;
	text_set(owner->id, supervisor_option(words, length, "-c"));
	text_set(owner->name, supervisor_option(words, length, "-n"));
}

static void shim_parse(const char *words, size_t length, struct cgroup_owner *owner)
{
	const char *name_space = supervisor_option(words, length, "-namespace");

	owner->engine = !name_space			  ? ENGINE_CONTAINERD :
			strcmp(name_space, "moby") == 0	  ? ENGINE_DOCKER :
			strcmp(name_space, "k8s.io") == 0 ? ENGINE_KUBERNETES :
							    ENGINE_CONTAINERD;
	text_set(owner->id, supervisor_option(words, length, "-id"));
	if (owner->engine == ENGINE_CONTAINERD)
		text_set(owner->part, name_space);
}

static void nspawn_parse(const char *words, size_t length, struct cgroup_owner *owner)
{
	const char *name = supervisor_option(words, length, "--machine"), *folder;

	if (!name)
		name = supervisor_option(words, length, "-M");
	folder = supervisor_option(words, length, "--directory");
	if (!folder)
		folder = supervisor_option(words, length, "-D");
	owner->engine = ENGINE_NSPAWN;
	owner->id[0] = '\0';
	for (const char *word = words; !name && !folder && word; word = next(word, words + length))
		if (str_prefix(word, "-D") || str_prefix(word, "-M"))
			folder = word + 2;
	text_set(owner->name, name ? name : folder ? base_name(folder) : "-");
}

static void lxc_parse(const char *words, size_t length, struct cgroup_owner *owner)
{
	const char *name = supervisor_option(words, length, "--name");

	if (!name)
		name = supervisor_option(words, length, "-n");
	if (!name) /* lxc-start NAME */
		for (const char *word = next(words, words + length); word;
		     word = next(word, words + length))
			if (word[0] != '-')
				name = word;
	owner->engine = ENGINE_LXC;
	owner->id[0] = '\0';
	text_set(owner->name, name);
}

void supervisor_parse(const char *words, size_t length, struct cgroup_owner *owner)
{
	const char *program = length ? base_name(words) : "";

	if (strcmp(program, "conmon") == 0) {
		conmon_parse(words, length, owner);
	} else if (str_prefix(program, "containerd-shim")) {
		shim_parse(words, length, owner);
	} else if (strcmp(program, "systemd-nspawn") == 0) {
		nspawn_parse(words, length, owner);
	} else if (strcmp(program, "lxc-start") == 0 || strcmp(program, "lxc-execute") == 0) {
		lxc_parse(words, length, owner);
	} else if (length && str_prefix(words, "[lxc monitor] ")) {
		const char *name = strrchr(words, ' ');

		owner->engine = ENGINE_LXC;
		owner->id[0] = '\0';
		text_set(owner->name, name + 1);
	} else if (strcmp(program, "cloche-monitor") == 0) {
		const char *name = next(words, words + length),
			   *id = name ? next(name, words + length) : NULL;

		if (!id)
			return;
		owner->engine = ENGINE_CLOCHE;
		text_set(owner->name, name);
		text_set(owner->id, id);
		if (strlen(owner->id) > 12)
			owner->id[12] = '\0';
	}
}

size_t supervisor_words(pid_t pid, char *out, size_t size)
{
	char path[40];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return 0;
	if (out[n - 1] != '\0')
		out[n++] = '\0';
	return (size_t)n;
}

void supervisor_owner(pid_t pid, struct cgroup_owner *owner)
{
	struct cgroup_owner said = *owner;
	char words[8192], path[32];
	size_t length = supervisor_words(pid, words, sizeof(words));
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (length == 0 || stat(path, &st) < 0)
		return;
	supervisor_parse(words, length, &said);
	/* anybody may call himself anything; only Podman is at home with users */
	if (st.st_uid != 0 && said.engine == ENGINE_PODMAN)
		(void)snprintf(said.part, sizeof(said.part), "uid %u", st.st_uid);
	else if (st.st_uid != 0)
		return;
	*owner = said;
}
