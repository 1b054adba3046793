/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/guard_map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void folder_path(const char *suffix, const char *name, char *out, size_t size)
{
	(void)snprintf(out, size, GUARD_FOLDER "%s%s%s", suffix, *name ? "/" : "", name);
}

int guard_map_open(const char *suffix, const char *name)
{
	union bpf_attr attr;
	char path[128];

	folder_path(suffix, name, path, sizeof(path));
	memset(&attr, 0, sizeof(attr));
	attr.pathname = pointer(path);
	return bpf(BPF_OBJ_GET, &attr); /* close-on-exec from birth, bpf_obj_get_user() */
}

static int element(int command, int map, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map;
	attr.key = pointer(key);
	attr.value = pointer(value); /* next_key of BPF_MAP_GET_NEXT_KEY is the same field */
	attr.flags = flags;
	return bpf(command, &attr);
}

int guard_map_put(int map, const void *key, const void *value, bool fresh)
{
	return element(BPF_MAP_UPDATE_ELEM, map, key, value, fresh ? BPF_NOEXIST : BPF_ANY);
}

int guard_map_get(int map, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_ELEM, map, key, value, 0);
}

int guard_map_remove(int map, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, map, key, NULL, 0);
}

int guard_map_next(int map, const void *key, void *next)
{
	return element(BPF_MAP_GET_NEXT_KEY, map, key, next, 0);
}

const char *guard_level(const char *suffix)
{
	char path[128];

	folder_path(suffix, "kill", path, sizeof(path));
	if (access(path, F_OK) == 0)
		return "deny";
	folder_path(suffix, "audit", path, sizeof(path));
	return access(path, F_OK) == 0 ? "audit" : "off";
}

void guard_pass(int pass_map, const char *path, uint32_t engines)
{
	struct guard_program program = { 0 };
	uint32_t before = 0;
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	program.inode = st.st_ino;
	program.device = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
	(void)guard_map_get(pass_map, &program, &before);
	engines |= before;
	(void)guard_map_put(pass_map, &program, &engines, false);
}

int guard_unload(const char *suffix)
{
	/* the programs first: a map that is gone while they act would only confuse who looks */
	static const char *const order[] = { "kill",   "ptrace", "audit",  GUARD_FILES, "guarded",
					     "groups", "pass",	 "events", "written",	"bell" };
	char path[128];
	int r = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		folder_path(suffix, order[i], path, sizeof(path));
		if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR && r == 0)
			r = -errno;
	}
	folder_path(suffix, "", path, sizeof(path));
	if (rmdir(path) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}
