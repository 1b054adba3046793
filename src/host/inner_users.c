/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/inner_users.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names_record.h"
#include "base/str.h"
#include "state/user_names.h"

enum { LINES_MOST = 340 }; /* user_namespaces(7) */

struct line {
	uint32_t inside, outside, count;
};

struct inner_users {
	struct line lines[LINES_MOST];
	size_t count;
	char *names; /* as of base/names_record.h; NULL: none */
};

static void map_read(struct inner_users *users, pid_t pid)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *p;
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	if (file_read(AT_FDCWD, path, 1 << 16, &text) < 0)
		return;
	for (p = text.data; p && *p && users->count < LINES_MOST;
	     p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		struct line line;

		if (sscanf(p, "%u %u %u", &line.inside, &line.outside, &line.count) == 3)
			users->lines[users->count++] = line;
	}
}

struct inner_users *inner_users_new(pid_t pid)
{
	struct inner_users *users = mem_new(sizeof(*users));
	_cleanup_(buf_clear) struct buf names = BUF_EMPTY;
	_cleanup_close_ int root = -1;
	char path[32];

	map_read(users, pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0) {
		user_names_read("-", root, &names);
		users->names = str_dup(names.data);
	}
	return users;
}

struct inner_users *inner_users_published(int run, const char *container, uint32_t base)
{
	_cleanup_free_ char *head = str_printf(NAMES_HEAD "%s\n", container);
	char path[32], text[NAMES_LINK + 1];
	struct inner_users *users;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "names/%u", base);
	n = readlinkat(run, path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (!str_prefix(text, head))
		return NULL;
	users = mem_new(sizeof(*users));
	users->lines[users->count++] = (struct line){ 0, base, NAMES_RANGE };
	users->names = str_dup(text);
	return users;
}

void inner_users_free(struct inner_users *users)
{
	if (users)
		free(users->names);
	free(users);
}

uint32_t inner_users_id(const struct inner_users *users, uint32_t host_uid)
{
	for (size_t i = 0; i < users->count; i++)
		if (host_uid >= users->lines[i].outside &&
		    host_uid - users->lines[i].outside < users->lines[i].count)
			return users->lines[i].inside + (host_uid - users->lines[i].outside);
	return UINT32_MAX;
}

void inner_users_name(const struct inner_users *users, uint32_t host_uid, char *out, size_t size)
{
	uint32_t id = inner_users_id(users, host_uid);
	const char *at = NULL, *name;
	char wanted[24];

	out[0] = '\0';
	if (id == UINT32_MAX) {
		(void)str_append(out, size, "-");
		return;
	}
	(void)snprintf(wanted, sizeof(wanted), "\nu %u ", id);
	if (users->names)
		at = strstr(users->names, wanted);
	name = at ? strchr(at + strlen(wanted), ' ') : NULL; /* behind the gid */
	if (name)
		(void)snprintf(out, size, "%.*s", (int)strcspn(name + 1, "\n"), name + 1);
	else
		(void)snprintf(out, size, "%u", id);
}

bool inner_users_mapped(const struct inner_users *users)
{
	return users->count > 0 &&
	       !(users->count == 1 && users->lines[0].inside == 0 && users->lines[0].outside == 0);
}
