/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/mount_option.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

void mount_option_clear(struct mount_option *option)
{
	free(option->source);
	free(option->target);
	free(option->propagation);
	free(option->idmap);
	free(option->tmpfs_data);
	free(option->tmpfs_text);
	free(option->subpath);
	*option = (struct mount_option){ 0 };
}

static void text_set(char **field, const char *value)
{
	free(*field);
	*field = str_dup(value);
}

/* Absolute, without "//", "/./", "/../" or a slash at the end. The kernel resolves it; this is for people and for comparing. */
static char *path_clean(const char *path)
{
	_cleanup_strv_ char **parts = strv_split(path, '/');
	_cleanup_strv_ char **kept = NULL;
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	size_t count = 0;

	for (size_t i = 0; parts[i]; i++) {
		if (!*parts[i] || strcmp(parts[i], ".") == 0)
			continue;
		if (strcmp(parts[i], "..") == 0) {
			if (count > 0) {
				free(kept[--count]);
				kept[count] = NULL;
			}
			continue;
		}
		strv_add(&kept, parts[i]);
		count++;
	}
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "/%s", kept[i]);
	return str_dup(count ? out.data : "/");
}

static int target_set(struct mount_option *option, const char *target, const char *text,
		      struct err *err)
{
	if (target[0] != '/')
		return err_set(err, EINVAL, "invalid mount %s: mount path must be absolute: \"%s\"",
			       text, target);
	free(option->target);
	option->target = path_clean(target);
	if (strcmp(option->target, "/") == 0)
		return err_set(err, EINVAL, "invalid mount %s: destination can't be '/'", text);
	return 0;
}

static bool volume_name_valid(const char *name)
{
	if (!isalnum((unsigned char)name[0]) || !name[1] || strlen(name) > 255)
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return true;
}

static int source_set(struct mount_option *option, const char *source, struct err *err)
{
	char here[PATH_MAX];

	if (option->type == MOUNT_OPTION_VOLUME) {
		if (!volume_name_valid(source)) {
			err_set(err, EINVAL,
				"create %s: \"%s\" includes invalid characters for a local volume name, "
				"only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
				source, source);
			return err_hint(err, "for a host folder, use an absolute path");
		}
		text_set(&option->source, source);
		return 0;
	}
	if (source[0] == '/') {
		text_set(&option->source, source);
		return 0;
	}
	if (!getcwd(here, sizeof(here)))
		return err_sys(err, errno, "find the working folder");
	free(option->source);
	option->source = str_printf("%s/%s", here, source);
	return 0;
}

static const char *const propagations[] = { "private", "rprivate", "shared",
					    "rshared", "slave",	   "rslave" };

static bool propagation_valid(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
		if (strcmp(word, propagations[i]) == 0)
			return true;
	return false;
}

static int idmap_set(struct mount_option *option, const char *value, const char *text,
		     struct err *err)
{
	/* The second words are the spelling that Docker is about to get. */
	if (strcmp(value, "userns") == 0)
		value = "container";
	else if (str_prefix(value, "match-user"))
		value = "owner";
	if (strcmp(value, "container") != 0 && strcmp(value, "owner") != 0 &&
	    strcmp(value, "none") != 0)
		return err_set(err, EINVAL,
			       "invalid mount %s: idmap is container, owner or none, not \"%s\"",
			       text, value);
	text_set(&option->idmap, value);
	return 0;
}

static int volume_word(struct mount_option *option, const char *word, const char *text,
		       struct err *err)
{
	if (strcmp(word, "ro") == 0)
		option->readonly = true;
	else if (strcmp(word, "rw") == 0)
		option->readonly = false;
	else if (strcmp(word, "nocopy") == 0)
		option->nocopy = true;
	else if (strcmp(word, "z") == 0 || strcmp(word, "Z") == 0)
		option->relabel = *word;
	else if (propagation_valid(word))
		text_set(&option->propagation, word);
	else if (str_prefix(word, "idmap="))
		return idmap_set(option, word + strlen("idmap="), text, err);
	else if (str_prefix(word, "bind-idmap="))
		return idmap_set(option, word + strlen("bind-idmap="), text, err);
	else if (strcmp(word, "setid=allow") == 0)
		option->setid = true;
	else if (strcmp(word, "noexec") == 0)
		option->noexec = true;
	else if (strcmp(word, "nosuid") == 0)
		option->nosuid = true;
	else
		return err_set(err, EINVAL, "invalid mode: %s: unknown option \"%s\"", text, word);
	return 0;
}

int mount_option_volume(const char *text, struct mount_option *ret_option, struct err *err)
{
	_cleanup_strv_ char **parts = strv_split(text, ':');
	_cleanup_(mount_option_clear) struct mount_option option = { 0 };
	size_t count = strv_length(parts);
	int r;

	if (count < 1 || count > 3 || !*parts[0] || (count > 1 && !*parts[1]))
		return err_set(err, EINVAL, "invalid volume specification: '%s'", text);
	option.type = count == 1 || !strpbrk(parts[0], "/.") ? MOUNT_OPTION_VOLUME :
							       MOUNT_OPTION_BIND;
	if (count > 1 && parts[0][0] != '/' && parts[0][0] != '.')
		option.type = MOUNT_OPTION_VOLUME;
	r = target_set(&option, parts[count == 1 ? 0 : 1], text, err);
	if (r == 0 && count > 1)
		r = source_set(&option, parts[0], err);
	option.create_source = option.type == MOUNT_OPTION_BIND;
	if (r == 0 && count == 3) {
		_cleanup_strv_ char **words = strv_split(parts[2], ',');

		for (size_t i = 0; r == 0 && words[i]; i++)
			r = volume_word(&option, words[i], text, err);
	}
	if (r < 0)
		return r;
	*ret_option = option;
	option = (struct mount_option){ 0 };
	return 0;
}

/* -- tmpfs ------------------------------------------------------------------------------------ */

static int tmpfs_word(struct mount_option *option, struct buf *data, const char *word,
		      const char *text, struct err *err)
{
	uint64_t bytes;

	if (str_prefix(word, "size=")) {
		if (!str_suffix(word, "%") && str_to_bytes(word + 5, &bytes) == 0)
			buf_printf(data, "%ssize=%llu", data->length ? "," : "",
				   (unsigned long long)bytes);
		else if (str_suffix(word, "%"))
			buf_printf(data, "%s%s", data->length ? "," : "", word);
		else
			return err_set(err, EINVAL, "invalid tmpfs %s: invalid size: '%s'", text,
				       word + 5);
	} else if (str_prefix(word, "mode=") || str_prefix(word, "nr_inodes=")) {
		if (!word[5] ||
		    strspn(strchr(word, '=') + 1, "0123456789kmg") != strlen(strchr(word, '=') + 1))
			return err_set(err, EINVAL, "invalid tmpfs %s: invalid value in '%s'", text,
				       word);
		buf_printf(data, "%s%s", data->length ? "," : "", word);
	} else if (str_prefix(word, "uid=") || str_prefix(word, "gid=")) {
		buf_printf(data, "%s%s", data->length ? "," : "", word);
	} else if (strcmp(word, "ro") == 0) {
		option->readonly = true;
	} else if (strcmp(word, "rw") == 0) {
		option->readonly = false;
	} else if (strcmp(word, "exec") == 0) {
		option->exec = true;
	} else if (strcmp(word, "noexec") == 0) {
		option->exec = false;
	} else if (strcmp(word, "suid") == 0) {
		option->suid = true;
	} else if (strcmp(word, "nosuid") == 0 || strcmp(word, "nodev") == 0 ||
		   strcmp(word, "relatime") == 0 || strcmp(word, "") == 0) {
		return 0; /* what they are anyway */
	} else {
		return err_set(err, EINVAL, "invalid tmpfs %s: invalid tmpfs option [\"%s\"]", text,
			       word);
	}
	return 0;
}

int mount_option_tmpfs(const char *text, struct mount_option *ret_option, struct err *err)
{
	_cleanup_(mount_option_clear) struct mount_option option = { .type = MOUNT_OPTION_TMPFS };
	_cleanup_(buf_clear) struct buf data = BUF_EMPTY;
	const char *colon = strchr(text, ':');
	_cleanup_free_ char *target = str_ndup(text, colon ? (size_t)(colon - text) : strlen(text));
	_cleanup_strv_ char **words = strv_split(colon ? colon + 1 : "", ',');
	int r = target_set(&option, target, text, err);

	for (size_t i = 0; r == 0 && words[i]; i++)
		r = tmpfs_word(&option, &data, words[i], text, err);
	if (r < 0)
		return r;
	if (!data.data || !strstr(data.data, "mode="))
		buf_printf(&data, "%smode=1777", data.length ? "," : "");
	option.tmpfs_data = str_dup(data.data);
	option.tmpfs_text = str_dup(colon ? colon + 1 : "");
	*ret_option = option;
	option = (struct mount_option){ 0 };
	return 0;
}

/* -- --mount ---------------------------------------------------------------------------------- */

static int truth(const char *value, bool *ret_value)
{
	if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*ret_value = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*ret_value = false;
	else
		return -EINVAL;
	return 0;
}

static int mount_word(struct mount_option *option, char **ret_type, char **ret_source,
		      struct buf *data, const char *key, const char *value, const char *text,
		      struct err *err)
{
	bool *flag = strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0 ? &option->readonly :
		     strcmp(key, "bind-nonrecursive") == 0 ? &option->nonrecursive :
		     strcmp(key, "volume-nocopy") == 0	   ? &option->nocopy :
		     strcmp(key, "bind-create-src") == 0   ? &option->create_source :
							     NULL;

	if (flag) {
		if (truth(value, flag) < 0)
			return err_set(err, EINVAL, "invalid value for %s: %s", key, value);
		return 0;
	}
	if (!value)
		return err_set(err, EINVAL, "invalid field '%s' must be a key=value pair", key);
	if (strcmp(key, "type") == 0)
		text_set(ret_type, value);
	else if (strcmp(key, "source") == 0 || strcmp(key, "src") == 0)
		text_set(ret_source, value);
	else if (strcmp(key, "target") == 0 || strcmp(key, "destination") == 0 ||
		 strcmp(key, "dst") == 0)
		return target_set(option, value, text, err);
	else if (strcmp(key, "bind-propagation") == 0) {
		if (!propagation_valid(value))
			return err_set(err, EINVAL, "invalid propagation '%s'", value);
		text_set(&option->propagation, value);
	} else if (strcmp(key, "idmap") == 0 || strcmp(key, "bind-idmap") == 0)
		return idmap_set(option, value, text, err);
	else if (strcmp(key, "bind-recursive") == 0)
		option->nonrecursive = strcmp(value, "disabled") == 0;
	else if (strcmp(key, "setid") == 0 && strcmp(value, "allow") == 0)
		option->setid = true;
	else if (strcmp(key, "tmpfs-size") == 0 || strcmp(key, "tmpfs-mode") == 0) {
		_cleanup_free_ char *word = str_printf("%s=%s", key + strlen("tmpfs-"), value);

		return tmpfs_word(option, data, word, text, err);
	} else if (strcmp(key, "volume-subpath") == 0) {
		if (*value == '/' || !*value)
			return err_set(
				err, EINVAL,
				"invalid mount %s: subpath must be a relative path within the volume",
				text);
		text_set(&option->subpath, value);
	} else if (strcmp(key, "consistency") == 0 ||
		   (strcmp(key, "volume-driver") == 0 && strcmp(value, "local") == 0)) {
		return 0; /* consistency is of Docker's virtual machines on other systems */
	} else if (str_prefix(key, "volume-"))
		return err_set(err, EOPNOTSUPP, "mount %s: option '%s' is not supported yet", text,
			       key);
	else
		return err_set(err, EINVAL, "unexpected key '%s' in '%s'", key, text);
	return 0;
}

int mount_option_mount(const char *text, struct mount_option *ret_option, struct err *err)
{
	_cleanup_(mount_option_clear) struct mount_option option = { 0 };
	_cleanup_(buf_clear) struct buf data = BUF_EMPTY;
	_cleanup_strv_ char **words = strv_split(text, ',');
	_cleanup_free_ char *type = NULL, *source = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && words[i]; i++) {
		char *value = strchr(words[i], '=');

		if (value)
			*value++ = '\0';
		r = mount_word(&option, &type, &source, &data, words[i], value, text, err);
	}
	if (r < 0)
		return r;
	if (!type || strcmp(type, "volume") == 0)
		option.type = MOUNT_OPTION_VOLUME;
	else if (strcmp(type, "bind") == 0)
		option.type = MOUNT_OPTION_BIND;
	else if (strcmp(type, "tmpfs") == 0)
		option.type = MOUNT_OPTION_TMPFS;
	else
		return err_set(err, EINVAL, "mount type %s is not supported", type);
	if (!option.target)
		return err_set(err, EINVAL, "invalid mount %s: target is required", text);
	if (option.type == MOUNT_OPTION_BIND && !source)
		return err_set(err, EINVAL, "invalid mount %s: source is required for a bind mount",
			       text);
	if (option.subpath && (option.type != MOUNT_OPTION_VOLUME || !source))
		return err_set(err, EINVAL, "invalid mount %s: only a named volume has a subpath",
			       text);
	if (option.type == MOUNT_OPTION_TMPFS && source)
		return err_set(err, EINVAL, "invalid mount %s: a tmpfs has no source", text);
	if (source && option.type != MOUNT_OPTION_TMPFS)
		r = source_set(&option, source, err);
	if (r < 0)
		return r;
	if (option.type == MOUNT_OPTION_TMPFS) {
		if (!data.data || !strstr(data.data, "mode="))
			buf_printf(&data, "%smode=1777", data.length ? "," : "");
		option.tmpfs_data = str_dup(data.data);
	}
	*ret_option = option;
	option = (struct mount_option){ 0 };
	return 0;
}
