/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/record.h"
#include "engine/spec_build.h"
#include "runtime/mount.h"
#include "runtime/spec.h"

enum { SECRET_LIMIT_BYTES = 512000 }; /* Docker's */

static int number(json_t *secret, const char *key, const char *text, int base, unsigned long most,
		  const char *whole, struct err *err)
{
	char *end;
	unsigned long value = strtoul(text, &end, base);

	if (!*text || *end || value > most)
		return err_set(err, EINVAL, "invalid secret '%s': bad %s", whole, key);
	json_put(secret, key, json_integer((json_int_t)value));
	return 0;
}

static int word_put(json_t *secret, const char *word, const char *whole, struct err *err)
{
	const char *value = strchr(word, '=');
	size_t length = value ? (size_t)(value - word) : 0;

	if (!value)
		return err_set(err, EINVAL, "invalid secret '%s': %s is not name=value", whole,
			       word);
	value++;
	if (strncmp(word, "id=", 3) == 0)
		json_put(secret, "id", json_text(value));
	else if (str_prefix(word, "src=") || str_prefix(word, "source="))
		json_put(secret, "src", json_text(value));
	else if (str_prefix(word, "env="))
		json_put(secret, "env", json_text(value));
	else if (str_prefix(word, "target="))
		json_put(secret, "target", json_text(value));
	else if (str_prefix(word, "uid=") || str_prefix(word, "gid="))
		return number(secret, *word == 'u' ? "uid" : "gid", value, 10, UINT32_MAX - 1,
			      whole, err);
	else if (str_prefix(word, "mode="))
		return number(secret, "mode", value, 8, 0777, whole, err);
	else
		return err_set(err, EINVAL, "invalid secret '%s': unknown key '%.*s'", whole,
			       (int)length, word);
	return 0;
}

/* The bytes of a secret. They go where they are asked for and nowhere else. */
static int secret_read(const struct engine *engine, const json_t *secret, struct buf *bytes,
		       struct err *err)
{
	const char *id = json_string_at(secret, "id", ""), *src = json_string_at(secret, "src", "");
	const char *env = json_string_at(secret, "env", ""), *value;
	size_t once = (size_t)json_int_at(secret, "once", 0);
	int r;

	if (once > 0) {
		if (once > engine->secret_count)
			return err_set(err, ESTALE,
				       "secret %s: %s was a pipe, which the first start has read",
				       id, src);
		buf_add(bytes, engine->secrets[once - 1].data, engine->secrets[once - 1].length);
		return 0;
	}
	if (*src) {
		r = file_read_given(src, SECRET_LIMIT_BYTES, bytes);
		return r < 0 ? err_sys(err, r, "secret %s: read %s", id, src) : 0;
	}
	value = getenv(env);
	if (!value)
		return err_set(err, ENOENT, "secret %s: variable %s is not set", id, env);
	buf_puts(bytes, value);
	return 0;
}

/* What is no file is read here and now. `once` is its number among those that this process keeps. */
static int once_read(struct engine *engine, json_t *secret, int fd, struct err *err)
{
	struct buf *bytes;
	int r;

	engine->secrets = reallocarray(engine->secrets, engine->secret_count + 1, sizeof(*bytes));
	if (!engine->secrets)
		abort();
	bytes = &engine->secrets[engine->secret_count++];
	*bytes = BUF_EMPTY;
	r = fd_read_all(fd, SECRET_LIMIT_BYTES, bytes);
	if (r < 0)
		return err_sys(err, r, "secret %s: read %s", json_string_at(secret, "id", ""),
			       json_string_at(secret, "src", ""));
	json_put(secret, "once", json_integer((json_int_t)engine->secret_count));
	return 0;
}

static int source_check(struct engine *engine, json_t *secret, struct err *err)
{
	const char *id = json_string_at(secret, "id", ""), *src = json_string_at(secret, "src", "");
	_cleanup_close_ int fd = open(src, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_free_ char *full = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "secret %s: read %s", id, src);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) || S_ISSOCK(st.st_mode))
		return once_read(engine, secret, fd, err);
	full = realpath(src, NULL); /* a later start is somewhere else */
	if (!full)
		return err_sys(err, errno, "secret %s: read %s", id, src);
	json_put(secret, "src", json_text(full));
	return secret_read(engine, secret, &bytes, err);
}

static int one_option(struct engine *engine, const char *text, json_t *secret, struct err *err)
{
	_cleanup_strv_ char **words = strv_split(text, ',');
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	const char *id, *target;

	for (size_t i = 0; words[i]; i++)
		if (word_put(secret, words[i], text, err) < 0)
			return -err->code;
	id = json_string_at(secret, "id", "");
	target = json_string_at(secret, "target", "");
	if (!*id || strchr(id, '/') || *id == '.')
		return err_set(err, EINVAL,
			       "invalid secret '%s': it needs an id that is a file name", text);
	if ((json_at(secret, "src") != NULL) == (json_at(secret, "env") != NULL))
		return err_set(err, EINVAL, "invalid secret '%s': it needs either src or env",
			       text);
	if (*target && *target != '/')
		return err_set(err, EINVAL, "invalid secret '%s': target is not an absolute path",
			       text);
	if (json_at(secret, "src"))
		return source_check(engine, secret, err);
	return secret_read(engine, secret, &bytes, err);
}

json_t *secret_options(struct engine *engine, char *const *list, struct err *err)
{
	json_t *all = json_array();

	for (size_t i = 0; list && list[i]; i++) {
		json_t *secret = json_object();

		json_push(all, secret);
		if (one_option(engine, list[i], secret, err) < 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

bool secrets_once(const json_t *secrets)
{
	const json_t *one;
	size_t i;

	json_array_foreach(secrets, i, one)
	{
		if (json_at(one, "once"))
			return true;
	}
	return false;
}

void secrets_forget(struct engine *engine)
{
	for (size_t i = 0; i < engine->secret_count; i++) {
		if (engine->secrets[i].data)
			explicit_bzero(engine->secrets[i].data, engine->secrets[i].length);
		buf_clear(&engine->secrets[i]);
	}
	free(engine->secrets);
	engine->secrets = NULL;
	engine->secret_count = 0;
}

static int one_mount(const struct engine *engine, const json_t *secret, struct built_spec *built,
		     struct err *err)
{
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	const char *id = json_string_at(secret, "id", "");
	const char *target = json_string_at(secret, "target", "");
	_cleanup_close_ int file = -1, fs = -1;
	struct spec *spec = built->spec;
	uid_t uid = spec_host_id(spec->uid_map, spec->uid_map_count,
				 (uint32_t)json_int_at(secret, "uid", 0));
	gid_t gid = spec_host_id(spec->gid_map, spec->gid_map_count,
				 (uint32_t)json_int_at(secret, "gid", 0));
	int fd, r = secret_read(engine, secret, &bytes, err);

	if (r < 0)
		return r;
	/* not even the swap space sees it, where the kernel can say so (6.4) */
	fs = mount_new_labelled("tmpfs", "cloche-secret", "mode=700,noswap", spec->mount_label,
				MOUNT_ATTR_NOSUID);
	if (fs == -EINVAL)
		fs = mount_new_labelled("tmpfs", "cloche-secret", "mode=700", spec->mount_label,
					MOUNT_ATTR_NOSUID);
	if (fs < 0)
		return err_sys(err, fs, "make a file system for secret %s", id);
	file = openat(fs, "secret", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = file < 0 ? -errno : fd_write_all(file, bytes.data ? bytes.data : "", bytes.length);
	if (r == 0 && (fchown(file, uid, gid) < 0 ||
		       fchmod(file, (mode_t)json_int_at(secret, "mode", 0444)) < 0))
		r = -errno;
	fd = r < 0 ? r : mount_part(fs, "secret");
	if (fd < 0)
		return err_sys(err, fd, "secret %s", id);
	spec_add_mount(spec, &(struct spec_mount){
				     .kind = SPEC_MOUNT_BIND,
				     .source = str_dup(id),
				     .source_fd = built_spec_keep(built, fd),
				     .source_is_mount = true,
				     .destination = *target ? str_dup(target) :
							      str_printf("/run/secrets/%s", id),
				     .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						 MOUNT_ATTR_NOEXEC });
	return 0;
}

int secret_mounts(struct engine *engine, const struct record *record, struct built_spec *built,
		  struct err *err)
{
	const json_t *list = json_at(record->config, "Cloche.Secrets"), *secret;
	int r = 0;
	size_t i;

	json_array_foreach(list, i, secret)
	{
		r = one_mount(engine, secret, built, err);
		if (r < 0)
			break;
	}
	secrets_forget(engine);
	return r;
}
