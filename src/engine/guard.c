/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "guard/guard_map.h"

enum { ENGINE_BIT = 2 }; /* 1 << ENGINE_CLOCHE of host/cgroup_owner.h */

static uint32_t mode_of(const struct engine *engine, const struct record *record)
{
	const char *mode = json_string_at(record->config, "Cloche.Guard", engine->settings.guard);

	return str_equal(mode, "deny")	? GUARD_DENY :
	       str_equal(mode, "audit") ? GUARD_AUDIT :
					  GUARD_OFF;
}

/* The cgroup of v2 that a process is in, by the number that the kernel knows it by. 0: none of its own. */
static uint64_t group_of(pid_t pid)
{
	static const char *const roots[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	_cleanup_free_ char *file = str_printf("/proc/%d/cgroup", (int)pid);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *line;
	int length;

	if (file_read(AT_FDCWD, file, 65536, &text) < 0)
		return 0;
	line = str_prefix(text.data, "0::/") ? text.data : strstr(text.data, "\n0::/");
	if (!line)
		return 0;
	line = strchr(line, '/');
	length = (int)strcspn(line, "\n");
	for (size_t i = 0; length > 1 && i < ARRAY_SIZE(roots); i++) {
		_cleanup_free_ char *folder = str_printf("%s%.*s", roots[i], length, line);
		struct statfs fs;
		struct stat st;

		if (statfs(folder, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
		    stat(folder, &st) == 0)
			return st.st_ino;
	}
	return 0;
}

/* The key 0 of `guarded` tells the programs in the kernel whether groups are worth a look. */
static void groups_flag(int guarded, int groups)
{
	const struct guard_target none = { .mode = GUARD_OFF };
	uint32_t any = 0;
	uint64_t first;

	if (guard_map_next(groups, NULL, &first) == -ENOENT)
		(void)guard_map_remove(guarded, &any);
	if (guard_map_next(groups, NULL, &first) == 0) /* also one that came meanwhile */
		(void)guard_map_put(guarded, &any, &none, false);
}

/* With --pid host it has no pid namespace to be known by. */
static void group_add(const struct engine *engine, const struct guard_target *target, int guarded,
		      int run, pid_t init)
{
	_cleanup_close_ int groups = guard_map_open(engine->suffix, "groups");
	_cleanup_free_ char *text = NULL;
	uint64_t group = groups < 0 ? 0 : group_of(init);

	if (group == 0)
		return;
	text = str_printf("cgroup %llu", (unsigned long long)group);
	if (symlinkat(text, run, "guard") < 0)
		return;
	if (guard_map_put(groups, &group, target, true) < 0)
		(void)unlinkat(run, "guard", 0);
	else
		groups_flag(guarded, groups);
}

void guard_add(struct engine *engine, const struct record *record, int run, pid_t init)
{
	_cleanup_close_ int map = guard_map_open(engine->suffix, "guarded");
	struct guard_target target = { .engine = ENGINE_BIT };
	struct stat own, theirs;
	char path[40], text[16];
	uint32_t key;

	if (map < 0)
		return;
	target.mode = mode_of(engine, record);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init);
	if (target.mode == GUARD_OFF || stat("/proc/self/ns/pid", &own) < 0 ||
	    stat(path, &theirs) < 0)
		return;
	(void)snprintf(target.id, sizeof(target.id), "%.12s", record->row.id);
	(void)snprintf(target.name, sizeof(target.name), "%.63s", record->row.name);
	/* the note first: a key that nobody would take away could hit a stranger, numbers of namespaces are used again */
	(void)unlinkat(run, "guard", 0);
	if (own.st_ino == theirs.st_ino) {
		group_add(engine, &target, map, run, init);
		return;
	}
	key = (uint32_t)theirs.st_ino;
	(void)snprintf(text, sizeof(text), "%u", key);
	if (symlinkat(text, run, "guard") == 0 && guard_map_put(map, &key, &target, true) < 0)
		(void)unlinkat(run, "guard", 0); /* another container's namespace */
}

void guard_remove(struct engine *engine, int run)
{
	char text[40];
	ssize_t n = readlinkat(run, "guard", text, sizeof(text) - 1);
	_cleanup_close_ int map = -1, groups = -1;
	unsigned long long group;
	uint32_t key;

	if (n <= 0)
		return;
	text[n] = '\0';
	map = guard_map_open(engine->suffix, "guarded");
	if (map >= 0 && sscanf(text, "cgroup %llu", &group) == 1) {
		const uint64_t id = group;

		groups = guard_map_open(engine->suffix, "groups");
		if (groups >= 0) {
			(void)guard_map_remove(groups, &id);
			groups_flag(map, groups);
		}
	} else if (map >= 0) {
		key = (uint32_t)strtoul(text, NULL, 10);
		(void)guard_map_remove(map, &key);
	}
	(void)unlinkat(run, "guard", 0);
}

void guard_pass_self(struct engine *engine)
{
	_cleanup_close_ int map = guard_map_open(engine->suffix, "pass");

	if (map >= 0)
		guard_pass(map, engine->self, ENGINE_BIT);
}
