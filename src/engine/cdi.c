/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cdi.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/yaml.h"
#include "engine/bind_map.h"
#include "engine/hooks.h"
#include "engine/spec_build.h"
#include "runtime/spec.h"

enum { FILE_LIMIT_BYTES = 4 << 20 };

bool cdi_is_name(const char *text)
{
	const char *slash = strchr(text, '/'), *equals = strchr(text, '=');

	return isalnum((unsigned char)*text) && slash && equals && slash < equals &&
	       slash[1] != '=' && equals[1];
}

int cdi_gpus(const char *text, char ***names, struct err *err)
{
	_cleanup_strv_ char **parts = NULL;
	const char *list = text;
	uint64_t count;

	if (str_to_u64(text, 1024, &count) == 0) {
		for (uint64_t i = 0; i < count; i++)
			strv_add_take(names, str_printf("nvidia.com/gpu=%u", (unsigned int)i));
		return count ? 0 : err_set(err, EINVAL, "--gpus %s: none", text);
	}
	if (*list == '"') /* the quotes that Docker's comma needs */
		list++;
	if (str_prefix(list, "device="))
		list += strlen("device=");
	else if (strcmp(list, "all") != 0)
		return err_argument(err, text, "--gpus", "not all, a number or device=ID,...");
	parts = strv_split(list, ',');
	for (size_t i = 0; parts[i]; i++) {
		parts[i][strcspn(parts[i], "\"")] = '\0';
		strv_add_take(names, str_printf("nvidia.com/gpu=%s", parts[i]));
	}
	return 0;
}

/* -- files ------------------------------------------------------------------------------------ */

static json_t *device_of(json_t *spec, const char *name)
{
	size_t length = strcspn(name, "=");
	const char *kind = json_string_at(spec, "kind", "");
	json_t *device;
	size_t i;

	if (strlen(kind) != length || strncmp(kind, name, length) != 0)
		return NULL;
	json_array_foreach(json_object_get(spec, "devices"), i, device)
	{
		if (strcmp(json_string_at(device, "name", ""), name + length + 1) == 0)
			return device;
	}
	return NULL;
}

static int file_look(int dir, const char *file, const char *name, json_t **ret_spec,
		     json_t **ret_device, struct err *err)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	json_t *spec, *device;
	json_error_t why;
	int r = file_read(dir, file, FILE_LIMIT_BYTES, &text);

	if (r < 0)
		return err_sys(err, r, "read CDI file %s", file);
	if (!str_suffix(file, ".json")) {
		spec = yaml_load(text.data ? text.data : "", text.length, err);
		if (!spec)
			return err_wrap(err, "CDI file %s", file);
	} else {
		spec = json_loadb(text.data ? text.data : "", text.length, JSON_REJECT_DUPLICATES,
				  &why);
		if (!spec)
			return err_set(err, EBADMSG, "CDI file %s: line %d: %s", file, why.line,
				       why.text);
	}
	device = device_of(spec, name);
	if (!device) {
		json_decref(spec);
		return 0;
	}
	json_decref(*ret_spec);
	*ret_spec = spec;
	*ret_device = device;
	return 0;
}

static int spec_files(const struct dirent *e)
{
	return str_suffix(e->d_name, ".json") || str_suffix(e->d_name, ".yaml") ||
	       str_suffix(e->d_name, ".yml");
}

static int folder_look(const char *path, const char *name, json_t **ret_spec, json_t **ret_device,
		       struct err *err)
{
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **files = NULL;
	int count = dir < 0 ? 0 : scandirat(dir, ".", &files, spec_files, alphasort), r = 0;

	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = file_look(dir, files[i]->d_name, name, ret_spec, ret_device, err);
		free(files[i]);
	}
	free(files);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

/* *ret_device lies in *ret_spec. */
static int find(const char *dirs, const char *name, json_t **ret_spec, json_t **ret_device,
		struct err *err)
{
	_cleanup_strv_ char **list = strv_split(dirs, ':');

	*ret_spec = *ret_device = NULL;
	for (size_t i = 0; list[i]; i++) {
		int r = folder_look(list[i], name, ret_spec, ret_device, err);

		if (r < 0) {
			json_decref(*ret_spec);
			*ret_spec = *ret_device = NULL;
			return r;
		}
	}
	if (*ret_spec)
		return 0;
	err_set(err, ENODEV, "CDI device injection failed: unresolvable CDI devices %s", name);
	return err_hint(err, "its vendor's tool writes a file to one of %s", dirs);
}

/* -- what they say ---------------------------------------------------------------------------- */

static int node_put(const json_t *node, struct spec *spec, struct err *err)
{
	const char *path = json_string_at(node, "path", "");
	const char *rights = json_string_at(node, "permissions", "rw");
	struct spec_device *device;
	int r;

	if (*path != '/' || strspn(rights, "rwm") != strlen(rights) || strlen(rights) > 3)
		return err_set(err, EINVAL, "device node \"%s\" of a CDI file is not well formed",
			       path);
	r = spec_device_add(spec, json_string_at(node, "hostPath", path), path, rights, err);
	if (r < 0)
		return r;
	device = &spec->devices[spec->device_count - 1];
	device->mode = (mode_t)json_int_at(node, "fileMode", device->mode) & 0777;
	device->uid = (uint32_t)json_int_at(node, "uid", 0);
	device->gid = (uint32_t)json_int_at(node, "gid", 0);
	return 0;
}

static int mount_put(const json_t *mount, struct built_spec *built, struct err *err)
{
	static const struct {
		const char *word;
		uint64_t attrs;
	} words[] = { { "ro", MOUNT_ATTR_RDONLY },
		      { "noexec", MOUNT_ATTR_NOEXEC },
		      { "nosuid", MOUNT_ATTR_NOSUID } };
	_cleanup_strv_ char **options = json_strv_at(mount, "options");
	const char *source = json_string_at(mount, "hostPath", "");
	const char *target = json_string_at(mount, "containerPath", "");
	const char *type = json_string_at(mount, "type", "");
	struct spec *spec = built->spec;
	struct spec_mount *bind;
	bool refuse = false;
	int r;

	if (strcmp(type, "tmpfs") == 0 && *target == '/') {
		spec_add_mount(spec, &(struct spec_mount){ .kind = SPEC_MOUNT_TMPFS,
							   .source_fd = -1,
							   .destination = str_dup(target),
							   .data = str_dup("mode=1777"),
							   .attr_set = MOUNT_ATTR_NOSUID });
		return 0;
	}
	if (*type && strcmp(type, "bind") != 0 && strcmp(type, "none") != 0)
		return err_set(err, EOPNOTSUPP, "mount %s of a CDI file: type %s is not possible",
			       target, type);
	if (*source != '/' || *target != '/')
		return err_set(err, EINVAL, "mount \"%s\" of a CDI file is not well formed",
			       target);
	spec_add_mount(spec, &(struct spec_mount){ .kind = SPEC_MOUNT_BIND,
						   .source = str_dup(source),
						   .source_fd = -1,
						   .destination = str_dup(target),
						   .recursive = true });
	bind = &spec->mounts[spec->mount_count - 1];
	for (size_t i = 0; options && options[i]; i++)
		for (size_t k = 0; k < ARRAY_SIZE(words); k++)
			if (strcmp(options[i], words[k].word) == 0)
				bind->attr_set |= words[k].attrs;
	r = bind_map(spec, bind, "", &refuse, err);
	if (r == 0 && refuse && !spec->privileged)
		spec->seccomp_no_set_id = true;
	return r;
}

static void group_put(struct spec_process *process, uint32_t gid)
{
	process->additional_gids = reallocarray(process->additional_gids,
						process->additional_gid_count + 1, sizeof(gid));
	if (!process->additional_gids)
		abort();
	process->additional_gids[process->additional_gid_count++] = gid;
}

/* A link of the host that goes into the container (CDI 1.1.0). */
static int link_put(const json_t *link, struct spec *spec, struct err *err)
{
	const char *host = json_string_at(link, "hostInterfaceName", ""),
		   *name = json_string_at(link, "name", host);

	if (!*host || !*name)
		return err_set(err, EINVAL,
			       "a network device of a CDI file is not well formed: no name");
	if (spec->namespaces[SPEC_NS_NETWORK].mode != SPEC_NS_NEW)
		return err_set(err, EINVAL,
			       "network device %s needs a network namespace of the container's own",
			       host);
	spec->net_devices =
		spec_grow(spec->net_devices, spec->net_device_count, sizeof(*spec->net_devices));
	spec->net_devices[spec->net_device_count].host_name = str_dup(host);
	spec->net_devices[spec->net_device_count++].name = str_dup(name);
	return 0;
}

static int edits_check(const json_t *edits, const char *name, struct err *err)
{
	static const char *const not_yet[] = { "intelRdt" };

	for (size_t i = 0; i < ARRAY_SIZE(not_yet); i++) {
		const json_t *value = json_at(edits, not_yet[i]);

		if (json_array_size(value) > 0 || json_object_size(value) > 0)
			return err_set(err, EOPNOTSUPP,
				       "CDI device %s asks for %s, which is not possible yet", name,
				       not_yet[i]);
	}
	return 0;
}

static int edits_apply(const json_t *edits, struct built_spec *built, struct err *err)
{
	_cleanup_strv_ char **env = json_strv_at(edits, "env");
	const json_t *one;
	size_t i;
	int r;

	for (i = 0; env && env[i]; i++)
		if (strchr(env[i], '='))
			env_set(&built->spec->process.env, env[i]);
	json_array_foreach(json_at(edits, "deviceNodes"), i, one)
	{
		if ((r = node_put(one, built->spec, err)) < 0)
			return r;
	}
	json_array_foreach(json_at(edits, "mounts"), i, one)
	{
		if ((r = mount_put(one, built, err)) < 0)
			return r;
	}
	json_array_foreach(json_at(edits, "hooks"), i, one)
	{
		if (hooks_add(built->spec, json_string_at(one, "hookName", ""), one, err) < 0)
			return -err->code;
	}
	json_array_foreach(json_at(edits, "netDevices"), i, one)
	{
		if ((r = link_put(one, built->spec, err)) < 0)
			return r;
	}
	json_array_foreach(json_at(edits, "additionalGids"), i, one)
	{
		if (json_is_integer(one) && json_integer_value(one) > 0)
			group_put(&built->spec->process, (uint32_t)json_integer_value(one));
	}
	return 0;
}

int cdi_check(const char *dirs, char *const *names, struct err *err)
{
	for (size_t i = 0; names && names[i]; i++) {
		_cleanup_json_ json_t *spec = NULL;
		json_t *device;

		if (find(dirs, names[i], &spec, &device, err) < 0 ||
		    edits_check(json_at(spec, "containerEdits"), names[i], err) < 0 ||
		    edits_check(json_at(device, "containerEdits"), names[i], err) < 0)
			return -err->code;
	}
	return 0;
}

int cdi_apply(const char *dirs, char *const *names, struct built_spec *built, struct err *err)
{
	_cleanup_strv_ char **kinds = NULL;

	if (cdi_check(dirs, names, err) < 0)
		return -err->code;
	for (size_t i = 0; names && names[i]; i++) {
		_cleanup_json_ json_t *spec = NULL;
		_cleanup_free_ char *kind = str_ndup(names[i], strcspn(names[i], "="));
		bool seen = false;
		json_t *device;

		if (find(dirs, names[i], &spec, &device, err) < 0)
			return -err->code;
		for (size_t k = 0; kinds && kinds[k]; k++)
			seen |= strcmp(kinds[k], kind) == 0;
		strv_add(&kinds, kind);
		/* what a file says of all its devices, once */
		if ((!seen && edits_apply(json_at(spec, "containerEdits"), built, err) < 0) ||
		    edits_apply(json_at(device, "containerEdits"), built, err) < 0)
			return err_wrap(err, "CDI device %s", names[i]);
	}
	return 0;
}
