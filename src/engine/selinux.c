/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/selinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/selinux_label.h"

enum { CATEGORIES = 1024, CONTEXTS_LIMIT_BYTES = 65536 };

struct library {
	void *handle;
	const char *(*contexts_path)(void);
	int (*label)(const char *path, const char *context);
};

char *selinux_file_label(const char *base, const char *id)
{
	uint32_t hash = 2166136261U; /* FNV-1a */
	unsigned int first, second;

	if (!id)
		return str_dup(base);
	for (; *id; id++)
		hash = (hash ^ (uint8_t)*id) * 16777619U;
	first = hash % CATEGORIES;
	second = (hash / CATEGORIES) % (CATEGORIES - 1);
	second += second >= first; /* never the same one twice */
	return str_printf("%s:c%u,c%u", base, first < second ? first : second,
			  first < second ? second : first);
}

char *selinux_context_of(const char *text, const char *key)
{
	_cleanup_strv_ char **lines = strv_split(text, '\n');

	for (size_t i = 0; lines[i]; i++) {
		const char *open = strchr(lines[i], '"'),
			   *close = open ? strchr(open + 1, '"') : NULL;
		const char *after = lines[i] + strlen(key);

		if (close && str_prefix(lines[i], key) && (*after == ' ' || *after == '='))
			return str_ndup(open + 1, (size_t)(close - open - 1));
	}
	return NULL;
}

bool selinux_path_is_systems(const char *path)
{
	static const char *const folders[] = { "/",	"/bin",	 "/boot",  "/dev",   "/etc",
					       "/home", "/lib",	 "/lib64", "/media", "/opt",
					       "/proc", "/root", "/run",   "/sbin",  "/srv",
					       "/sys",	"/tmp",	 "/usr",   "/var",   "/var/lib" };
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (strlen(folders[i]) == length && strncmp(folders[i], path, length) == 0)
			return true;
	return false;
}

static int library_load(struct library *library, struct err *err)
{
	library->handle = dlopen("libselinux.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return err_set(err, ENOENT, "load libselinux: %s", dlerror());
	/* dlsym's void * is a function here by POSIX */
	*(void **)&library->contexts_path = dlsym(library->handle, "selinux_lxc_contexts_path");
	*(void **)&library->label = dlsym(library->handle, "lsetfilecon_raw");
	return library->contexts_path && library->label ?
		       0 :
		       err_set(err, ENOSYS, "libselinux has no lsetfilecon_raw");
}

static int tree_label(const struct library *library, const char *path, const char *label,
		      struct err *err)
{
	char *const paths[] = { (char *)path, NULL };
	/* physical: no link is followed; the host's file system alone */
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	const FTSENT *entry;
	int r = 0;

	if (!tree)
		return err_sys(err, errno, "relabel %s", path);
	while (r == 0 && (entry = fts_read(tree)) != NULL) {
		if (entry->fts_info == FTS_DP)
			continue;
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR)
			r = err_sys(err, entry->fts_errno, "relabel %s", entry->fts_path);
		else if (library->label(entry->fts_path, label) < 0 && errno != EOPNOTSUPP &&
			 errno != ENOENT) /* a file system without labels; one that has just gone */
			r = err_sys(err, errno, "relabel %s as %s", entry->fts_path, label);
	}
	(void)fts_close(tree);
	return r;
}

int selinux_relabel(const char *path, const char *id, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	_cleanup_free_ char *base = NULL, *label = NULL;
	struct library library = { 0 };
	int r;

	if (!selinux_enabled())
		return 0;
	if (selinux_path_is_systems(path))
		return err_set(err, EPERM, "SELinux relabeling of %s is not allowed", path);
	r = library_load(&library, err);
	if (r == 0) {
		if (file_read(AT_FDCWD, library.contexts_path(), CONTEXTS_LIMIT_BYTES, &text) == 0)
			base = selinux_context_of(text.data ? text.data : "", "file");
		label = selinux_file_label(base ? base : "system_u:object_r:container_file_t:s0",
					   id);
		r = tree_label(&library, path, label, err);
	}
	if (library.handle)
		(void)dlclose(library.handle);
	return r;
}
