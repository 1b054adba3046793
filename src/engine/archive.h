/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's files as a tar, as a list of changes, as an image. */
#ifndef CLOCHE_ENGINE_ARCHIVE_H
#define CLOCHE_ENGINE_ARCHIVE_H

#include <stdbool.h>

struct engine;
struct err;

/* The whole tree without volumes, running or not, to a descriptor. */
int archive_export(struct engine *engine, const char *reference, int out, struct err *err);
/* Lines "A /path", "C /path", "D /path" against its image, sorted by path: a string list. */
int archive_diff(struct engine *engine, const char *reference, char ***ret_lines, struct err *err);

struct commit_request {
	const char *name; /* for the image, or NULL */
	const char *author, *message;
	char **changes;
	bool no_pause; /* do not stand it still meanwhile */
};
/* *ret_id: of the new image, to be freed. */
int archive_commit(struct engine *engine, const char *reference,
		   const struct commit_request *request, char **ret_id, struct err *err);

#endif
