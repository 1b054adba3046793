/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One repository of a registry, or the registry itself, for short questions: documents, lists of tags, heads of manifests. Where it
 * really is, registries.conf says; its mirrors are for pulls and are not asked.
 *
 *	_cleanup_(remote_close) struct remote remote = REMOTE_NONE;
 *	remote_open("localhost:5000", "me/web", "pull", insecure, &remote, err);
 *	remote_get(&remote, path, accept, DOCUMENT_SIZE, &body, &answer, err);
 */
#ifndef CLOCHE_TRANSFER_REMOTE_H
#define CLOCHE_TRANSFER_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transfer/fetcher.h"
#include "transfer/registry.h"

struct err;

struct remote {
	char *domain, *path; /* where it is; path NULL: the registry itself */
	char *scope;
	struct registry_access access;
	struct fetcher fetcher;
};
#define REMOTE_NONE ((struct remote){ .access = REGISTRY_ACCESS_EMPTY, .fetcher = FETCHER_NONE })

/* What accepts every form of manifest: a header. */
extern const char remote_accept_manifests[];

/* actions: "pull" or "pull,push"; path NULL: of the registry, for its catalog. */
int remote_open(const char *domain, const char *path, const char *actions, char *const *insecure,
		struct remote *ret_remote, struct err *err);
void remote_close(struct remote *remote);

/* method: GET, HEAD, POST or DELETE, with no body. accept: a header; or NULL. What is longer than limit is -EFBIG. */
int remote_ask(struct remote *remote, const char *method, const char *path, const char *accept,
	       uint64_t limit, struct buf *ret_body, struct fetch_answer *ret_answer,
	       struct err *err);
/* PUT bytes of a media type. */
int remote_put(struct remote *remote, const char *path, const char *type, const void *bytes,
	       size_t length, struct fetch_answer *ret_answer, struct err *err);
/* The manifest or index by tag or digest, its digest checked; type: the header's, or NULL. */
int remote_manifest(struct remote *remote, const char *tag_or_digest, struct buf *ret_body,
		    char **ret_type, char *ret_digest, struct err *err);
/* All tags, sorted as they come. */
int remote_tags(struct remote *remote, char ***ret_tags, struct err *err);
/* All repositories of a registry that was opened without a path. */
int remote_catalog(struct remote *remote, char ***ret_repositories, struct err *err);

#endif
