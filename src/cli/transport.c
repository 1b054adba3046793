/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void transport_parse(const char *text, struct transport *ret_transport)
{
	static const struct {
		const char *prefix;
		enum transport_kind kind;
	} kinds[] = {
		{ "oci:", TRANSPORT_OCI },
		{ "oci-archive:", TRANSPORT_OCI_ARCHIVE },
		{ "docker-archive:", TRANSPORT_DOCKER_ARCHIVE },
		{ "dir:", TRANSPORT_DIR },
	};

	*ret_transport = (struct transport){ .kind = TRANSPORT_NONE };
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *rest = text + strlen(kinds[i].prefix), *colon;

		if (!str_prefix(text, kinds[i].prefix))
			continue;
		colon = kinds[i].kind == TRANSPORT_DIR ? NULL : strchr(rest, ':');
		*ret_transport = (struct transport){
			.kind = kinds[i].kind,
			.path = colon ? str_ndup(rest, (size_t)(colon - rest)) : str_dup(rest),
			.name = colon && colon[1] ? str_dup(colon + 1) : NULL,
		};
		return;
	}
}

void transport_clear(struct transport *transport)
{
	free(transport->path);
	free(transport->name);
	*transport = (struct transport){ .kind = TRANSPORT_NONE };
}

bool transport_is_folder(const struct transport *transport)
{
	return transport->kind == TRANSPORT_OCI || transport->kind == TRANSPORT_DIR;
}
