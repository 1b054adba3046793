/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "image/document.h"
#include "image/reference.h"

enum { POLICY_MAX = 1024 * 1024, WORD_MAX = 4096, LIST_MAX = 100 };

/* -- the file --------------------------------------------------------------------------------- */

int policy_parse(struct policy *policy, const char *path, const char *text, size_t length,
		 struct err *err)
{
	json_t *json = NULL;
	int r = document_parse(text, length, path, &json, err);

	if (r == 0 && !json_is_array(json_object_get(json, "default")))
		r = err_set(err, EBADMSG, "%s has no list \"default\"", path);
	if (r < 0) {
		json_decref(json);
		return r;
	}
	*policy = (struct policy){ .path = str_dup(path), .json = json };
	return 0;
}

int policy_read(struct policy *policy, struct err *err)
{
	const char *home = getenv("HOME");
	_cleanup_free_ char *own =
		home && *home ? str_printf("%s/.config/containers/policy.json", home) : NULL;
	const char *const paths[] = { own, "/etc/containers/policy.json" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
		_cleanup_close_ int fd =
			paths[i] ? open(paths[i], O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
		int r = fd < 0 ? 0 : fd_read_all(fd, POLICY_MAX, &text);

		if (!paths[i] || (fd < 0 && errno == ENOENT))
			continue;
		if (fd < 0 || r < 0)
			return err_sys(err, r < 0 ? r : errno, "read %s", paths[i]);
		return policy_parse(policy, paths[i], text.data ? text.data : "", text.length, err);
	}
	return err_set(err, ENOENT, "there is neither %s nor /etc/containers/policy.json",
		       own ? own : "~/.config/containers/policy.json");
}

void policy_clear(struct policy *policy)
{
	free(policy->path);
	json_decref(policy->json);
	*policy = POLICY_NONE;
}

/* -- scopes ----------------------------------------------------------------------------------- */

/* The narrowest first: HOST/PATH:TAG or @DIGEST, HOST/PATH, HOST/PA, HOST, *.DOMAIN, "". */
static const json_t *find_scope(const json_t *scopes, const struct reference *name)
{
	_cleanup_free_ char *full = reference_full(name);
	_cleanup_free_ char *repository = str_printf("%s/%s", name->domain, name->path);
	const json_t *found = json_object_get(scopes, full);

	if (found)
		return found;
	for (;;) {
		char *slash;

		found = json_object_get(scopes, repository);
		if (found)
			return found;
		slash = strrchr(repository, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	for (const char *dot = strchr(name->domain, '.'); dot; dot = strchr(dot + 1, '.')) {
		_cleanup_free_ char *wild = str_printf("*%s", dot);

		found = json_object_get(scopes, wild);
		if (found)
			return found;
	}
	return json_object_get(scopes, "");
}

/* -- requirements ----------------------------------------------------------------------------- */

static int text_into(const json_t *json, const char *key, char ***list, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int r = document_string(json, key, POLICY_MAX, &text, err);

	if (r == 0 && text)
		strv_add(list, text);
	return r;
}

static int list_into(const json_t *json, const char *key, char ***list, struct err *err)
{
	_cleanup_strv_ char **some = NULL;
	int r = document_strv(json, key, LIST_MAX, &some, err);

	for (size_t i = 0; r == 0 && some && some[i]; i++)
		strv_add(list, some[i]);
	return r;
}

static int known_keys(const json_t *json, const char *const *known, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return err_set(err, EOPNOTSUPP, "\"%.100s\" is not understood here", key);
	}
	return 0;
}

static int read_identity(const json_t *json, struct requirement *ret, struct err *err)
{
	static const struct {
		const char *type, *reference;
		enum identity_rule rule;
	} rules[] = {
		{ "matchRepoDigestOrExact", NULL, IDENTITY_REPO_DIGEST_OR_EXACT },
		{ "matchExact", NULL, IDENTITY_EXACT },
		{ "matchRepository", NULL, IDENTITY_REPOSITORY },
		{ "exactReference", "dockerReference", IDENTITY_EXACT_REFERENCE },
		{ "exactRepository", "dockerRepository", IDENTITY_EXACT_REPOSITORY },
		{ "remapIdentity", "signedPrefix", IDENTITY_REMAP },
	};
	static const char *const known[] = { "type",   "dockerReference", "dockerRepository",
					     "prefix", "signedPrefix",	  NULL };
	_cleanup_free_ char *type = NULL;
	int r;

	if (!json)
		return 0;
	r = document_string(json, "type", WORD_MAX, &type, err);
	if (r == 0)
		r = known_keys(json, known, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!type || strcmp(rules[i].type, type) != 0)
			continue;
		ret->identity = rules[i].rule;
		if (rules[i].reference)
			r = document_string(json, rules[i].reference, WORD_MAX, &ret->reference,
					    err);
		if (r == 0 && rules[i].rule == IDENTITY_REMAP)
			r = document_string(json, "prefix", WORD_MAX, &ret->prefix, err);
		if (r == 0 && rules[i].reference &&
		    (!ret->reference || (rules[i].rule == IDENTITY_REMAP && !ret->prefix)))
			r = err_set(err, EBADMSG, "signedIdentity of type %s lacks a name", type);
		return r;
	}
	return err_set(err, EOPNOTSUPP, "signedIdentity of type \"%.100s\" is not understood here",
		       type ? type : "");
}

static int read_keys(const json_t *json, struct requirement *ret, struct err *err)
{
	int r = text_into(json, "keyPath", &ret->key_paths, err);

	if (r == 0)
		r = list_into(json, "keyPaths", &ret->key_paths, err);
	if (r == 0)
		r = text_into(json, "keyData", &ret->key_data, err);
	if (r == 0)
		r = list_into(json, "keyDatas", &ret->key_data, err);
	if (r == 0 && !ret->key_paths && !ret->key_data)
		r = err_set(err, EBADMSG, "it names no key");
	return r;
}

static int read_requirement(const json_t *json, struct requirement *ret, struct err *err)
{
	static const char *const known[] = { "type",	"keyType",  "keyPath",	      "keyPaths",
					     "keyData", "keyDatas", "signedIdentity", NULL };
	_cleanup_free_ char *type = NULL, *key_type = NULL;
	const json_t *identity = NULL;
	int r = json_is_object(json) ? document_string(json, "type", WORD_MAX, &type, err) :
				       err_set(err, EBADMSG, "a requirement is no object");

	if (r == 0)
		r = known_keys(json, known, err);
	if (r < 0)
		return r;
	if (type && strcmp(type, "insecureAcceptAnything") == 0) {
		ret->type = POLICY_ACCEPT;
		return 0;
	}
	if (type && strcmp(type, "reject") == 0) {
		ret->type = POLICY_REJECT;
		return 0;
	}
	if (type && strcmp(type, "signedBy") == 0)
		ret->type = POLICY_SIGNED_BY;
	else if (type && strcmp(type, "sigstoreSigned") == 0)
		ret->type = POLICY_SIGSTORE;
	else
		return err_set(err, EOPNOTSUPP,
			       "a requirement of type \"%.100s\" is not understood here",
			       type ? type : "");
	r = document_string(json, "keyType", WORD_MAX, &key_type, err);
	if (r == 0 && ret->type == POLICY_SIGNED_BY &&
	    (!key_type || strcmp(key_type, "GPGKeys") != 0))
		r = err_set(err, EOPNOTSUPP, "keyType is not GPGKeys");
	if (r == 0)
		r = read_keys(json, ret, err);
	if (r == 0)
		r = document_object(json, "signedIdentity", LIST_MAX, &identity, err);
	return r == 0 ? read_identity(identity, ret, err) : r;
}

/* A pull is what podman calls the transport docker. */
static const char transport[] = "docker";

int policy_requirements(const struct policy *policy, const struct reference *name,
			struct requirement **ret_list, size_t *ret_count, struct err *err)
{
	const json_t *scopes =
		json_object_get(json_object_get(policy->json, "transports"), transport);
	const json_t *found = json_is_object(scopes) ? find_scope(scopes, name) : NULL, *one;
	struct requirement *list;
	size_t i, count = 0;
	int r = 0;

	if (!found)
		found = json_object_get(policy->json, "default");
	if (!json_is_array(found) || json_array_size(found) == 0 ||
	    json_array_size(found) > LIST_MAX)
		return err_set(err, EBADMSG, "%s: what holds for %s/%s is no list of requirements",
			       policy->path, name->domain, name->path);
	list = mem_new(json_array_size(found) * sizeof(*list));
	json_array_foreach(found, i, one)
	{
		if (r == 0)
			r = read_requirement(one, &list[count++], err);
	}
	if (r < 0) {
		requirements_free(list, count);
		return err_wrap(err, "%s", policy->path);
	}
	*ret_list = list;
	*ret_count = count;
	return 0;
}

void requirements_free(struct requirement *list, size_t count)
{
	for (size_t i = 0; list && i < count; i++) {
		strv_clear(list[i].key_paths);
		strv_clear(list[i].key_data);
		free(list[i].reference);
		free(list[i].prefix);
	}
	free(list);
}

/* -- identities ------------------------------------------------------------------------------- */

static bool same_repository(const struct reference *a, const struct reference *b)
{
	return strcmp(a->domain, b->domain) == 0 && strcmp(a->path, b->path) == 0;
}

/* A name that was written without tag and digest has a tag by our parser, which is not meant here. */
static bool is_bare(const char *text)
{
	const char *slash = strrchr(text, '/');

	return !strpbrk(slash ? slash : text, ":@");
}

static bool exact(const struct reference *name, const struct reference *is, const char *text)
{
	return !is_bare(text) && same_repository(name, is) && !is->digest && !name->digest &&
	       str_equal(name->tag, is->tag);
}

static bool repo_digest_or_exact(const struct reference *name, const struct reference *is,
				 const char *text)
{
	/* with a digest the image itself was named, and the signature's own digest is checked */
	return name->digest ? same_repository(name, is) : exact(name, is, text);
}

static bool fits(const struct requirement *q, const struct reference *name,
		 const struct reference *is, const char *text)
{
	switch (q->identity) {
	case IDENTITY_EXACT:
		return exact(name, is, text);
	case IDENTITY_REPOSITORY:
		return same_repository(name, is);
	default:
		return repo_digest_or_exact(name, is, text);
	}
}

static bool fits_other(const struct requirement *q, const struct reference *is, const char *text)
{
	struct reference other = REFERENCE_EMPTY;
	struct err ignored = ERR_NONE;
	bool good = reference_parse(q->reference, &other, &ignored) == 0 &&
		    (q->identity == IDENTITY_EXACT_REPOSITORY ? same_repository(&other, is) :
								exact(&other, is, text));

	reference_clear(&other);
	return good;
}

static bool fits_remapped(const struct requirement *q, const struct reference *name,
			  const struct reference *is, const char *text)
{
	_cleanup_free_ char *full = reference_full(name), *other = NULL;
	size_t n = strlen(q->prefix);
	struct reference moved = REFERENCE_EMPTY;
	struct err ignored = ERR_NONE;
	bool good;

	if (!str_prefix(full, q->prefix) || (full[n] && !strchr("/:@", full[n])))
		return repo_digest_or_exact(name, is, text);
	other = str_printf("%s%s", q->reference, full + n);
	good = reference_parse(other, &moved, &ignored) == 0 &&
	       repo_digest_or_exact(&moved, is, text);
	reference_clear(&moved);
	return good;
}

bool requirement_identity(const struct requirement *requirement, const struct reference *name,
			  const char *signed_name)
{
	struct reference is = REFERENCE_EMPTY;
	struct err ignored = ERR_NONE;
	bool good = false;

	if (reference_parse(signed_name, &is, &ignored) < 0)
		return false;
	switch (requirement->identity) {
	case IDENTITY_EXACT_REFERENCE:
	case IDENTITY_EXACT_REPOSITORY:
		good = fits_other(requirement, &is, signed_name);
		break;
	case IDENTITY_REMAP:
		good = fits_remapped(requirement, name, &is, signed_name);
		break;
	default:
		good = fits(requirement, name, &is, signed_name);
	}
	reference_clear(&is);
	return good;
}
