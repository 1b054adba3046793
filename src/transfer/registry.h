/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A registry as its client sees it (OCI distribution-spec 1.1; distribution, "Token Authentication Specification"): one server,
 * credentials for it, and requests that are answered, authorized, redirected, retried and resumed until they are through.
 *
 * 1. Credentials go to the registry, and to a token server that is the registry's own or of its domain; nowhere else.
 * 2. From https nothing leads to http; no redirect leads to another scheme or to a link-local address.
 * 3. What comes is bounded: a body by the caller's limit, a token, an error, ten redirects.
 *
 *	registry_open(&registry, &access, err);
 *	registry_perform(registry, &(struct registry_request){ .method = "GET", .path = "/v2/library/web/manifests/1",
 *			 .scope = "repository:library/web:pull", .limit = DOCUMENT_SIZE, .sink = &sink }, &response, err);
 */
#ifndef CLOCHE_TRANSFER_REGISTRY_H
#define CLOCHE_TRANSFER_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "transfer/http.h"

struct err;
struct registry;

struct registry_access {
	char *host;    /* "registry-1.docker.io", "localhost:5000" */
	bool insecure; /* any certificate, or plain http, will do */
	bool loopback; /* plain http will do where it speaks no TLS, as Docker has it */
	bool plain;    /* it is known to speak no TLS */
	char *user, *password, *identity_token; /* or NULL */
	char *authorization, *scope;		/* what another client of it got already; or NULL */
	char *ca_pem, *cert_pem, *key_pem;
	char *socket; /* of unix(7), instead of host's address; or NULL */
	unsigned int stall_s;
};
#define REGISTRY_ACCESS_EMPTY ((struct registry_access){ .stall_s = 30 })
void registry_access_clear(struct registry_access *access);

struct registry_request {
	const char *method, *path; /* a path, or an upload's whole URL as the registry gave it */
	const char *scope;	   /* "repository:NAME:pull"; or NULL */
	char *const *headers;
	uint64_t offset; /* of the body: the bytes before it are there already */
	uint64_t limit;	 /* of the whole body; more is -EFBIG */
	const struct http_sink *sink;
	const struct http_source *source; /* sent once: no retry */
};

/* access: borrowed for the registry's life. */
int registry_open(struct registry **ret_registry, const struct registry_access *access,
		  struct err *err);
void registry_close(struct registry *registry);

/* 0: a success, 2xx. -ENOENT: 404. -EACCES: 401 and 403. Others with words; *ret_response is set in any case. */
int registry_perform(struct registry *registry, const struct registry_request *request,
		     struct http_response *ret_response, struct err *err);

/* What a second client may begin with. */
bool registry_is_plain(const struct registry *registry);
const char *registry_authorization(const struct registry *registry); /* or NULL */

#endif
