/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/netns_name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/record.h"

static const char folder[] = "/run/netns";

/* A name that was left behind: a link of ours to a process that is gone. */
static bool is_stale(int dir, const char *name)
{
	char target[64];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return str_prefix(target, "/proc/") && str_suffix(target, "/ns/net") &&
	       access(target, F_OK) < 0 && errno == ENOENT;
}

void netns_name_add(struct engine *engine, const struct record *record, int run, pid_t pid)
{
	_cleanup_close_ int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char target[64], name[NAME_MAX + 1];

	if (dir < 0) {
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return;
		dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	(void)snprintf(target, sizeof(target), "/proc/%d/ns/net", (int)pid);
	(void)snprintf(name, sizeof(name), "%.200s%s", record->row.name, engine->suffix);
	for (int tries = 0; tries < 4; tries++) {
		if (symlinkat(target, dir, name) == 0) {
			(void)unlinkat(run, "netns", 0);
			(void)!symlinkat(name, run, "netns");
			return;
		}
		if (errno != EEXIST)
			return;
		if (is_stale(dir, name))
			(void)unlinkat(dir, name, 0);
		else
			(void)snprintf(name, sizeof(name), "%.200s%s-%.4s", record->row.name,
				       engine->suffix, record->row.id);
	}
}

void netns_name_remove(int run)
{
	char name[NAME_MAX + 1], target[64];
	_cleanup_close_ int dir = -1;
	ssize_t n = readlinkat(run, "netns", name, sizeof(name) - 1);

	if (n <= 0)
		return;
	name[n] = '\0';
	if (strchr(name, '/'))
		return;
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	n = dir < 0 ? -1 : readlinkat(dir, name, target, sizeof(target) - 1);
	/* only a link is ours: somebody may have made a namespace of that name meanwhile */
	if (n > 0)
		(void)unlinkat(dir, name, 0);
	(void)unlinkat(run, "netns", 0);
}

/* NAME, SUFFIX, and perhaps -ID4: one of this instance's names? */
static bool is_own(const struct engine *engine, const char *name)
{
	const char *at = *engine->suffix ? strstr(name, engine->suffix) : NULL;

	return !*engine->suffix ||
	       (at && (at[strlen(engine->suffix)] == '\0' || at[strlen(engine->suffix)] == '-'));
}

int netns_names_stale(struct engine *engine, bool remove)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int count = 0;

	while (d && (e = readdir(d)) != NULL) {
		if (e->d_type != DT_LNK || !is_own(engine, e->d_name) ||
		    !is_stale(dirfd(d), e->d_name))
			continue;
		if (remove)
			(void)unlinkat(dirfd(d), e->d_name, 0);
		count++;
	}
	if (d)
		(void)closedir(d);
	return count;
}
