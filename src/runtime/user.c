/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/root.h"
#include "base/str.h"
#include "runtime/spec.h"

enum { FILE_LIMIT_BYTES = 4 << 20, FIELDS = 7 };

/* A missing or unreadable file is an empty one: numbers need no file. */
static void file_lines(int root, const char *path, struct buf *text)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int fd = root_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &ignored);

	/* an image may hold a fifo here, to make us wait */
	if (fd < 0 || !fd_is_regular(fd) || fd_read_all(fd, FILE_LIMIT_BYTES, text) < 0)
		buf_clear(text);
}

static size_t fields_split(char *line, char *fields[FIELDS])
{
	size_t n = 0;

	while (line && n < FIELDS)
		fields[n++] = strsep(&line, ":");
	return n;
}

static bool id_parse(const char *text, uint32_t *ret_id)
{
	uint64_t value;

	if (str_to_u64(text, UINT32_MAX - 1, &value) < 0)
		return false;
	*ret_id = (uint32_t)value;
	return true;
}

static void gid_add(struct spec_process *process, uint32_t gid)
{
	for (size_t i = 0; i < process->additional_gid_count; i++)
		if (process->additional_gids[i] == gid)
			return;
	process->additional_gids = reallocarray(process->additional_gids,
						process->additional_gid_count + 1, sizeof(gid));
	if (!process->additional_gids)
		abort();
	process->additional_gids[process->additional_gid_count++] = gid;
}

static bool member_of(const char *members, const char *name)
{
	size_t length = strlen(name);

	while (members && *members) {
		const char *end = strchrnul(members, ',');

		if ((size_t)(end - members) == length && strncmp(members, name, length) == 0)
			return true;
		members = *end ? end + 1 : end;
	}
	return false;
}

/* `wanted` is a group's name or number. */
static int group_find(const struct buf *groups, const char *wanted, uint32_t *ret_gid)
{
	_cleanup_free_ char *copy = str_dup(groups->data ? groups->data : "");
	char *rest = copy, *line, *fields[FIELDS];

	while ((line = strsep(&rest, "\n")) != NULL)
		if (fields_split(line, fields) >= 3 && strcmp(fields[0], wanted) == 0 &&
		    id_parse(fields[2], ret_gid))
			return 0;
	return id_parse(wanted, ret_gid) ? 0 : -ENOENT;
}

/* The groups whose member lists have the user, as initgroups(3). */
static void groups_of(const struct buf *groups, const char *name, struct spec_process *process)
{
	_cleanup_free_ char *copy = str_dup(groups->data ? groups->data : "");
	char *rest = copy, *line, *fields[FIELDS];
	uint32_t gid;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (fields_split(line, fields) >= 4 && member_of(fields[3], name) &&
		    id_parse(fields[2], &gid))
			gid_add(process, gid);
}

static int passwd_find(const struct buf *passwd, const char *wanted, struct spec_process *process,
		       char **ret_name, char **ret_home)
{
	_cleanup_free_ char *copy = str_dup(passwd->data ? passwd->data : "");
	char *rest = copy, *line, *fields[FIELDS];
	uint32_t number = 0, uid, gid;
	bool numeric = id_parse(wanted, &number);

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (fields_split(line, fields) < 6 || !id_parse(fields[2], &uid) ||
		    !id_parse(fields[3], &gid))
			continue;
		if (numeric ? uid != number : strcmp(fields[0], wanted) != 0)
			continue;
		process->uid = uid;
		process->gid = gid;
		*ret_name = str_dup(fields[0]);
		*ret_home = str_dup(fields[5]);
		return 0;
	}
	if (!numeric)
		return -ENOENT;
	process->uid = number;
	process->gid = 0;
	return 0;
}

int user_resolve(int root, struct spec_process *process, enum container_step *ret_step,
		 size_t *ret_index)
{
	_cleanup_(buf_clear) struct buf passwd = BUF_EMPTY, groups = BUF_EMPTY;
	_cleanup_free_ char *user = str_dup(process->user && *process->user ? process->user : "0");
	_cleanup_free_ char *name = NULL, *home = NULL;
	char *group = strchr(user, ':');
	uint32_t gid;

	if (group)
		*group++ = '\0';
	file_lines(root, "/etc/passwd", &passwd);
	file_lines(root, "/etc/group", &groups);
	if (passwd_find(&passwd, *user ? user : "0", process, &name, &home) < 0) {
		*ret_step = STEP_USER_LOOKUP;
		*ret_index = 0;
		return -ENOENT;
	}
	if (group && *group) {
		if (group_find(&groups, group, &process->gid) < 0) {
			*ret_step = STEP_GROUP_LOOKUP;
			*ret_index = 0;
			return -ENOENT;
		}
		gid_add(process, process->gid);
	} else {
		/* the first is one of the others, too: else a program that drops groups would lose none (CVE-2022-36109) */
		gid_add(process, process->gid);
		if (name)
			groups_of(&groups, name, process);
	}
	for (size_t i = 0; process->group_names && process->group_names[i]; i++) {
		if (group_find(&groups, process->group_names[i], &gid) < 0) {
			*ret_step = STEP_GROUP_LOOKUP;
			*ret_index = i + 1;
			return -ENOENT;
		}
		gid_add(process, gid);
	}
	/* as execve leaves it for whom is not root: else the lookup of the program would have root's rights, and
	 * no_new_privs would let a file's capabilities through */
	if (process->uid != 0)
		process->cap_effective = process->cap_permitted = 0;
	if (!env_get(process->env, "HOME")) {
		_cleanup_free_ char *assignment = str_printf("HOME=%s", home && *home ? home : "/");

		env_set(&process->env, assignment);
	}
	return 0;
}

void user_home_set(int root, struct spec_process *process)
{
	_cleanup_(buf_clear) struct buf passwd = BUF_EMPTY;
	_cleanup_free_ char *number = str_printf("%u", process->uid), *name = NULL, *home = NULL,
			    *assignment = NULL;
	struct spec_process unused = { 0 };

	if (env_get(process->env, "HOME"))
		return;
	file_lines(root, "/etc/passwd", &passwd);
	(void)passwd_find(&passwd, number, &unused, &name, &home); /* none is "/" */
	assignment = str_printf("HOME=%s", home && *home ? home : "/");
	strv_add(&process->env, assignment);
}
