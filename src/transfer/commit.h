/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `commit`: what a container wrote becomes one more layer of its image. */
#ifndef CLOCHE_TRANSFER_COMMIT_H
#define CLOCHE_TRANSFER_COMMIT_H

#include <stdint.h>

struct err;
struct outcome;
struct work;

struct commit_options {
	const char *parent;   /* id of the image: "sha256:..." */
	const char *manifest; /* of the parent; NULL: it has none, and the image gets none */
	const char *config;   /* the container's Config, JSON in Docker's names */
	const char *author, *message, *created_by; /* or NULL */
	char **changes;				   /* or NULL */
	uint64_t limit_bytes;
};

/* fd: the layer's tar, from its start. */
int commit_image(const struct work *work, int fd, const struct commit_options *options,
		 struct outcome *outcome, struct err *err);

#endif
