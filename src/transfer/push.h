/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `push`: an image to a registry. Only the blobs that the registry lacks are sent, side by side; those that another repository
 * of it has are mounted from there; the manifest last, byte for byte as it came. */
#ifndef CLOCHE_TRANSFER_PUSH_H
#define CLOCHE_TRANSFER_PUSH_H

#include "transfer/progress.h"

struct err;

struct push_options {
	const char *reference; /* full, with a tag */
	const char *
		image; /* stored_image_parse: its names tell which repositories may have its blobs */
	char **insecure;
	enum progress_mode progress;
};

/* Prints Docker's last line, "TAG: digest: sha256:... size: N", to stdout. */
int push_image(int root, const struct push_options *options, struct err *err);

#endif
