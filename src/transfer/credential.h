/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials for a registry, where Docker and podman keep them: $DOCKER_CONFIG or ~/.docker, config.json (auths, credHelpers,
 * credsStore); $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json. The first that
 * knows the registry wins. Only the trusted parent reads them. */
#ifndef CLOCHE_TRANSFER_CREDENTIAL_H
#define CLOCHE_TRANSFER_CREDENTIAL_H

#include <stdbool.h>

struct err;

struct credential {
	char *user, *password, *identity_token; /* all NULL: none is known */
};
#define CREDENTIAL_NONE ((struct credential){ 0 })
void credential_clear(struct credential *credential);

/* domain: as in a full reference, "docker.io" for Docker Hub. path: the repository; podman's files may have credentials for a
 * part of a registry. Nothing found is success. */
int credential_find(const char *domain, const char *path, struct credential *ret_credential,
		    struct err *err);

/* Into Docker's file, mode 0600, or its credsStore. *ret_plain: it stands there readable for whoever may read the file. */
int credential_store(const char *domain, const struct credential *credential, char **ret_file,
		     bool *ret_plain, struct err *err);
/* Out of it. -ENOENT: it is not there. */
int credential_erase(const char *domain, struct err *err);

#endif
