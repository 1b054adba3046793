/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of an image (image-spec, config.md; Docker's is the same with more keys). It is checked as a whole
 * when it arrives; its bytes are kept, since the image's id is their digest.
 *
 *	_cleanup_(image_config_clear) struct image_config config = IMAGE_CONFIG_EMPTY;
 *	image_config_parse(bytes, length, &config, err);
 */
#ifndef CLOCHE_IMAGE_IMAGE_CONFIG_H
#define CLOCHE_IMAGE_IMAGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum { IMAGE_LAYERS_MAX = 500 }; /* what overlayfs stacks (fs/overlayfs, OVL_MAX_STACK) */

struct image_history {
	char *created, *created_by, *author, *comment; /* any may be NULL */
	bool empty_layer;
};

struct image_config {
	/* what a container of it does; lists are NULL when empty */
	char **env; /* NAME=VALUE */
	char **entrypoint, **cmd;
	char **shell;	      /* Docker's, for RUN and shell forms */
	char **volumes;	      /* absolute paths */
	char **exposed_ports; /* "80/tcp" */
	char **labels;	      /* NAME=VALUE */
	char *user;	      /* "" or NULL: root */
	char *working_dir;    /* absolute, or NULL */
	char *stop_signal;    /* "SIGTERM", "15", or NULL */

	/* what it is */
	char *architecture, *os, *variant; /* "amd64", "linux", NULL */
	char *created, *author;		   /* RFC 3339; NULL when not said */
	char **diff_ids;		   /* lowest first, each a valid digest */
	struct image_history *history;
	size_t history_count;

	char *raw; /* the bytes as they came, NUL-terminated */
	size_t raw_length;
};
#define IMAGE_CONFIG_EMPTY ((struct image_config){ 0 })

/* -EBADMSG, -EFBIG: words name the field. On failure *ret_config is untouched. */
int image_config_parse(const char *bytes, size_t length, struct image_config *ret_config,
		       struct err *err);
void image_config_clear(struct image_config *config);

#endif
