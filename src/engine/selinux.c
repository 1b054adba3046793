/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/selinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { CONTEXTS_LIMIT_BYTES = 65536 };

struct library {
	void *handle;
	const char *(*contexts_path)(void);
	int (*label)(const char *path, const char *context);
};

/* -- labels ----------------------------------------------------------------------------------- */

enum part { PART_USER, PART_ROLE, PART_TYPE, PART_LEVEL, PART_COUNT };

void selinux_labels_clear(struct selinux_labels *labels)
{
	free(labels->process);
	free(labels->mount);
	*labels = SELINUX_LABELS_NONE;
}

uint32_t selinux_pair(const char *id)
{
	return str_hash(id) % SELINUX_PAIRS;
}

char *selinux_level(uint32_t pair)
{
	uint32_t first = 0, row = SELINUX_CATEGORIES - 1;

	/* (0,1) (0,2) ... (1,2) ...: row is how many pairs begin with `first` */
	for (; pair >= row; row--, first++)
		pair -= row;
	return str_printf("s0:c%u,c%u", first, first + 1 + pair);
}

/* The level is all that comes after the third colon: it has colons of its own. */
char *selinux_part(const char *label, unsigned int which)
{
	const char *end;

	for (unsigned int i = 0; i < which; i++) {
		label = strchr(label, ':');
		if (!label)
			return NULL;
		label++;
	}
	end = which < PART_LEVEL ? strchrnul(label, ':') : label + strlen(label);
	return *label ? str_ndup(label, (size_t)(end - label)) : NULL;
}

/* A policy without MLS has labels of three parts, which stay so. */
static char *with_parts(const char *base, char *const *parts)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	for (unsigned int i = 0; i < PART_COUNT; i++) {
		_cleanup_free_ char *own = selinux_part(base, i);

		if (own)
			buf_printf(&text, "%s%s", i ? ":" : "", parts[i] ? parts[i] : own);
	}
	return str_dup(text.data ? text.data : "");
}

char *selinux_shared(const char *label)
{
	char *parts[PART_COUNT] = { [PART_LEVEL] = (char *)"s0" };

	return with_parts(label, parts);
}

static const struct {
	const char *name;
	enum part part;
	bool process, file;
} option_words[] = {
	/* what is made for files is no user's but the policy's, except that a user may be asked for (Docker) */
	{ "user", PART_USER, true, true },	{ "role", PART_ROLE, true, false },
	{ "type", PART_TYPE, true, false },	{ "level", PART_LEVEL, true, true },
	{ "filetype", PART_TYPE, false, true },
};

/* Index of the option's word, its value in *ret_value; -1: none. */
static int word_of(const char *option, const char **ret_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_words); i++) {
		size_t length = strlen(option_words[i].name);

		if (strncmp(option, option_words[i].name, length) == 0 &&
		    (option[length] == ':' || option[length] == '=') && option[length + 1]) {
			*ret_value = option + length + 1;
			return (int)i;
		}
	}
	return -1;
}

int selinux_option_check(const char *option, struct err *err)
{
	const char *value;

	if (strcmp(option, "disable") == 0 || word_of(option, &value) >= 0)
		return 0;
	return err_set(
		err, EINVAL,
		"bad label option \"%s\", valid options 'disable' or 'user, role, level, type, filetype' followed by ':' and a value",
		option);
}

void selinux_labels_make(const struct selinux_contexts *contexts, char *const *options, bool init,
			 uint32_t pair, struct selinux_labels *ret_labels)
{
	_cleanup_free_ char *level = selinux_level(pair);
	char *process[PART_COUNT] = { [PART_LEVEL] = level },
	     *file[PART_COUNT] = { [PART_LEVEL] = level };
	const char *base = init && contexts->init ? contexts->init : contexts->process;
	bool disabled = false;

	for (size_t i = 0; options && options[i]; i++) {
		const char *value;
		int word = word_of(options[i], &value);

		disabled |= strcmp(options[i], "disable") == 0;
		if (word >= 0 && option_words[word].process)
			process[option_words[word].part] = (char *)value;
		if (word >= 0 && option_words[word].file)
			file[option_words[word].part] = (char *)value;
	}
	if (disabled)
		file[PART_LEVEL] = (char *)"s0:c1022,c1023";
	ret_labels->process = disabled || !base ? str_dup("") : with_parts(base, process);
	ret_labels->mount = base && contexts->file ? with_parts(contexts->file, file) : str_dup("");
}

/* -- the policy's own ------------------------------------------------------------------------- */

/* key = "value" */
static char *context_of(const char *text, const char *key)
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

void selinux_contexts_parse(const char *text, struct selinux_contexts *contexts)
{
	contexts->process = context_of(text, "process");
	contexts->init = context_of(text, "init_process");
	contexts->file = context_of(text, "file");
}

void selinux_contexts_clear(struct selinux_contexts *contexts)
{
	free(contexts->process);
	free(contexts->init);
	free(contexts->file);
	*contexts = SELINUX_CONTEXTS_NONE;
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

/* -- on files ---------------------------------------------------------------------------------- */

static void library_close(struct library *library)
{
	if (library->handle)
		(void)dlclose(library->handle);
}

static int library_load(struct library *library, struct err *err)
{
	library->handle = dlopen("libselinux.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library->handle) {
		err_set(err, ENOENT, "load libselinux: %s", dlerror());
		return -ENOENT;
	}
	/* dlsym's void * is a function here by POSIX */
	*(void **)&library->contexts_path = dlsym(library->handle, "selinux_lxc_contexts_path");
	*(void **)&library->label = dlsym(library->handle, "lsetfilecon_raw");
	if (!library->contexts_path || !library->label) {
		err_set(err, ENOSYS, "libselinux has no lsetfilecon_raw");
		return -ENOSYS;
	}
	return 0;
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

int selinux_contexts_load(struct selinux_contexts *contexts, struct err *err)
{
	_cleanup_(library_close) struct library library = { 0 };
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = library_load(&library, err);

	if (r < 0)
		return r;
	r = file_read(AT_FDCWD, library.contexts_path(), CONTEXTS_LIMIT_BYTES, &text);
	if (r < 0 && r != -ENOENT)
		return err_sys(err, r, "read %s", library.contexts_path());
	selinux_contexts_parse(text.data ? text.data : "", contexts);
	return 0;
}

int selinux_relabel(const char *path, const char *label, bool shared, struct err *err)
{
	_cleanup_(library_close) struct library library = { 0 };
	_cleanup_free_ char *all = shared ? selinux_shared(label) : str_dup(label);
	int r;

	if (selinux_path_is_systems(path))
		return err_set(err, EPERM, "SELinux relabeling of %s is not allowed", path);
	r = library_load(&library, err);
	return r < 0 ? r : tree_label(&library, path, all, err);
}

int selinux_label_file(int fd, const char *label, struct err *err)
{
	if (fsetxattr(fd, "security.selinux", label, strlen(label) + 1, 0) < 0 &&
	    errno != EOPNOTSUPP) /* a file system without labels */
		return err_sys(err, errno, "label a file of the container as %s", label);
	return 0;
}
