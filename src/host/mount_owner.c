/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/mount_owner.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/str.h"
#include "host/process.h"

struct mount { /* a line of mountinfo */
	unsigned long id;
	unsigned int major, minor;
	char root[PATH_MAX], target[PATH_MAX];
	const char *options; /* of the file system, within the line */
};

static bool line_parse(const char *line, struct mount *mount)
{
	const char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%lu %*u %u:%u %4095s %4095s", &mount->id, &mount->major,
			    &mount->minor, mount->root, mount->target) != 5)
		return false;
	mount->options = dash;
	return true;
}

/* Where a path lies within its file system: the longest mount point of ours that it is beneath, taken away. */
static bool place_find(const char *path, dev_t device, char out[PATH_MAX])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ struct mount *mount = mem_new(sizeof(*mount));
	char line[3 * PATH_MAX];
	size_t best = 0;
	bool found = false;

	while (f && fgets(line, sizeof(line), f)) {
		size_t n;

		if (!line_parse(line, mount) || makedev(mount->major, mount->minor) != device)
			continue;
		n = strcmp(mount->target, "/") == 0 ? 0 : strlen(mount->target);
		if (strncmp(path, mount->target, n) != 0 || (path[n] != '/' && path[n] != '\0') ||
		    (found && n < best))
			continue;
		best = n;
		found = true;
		out[0] = '\0';
		if (strcmp(mount->root, "/") != 0)
			(void)str_append(out, PATH_MAX, mount->root);
		(void)str_append(out, PATH_MAX, path + n);
		if (!*out)
			(void)str_append(out, PATH_MAX, "/");
	}
	if (f)
		(void)fclose(f);
	return found;
}

static bool beneath(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* overlay's "upperdir=/a,lowerdir=/b:/c" */
static const char *layer_role(const char *options, const char *path)
{
	static const struct {
		const char *key, *role;
	} keys[] = {
		{ "upperdir=", "in the upper folder of its root" },
		{ "workdir=", "in overlay's work folder of its root" },
		{ "lowerdir=", "in a layer of its root" },
		{ "lowerdir+=", "in a layer of its root" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (const char *at = options; (at = strstr(at, keys[i].key)) != NULL;) {
			at += strlen(keys[i].key);
			while (*at == '/') {
				size_t n = strcspn(at, ":, \n");
				_cleanup_free_ char *folder = str_ndup(at, n);

				if (beneath(path, folder))
					return keys[i].role;
				at += n;
				if (*at != ':')
					break;
				at++;
			}
		}
	return NULL;
}

static FILE *mounts_of(const struct owner *owner)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)owner->init);
	return owner->init ? fopen(path, "re") : NULL;
}

/* One container. True: it matches. */
static bool owner_match(const struct owner *owner, const char *path, const char *place,
			dev_t device, struct mount_match *match)
{
	_cleanup_free_ struct mount *mount = mem_new(sizeof(*mount));
	FILE *f = mounts_of(owner);
	char line[3 * PATH_MAX];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		const char *role;

		if (!line_parse(line, mount))
			continue;
		role = layer_role(mount->options, path);
		if (role) {
			(void)snprintf(match->role, MOUNT_ROLE, "%s", role);
			found = true;
		} else if (place && makedev(mount->major, mount->minor) == device &&
			   strcmp(mount->root, "/") != 0 && beneath(place, mount->root)) {
			(void)snprintf(match->role, MOUNT_ROLE, "mounted at %.256s", mount->target);
			found = true;
		}
	}
	if (f)
		(void)fclose(f);
	return found;
}

size_t mount_owners(const struct process_table *table, const char *path, struct mount_match *ret,
		    size_t most)
{
	char real[PATH_MAX], place[PATH_MAX];
	struct stat st;
	bool placed;
	size_t n = 0;

	if (!realpath(path, real) || stat(real, &st) < 0)
		return 0;
	placed = place_find(real, st.st_dev, place);
	for (size_t i = 1; i < table->owner_count && n < most; i++)
		if (owner_match(&table->owners[i], real, placed ? place : NULL, st.st_dev, &ret[n]))
			ret[n++].owner = (int)i;
	return n;
}

size_t mount_id_owner(const struct process_table *table, unsigned long id, struct mount_match *ret)
{
	_cleanup_free_ struct mount *mount = mem_new(sizeof(*mount));
	char line[3 * PATH_MAX];

	for (size_t i = 1; i < table->owner_count; i++) {
		FILE *f = mounts_of(&table->owners[i]);
		bool found = false;

		while (f && !found && fgets(line, sizeof(line), f))
			found = line_parse(line, mount) && mount->id == id;
		if (f)
			(void)fclose(f);
		if (found) {
			ret->owner = (int)i;
			(void)snprintf(ret->role, MOUNT_ROLE, "mount %lu, at %.256s", id,
				       mount->target);
			return 1;
		}
	}
	return 0;
}

size_t mount_overlay_owner(const struct process_table *table, dev_t device, struct mount_match *ret)
{
	_cleanup_free_ struct mount *mount = mem_new(sizeof(*mount));
	char line[3 * PATH_MAX];
	size_t count = 0;

	for (size_t i = 1; i < table->owner_count && count < 2; i++) {
		FILE *f = mounts_of(&table->owners[i]);
		bool found = false;

		while (f && !found && fgets(line, sizeof(line), f))
			found = line_parse(line, mount) &&
				makedev(mount->major, mount->minor) == device &&
				str_prefix(mount->options, " - overlay ");
		if (f)
			(void)fclose(f);
		if (found && count++ == 0) {
			ret->owner = (int)i;
			(void)snprintf(ret->role, MOUNT_ROLE, "overlay mounted at %.256s",
				       mount->target);
		}
	}
	return count == 1;
}
