/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/document.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "image/parts.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "image/work.h"
#include "transfer/fetcher.h"
#include "transfer/outcome.h"
#include "transfer/platform.h"
#include "transfer/pull_layer.h"
#include "transfer/registries_conf.h"
#include "transfer/registry.h"
#include "transfer/registry_access.h"
#include "transfer/remote.h"
#include "transfer/trust.h"

enum { FETCHERS_MAX = 4, PARTS_KEPT_S = 7 * 24 * 3600 };

struct pull {
	const struct work *work;
	const struct pull_options *options;
	struct platform platform;
	struct reference reference;
	struct route route;
	const char *path; /* of the repository, where it is asked for now */
	struct registry_access access;
	struct fetcher fetchers[FETCHERS_MAX];
	size_t fetcher_count;
	char *scope;
	char top_digest[DIGEST_SIZE]; /* of what the name leads to: an index or a manifest */
	struct buf manifest_bytes;
	char manifest_digest[DIGEST_SIZE];
	struct manifest manifest;
	struct image_config config;
};

/* -- documents -------------------------------------------------------------------------------- */

static int collect(void *data, const void *bytes, size_t length, struct err *err)
{
	(void)err; /* the fetcher's limit holds */
	buf_add(data, bytes, length);
	return 0;
}

static int need_fetcher(struct pull *p, struct err *err)
{
	int r = p->fetcher_count ? 0 : fetcher_start(&p->access, &p->fetchers[0], err);

	if (r == 0 && !p->fetcher_count)
		p->fetcher_count = 1;
	return r;
}

/* The fetcher's parent is trusted, it is not: what has a digest is hashed here again. */
static int get_document(struct pull *p, const char *path, const char *accept, uint64_t limit,
			struct buf *bytes, char **ret_type, char **ret_digest, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	char *const headers[] = { (char *)(uintptr_t)accept, NULL };
	int r = need_fetcher(p, err);

	if (r == 0)
		r = fetcher_ask(&p->fetchers[0],
				&(struct fetch_request){ .method = "GET",
							 .path = path,
							 .scope = p->scope,
							 .headers = headers,
							 .limit = limit,
							 .write = collect,
							 .data = bytes,
							 .source = -1 },
				&answer, err);
	if (r < 0)
		return r;
	if (bytes->length > limit)
		return err_set(err, EFBIG, "it has more than %llu bytes",
			       (unsigned long long)limit);
	if (ret_type)
		*ret_type = ptr_take(&answer.content_type);
	if (ret_digest)
		*ret_digest = ptr_take(&answer.digest);
	return 0;
}

/* The document's own word of what it is must be the header's: two readers shall not see two things (CVE-2021-41190). */
static int check_type(const struct buf *bytes, const char *header, struct err *err)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *own = NULL, *said = NULL;
	int r = document_parse(bytes->data ? bytes->data : "", bytes->length, "manifest", &json,
			       err);

	if (r < 0)
		return r;
	if (!json_is_object(json))
		return err_set(err, EBADMSG, "the manifest is not an object");
	if (json_integer_value(json_object_get(json, "schemaVersion")) == 1) {
		err_set(err, EOPNOTSUPP,
			"it is an image of schema 1, which has no digests of its content");
		return err_hint(err, "push it again with a tool of this decade");
	}
	r = document_string(json, "mediaType", 255, &own, err);
	if (r < 0 || !own || !header)
		return r;
	said = str_ndup(header, strcspn(header, "; \t"));
	if (strcmp(said, own) != 0)
		return err_set(err, EBADMSG, "the manifest says it is %.100s, the registry %.100s",
			       own, said);
	return 0;
}

static int check_digest(const struct buf *bytes, const char *wanted, const char *who,
			char ret_digest[DIGEST_SIZE], struct err *err)
{
	char is[DIGEST_SIZE];

	sha256_of(bytes->data ? bytes->data : "", bytes->length, is);
	if (wanted && strcmp(wanted, is) != 0)
		return err_set(err, EBADMSG,
			       "%s is not what its digest names (%s): damaged or forged", who, is);
	memcpy(ret_digest, is, sizeof(is));
	return 0;
}

/* What is in the store was checked when it came. */
static bool stored(const struct pull *p, const char *digest, struct buf *bytes)
{
	_cleanup_free_ char *path = str_printf("blobs/sha256/%s", digest_hex(digest));

	return file_read(p->work->root, path, DOCUMENT_SIZE, bytes) == 0;
}

static int get_top(struct pull *p, struct err *err)
{
	const struct reference *ref = &p->reference;
	_cleanup_free_ char *path =
		str_printf("/v2/%s/manifests/%s", p->path, ref->digest ? ref->digest : ref->tag);
	_cleanup_free_ char *type = NULL, *digest = NULL;
	const char *wanted = ref->digest;
	int r;

	if (ref->digest && stored(p, ref->digest, &p->manifest_bytes)) {
		memcpy(p->top_digest, ref->digest, strlen(ref->digest) + 1);
		return 0;
	}
	r = get_document(p, path, remote_accept_manifests, DOCUMENT_SIZE, &p->manifest_bytes, &type,
			 &digest, err);
	if (r < 0)
		return r;
	if (!wanted && digest && str_prefix(digest, "sha256:"))
		wanted = digest;
	r = check_digest(&p->manifest_bytes, wanted, "the manifest", p->top_digest, err);
	return r < 0 ? r : check_type(&p->manifest_bytes, type, err);
}

static int get_inner(struct pull *p, const struct descriptor *d, struct err *err)
{
	_cleanup_free_ char *path = str_printf("/v2/%s/manifests/%s", p->path, d->digest);
	_cleanup_free_ char *type = NULL;
	int r = 0;

	if (d->size_bytes > DOCUMENT_SIZE)
		return err_set(err, EFBIG, "manifest %s is larger than %d bytes", d->digest,
			       DOCUMENT_SIZE);
	buf_clear(&p->manifest_bytes);
	p->manifest_bytes = BUF_EMPTY;
	if (!stored(p, d->digest, &p->manifest_bytes)) {
		r = get_document(p, path, remote_accept_manifests, d->size_bytes,
				 &p->manifest_bytes, &type, NULL, err);
		if (r == 0)
			r = check_digest(&p->manifest_bytes, d->digest, "the manifest",
					 p->manifest_digest, err);
		if (r == 0)
			r = check_type(&p->manifest_bytes, type, err);
	}
	memcpy(p->manifest_digest, d->digest, strlen(d->digest) + 1);
	return r;
}

/* The manifest for the platform: the name's own, or one of its index. */
static int get_manifest(struct pull *p, struct err *err)
{
	_cleanup_(manifest_clear) struct manifest index = MANIFEST_EMPTY;
	const struct descriptor *best;
	int r = get_top(p, err);

	if (r == 0)
		r = manifest_parse(p->manifest_bytes.data, p->manifest_bytes.length, "manifest",
				   &p->manifest, err);
	if (r < 0)
		return r;
	memcpy(p->manifest_digest, p->top_digest, sizeof(p->top_digest));
	if (!p->manifest.is_index)
		return 0;
	index = p->manifest;
	p->manifest = MANIFEST_EMPTY;
	best = manifest_best(&index, p->platform.os, p->platform.architecture, p->platform.variant);
	if (!best)
		return err_set(err, ENOENT,
			       "no matching manifest for %s/%s%s%s in the manifest list entries",
			       p->platform.os, p->platform.architecture,
			       p->platform.variant ? "/" : "",
			       p->platform.variant ? p->platform.variant : "");
	r = get_inner(p, best, err);
	if (r == 0)
		r = manifest_parse(p->manifest_bytes.data, p->manifest_bytes.length, "manifest",
				   &p->manifest, err);
	if (r == 0 && p->manifest.is_index)
		r = err_set(err, EBADMSG, "an index in an index is not followed");
	return r;
}

static int get_config(struct pull *p, struct err *err)
{
	const struct descriptor *d = &p->manifest.config;
	_cleanup_free_ char *path = str_printf("/v2/%s/blobs/%s", p->path, d->digest);
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	char is[DIGEST_SIZE];
	int r = 0;

	if (d->size_bytes > DOCUMENT_SIZE)
		return err_set(err, EFBIG, "the configuration is larger than %d bytes",
			       DOCUMENT_SIZE);
	if (!stored(p, d->digest, &bytes)) {
		r = get_document(p, path, "Accept: */*", d->size_bytes, &bytes, NULL, NULL, err);
		if (r == 0 && bytes.length != d->size_bytes)
			r = err_set(
				err, EBADMSG,
				"the configuration has %zu bytes, not %llu as its descriptor says",
				bytes.length, (unsigned long long)d->size_bytes);
		if (r == 0)
			r = check_digest(&bytes, d->digest, "the configuration", is, err);
	}
	if (r == 0)
		r = image_config_parse(bytes.data, bytes.length, &p->config, err);
	if (r < 0)
		return r;
	if (p->config.os && *p->config.os && strcmp(p->config.os, "linux") != 0)
		return err_set(err, EINVAL, "it is an image for %.100s", p->config.os);
	if (strv_length(p->config.diff_ids) != p->manifest.count)
		return err_set(err, EBADMSG, "it has %zu layers, but its configuration names %zu",
			       p->manifest.count, strv_length(p->config.diff_ids));
	return 0;
}

/* A name that stands for one platform only gives that one, as everywhere, but not in silence. */
static void warn_of_platform(const struct pull *p)
{
	_cleanup_free_ char *name = reference_familiar(&p->reference);
	const char *is = p->config.architecture;
	char shown[64];

	if (!p->options->platform || !is || !*is || strcmp(is, p->platform.architecture) == 0)
		return;
	str_escape(shown, sizeof(shown), is, strlen(is));
	(void)fprintf(
		stderr,
		"WARNING: image with reference %s was found but its platform (linux/%s) does not match the specified platform (linux/%s)\n",
		name, shown, p->platform.architecture);
}

/* -- layers ----------------------------------------------------------------------------------- */

static int more_fetchers(struct pull *p, size_t wanted, struct err *err)
{
	int r = need_fetcher(p, err);

	if (r < 0)
		return r;
	while (p->fetcher_count < wanted && p->fetcher_count < FETCHERS_MAX) {
		r = fetcher_start(&p->access, &p->fetchers[p->fetcher_count], err);
		if (r < 0)
			return r;
		p->fetcher_count++;
	}
	return 0;
}

static int get_layers(struct pull *p, struct outcome *outcome, struct err *err)
{
	struct pull_layers layers = { .work = p->work,
				      .repository = p->path,
				      .scope = p->scope,
				      .limit_bytes = p->options->limit_bytes,
				      .foreign = p->options->foreign,
				      .fetchers = p->fetchers };
	int r = 0;

	progress_init(&layers.progress, p->options->progress);
	for (size_t i = 0; r == 0 && i < p->manifest.count; i++)
		r = pull_layers_add(&layers, &p->manifest.items[i], p->config.diff_ids[i], err);
	if (r == 0 && layers.missing > 0) {
		/* what the first one learned, so that the others need not ask for tokens */
		if (p->fetcher_count > 0) {
			r = fetcher_learn(&p->fetchers[0], &p->access, err);
			free(p->access.scope);
			p->access.scope = str_dup(p->scope);
		}
		if (r == 0)
			r = more_fetchers(p, layers.missing, err);
		if (r == 0)
			r = pull_layers_run(&layers, p->fetcher_count, err);
	}
	if (r == 0)
		pull_layers_store(&layers, outcome);
	pull_layers_clear(&layers);
	return r;
}

static void describe(struct pull *p, struct outcome *outcome)
{
	const struct reference *ref = &p->reference;
	struct outcome_image *image = outcome_add_image(outcome, &p->config);

	if (ref->tag && !ref->digest)
		strv_add_take(&image->names,
			      str_printf("%s/%s:%s", ref->domain, ref->path, ref->tag));
	strv_add_take(&image->names, str_printf("%s/%s@%s", ref->domain, ref->path, p->top_digest));
	memcpy(image->manifest_digest, p->manifest_digest, sizeof(p->manifest_digest));
	image->manifest_length = p->manifest_bytes.length;
	image->manifest = ptr_take(&p->manifest_bytes.data);
	for (size_t i = 0; i < p->manifest.count; i++)
		outcome_add_blob(image, p->manifest.items[i].digest,
				 p->manifest.items[i].size_bytes);
}

static int explain(const struct pull *p, struct err *err)
{
	_cleanup_free_ char *name = reference_familiar(&p->reference);

	if (err->code == ENOENT && str_prefix(err->words, "not found:"))
		err_set(err, ENOENT, "manifest for %s not found: manifest unknown", name);
	else if (err->code == EACCES) {
		_cleanup_free_ char *why = str_dup(err->words);
		_cleanup_free_ char *repository = reference_familiar_name(&p->reference);

		err_set(err, EACCES,
			"pull access denied for %s, repository does not exist or may require 'cloche login': %s",
			repository, why);
	} else {
		err_wrap(err, "pull %s", name);
	}
	return -err->code;
}

static void leave_stop(struct pull *p)
{
	for (size_t i = 0; i < FETCHERS_MAX; i++)
		fetcher_stop(&p->fetchers[i]);
	p->fetcher_count = 0;
	registry_access_clear(&p->access);
	manifest_clear(&p->manifest);
	p->manifest = MANIFEST_EMPTY;
	buf_clear(&p->manifest_bytes);
	p->manifest_bytes = BUF_EMPTY;
	free(ptr_take(&p->scope));
}

/* The manifest and the configuration from one place. */
static int ask_stop(struct pull *p, const struct route_stop *stop, struct err *err)
{
	int r;

	p->path = stop->path;
	p->scope = str_printf("repository:%s:pull", stop->path);
	r = registry_access_find(stop->domain, stop->path, p->options->insecure, &p->access, err);
	p->access.insecure |= stop->insecure;
	if (r == 0)
		r = get_manifest(p, err);
	return r == 0 ? get_config(p, err) : r;
}

/* Mirrors first. What one of them cannot give, or gives wrongly, the next is asked for. */
static int ask_around(struct pull *p, struct err *err)
{
	_cleanup_(registries_clear) struct registries registries = REGISTRIES_EMPTY;
	int r = registries_read(&registries, err);

	if (r == 0)
		r = registries_route(&registries, p->reference.domain, p->reference.path,
				     p->reference.digest != NULL, &p->route, err);
	for (size_t i = 0; r == 0 && i < p->route.count; i++) {
		const struct route_stop *stop = &p->route.stops[i];

		r = ask_stop(p, stop, err);
		if (r == 0 || i + 1 == p->route.count)
			break;
		if (p->options->progress != PROGRESS_QUIET)
			(void)fprintf(stderr, "mirror %s/%s: %s\n", stop->domain, stop->path,
				      err->words);
		leave_stop(p);
		err_clear(err);
		r = 0;
	}
	return r;
}

/* Before anything of its content is asked for. */
static int verify(const struct pull *p, struct err *err)
{
	const char *const digests[] = { p->manifest_digest, p->top_digest };

	return trust_check(&p->reference, digests,
			   strcmp(p->manifest_digest, p->top_digest) == 0 ? 1 : 2,
			   p->options->insecure, err);
}

int pull_image(const struct work *work, const struct pull_options *options, struct outcome *outcome,
	       struct err *err)
{
	struct pull p = { .work = work,
			  .options = options,
			  .reference = REFERENCE_EMPTY,
			  .access = REGISTRY_ACCESS_EMPTY };
	int r;

	for (size_t i = 0; i < FETCHERS_MAX; i++)
		p.fetchers[i] = FETCHER_NONE;
	r = reference_parse(options->reference, &p.reference, err);
	if (r < 0)
		return r;
	(void)parts_sweep(work->root, PARTS_KEPT_S, NULL);
	r = platform_parse(options->platform, &p.platform, err);
	if (r == 0)
		r = ask_around(&p, err);
	if (r == 0 && options->verify)
		r = verify(&p, err);
	if (r == 0)
		warn_of_platform(&p);
	if (r == 0)
		r = get_layers(&p, outcome, err);
	if (r == 0)
		describe(&p, outcome);
	else
		r = explain(&p, err);
	leave_stop(&p);
	reference_clear(&p.reference);
	route_clear(&p.route);
	platform_clear(&p.platform);
	image_config_clear(&p.config);
	return r;
}
