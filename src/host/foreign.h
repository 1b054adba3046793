/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other engines keep about their containers, read from their own files, never changed, never asked of their daemons. The files are
 * root's; their sizes are limited all the same. */
#ifndef CLOCHE_HOST_FOREIGN_H
#define CLOCHE_HOST_FOREIGN_H

#include <jansson.h>
#include <stddef.h>

struct owner;
struct process_table;

struct buf;

/* Docker's map of ports, as "0.0.0.0:8080->80/tcp, 90/udp". */
void foreign_ports(const json_t *ports, struct buf *out);
/* Docker's config.v2.json as host/owner.h's details. */
json_t *foreign_docker(const json_t *config);
/* A container of Docker's by name, id or the beginning of one: config.v2.json with hostconfig.json as HostConfig and the image's "config" as
 * ImageConfig (may be missing). NULL: there is none. New reference. */
json_t *foreign_docker_record(const char *reference);
/* An OCI config.json with its annotations (CRI-O, containerd with Kubernetes). */
json_t *foreign_bundle(const json_t *config);
/* The entry `id` of Podman's containers.json. */
json_t *foreign_podman(const json_t *containers, const char *id);

#endif
