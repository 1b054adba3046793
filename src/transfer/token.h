/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The value of the header Authorization, for a challenge (challenge.h): from a user and password, or from a token server. */
#ifndef CLOCHE_TRANSFER_TOKEN_H
#define CLOCHE_TRANSFER_TOKEN_H

#include "transfer/challenge.h"

struct err;
struct http;
struct registry_access;

/* -EACCES: there are no credentials. */
int token_basic(const struct registry_access *access, char **ret_authorization, struct err *err);

/* base: "https://host" of the registry. scope: what is wanted; NULL: what the challenge names.
 * -EPERM: the token server is not of the registry's domain, and there are credentials to lose. */
int token_fetch(const struct registry_access *access, struct http *http, const char *base,
		const struct challenge *challenge, const char *scope, char **ret_authorization,
		struct err *err);

/* May credentials of the registry go to that host? Itself, its subdomains, and those of its parent domain. */
int token_host_allowed(const char *registry_host, const char *host);

#endif
