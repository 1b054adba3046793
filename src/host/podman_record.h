/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container of Podman in Docker's structure, as foreign_docker_record() has one of Docker. Podman keeps containers in a database whose kind and
 * layout change with its versions (BoltDB, SQLite), so its own program is asked: it has no daemon, and `podman inspect` changes nothing.
 *
 *	json_t *record = podman_record("web");
 *	as_options_make(record, json_at(record, "ImageConfig"), json_string_at(record, "ID", ""), ...);
 */
#ifndef CLOCHE_HOST_PODMAN_RECORD_H
#define CLOCHE_HOST_PODMAN_RECORD_H

#include <jansson.h>

/* By name, id or the beginning of one; the image's "config" is ImageConfig (may be missing). NULL: there is none, or no Podman. New
 * reference. */
json_t *podman_record(const char *reference);
/* The same from what `podman container inspect` and `podman image inspect` (or NULL) print for one object. What Podman gives every container
 * is left out. New reference. */
json_t *podman_record_make(const json_t *container, const json_t *image);

#endif
