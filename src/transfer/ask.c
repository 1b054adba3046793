/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/ask.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "transfer/remote.h"

static int open_of(const struct reference *ref, char *const *insecure, struct remote *remote,
		   struct err *err)
{
	return remote_open(ref->domain, ref->path, "pull", insecure, remote, err);
}

static int written(struct err *err)
{
	return fflush(stdout) == 0 ? 0 : err_sys(err, errno, "write to stdout");
}

/* What a server says must not move the cursor of a terminal, nor end a line. */
static void put_safe(const char *text, char end)
{
	char safe[1024];

	str_escape(safe, sizeof(safe), text, strlen(text));
	(void)printf("%s%c", safe, end);
}

int ask_tags(const char *reference, char *const *insecure, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_strv_ char **tags = NULL;
	int r = reference_parse(reference, &ref, err);

	if (r == 0)
		r = open_of(&ref, insecure, &remote, err);
	if (r == 0)
		r = remote_tags(&remote, &tags, err);
	if (r < 0) {
		_cleanup_free_ char *name = reference_familiar_name(&ref);

		return err_wrap(err, "tags of %s", name ? name : reference);
	}
	for (size_t i = 0; tags && tags[i]; i++)
		put_safe(tags[i], '\n');
	return written(err);
}

int ask_manifest(const char *reference, char *const *insecure, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_(buf_clear) struct buf body = BUF_EMPTY;
	_cleanup_free_ char *type = NULL;
	char digest[DIGEST_SIZE];
	int r = reference_parse(reference, &ref, err);

	if (r < 0)
		return r;
	r = open_of(&ref, insecure, &remote, err);
	if (r == 0)
		r = remote_manifest(&remote, ref.digest ? ref.digest : ref.tag, &body, &type,
				    digest, err);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "no such manifest: %s", reference);
	if (r < 0)
		return err_wrap(err, "manifest of %s", reference);
	r = fd_write_all(1, body.data ? body.data : "", body.length);
	return r < 0 ? err_sys(err, r, "write to stdout") : 0;
}

/* -- referrers -------------------------------------------------------------------------------- */

static void put_referrers(const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		put_safe(json_string_at(one, "digest", ""), '\t');
		put_safe(json_string_at(one, "artifactType", json_string_at(one, "mediaType", "")),
			 '\t');
		(void)printf("%lld\n", (long long)json_int_at(one, "size", 0));
	}
}

int ask_referrers(const char *reference, char *const *insecure, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_(buf_clear) struct buf top = BUF_EMPTY, body = BUF_EMPTY;
	_cleanup_free_ char *type = NULL, *path = NULL, *tag = NULL;
	_cleanup_json_ json_t *json = NULL;
	const json_t *list = NULL;
	char digest[DIGEST_SIZE], other[DIGEST_SIZE];
	int r = reference_parse(reference, &ref, err);

	if (r == 0)
		r = open_of(&ref, insecure, &remote, err);
	if (r == 0)
		r = remote_manifest(&remote, ref.digest ? ref.digest : ref.tag, &top, &type, digest,
				    err);
	if (r < 0)
		return err_wrap(err, "manifest of %s", reference);
	path = str_printf("/v2/%s/referrers/%s", remote.path, digest);
	r = remote_ask(&remote, "GET", path, NULL, DOCUMENT_SIZE, &body, &answer, err);
	if (r == -ENOENT) {
		err_clear(err);
		buf_clear(&body);
		body = BUF_EMPTY;
		free(ptr_take(&type));
		tag = str_printf("sha256-%s", digest_hex(digest));
		r = remote_manifest(&remote, tag, &body, &type, other, err);
	}
	if (r == -ENOENT) {
		err_clear(err);
		return 0; /* nothing is */
	}
	if (r == 0)
		r = document_parse(body.data ? body.data : "", body.length, "list", &json, err);
	if (r == 0)
		r = document_array(json, "manifests", 10000, &list, err);
	if (r < 0)
		return err_wrap(err, "referrers of %s", reference);
	put_referrers(list);
	return written(err);
}

/* -- heads ------------------------------------------------------------------------------------ */

/* Docker-Content-Digest is not promised by every registry: then the document itself has to come. */
static int head_of(const char *reference, char *const *insecure, char *ret_digest, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_(buf_clear) struct buf body = BUF_EMPTY;
	_cleanup_free_ char *path = NULL, *type = NULL;
	int r = reference_parse(reference, &ref, err);

	if (r == 0)
		r = open_of(&ref, insecure, &remote, err);
	if (r < 0)
		return r;
	path = str_printf("/v2/%s/manifests/%s", remote.path, ref.tag ? ref.tag : ref.digest);
	r = remote_ask(&remote, "HEAD", path, remote_accept_manifests, DOCUMENT_SIZE, NULL, &answer,
		       err);
	if (r < 0)
		return r;
	if (!answer.digest || !digest_valid(answer.digest))
		return remote_manifest(&remote, ref.tag ? ref.tag : ref.digest, &body, &type,
				       ret_digest, err);
	memcpy(ret_digest, answer.digest, strlen(answer.digest) + 1);
	return 0;
}

int ask_heads(char *const *references, char *const *insecure, struct err *err)
{
	for (; *references; references++) {
		struct err why = ERR_NONE;
		char digest[DIGEST_SIZE] = "";

		if (head_of(*references, insecure, digest, &why) < 0) {
			(void)printf("%s\t\t", *references);
			put_safe(why.words, '\n');
		} else {
			(void)printf("%s\t%s\n", *references, digest);
		}
	}
	return written(err);
}

/* -- search ----------------------------------------------------------------------------------- */

/* Bytes of a query as RFC 3986 wants them. */
static char *query_text(const char *text)
{
	struct buf out = BUF_EMPTY;

	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-_.~", *text))
			buf_add(&out, text, 1);
		else
			buf_printf(&out, "%%%02X", (unsigned char)*text);
	return out.data ? out.data : str_dup("");
}

static int search_hub(const char *word, unsigned int limit, char *const *insecure, struct err *err)
{
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_(buf_clear) struct buf body = BUF_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *query = query_text(word);
	_cleanup_free_ char *path = str_printf("/v1/search?q=%s&n=%u", query, limit);
	const json_t *results = NULL, *one;
	size_t i;
	int r = remote_open("index.docker.io", NULL, "", insecure, &remote, err);

	if (r == 0)
		r = remote_ask(&remote, "GET", path, NULL, DOCUMENT_SIZE, &body, &answer, err);
	if (r == 0)
		r = document_parse(body.data ? body.data : "", body.length, "answer", &json, err);
	if (r == 0)
		r = document_array(json, "results", 1000, &results, err);
	if (r < 0)
		return r;
	json_array_foreach(results, i, one)
	{
		if (i >= limit)
			break;
		put_safe(json_string_at(one, "name", ""), '\t');
		(void)printf("%lld\t%s\t", (long long)json_int_at(one, "star_count", 0),
			     json_bool_at(one, "is_official") ? "official" : "");
		put_safe(json_string_at(one, "description", ""), '\n');
	}
	return written(err);
}

static int search_catalog(const char *host, const char *word, unsigned int limit,
			  char *const *insecure, struct err *err)
{
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_strv_ char **names = NULL;
	int r = remote_open(host, NULL, "", insecure, &remote, err);

	if (r == 0)
		r = remote_catalog(&remote, &names, err);
	if (r == -ENOENT)
		return err_set(err, EOPNOTSUPP, "it gives no list of its repositories");
	if (r < 0)
		return r;
	for (size_t i = 0; names && names[i] && limit > 0; i++) {
		_cleanup_free_ char *name = str_printf("%s/%s", host, names[i]);

		if (!strcasestr(names[i], word))
			continue;
		put_safe(name, '\t');
		(void)printf("0\t\t\n");
		limit--;
	}
	return written(err);
}

int ask_search(const char *text, unsigned int limit, char *const *insecure, struct err *err)
{
	const char *slash = strchr(text, '/');
	_cleanup_free_ char *host = slash ? str_ndup(text, (size_t)(slash - text)) : NULL;
	bool named = host && (strpbrk(host, ".:") || strcmp(host, "localhost") == 0) &&
		     strcmp(host, "docker.io") != 0;
	int r = named ? search_catalog(host, slash + 1, limit, insecure, err) :
			search_hub(host && strcmp(host, "docker.io") == 0 ? slash + 1 : text, limit,
				   insecure, err);

	return r < 0 ? err_wrap(err, "search %s", text) : 0;
}
