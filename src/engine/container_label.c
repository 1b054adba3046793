/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/container_label.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/selinux.h"
#include "engine/spec_build.h"
#include "engine/systemd_init.h"
#include "runtime/selinux_label.h"
#include "runtime/spec.h"

/* -- what is asked for ------------------------------------------------------------------------ */

/* What comes after label= or label: of each --security-opt. */
static char **options_of(const struct record *record)
{
	_cleanup_strv_ char **all = json_strv_at(record->config, "HostConfig.SecurityOpt");
	char **list = NULL;

	for (size_t i = 0; all && all[i]; i++)
		if (str_prefix(all[i], "label=") || str_prefix(all[i], "label:"))
			strv_add(&list, all[i] + strlen("label="));
	return list;
}

/* Who shares another one's processes or ipc is as confined as it is: each could not reach the other else (Docker). */
static int options_from_other(struct engine *engine, const struct record *record, char ***options,
			      struct err *err)
{
	static const char *const keys[] = { "HostConfig.PidMode", "HostConfig.IpcMode" };
	static const char *const words[] = { "user", "role", "type", "level" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_(record_clear) struct record other = RECORD_EMPTY;
		const char *mode = json_string_at(record->config, keys[i], ""), *label;
		int r;

		if (!str_prefix(mode, "container:"))
			continue;
		r = record_find(engine, mode + strlen("container:"), &other, err);
		if (r < 0)
			return r;
		label = json_string_at(other.config, "ProcessLabel", "");
		if (!*label)
			strv_add(options, "disable");
		for (unsigned int k = 0; *label && k < ARRAY_SIZE(words); k++) {
			_cleanup_free_ char *part = selinux_part(label, k);

			if (part)
				strv_add_take(options, str_printf("%s:%s", words[k], part));
		}
		return 0;
	}
	return 0;
}

/* Privileged, and who shares the host's processes or ipc, has none unless one is asked for (Docker, Podman). */
static bool unconfined(const struct record *record)
{
	return json_bool_at(record->config, "HostConfig.Privileged") ||
	       spec_mode_is_host(record, "HostConfig.PidMode") ||
	       spec_mode_is_host(record, "HostConfig.IpcMode");
}

static int labels_make(struct engine *engine, const struct record *record, uint32_t pair,
		       struct selinux_labels *ret_labels, struct err *err)
{
	_cleanup_(selinux_contexts_clear) struct selinux_contexts contexts = SELINUX_CONTEXTS_NONE;
	_cleanup_strv_ char **options = options_of(record);
	int r = selinux_contexts_load(&contexts, err);

	if (r == 0 && !options && unconfined(record))
		strv_add(&options, "disable");
	else if (r == 0 && !options && engine)
		r = options_from_other(engine, record, &options, err);
	if (r < 0)
		return r;
	selinux_labels_make(&contexts, options, systemd_init_is(record), pair, ret_labels);
	return 0;
}

/* -- at create -------------------------------------------------------------------------------- */

/* Whether a label in a record of this instance ends with this level. As text, since a thousand records are parsed in no short time. */
static bool level_is_taken(const struct container_row *rows, int count, const char *level)
{
	_cleanup_free_ char *end = str_printf(":%s\"", level);

	for (int i = 0; rows && i < count; i++)
		if (strstr(rows[i].config, end))
			return true;
	return false;
}

/* The pair of its id, or the next one that is free. */
static int pair_choose(struct engine *engine, const char *id, uint32_t *ret_pair, struct err *err)
{
	struct store *store = engine_store(engine, err);
	struct container_row *rows = NULL;
	uint32_t pair = selinux_pair(id);
	int count = store ? container_list(store, true, &rows, err) : -err->code;

	if (count < 0)
		return count;
	for (int tries = 0; tries <= count; tries++) {
		_cleanup_free_ char *level = selinux_level(pair);

		if (!level_is_taken(rows, count, level))
			break;
		pair = (pair + 1) % SELINUX_PAIRS;
	}
	container_rows_free(rows, (size_t)count);
	*ret_pair = pair;
	return 0;
}

int container_label_choose(struct engine *engine, struct record *record, struct err *err)
{
	_cleanup_(selinux_labels_clear) struct selinux_labels labels = SELINUX_LABELS_NONE;
	uint32_t pair;
	int r;

	if (!engine->settings.selinux || !selinux_enabled())
		return 0;
	r = pair_choose(engine, record->row.id, &pair, err);
	if (r == 0)
		r = labels_make(engine, record, pair, &labels, err);
	if (r < 0)
		return r;
	json_put(record->config, "ProcessLabel", json_text(labels.process));
	json_put(record->config, "MountLabel", json_text(labels.mount));
	return 0;
}

/* -- at a start ------------------------------------------------------------------------------- */

int container_label_apply(const struct engine *engine, const struct record *record,
			  struct spec *spec, struct err *err)
{
	_cleanup_(selinux_labels_clear) struct selinux_labels labels = SELINUX_LABELS_NONE;
	const char *process = json_string_at(record->config, "ProcessLabel", NULL),
		   *mount = json_string_at(record->config, "MountLabel", NULL);
	int r = 0;

	if (!engine->settings.selinux || !selinux_enabled())
		return 0;
	if (!process || !mount) {
		r = labels_make(NULL, record, selinux_pair(record->row.id), &labels, err);
		process = labels.process;
		mount = labels.mount;
	}
	if (r == 0)
		r = selinux_label_check("process label", process, err);
	if (r == 0)
		r = selinux_label_check("mount label", mount, err);
	if (r < 0)
		return err_hint(err,
				"run with --security-opt label=disable, or set selinux = false");
	if (*process)
		spec->process.selinux_label = str_dup(process);
	if (*mount)
		spec->mount_label = str_dup(mount);
	return 0;
}

int container_label_binds(const struct record *record, const struct spec *spec, struct err *err)
{
	const json_t *list = json_at(record->config, "Mounts"), *one;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, one)
	{
		const char *word = json_string_at(one, "Relabel", "");
		const json_t *elsewhere = json_object_get(one, "VolumeOptions");

		if (elsewhere && !json_object_get(elsewhere, "size"))
			continue; /* others have its files */
		if (r == 0 && *word && spec->mount_label)
			r = selinux_relabel(json_string_at(one, "Source", ""), spec->mount_label,
					    *word == 'z', err);
	}
	return r;
}

int container_label_fifo(const struct spec *spec, int fd, struct err *err)
{
	return spec->mount_label ? selinux_label_file(fd, spec->mount_label, err) : 0;
}

int container_label_pipe(const struct spec *spec, int run, int ret_ends[2], struct err *err)
{
	_cleanup_free_ char *name = str_printf("pipe-%d", (int)getpid());
	_cleanup_close_ int both = -1, reader = -1, writer = -1;
	int r = 0;

	if (!spec->mount_label)
		return pipe2(ret_ends, O_CLOEXEC) < 0 ? err_sys(err, errno, "make a pipe") : 0;
	(void)unlinkat(run, name, 0); /* of one that was killed */
	if (mkfifoat(run, name, 0600) < 0)
		return err_sys(err, errno, "make a pipe");
	both = openat(run, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC); /* so that neither end waits */
	reader = openat(run, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	writer = openat(run, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (both < 0 || reader < 0 || writer < 0)
		r = err_sys(err, errno, "open a pipe");
	(void)unlinkat(run, name, 0);
	if (r == 0)
		r = container_label_fifo(spec, both, err);
	if (r < 0)
		return r;
	ret_ends[0] = fd_take(&reader);
	ret_ends[1] = fd_take(&writer);
	return 0;
}

int container_label_files(const struct spec *spec, const char *folder, bool shared, struct err *err)
{
	const char *own = spec->mount_label ? spec->mount_label : "";
	_cleanup_free_ char *label = shared ? selinux_shared(own) : str_dup(own);
	size_t length = strlen(folder);
	int r = 0;

	for (size_t i = 0; r == 0 && *label && i < spec->mount_count; i++) {
		const char *source = spec->mounts[i].source;
		_cleanup_close_ int fd = -1;

		if (spec->mounts[i].kind != SPEC_MOUNT_BIND || !source ||
		    strncmp(source, folder, length) != 0 || source[length] != '/')
			continue;
		fd = open(source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		r = fd < 0 ? 0 : selinux_label_file(fd, label, err);
	}
	return r;
}

int container_label_volume(const struct spec *spec, int volume, int data, const char *path,
			   struct err *err)
{
	char above[4096] = "", own[4096] = "";

	if (!spec->mount_label)
		return 0;
	if (fgetxattr(volume, "security.selinux", above, sizeof(above) - 1) < 0 ||
	    fgetxattr(data, "security.selinux", own, sizeof(own) - 1) < 0 ||
	    strcmp(above, own) != 0)
		return 0;
	return selinux_relabel(path, spec->mount_label, true, err);
}
