/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The types that Docker's client has for what `inspect` prints (28: api/types/container, image, volume, network), as shapes for
 * templates: which fields there are, in Go's order, and what an absent or null one prints as. Go's names count in a
 * template ({{.ID}}); the JSON's ({{.Id}}) are found by the second try without types, as with Docker. */
#ifndef CLOCHE_CLI_DOCKER_TYPE_H
#define CLOCHE_CLI_DOCKER_TYPE_H

#include "base/template.h"

/* Ours, of what Docker's have and of what is our own (Settings). */
extern const struct template_shape docker_info, docker_version, docker_event;
extern const struct template_shape docker_container, docker_image, docker_volume, docker_network;

#endif
