/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/netns_expose.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "host/net_space.h"
#include "host/process.h"

#define LIST "netns-exposed"

void exposed_clear(struct exposed *exposed)
{
	strv_clear(exposed->added);
	strv_clear(exposed->removed);
	*exposed = (struct exposed){ 0 };
}

/* What ip-netns(8) takes as a name: a file's name. */
static void name_make(const struct owner *owner, bool with_id, char out[128])
{
	char id[8] = "";

	(void)snprintf(out, 96, "%s", owner_title(owner));
	for (char *p = out; *p; p++)
		if (*p == '/' || *p <= ' ' || *p > '~')
			*p = '_';
	if (out[0] == '.' || out[0] == '-')
		out[0] = '_';
	if (strlen(out) == 64 && !*owner->name)
		out[12] = '\0'; /* an id */
	if (!with_id)
		return;
	(void)snprintf(id, sizeof(id), "-%.4s", *owner->id ? owner->id : owner_engine(owner));
	(void)str_append(out, 128, id);
}

static bool link_is(int dir, const char *name, pid_t pid)
{
	char target[64], wanted[64];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	(void)snprintf(wanted, sizeof(wanted), "/proc/%d/ns/net", (int)pid);
	return strcmp(target, wanted) == 0;
}

/* Somebody in /run/netns has this namespace already, by a bind or a link. */
static bool has_name(const struct net_space *space, int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)) != NULL) {
		struct stat st;

		found = e->d_name[0] != '.' && fstatat(dir, e->d_name, &st, 0) == 0 &&
			st.st_ino == space->inode;
	}
	if (d)
		(void)closedir(d);
	return found;
}

static void forget(int dir, const char *name, pid_t pid, struct exposed *ret)
{
	if (link_is(dir, name, pid) && unlinkat(dir, name, 0) == 0)
		strv_add(&ret->removed, name);
}

/* Keep what still holds; the rest is taken away. */
static void list_check(int run, int dir, const struct process_table *table, bool all_away,
		       struct buf *keep, struct exposed *ret)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *line;

	if (file_read(run, LIST, 1 << 20, &text) < 0)
		return;
	for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
		unsigned long long ticks;
		char name[128];
		int pid;
		const struct process *p;

		if (sscanf(line, "%127s %d %llu", name, &pid, &ticks) != 3 || strchr(name, '/'))
			continue;
		p = process_find(table, pid);
		if (all_away || !p || p->start_ticks != ticks || p->state == 'Z')
			forget(dir, name, pid, ret);
		else if (link_is(dir, name, pid))
			buf_printf(keep, "%s\n", line);
	}
}

static int owner_expose(int dir, const struct process_table *table, const struct owner *owner,
			const struct net_space *space, struct buf *keep, struct exposed *ret,
			struct err *err)
{
	char target[64], name[128];

	(void)snprintf(target, sizeof(target), "/proc/%d/ns/net", (int)owner->init);
	if (has_name(space, dir))
		return 0;
	for (int tries = 0; tries < 2; tries++) {
		name_make(owner, tries > 0, name);
		if (symlinkat(target, dir, name) == 0) {
			buf_printf(
				keep, "%s %d %llu\n", name, (int)owner->init,
				(unsigned long long)process_find(table, owner->init)->start_ticks);
			strv_add(&ret->added, name);
			return 0;
		}
		if (errno != EEXIST)
			return err_sys(err, errno, "make /run/netns/%s", name);
	}
	return 0; /* both names are somebody's */
}

int netns_expose(int run, const struct process_table *table, const struct net_spaces *spaces,
		 bool all_away, struct exposed *ret, struct err *err)
{
	_cleanup_close_ int lock = openat(run, LIST ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	_cleanup_(buf_clear) struct buf keep = BUF_EMPTY;
	_cleanup_close_ int dir = -1;
	int r = 0;

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_sys(err, errno, "lock the list of exposed network namespaces");
	if (mkdir("/run/netns", 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make folder /run/netns");
	dir = open("/run/netns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, errno, "open /run/netns");
	buf_puts(&keep, "");
	list_check(run, dir, table, all_away, &keep, ret);
	for (size_t i = 1; r == 0 && !all_away && i < spaces->count; i++) {
		const struct net_space *space = &spaces->list[i];
		const struct owner *owner = &table->owners[space->owner];

		if (owner->engine == ENGINE_HOST || owner->engine == ENGINE_CLOCHE || !owner->init)
			continue;
		r = owner_expose(dir, table, owner, space, &keep, ret, err);
	}
	/* what was made is written down, also when the next could not be */
	if (keep.length == 0)
		(void)unlinkat(run, LIST, 0);
	else if (file_replace(run, LIST, keep.data, keep.length, 0600, false, err) < 0)
		return -err->code;
	return r;
}
