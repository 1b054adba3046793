/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/manifest_list.h"

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
#include "image/reference.h"
#include "image/sha256.h"
#include "transfer/remote.h"

static const char oci_index[] = "application/vnd.oci.image.index.v1+json",
		  docker_list[] = "application/vnd.docker.distribution.manifest.list.v2+json",
		  oci_manifest[] = "application/vnd.oci.image.manifest.v1+json",
		  docker_prefix[] = "application/vnd.docker.";

/* -- the file --------------------------------------------------------------------------------- */

static char *file_of(const char *name)
{
	char digest[DIGEST_SIZE];

	sha256_of(name, strlen(name), digest);
	return str_printf("%s.json", digest_hex(digest));
}

static int list_read(int root, const char *name, json_t **ret_list, struct err *err)
{
	_cleanup_free_ char *file = file_of(name), *path = str_printf("manifest-lists/%s", file);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r = file_read(root, path, DOCUMENT_SIZE, &text);

	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	if (r < 0)
		return err_sys(err, r, "read the list %s", name);
	return document_parse(text.data, text.length, "list", ret_list, err);
}

static int list_need(int root, const char *name, json_t **ret_list, struct err *err)
{
	int r = list_read(root, name, ret_list, err);

	if (r == -ENOENT) {
		err_set(err, ENOENT, "there is no list %s", name);
		err_hint(err, "begin one by: cloche manifest create %s IMAGE...", name);
	}
	return r;
}

static int list_write(int root, const char *name, const json_t *list, struct err *err)
{
	_cleanup_close_ int folder = dir_open_make(root, "manifest-lists", 0700, err);
	_cleanup_free_ char *file = file_of(name), *text = json_dumps(list, JSON_COMPACT);

	if (folder < 0)
		return folder;
	return text ? file_replace(folder, file, text, strlen(text), 0600, true, err) :
		      err_set(err, ENOMEM, "write the list %s", name);
}

static int list_name(const char *text, struct reference *ref, char **ret_full, struct err *err)
{
	int r = reference_parse(text, ref, err);

	if (r == 0 && ref->digest)
		r = err_set(err, EINVAL, "%s: a list is named by a tag", text);
	if (r == 0)
		*ret_full = reference_full(ref);
	return r;
}

/* -- create ----------------------------------------------------------------------------------- */

/* What its configuration says it is for. */
static int read_platform(struct remote *remote, const struct manifest *manifest, json_t *descriptor,
			 struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *path =
		str_printf("/v2/%s/blobs/%s", remote->path, manifest->config.digest);
	json_t *platform = json_object();
	static const char *const keys[] = { "os", "architecture", "variant", "os.version" };
	int r = remote_ask(remote, "GET", path, NULL, DOCUMENT_SIZE, &bytes, &answer, err);

	if (r == 0)
		r = document_parse(bytes.data ? bytes.data : "", bytes.length, "configuration",
				   &json, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
		const char *value = json_string_value(json_object_get(json, keys[i]));

		if (value && *value)
			json_put(platform, keys[i], json_text(value));
	}
	json_put(descriptor, "platform", platform);
	return r;
}

static int describe(const char *image, char *const *insecure, const char *domain,
		    json_t **ret_descriptor, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_json_ json_t *d = json_object();
	_cleanup_free_ char *type = NULL;
	char digest[DIGEST_SIZE];
	int r = reference_parse(image, &ref, err);

	if (r < 0)
		return r;
	if (strcmp(ref.domain, domain) != 0)
		return err_set(err, EINVAL, "it is not at %s, where the list will be", domain);
	r = remote_open(ref.domain, ref.path, "pull", insecure, &remote, err);
	if (r == 0)
		r = remote_manifest(&remote, ref.digest ? ref.digest : ref.tag, &bytes, &type,
				    digest, err);
	if (r == -ENOENT)
		return err_hint(err, "push it first");
	if (r == 0)
		r = manifest_parse(bytes.data ? bytes.data : "", bytes.length, "manifest",
				   &manifest, err);
	if (r == 0 && manifest.is_index)
		r = err_set(err, EINVAL, "it is a list itself");
	if (r < 0)
		return r;
	json_put(d, "mediaType", json_text(type ? type : oci_manifest));
	json_put(d, "size", json_integer((json_int_t)bytes.length));
	json_put(d, "digest", json_text(digest));
	r = read_platform(&remote, &manifest, d, err);
	if (r < 0)
		return r;
	{
		_cleanup_free_ char *repository = str_printf("%s/%s", ref.domain, ref.path);

		_cleanup_free_ char *full = reference_full(&ref);

		json_put(d, "repository", json_text(repository));
		json_put(d, "image", json_text(full));
	}
	*ret_descriptor = ptr_take(&d);
	return 0;
}

/* Once in a list. */
static void put_descriptor(json_t *manifests, json_t *descriptor)
{
	const char *digest = json_string_at(descriptor, "digest", "");
	json_t *one;
	size_t i;

	json_array_foreach(manifests, i, one)
	{
		if (strcmp(json_string_at(one, "digest", ""), digest) == 0) {
			(void)json_array_set_new(manifests, i, descriptor);
			return;
		}
	}
	json_push(manifests, descriptor);
}

int manifest_list_create(int root, const char *name, char *const *images, bool amend,
			 char *const *insecure, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_free_ char *full = NULL;
	_cleanup_json_ json_t *list = NULL;
	int r = list_name(name, &ref, &full, err);

	if (r < 0)
		return r;
	r = list_read(root, full, &list, err);
	if (r == 0 && !amend) {
		err_set(err, EEXIST, "there is a list %s already", full);
		return err_hint(err,
				"add to it with --amend, or remove it by: cloche manifest rm %s",
				name);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	if (!list) {
		list = json_object();
		json_put(list, "name", json_text(full));
		json_put(list, "manifests", json_array());
	}
	for (; *images; images++) {
		json_t *descriptor = NULL;

		r = describe(*images, insecure, ref.domain, &descriptor, err);
		if (r < 0)
			return err_wrap(err, "image %s", *images);
		put_descriptor(json_object_get(list, "manifests"), descriptor);
	}
	r = list_write(root, full, list, err);
	if (r == 0)
		(void)printf("Created manifest list %s\n", full);
	return r;
}

/* -- annotate --------------------------------------------------------------------------------- */

/* By its digest, or by the name under which it was put into the list. */
static json_t *find_descriptor(const json_t *list, const char *image)
{
	const char *at = strchr(image, '@'), *digest = at ? at + 1 : image;
	_cleanup_free_ char *full = NULL;
	struct err ignored = ERR_NONE;
	json_t *one;
	size_t i;

	(void)reference_normalize(image, &full, &ignored);

	json_array_foreach(json_object_get(list, "manifests"), i, one)
	{
		if (strcmp(json_string_at(one, "digest", ""), digest) == 0 ||
		    (full && strcmp(json_string_at(one, "image", ""), full) == 0))
			return one;
	}
	return NULL;
}

int manifest_list_annotate(int root, const char *name, const char *image,
			   const struct manifest_platform *platform, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_free_ char *full = NULL;
	_cleanup_json_ json_t *list = NULL;
	json_t *one, *is;
	const struct {
		const char *key, *value;
	} changes[] = { { "os", platform->os },
			{ "architecture", platform->architecture },
			{ "variant", platform->variant },
			{ "os.version", platform->os_version } };
	int r = list_name(name, &ref, &full, err);

	if (r == 0)
		r = list_need(root, full, &list, err);
	if (r < 0)
		return r;
	one = find_descriptor(list, image);
	if (!one) {
		err_set(err, ENOENT, "the list %s has no %s", full, image);
		return err_hint(err, "name it by its digest: cloche manifest inspect %s", name);
	}
	is = json_object_get(one, "platform");
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (changes[i].value)
			json_put(is, changes[i].key, json_text(changes[i].value));
	return list_write(root, full, list, err);
}

/* -- show, push, remove ----------------------------------------------------------------------- */

/* What a registry gets: the order of keys is ours, so that the same list is the same bytes. */
static char *list_document(const json_t *list, const char **ret_type)
{
	_cleanup_json_ json_t *document = json_object();
	json_t *manifests = json_array();
	const json_t *one;
	bool docker = true;
	size_t i;

	json_array_foreach(json_object_get(list, "manifests"), i, one)
	{
		json_t *d = json_deep_copy(one);

		docker &= str_prefix(json_string_at(one, "mediaType", ""), docker_prefix);
		(void)json_object_del(d, "repository");
		(void)json_object_del(d, "image");
		json_push(manifests, d);
	}
	*ret_type = docker && i > 0 ? docker_list : oci_index;
	json_put(document, "schemaVersion", json_integer(2));
	json_put(document, "mediaType", json_text(*ret_type));
	json_put(document, "manifests", manifests);
	return json_dumps(document, JSON_INDENT(3));
}

int manifest_list_show(int root, const char *name, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_free_ char *full = NULL, *text = NULL;
	_cleanup_json_ json_t *list = NULL;
	const char *type;
	int r = reference_parse(name, &ref, err);

	if (r < 0)
		return r;
	full = reference_full(&ref);
	r = list_read(root, full, &list, err);
	if (r < 0)
		return r;
	text = list_document(list, &type);
	(void)printf("%s\n", text ? text : "");
	return fflush(stdout) == 0 ? 0 : err_sys(err, errno, "write to stdout");
}

/* A blob of another repository, without its bytes going over the wire. */
static int mount_blob(struct remote *to, const char *from, const char *digest, struct err *err)
{
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY,
							  head = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *path =
		str_printf("/v2/%s/blobs/uploads/?mount=%s&from=%s", to->path, digest, from);
	_cleanup_free_ char *there = str_printf("/v2/%s/blobs/%s", to->path, digest);
	struct err ignored = ERR_NONE;
	int r = remote_ask(to, "HEAD", there, NULL, 65536, NULL, &head, &ignored);

	if (r == 0)
		return 0;
	r = remote_ask(to, "POST", path, NULL, 65536, NULL, &answer, err);
	if (r == 0 && answer.status != 201)
		r = err_set(err, EOPNOTSUPP,
			    "the registry does not give blob %s of %s to another repository",
			    digest, from);
	return r;
}

/* The image's manifest must be in the list's repository. */
static int bring(struct remote *to, const json_t *descriptor, char *const *insecure,
		 const char *domain, struct err *err)
{
	_cleanup_(remote_close) struct remote from = REMOTE_NONE;
	_cleanup_(manifest_clear) struct manifest manifest = MANIFEST_EMPTY;
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_free_ char *type = NULL, *path = NULL;
	const char *digest = json_string_at(descriptor, "digest", ""),
		   *repository = json_string_at(descriptor, "repository", "");
	char is[DIGEST_SIZE];
	int r;

	if (!str_prefix(repository, domain) || repository[strlen(domain)] != '/')
		return err_set(err, EINVAL, "it is at %s", repository);
	repository += strlen(domain) + 1;
	r = remote_open(domain, repository, "pull", insecure, &from, err);
	if (r < 0 || strcmp(from.path, to->path) == 0)
		return r;
	r = remote_manifest(&from, digest, &bytes, &type, is, err);
	if (r == 0)
		r = manifest_parse(bytes.data ? bytes.data : "", bytes.length, "manifest",
				   &manifest, err);
	if (r == 0)
		r = mount_blob(to, from.path, manifest.config.digest, err);
	for (size_t i = 0; r == 0 && i < manifest.count; i++)
		r = mount_blob(to, from.path, manifest.items[i].digest, err);
	if (r < 0)
		return r;
	path = str_printf("/v2/%s/manifests/%s", to->path, digest);
	return remote_put(to, path, type ? type : oci_manifest, bytes.data, bytes.length, &answer,
			  err);
}

static int push(const json_t *list, const struct reference *ref, char *const *insecure,
		struct err *err)
{
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *text = NULL, *path = NULL;
	const char *type;
	const json_t *one;
	char digest[DIGEST_SIZE];
	size_t i;
	int r = remote_open(ref->domain, ref->path, "pull,push", insecure, &remote, err);

	json_array_foreach(json_object_get(list, "manifests"), i, one)
	{
		if (r == 0 && (r = bring(&remote, one, insecure, ref->domain, err)) < 0)
			err_wrap(err, "image %s", json_string_at(one, "digest", ""));
	}
	text = list_document(list, &type);
	if (r == 0 && !text)
		r = err_set(err, ENOMEM, "write the list");
	if (r < 0)
		return r;
	path = str_printf("/v2/%s/manifests/%s", remote.path, ref->tag);
	r = remote_put(&remote, path, type, text, strlen(text), &answer, err);
	if (r < 0)
		return r;
	sha256_of(text, strlen(text), digest);
	if (answer.digest && strcmp(answer.digest, digest) != 0)
		return err_set(err, EBADMSG, "it says that it took %.100s, not %s", answer.digest,
			       digest);
	(void)printf("%s\n", digest);
	return fflush(stdout) == 0 ? 0 : err_sys(err, errno, "write to stdout");
}

int manifest_list_push(int root, const char *name, bool purge, char *const *insecure,
		       struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_free_ char *full = NULL;
	_cleanup_json_ json_t *list = NULL;
	int r = list_name(name, &ref, &full, err);

	if (r == 0)
		r = list_need(root, full, &list, err);
	if (r < 0)
		return r;
	r = push(list, &ref, insecure, err);
	if (r < 0)
		return err_wrap(err, "push %s", full);
	return purge ? manifest_list_remove(root, name, err) : 0;
}

int manifest_list_remove(int root, const char *name, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	_cleanup_free_ char *full = NULL, *file = NULL, *path = NULL;
	int r = list_name(name, &ref, &full, err);

	if (r < 0)
		return r;
	file = file_of(full);
	path = str_printf("manifest-lists/%s", file);
	if (unlinkat(root, path, 0) == 0)
		return 0;
	return errno == ENOENT ? err_set(err, ENOENT, "there is no list %s", full) :
				 err_sys(err, errno, "remove the list %s", full);
}
