/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `import`: a root file system in a tar becomes an image of one layer, with a configuration of ours. */
#ifndef CLOCHE_TRANSFER_IMPORT_H
#define CLOCHE_TRANSFER_IMPORT_H

#include <jansson.h>
#include <stdint.h>

struct err;
struct outcome;
struct work;

struct import_options {
	const char *source;   /* for the comment: "-", a file's name */
	const char *message;  /* instead of the comment; or NULL */
	const char *platform; /* OS[/ARCH[/VARIANT]], or NULL: this machine's */
	char **changes;	      /* change.h; or NULL */
	uint64_t limit_bytes;
};

/* "created" of an image that is made now. */
json_t *import_now_json(void);
/* fd: the tar, from its start; the caller's. Instructions are checked before it is read. */
int import_image(const struct work *work, int fd, const struct import_options *options,
		 struct outcome *outcome, struct err *err);

/* What comes by a pipe goes into a file of the work folder first: it is unpacked, and kept (kept_blob.h). */
#define IMPORT_SPOOL "input"
int import_spool(const struct work *work, int fd, uint64_t limit_bytes, int *ret_fd,
		 struct err *err);

#endif
