/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/lookaside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/reference.h"
#include "transfer/fetcher.h"
#include "transfer/registry.h"

enum { FILE_MAX = 1024 * 1024, MESSAGE_MAX = 1024 * 1024 };

static const char built_in[] = "file:///var/lib/containers/sigstore";

/* -- the YAML that such files are written in: maps of maps of words --------------------------------- */

/* The key of a line and its value, without quotes; false: it has none. */
static bool split_line(const char *line, size_t length, char **ret_key, char **ret_value)
{
	_cleanup_free_ char *text = str_ndup(line, length);
	char *colon = NULL, *value;

	for (char *s = text; *s && !colon; s++)
		if (*s == ':' && (s[1] == '\0' || s[1] == ' ' || s[1] == '\t'))
			colon = s;
	if (!colon)
		return false;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (char *s = value; *s; s++)
		if (*s == '#' && (s == value || s[-1] == ' ')) {
			*s = '\0';
			break;
		}
	for (size_t n = strlen(value); n > 0 && strchr(" \t\r", value[n - 1]); n--)
		value[n - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		char *word = i == 0 ? text + strspn(text, " ") : value;
		size_t n = strlen(word);

		if (n >= 2 && (*word == '"' || *word == '\'') && word[n - 1] == *word) {
			word[n - 1] = '\0';
			word++;
		}
		*(i == 0 ? ret_key : ret_value) = str_dup(word);
	}
	return true;
}

/* How much of the repository a scope of `docker` covers, plus one; 0: it is not of it. */
static size_t scope_covers(const char *scope, const char *repository)
{
	size_t n = strlen(scope), host = strcspn(repository, "/");

	if (str_prefix(scope, "*.")) {
		size_t tail = n - 1;

		return host > tail && strncmp(repository + host - tail, scope + 1, tail) == 0 ?
			       tail :
			       0;
	}
	if (strncmp(scope, repository, n) != 0 || (repository[n] && repository[n] != '/'))
		return 0;
	return n + 1;
}

int lookaside_parse(const char *text, const char *file, const char *repository,
		    size_t *scope_length, char **url, struct err *err)
{
	enum { TOP, DEFAULT, DOCKER } section = TOP;
	size_t covered = 0, scope_indent = 0;

	for (const char *line = text; *line; line += *line == '\n') {
		size_t length = strcspn(line, "\n"), indent = strspn(line, " ");
		_cleanup_free_ char *key = NULL, *value = NULL;

		if (indent < length && line[indent] != '#' && line[indent] != '\r' &&
		    !str_prefix(line, "---")) {
			if (line[indent] == '\t' || !split_line(line, length, &key, &value))
				return err_set(err, EBADMSG, "%s: \"%.*s\" is not understood here",
					       file, (int)(length < 80 ? length : 80), line);
			if (indent == 0) {
				section = strcmp(key, "docker") == 0	     ? DOCKER :
					  strcmp(key, "default-docker") == 0 ? DEFAULT :
									       TOP;
				covered = section == DEFAULT ? 1 : 0;
				scope_indent = 0;
			} else if (section == DOCKER &&
				   (scope_indent == 0 || indent <= scope_indent)) {
				scope_indent = indent;
				covered = scope_covers(key, repository);
			} else if ((strcmp(key, "lookaside") == 0 ||
				    strcmp(key, "sigstore") == 0) &&
				   covered > *scope_length) {
				free(*url);
				*url = ptr_take(&value);
				*scope_length = covered;
			}
		}
		line += length;
	}
	return 0;
}

static int read_folder(const char *path, const char *repository, size_t *scope, char **url,
		       struct err *err)
{
	_cleanup_strv_ char **names = NULL;
	DIR *d = opendir(path);
	const struct dirent *e;
	int r = 0;

	if (!d)
		return 0;
	while ((e = readdir(d)) != NULL)
		if (str_suffix(e->d_name, ".yaml"))
			strv_add_take(&names, str_printf("%s/%s", path, e->d_name));
	(void)closedir(d);
	strv_sort(names);
	for (size_t i = 0; r == 0 && names && names[i]; i++) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
		_cleanup_close_ int fd = open(names[i], O_RDONLY | O_NOCTTY | O_CLOEXEC);

		r = fd < 0 ? -errno : fd_read_all(fd, FILE_MAX, &text);
		if (r < 0)
			return err_sys(err, r, "read %s", names[i]);
		r = lookaside_parse(text.data ? text.data : "", names[i], repository, scope, url,
				    err);
	}
	return r < 0 ? r : 1;
}

int lookaside_find(const struct reference *name, char **ret_url, struct err *err)
{
	const char *home = getenv("HOME");
	_cleanup_free_ char *own =
		home && *home ? str_printf("%s/.config/containers/registries.d", home) : NULL;
	_cleanup_free_ char *repository = str_printf("%s/%s", name->domain, name->path);
	_cleanup_free_ char *url = NULL;
	size_t scope = 0;
	int r = own ? read_folder(own, repository, &scope, &url, err) : 0;

	if (r == 0)
		r = read_folder("/etc/containers/registries.d", repository, &scope, &url, err);
	if (r < 0)
		return r;
	*ret_url = url ? ptr_take(&url) : str_dup(built_in);
	return 0;
}

/* -- signatures ------------------------------------------------------------------------------- */

static int collect(void *data, const void *bytes, size_t length, struct err *err)
{
	(void)err;
	buf_add(data, bytes, length);
	return 0;
}

static int get_by_http(const char *url, const char *below, struct buf *ret, struct err *err)
{
	const char *host = strstr(url, "://") + 3;
	size_t length = strcspn(host, "/");
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *path = str_printf("%s%s", host + length, below);
	struct registry_access access = REGISTRY_ACCESS_EMPTY;
	struct fetcher fetcher = FETCHER_NONE;
	int r;

	access.host = str_ndup(host, length);
	access.plain = str_prefix(url, "http:");
	r = fetcher_start(&access, &fetcher, err);
	if (r == 0)
		r = fetcher_ask(&fetcher,
				&(struct fetch_request){ .method = "GET",
							 .path = path,
							 .limit = MESSAGE_MAX,
							 .write = collect,
							 .data = ret,
							 .source = -1 },
				&answer, err);
	fetcher_stop(&fetcher);
	registry_access_clear(&access);
	return r;
}

int lookaside_get(const char *url, const struct reference *name, const char *digest,
		  unsigned int number, struct buf *ret_message, struct err *err)
{
	_cleanup_free_ char *below =
		str_printf("/%s@sha256=%s/signature-%u", name->path, digest_hex(digest), number);
	int r;

	if (str_prefix(url, "http://") || str_prefix(url, "https://")) {
		r = get_by_http(url, below, ret_message, err);
	} else if (str_prefix(url, "file://")) {
		_cleanup_free_ char *path = str_printf("%s%s", url + strlen("file://"), below);
		_cleanup_close_ int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

		r = fd < 0 ? -errno : fd_read_all(fd, MESSAGE_MAX, ret_message);
		if (r < 0 && r != -ENOENT && r != -ENOTDIR)
			return err_sys(err, r, "read %s", path);
		r = r == -ENOTDIR ? -ENOENT : r;
	} else {
		return err_set(err, EOPNOTSUPP, "the lookaside %s is not understood here", url);
	}
	if (r == -ENOENT)
		err_clear(err);
	return r;
}
