/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document of a container as Docker prints it: every key that Docker has, in its order, with its empty values. The record
 * holds only what was asked for. Keys of ours stand behind Docker's. */
#ifndef CLOCHE_ENGINE_DOCKER_DOCUMENT_H
#define CLOCHE_ENGINE_DOCKER_DOCUMENT_H

#include <jansson.h>

/* HostConfig of a record; masked and readonly: its lists, NULL when nothing is masked. New objects. */
json_t *docker_host_config(const json_t *record_config, json_t *masked, json_t *readonly);
json_t *docker_config(const json_t *record_config);
/* What of "Mounts" Docker lists: not what --tmpfs made. */
json_t *docker_mounts(const json_t *record_config, const json_t *mounts);

#endif
