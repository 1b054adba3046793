/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/spec_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/mount_flag.h"
#include "runtime/spec.h"
#include "runtime/spec_read_internal.h"

int spec_word_find(const struct spec_word *words, size_t count, const char *word, const char *what,
		   int64_t *ret_value, struct err *err)
{
	for (size_t i = 0; word && i < count; i++)
		if (strcmp(words[i].name, word) == 0) {
			*ret_value = words[i].value;
			return 0;
		}
	return word ? err_set(err, EINVAL, "unknown %s \"%s\"", what, word) :
		      err_set(err, EINVAL, "%s is missing", what);
}

int spec_path_check(const char *path, const char *what, struct err *err)
{
	if (!path || !*path)
		return err_set(err, EINVAL, "%s is missing", what);
	return path[0] == '/' ?
		       0 :
		       err_set(err, EINVAL, "%s: \"%s\" is not an absolute path", what, path);
}

/* -- mounts ----------------------------------------------------------------------------------- */

struct mount_read {
	char *destination, *type, *source;
	char **options; /* the maps go to the spec at once */
};

static const struct {
	const char *type;
	enum spec_mount_kind kind;
} mount_types[] = {
	{ "bind", SPEC_MOUNT_BIND },	 { "tmpfs", SPEC_MOUNT_TMPFS },
	{ "proc", SPEC_MOUNT_PROC },	 { "sysfs", SPEC_MOUNT_SYSFS },
	{ "devpts", SPEC_MOUNT_DEVPTS }, { "mqueue", SPEC_MOUNT_MQUEUE },
	{ "cgroup", SPEC_MOUNT_CGROUP },
};

static const struct json_field map_table[] = {
	FIELD_UINT32("containerID", struct spec_id_map, container_id, 0, UINT32_MAX),
	FIELD_UINT32("hostID", struct spec_id_map, host_id, 0, UINT32_MAX),
	FIELD_UINT32("size", struct spec_id_map, size, 1, UINT32_MAX),
	FIELD_END,
};

/* The maps of a mount come before `take` knows the mount, so they wait at the end of the list of the spec's mounts: a
 * mount that is being read has no destination yet. */
static struct spec_mount *mount_pending(struct spec *spec)
{
	if (spec->mount_count == 0 || spec->mounts[spec->mount_count - 1].destination)
		spec_add_mount(spec, &(struct spec_mount){ .source_fd = -1 });
	return &spec->mounts[spec->mount_count - 1];
}

static int mount_uid_take(void *root, void *element, struct err *err)
{
	struct spec_mount *mount = mount_pending(root);

	(void)err;
	mount->uid_map = spec_grow(mount->uid_map, mount->uid_map_count, sizeof(*mount->uid_map));
	mount->uid_map[mount->uid_map_count++] = *(struct spec_id_map *)element;
	return 0;
}

static int mount_gid_take(void *root, void *element, struct err *err)
{
	struct spec_mount *mount = mount_pending(root);

	(void)err;
	mount->gid_map = spec_grow(mount->gid_map, mount->gid_map_count, sizeof(*mount->gid_map));
	mount->gid_map[mount->gid_map_count++] = *(struct spec_id_map *)element;
	return 0;
}

static const struct json_field mount_table[] = {
	FIELD_STRING("destination", struct mount_read, destination),
	FIELD_STRING("type", struct mount_read, type),
	FIELD_STRING("source", struct mount_read, source),
	FIELD_STRV("options", struct mount_read, options),
	FIELD_EACH("uidMappings", struct spec_id_map, map_table, mount_uid_take),
	FIELD_EACH("gidMappings", struct spec_id_map, map_table, mount_gid_take),
	FIELD_END,
};

static int mount_finish(struct spec_mount *mount, const struct mount_read *read, struct err *err)
{
	if (mount->uid_map_count > 0 || mount->gid_map_count > 0) {
		if (mount->uid_map_count == 0 || mount->gid_map_count == 0)
			return err_set(err, EINVAL, "uidMappings and gidMappings go together");
		mount->own_map = false;
	}
	if (mount->kind == SPEC_MOUNT_BIND && !mount->source)
		return err_set(err, EINVAL, "source of a bind mount is missing");
	if (mount->kind == SPEC_MOUNT_OTHER && !mount->type)
		return err_set(err, EINVAL, "type is missing");
	if ((mount->uid_map_count > 0 || mount->own_map) && mount->kind != SPEC_MOUNT_BIND)
		return err_set(err, EINVAL, "only bind mounts have id maps, not type %s",
			       read->type ? read->type : "(none)");
	if (mount->copy_up && mount->kind != SPEC_MOUNT_TMPFS)
		return err_set(err, EINVAL, "tmpcopyup is for type tmpfs");
	return mount_flag_finish(mount, err);
}

static int mount_take(void *root, void *element, struct err *err)
{
	struct mount_read *read = element;
	struct spec_mount *mount = mount_pending(root);
	int r = 0;

	/* 1.0 let a relative one be taken as beneath "/" (config.md: "For compatibility with old runtimes"). */
	if (!read->destination || !*read->destination)
		r = err_set(err, EINVAL, "destination is missing");
	mount->destination = r == 0 && read->destination[0] == '/' ?
				     ptr_take(&read->destination) :
				     str_printf("/%s", read->destination ? read->destination : "");
	if (r < 0)
		return r;
	mount->kind = SPEC_MOUNT_OTHER;
	mount->top_only = true;
	for (size_t i = 0; read->type && i < ARRAY_SIZE(mount_types); i++)
		if (strcmp(mount_types[i].type, read->type) == 0)
			mount->kind = mount_types[i].kind;
	mount->type = str_dup(read->type);
	mount->source = ptr_take(&read->source);
	for (size_t i = 0; read->options && read->options[i]; i++)
		mount_flag_apply(mount, read->options[i]);
	return mount_finish(mount, read, err);
}

/* -- hooks ------------------------------------------------------------------------------------ */

static const char *const hook_names[SPEC_HOOK_COUNT] = {
	[SPEC_HOOK_PRESTART] = "prestart",
	[SPEC_HOOK_CREATE_RUNTIME] = "createRuntime",
	[SPEC_HOOK_CREATE_CONTAINER] = "createContainer",
	[SPEC_HOOK_START_CONTAINER] = "startContainer",
	[SPEC_HOOK_POSTSTART] = "poststart",
	[SPEC_HOOK_POSTSTOP] = "poststop",
};

const char *spec_hook_name(size_t index)
{
	return index < ARRAY_SIZE(hook_names) ? hook_names[index] : NULL;
}

static const struct json_field hook_table[] = {
	FIELD_STRING("path", struct spec_hook, path),
	FIELD_STRV("args", struct spec_hook, args),
	FIELD_STRV("env", struct spec_hook, env),
	FIELD_INT32("timeout", struct spec_hook, timeout_s, 1, INT32_MAX / 1000),
	FIELD_END,
};

static int hook_take(struct spec *spec, enum spec_hook_kind kind, struct spec_hook *hook,
		     struct err *err)
{
	struct spec_hooks *hooks = &spec->hooks[kind];
	int r = spec_path_check(hook->path, "path", err);

	if (r < 0)
		return r;
	hooks->list = spec_grow(hooks->list, hooks->count, sizeof(*hooks->list));
	hooks->list[hooks->count++] = *hook;
	*hook = (struct spec_hook){ 0 };
	return 0;
}

#define HOOK_TAKE(name, kind) \
	static int name(void *root, void *element, struct err *err) \
	{ \
		return hook_take(root, kind, element, err); \
	}
HOOK_TAKE(prestart_take, SPEC_HOOK_PRESTART)
HOOK_TAKE(create_runtime_take, SPEC_HOOK_CREATE_RUNTIME)
HOOK_TAKE(create_container_take, SPEC_HOOK_CREATE_CONTAINER)
HOOK_TAKE(start_container_take, SPEC_HOOK_START_CONTAINER)
HOOK_TAKE(poststart_take, SPEC_HOOK_POSTSTART)
HOOK_TAKE(poststop_take, SPEC_HOOK_POSTSTOP)

static const struct json_field hooks_table[] = {
	FIELD_EACH("prestart", struct spec_hook, hook_table, prestart_take),
	FIELD_EACH("createRuntime", struct spec_hook, hook_table, create_runtime_take),
	FIELD_EACH("createContainer", struct spec_hook, hook_table, create_container_take),
	FIELD_EACH("startContainer", struct spec_hook, hook_table, start_container_take),
	FIELD_EACH("poststart", struct spec_hook, hook_table, poststart_take),
	FIELD_EACH("poststop", struct spec_hook, hook_table, poststop_take),
	FIELD_END,
};

/* -- the whole -------------------------------------------------------------------------------- */

static int annotation_take(void *root, void *element, struct err *err)
{
	struct spec *spec = root;
	struct json_pair *pair = element;

	if (!*pair->name)
		return err_set(err, EINVAL, "a name is empty");
	for (size_t i = 0; i < spec->annotation_count; i++)
		if (strcmp(spec->annotations[i].name, pair->name) == 0)
			return err_set(err, EINVAL, "stands there twice");
	spec_add_pair(&spec->annotations, &spec->annotation_count, ptr_take(&pair->name),
		      ptr_take(&pair->value));
	return 0;
}

static const struct json_field root_table[] = {
	FIELD_STRING("path", struct spec, rootfs_path),
	FIELD_BOOL("readonly", struct spec, rootfs_readonly),
	FIELD_END,
};

static const struct json_field spec_table[] = {
	FIELD_STRING("ociVersion", struct spec, version),
	FIELD_INLINE("root", root_table),
	FIELD_EACH("mounts", struct mount_read, mount_table, mount_take),
	FIELD_OBJECT("process", struct spec, process, spec_process_table),
	FIELD_STRING("hostname", struct spec, hostname),
	FIELD_STRING("domainname", struct spec, domainname),
	FIELD_INLINE("hooks", hooks_table),
	FIELD_PAIRS("annotations", annotation_take),
	FIELD_INLINE("linux", spec_linux_table),
	FIELD_END,
};

/* "1.MINOR.PATCH" with or without "-rc.1+dev"; minors up to the one that we know, patches any. */
static int version_check(const char *version, unsigned int *ret_minor, struct err *err)
{
	unsigned int minor = 0;

	if (!version)
		return err_set(err, EINVAL, "config.json: ociVersion is missing");
	if (str_prefix(version, "1.") && version[2] >= '0' && version[2] <= '9') {
		const char *p = version + 2;

		while (*p >= '0' && *p <= '9' && minor < 1000)
			minor = minor * 10 + (unsigned int)(*p++ - '0');
		if (*p == '.' && p[1] >= '0' && p[1] <= '9' && minor <= 3) {
			*ret_minor = minor;
			return 0;
		}
	}
	err_set(err, EINVAL, "config.json: ociVersion: version \"%s\" of the spec is unknown",
		version);
	return err_hint(err, "versions from " SPEC_VERSION_MIN " to " SPEC_VERSION_MAX " are read");
}

int spec_read(const char *text, size_t length, struct spec *spec, struct err *err)
{
	unsigned int minor = 0;
	int r;

	spec->told_exactly = true;
	spec->rootfs_unmapped = true;
	spec->process.oom_score_adj_wish = true;
	r = json_table_read(text, length, "config.json", spec_table, spec, spec, err);
	if (r < 0)
		return r;
	spec_process_finish(spec);
	r = spec_linux_finish(spec, err);
	if (r == 0)
		r = version_check(spec->version, &minor, err);
	/* Up to 1.2 no limit was meant. The one process that there is counts, so 1 is what 0 can mean. */
	if (r == 0 && minor >= 3 && spec->resources.rest.pids_set &&
	    spec->resources.pids_limit == 0)
		spec->resources.pids_limit = 1;
	return r;
}

static const struct json_field mounts_table[] = {
	FIELD_EACH("mounts", struct mount_read, mount_table, mount_take),
	FIELD_END,
};

int spec_read_mounts(const char *text, size_t length, struct spec *spec, struct err *err)
{
	_cleanup_(buf_clear) struct buf whole = BUF_EMPTY;
	size_t blank = strspn(text, " \t\r\n");

	if (blank < length && text[blank] == '[') {
		buf_puts(&whole, "{\"mounts\": ");
		buf_add(&whole, text, length);
		buf_puts(&whole, "}");
		text = whole.data;
		length = whole.length;
	}
	return json_table_read(text, length, "mounts", mounts_table, spec, spec, err);
}
