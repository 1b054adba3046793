/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* containers-policy.json(5): what must be true of an image of a registry before it is taken. Read is ~/.config/containers/policy.json
 * or else /etc/containers/policy.json, of it what stands under "docker", or "default". What of it is not understood is refused,
 * never passed over: unknown types and keys, certificates and transparency logs of sigstore.
 *
 *	policy_read(&policy, err);
 *	policy_requirements(&policy, &reference, &requirements, &count, err);
 *	policy_clear(&policy);
 */
#ifndef CLOCHE_TRANSFER_POLICY_H
#define CLOCHE_TRANSFER_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;
struct reference;

enum policy_type { POLICY_ACCEPT, POLICY_REJECT, POLICY_SIGNED_BY, POLICY_SIGSTORE };

enum identity_rule {
	IDENTITY_REPO_DIGEST_OR_EXACT, /* the default */
	IDENTITY_EXACT,
	IDENTITY_REPOSITORY,
	IDENTITY_EXACT_REFERENCE,  /* another name, .reference */
	IDENTITY_EXACT_REPOSITORY, /* .reference too */
	IDENTITY_REMAP,		   /* .prefix to .reference, then the default */
};

struct requirement {
	enum policy_type type;
	char **key_paths; /* any of them will do */
	char **key_data;  /* base64, as it stands there */
	enum identity_rule identity;
	char *reference, *prefix;
};

struct policy {
	char *path; /* of the file */
	json_t *json;
};
#define POLICY_NONE ((struct policy){ 0 })

/* -ENOENT: there is no file. */
int policy_read(struct policy *policy, struct err *err);
int policy_parse(struct policy *policy, const char *path, const char *text, size_t length,
		 struct err *err);
void policy_clear(struct policy *policy);

/* Those of the narrowest scope that the name is in; all of them must hold. */
int policy_requirements(const struct policy *policy, const struct reference *name,
			struct requirement **ret_list, size_t *ret_count, struct err *err);
void requirements_free(struct requirement *list, size_t count);

/* Does what a signature names (its docker-reference) stand for this image? */
bool requirement_identity(const struct requirement *requirement, const struct reference *name,
			  const char *signed_name);

#endif
