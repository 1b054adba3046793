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

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/record.h"

static const char folder[] = "/run/netns";
#define NOTE "netns" /* in RUN/ID */

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
	char target[64], name[NAME_MAX + 1], note[NAME_MAX + 16];

	if (dir < 0) {
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return;
		dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	(void)snprintf(target, sizeof(target), "/proc/%d/ns/net", (int)pid);
	(void)snprintf(name, sizeof(name), "%.200s%s", record->row.name, engine->suffix);
	for (int tries = 0; tries < 4; tries++) {
		/* the note first: who is killed in between leaves no entry that nobody takes away */
		(void)snprintf(note, sizeof(note), "%d/%s", (int)pid, name);
		(void)unlinkat(run, NOTE, 0);
		if (symlinkat(note, run, NOTE) == 0 && symlinkat(target, dir, name) == 0)
			return;
		if (errno != EEXIST)
			break;
		if (is_stale(dir, name))
			(void)unlinkat(dir, name, 0);
		else
			(void)snprintf(name, sizeof(name), "%.200s%s-%.4s", record->row.name,
				       engine->suffix, record->row.id);
	}
	(void)unlinkat(run, NOTE, 0);
}

/* "PID/NAME". One without a pid is of an older version, which made the entry first. */
static bool note_read(int run, char name[NAME_MAX + 1], char target[64])
{
	char note[NAME_MAX + 16], *slash;
	ssize_t n = readlinkat(run, NOTE, note, sizeof(note) - 1);

	if (n <= 0)
		return false;
	note[n] = '\0';
	slash = strchr(note, '/');
	*target = *name = '\0';
	if (slash)
		(void)snprintf(target, 64, "/proc/%.*s/ns/net", (int)(slash - note), note);
	return str_append(name, NAME_MAX + 1, slash ? slash + 1 : note) && *name &&
	       !strchr(name, '/');
}

bool netns_name_get(int run, char name[NAME_MAX + 1])
{
	char target[64];

	return note_read(run, name, target);
}

void netns_name_remove(int run)
{
	char name[NAME_MAX + 1], ours[64], target[64];
	_cleanup_close_ int dir = -1;
	ssize_t n;

	if (!note_read(run, name, ours))
		return;
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	n = dir < 0 ? -1 : readlinkat(dir, name, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	/* somebody may have made a namespace, or another link, of that name meanwhile */
	if (n > 0 && (!*ours || strcmp(target, ours) == 0))
		(void)unlinkat(dir, name, 0);
	(void)unlinkat(run, NOTE, 0);
}

/* NAME, SUFFIX, and perhaps -ID4: one of this instance's names? */
static bool is_own(const struct engine *engine, const char *name)
{
	const char *at = *engine->suffix ? strstr(name, engine->suffix) : NULL;

	return !*engine->suffix ||
	       (at && (at[strlen(engine->suffix)] == '\0' || at[strlen(engine->suffix)] == '-'));
}

/* Who has ended and is not released yet: that takes the name away. */
static bool is_noted(struct engine *engine, const char *wanted)
{
	int fd = openat(engine->run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool noted = false;
	struct dirent *e;

	if (!d)
		fd_close(fd);
	while (!noted && d && (e = readdir(d)) != NULL) {
		struct err ignored = ERR_NONE;
		_cleanup_close_ int run =
			str_is_id(e->d_name) ? engine_run_dir(engine, e->d_name, false, &ignored) :
					       -1;
		char name[NAME_MAX + 1];

		noted = run >= 0 && netns_name_get(run, name) && strcmp(name, wanted) == 0;
	}
	if (d)
		(void)closedir(d);
	return noted;
}

int netns_names_stale(struct engine *engine, bool remove)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int count = 0;

	while (d && (e = readdir(d)) != NULL) {
		if (e->d_type != DT_LNK || !is_own(engine, e->d_name) ||
		    !is_stale(dirfd(d), e->d_name) || is_noted(engine, e->d_name) ||
		    !is_stale(dirfd(d), e->d_name)) /* taken away meanwhile */
			continue;
		if (remove)
			(void)unlinkat(dirfd(d), e->d_name, 0);
		count++;
	}
	if (d)
		(void)closedir(d);
	return count;
}
