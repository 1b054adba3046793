/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/guard.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "guard/guard_map.h"

enum { ENGINE_BIT = 2 }; /* 1 << ENGINE_CLOCHE of host/cgroup_owner.h */

static uint32_t mode_of(const struct engine *engine, const struct record *record)
{
	const char *mode = json_string_at(record->config, "Cloche.Guard", engine->settings.guard);

	return str_equal(mode, "deny")	? GUARD_DENY :
	       str_equal(mode, "audit") ? GUARD_AUDIT :
					  GUARD_OFF;
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
	    stat(path, &theirs) < 0 || own.st_ino == theirs.st_ino)
		return;
	(void)snprintf(target.id, sizeof(target.id), "%.12s", record->row.id);
	(void)snprintf(target.name, sizeof(target.name), "%.63s", record->row.name);
	key = (uint32_t)theirs.st_ino;
	(void)snprintf(text, sizeof(text), "%u", key);
	/* the note first: a key that nobody would take away could hit a stranger, numbers of namespaces are used again */
	(void)unlinkat(run, "guard", 0);
	if (symlinkat(text, run, "guard") == 0 && guard_map_put(map, &key, &target, true) < 0)
		(void)unlinkat(run, "guard", 0); /* another container's namespace */
}

void guard_remove(struct engine *engine, int run)
{
	char text[16];
	ssize_t n = readlinkat(run, "guard", text, sizeof(text) - 1);
	_cleanup_close_ int map = -1;
	uint32_t key;

	if (n <= 0)
		return;
	text[n] = '\0';
	key = (uint32_t)strtoul(text, NULL, 10);
	map = guard_map_open(engine->suffix, "guarded");
	if (map >= 0)
		(void)guard_map_remove(map, &key);
	(void)unlinkat(run, "guard", 0);
}

void guard_pass_self(struct engine *engine)
{
	_cleanup_close_ int map = guard_map_open(engine->suffix, "pass");

	if (map >= 0)
		guard_pass(map, engine->self, ENGINE_BIT);
}
