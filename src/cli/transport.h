/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places of images as skopeo and podman name them: containers-transports(5).
 *
 *	oci:FOLDER[:NAME]   oci-archive:FILE[:NAME]   docker-archive:FILE[:NAME]   dir:FOLDER
 */
#ifndef CLOCHE_CLI_TRANSPORT_H
#define CLOCHE_CLI_TRANSPORT_H

#include <stdbool.h>

enum transport_kind {
	TRANSPORT_NONE,
	TRANSPORT_OCI,
	TRANSPORT_OCI_ARCHIVE,
	TRANSPORT_DOCKER_ARCHIVE,
	TRANSPORT_DIR,
};

struct transport {
	enum transport_kind kind;
	char *path;
	char *name; /* or NULL */
};

/* Of another text the kind is TRANSPORT_NONE. */
void transport_parse(const char *text, struct transport *ret_transport);
void transport_clear(struct transport *transport);
bool transport_is_folder(const struct transport *transport);

#endif
