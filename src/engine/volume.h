/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Volumes: folders below the data root that containers share, each seeing its own ids. */
#ifndef CLOCHE_ENGINE_VOLUME_H
#define CLOCHE_ENGINE_VOLUME_H

#include "state/store.h"

struct engine;
struct err;

/* -o of `volume create`, Docker's local driver: type=, device=, o=. What a container is given then is no folder of ours but a host folder
 * (type=none, o=bind) or a file system (type=nfs, ext4, ...), mounted for each container anew. *ret_json: a JSON object, NULL for none. */
int volume_options_parse(char *const *options, char **ret_json, struct err *err);
/* name NULL: an anonymous one. *ret_name to be freed. An existing one is success, as with Docker. */
int volume_create(struct engine *engine, const char *name, char *const *labels, const char *options,
		  char **ret_name, struct err *err);
/* `get x: no such volume`; `volume is in use - [ids]` */
int volume_remove(struct engine *engine, const char *name, struct err *err);
/* After a removal that was killed: its row may be gone already, and the files still there. */
int volume_remove_again(struct engine *engine, const char *name, struct err *err);

#endif
