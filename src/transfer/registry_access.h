/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a registry is to be reached, from the machine's settings: where it is, whom it trusts (certs.d of Docker and of podman),
 * as whom we come, and whether it may be without TLS. */
#ifndef CLOCHE_TRANSFER_REGISTRY_ACCESS_H
#define CLOCHE_TRANSFER_REGISTRY_ACCESS_H

struct err;
struct registry_access;

/* domain and path: of a reference. insecure: a list of HOST[:PORT] besides $CLOCHE_INSECURE_REGISTRIES (a,b,c); or NULL. */
int registry_access_find(const char *domain, const char *path, char *const *insecure,
			 struct registry_access *ret_access, struct err *err);

#endif
