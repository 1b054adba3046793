/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of create_container: what is known of a container before it has a row. Only create*.c include this. */
#ifndef CLOCHE_ENGINE_DRAFT_H
#define CLOCHE_ENGINE_DRAFT_H

#include <jansson.h>

struct create_options;
struct engine;
struct err;
struct store;

struct draft {
	struct engine *engine;
	const struct create_options *options;
	json_t *image; /* config blob of the image; NULL: none */
	json_t *config, *host, *mounts, *own;
	char **volumes;	  /* names, to be made and referred to */
	char **anonymous; /* those of them without a name of the user's */
	char ***warnings;
	char **made; /* of volumes, those that were not there before */
};

/* The container's Config, from the options and the image (create_config.c). `image` is the word of the user. */
int draft_config(struct draft *draft, const char *id, const char *image, char *const *command,
		 struct err *err);
/* Its Mounts, and the volumes that they want (create_mount.c). */
int draft_mounts(struct draft *draft, struct err *err);
/* In a transaction: its volumes where they are not there yet, and its references to them. */
int draft_volumes_record(struct draft *draft, struct store *store, const char *id, struct err *err);

#endif
