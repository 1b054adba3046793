/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/document.h"
#include "image/reference.h"
#include "image/sha256.h"
#include "transfer/base64.h"
#include "transfer/lookaside.h"
#include "transfer/policy.h"
#include "transfer/remote.h"
#include "transfer/signature.h"

enum {
	SIGNATURES_MAX = 50,
	PAYLOAD_MAX = 1024 * 1024,
	KEY_MAX = 4 * 1024 * 1024,
	TEXT_MAX = 65536
};

static const char simple_type[] = "atomic container signature",
		  sigstore_type[] = "cosign container image signature";

struct signature { /* as it came */
	struct buf payload;
	char *text; /* of sigstore; NULL: the payload is an OpenPGP message */
};

struct trust {
	const struct reference *name;
	const char *const *digests;
	size_t digest_count;
	char *const *insecure;
	struct signature *simple, *sigstore;
	size_t simple_count, sigstore_count;
	bool have_simple, have_sigstore; /* they were asked for */
};

static struct signature *add(struct signature **list, size_t *count)
{
	*list = reallocarray(*list, *count + 1, sizeof(**list));
	if (!*list)
		abort();
	(*list)[*count] = (struct signature){ .payload = BUF_EMPTY };
	return &(*list)[(*count)++];
}

static void signatures_free(struct signature *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_clear(&list[i].payload);
		free(list[i].text);
	}
	free(list);
}

/* -- where they are --------------------------------------------------------------------------- */

static int need_simple(struct trust *t, struct err *err)
{
	_cleanup_free_ char *url = NULL;
	int r = t->have_simple ? 0 : lookaside_find(t->name, &url, err);

	if (r < 0 || t->have_simple)
		return r;
	t->have_simple = true;
	for (size_t i = 0; i < t->digest_count; i++)
		for (unsigned int number = 1; t->simple_count < SIGNATURES_MAX; number++) {
			struct buf message = BUF_EMPTY;

			r = lookaside_get(url, t->name, t->digests[i], number, &message, err);
			if (r == -ENOENT)
				break;
			if (r < 0)
				return err_wrap(err, "signatures");
			add(&t->simple, &t->simple_count)->payload = message;
		}
	return 0;
}

static int get_layer(struct trust *t, struct remote *remote, const json_t *layer, struct err *err)
{
	const char *text = json_string_value(json_object_get(json_object_get(layer, "annotations"),
							     "dev.cosignproject.cosign/signature"));
	const char *digest = json_string_at(layer, "digest", "");
	_cleanup_(fetch_answer_clear) struct fetch_answer answer = FETCH_ANSWER_EMPTY;
	_cleanup_free_ char *path = NULL;
	struct buf payload = BUF_EMPTY;
	char is[DIGEST_SIZE];
	int r;

	if (!text || strlen(text) > TEXT_MAX || !digest_valid(digest))
		return 0;
	path = str_printf("/v2/%s/blobs/%s", remote->path, digest);
	r = remote_ask(remote, "GET", path, NULL, PAYLOAD_MAX, &payload, &answer, err);
	if (r == 0) {
		sha256_of(payload.data ? payload.data : "", payload.length, is);
		if (strcmp(is, digest) != 0)
			r = err_set(err, EBADMSG, "a signature is not what its digest names");
	}
	if (r < 0) {
		buf_clear(&payload);
		return r;
	}
	*add(&t->sigstore, &t->sigstore_count) =
		(struct signature){ .payload = payload, .text = str_dup(text) };
	return 0;
}

static int get_attached(struct trust *t, struct remote *remote, const char *of, struct err *err)
{
	_cleanup_free_ char *tag = str_printf("sha256-%s.sig", digest_hex(of)), *type = NULL;
	_cleanup_(buf_clear) struct buf bytes = BUF_EMPTY;
	_cleanup_json_ json_t *json = NULL;
	const json_t *layers = NULL, *layer;
	char digest[DIGEST_SIZE];
	size_t i;
	int r = remote_manifest(remote, tag, &bytes, &type, digest, err);

	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (r == 0)
		r = document_parse(bytes.data ? bytes.data : "", bytes.length, tag, &json, err);
	if (r == 0)
		r = document_array(json, "layers", SIGNATURES_MAX, &layers, err);
	json_array_foreach(layers, i, layer)
	{
		if (r == 0)
			r = get_layer(t, remote, layer, err);
	}
	return r;
}

static int need_sigstore(struct trust *t, struct err *err)
{
	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
	int r = t->have_sigstore ? 0 :
				   remote_open(t->name->domain, t->name->path, "pull", t->insecure,
					       &remote, err);

	if (t->have_sigstore)
		return 0;
	t->have_sigstore = true;
	for (size_t i = 0; r == 0 && i < t->digest_count; i++)
		r = get_attached(t, &remote, t->digests[i], err);
	return r < 0 ? err_wrap(err, "signatures") : 0;
}

/* -- what they say ---------------------------------------------------------------------------- */

static int check_claims(const struct trust *t, const struct requirement *q, const char *payload,
			size_t length, struct err *err)
{
	_cleanup_(signature_claims_clear) struct signature_claims claims = SIGNATURE_CLAIMS_EMPTY;
	int r = signature_claims_read(payload, length,
				      q->type == POLICY_SIGSTORE ? sigstore_type : simple_type,
				      &claims, err);

	if (r < 0)
		return r;
	if (!requirement_identity(q, t->name, claims.name))
		return err_set(err, EPERM, "the signature is for %.300s", claims.name);
	for (size_t i = 0; i < t->digest_count; i++)
		if (strcmp(t->digests[i], claims.digest) == 0)
			return 0;
	return err_set(err, EPERM, "the signature is of another image, %s", claims.digest);
}

static int check_one(const struct trust *t, const struct requirement *q, const struct signature *s,
		     const struct buf *key, struct err *err)
{
	_cleanup_(buf_clear) struct buf signed_bytes = BUF_EMPTY;
	const struct buf *payload = &s->payload;
	int r;

	if (!payload->data)
		return err_set(err, EBADMSG, "the signature is empty");
	if (q->type == POLICY_SIGSTORE) {
		r = signature_sigstore(payload->data, payload->length, s->text, key->data,
				       key->length, err);
	} else {
		r = signature_openpgp(payload->data, payload->length, key->data, key->length,
				      &signed_bytes, err);
		payload = &signed_bytes;
	}
	return r < 0 ? r :
		       check_claims(t, q, payload->data ? payload->data : "", payload->length, err);
}

static int read_keys(const struct requirement *q, struct buf **ret_keys, size_t *ret_count,
		     struct err *err)
{
	size_t paths = strv_length(q->key_paths), data = strv_length(q->key_data), count = 0;
	struct buf *keys = mem_new((paths + data + 1) * sizeof(*keys));
	int r = 0;

	*ret_keys = keys;
	for (size_t i = 0; r == 0 && i < paths; i++) {
		_cleanup_close_ int fd = open(q->key_paths[i], O_RDONLY | O_NOCTTY | O_CLOEXEC);

		r = fd < 0 ? -errno : fd_read_all(fd, KEY_MAX, &keys[count]);
		if (r < 0)
			err_sys(err, r, "read the key %s", q->key_paths[i]);
		count++;
	}
	for (size_t i = 0; r == 0 && i < data; i++)
		if (base64_decode_bytes(q->key_data[i], &keys[count++]) < 0)
			r = err_set(err, EBADMSG, "keyData is not in base64");
	*ret_count = count;
	for (size_t i = 0; r == 0 && i < count; i++)
		if (!keys[i].data)
			r = err_set(err, EBADMSG, "a key is empty");
	return r;
}

/* Any of the signatures by any of the keys. The last refusal is told: of several it is as good as any. */
static int check_signed(struct trust *t, const struct requirement *q, struct err *err)
{
	bool sigstore = q->type == POLICY_SIGSTORE;
	struct buf *keys = NULL;
	size_t key_count = 0, count;
	const struct signature *list;
	struct err why = ERR_NONE;
	int r = sigstore ? need_sigstore(t, err) : need_simple(t, err);

	if (r == 0)
		r = read_keys(q, &keys, &key_count, err);
	list = sigstore ? t->sigstore : t->simple;
	count = sigstore ? t->sigstore_count : t->simple_count;
	if (r == 0) {
		r = err_set(&why, EPERM, "it has no signature");
		for (size_t i = 0; r < 0 && i < count; i++)
			for (size_t k = 0; r < 0 && k < key_count; k++) {
				err_clear(&why);
				r = check_one(t, q, &list[i], &keys[k], &why);
			}
		if (r < 0) {
			*err = why;
			if (err->code != ENOENT && err->code != EINVAL)
				err->code = EPERM;
		}
	}
	for (size_t k = 0; k < key_count; k++)
		buf_clear(&keys[k]);
	free(keys);
	return r < 0 ? -err->code : 0;
}

static int check_requirement(struct trust *t, const struct requirement *q, struct err *err)
{
	switch (q->type) {
	case POLICY_ACCEPT:
		return 0;
	case POLICY_REJECT:
		return err_set(err, EPERM, "it rejects the name");
	default:
		return check_signed(t, q, err);
	}
}

int trust_check(const struct reference *name, const char *const *digests, size_t count,
		char *const *insecure, struct err *err)
{
	struct trust t = { .name = name,
			   .digests = digests,
			   .digest_count = count,
			   .insecure = insecure };
	struct policy policy = POLICY_NONE;
	struct requirement *list = NULL;
	size_t wanted = 0;
	int r = policy_read(&policy, err);

	if (r < 0)
		return r;
	r = policy_requirements(&policy, name, &list, &wanted, err);
	for (size_t i = 0; r == 0 && i < wanted; i++) {
		r = check_requirement(&t, &list[i], err);
		if (r < 0)
			err_wrap(err, "not allowed by %s", policy.path);
	}
	requirements_free(list, wanted);
	signatures_free(t.simple, t.simple_count);
	signatures_free(t.sigstore, t.sigstore_count);
	policy_clear(&policy);
	return r;
}
