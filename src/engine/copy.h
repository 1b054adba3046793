/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files into and out of a container, running or not, by Docker's rules for `cp`. */
#ifndef CLOCHE_ENGINE_COPY_H
#define CLOCHE_ENGINE_COPY_H

#include <stdbool.h>

struct engine;
struct err;

struct copy_options {
	bool keep_owner;  /* -a: numbers as they are on the other side */
	bool follow;	  /* -L: the last component of the source may be a link */
	bool into_folder; /* the destination must be one: set by copy_into_tar */
};

/* host_path: a file or folder; "dir/." is what is in it. */
int copy_into(struct engine *engine, const char *reference, const char *host_path,
	      const char *container_path, const struct copy_options *options, struct err *err);
int copy_out(struct engine *engine, const char *reference, const char *container_path,
	     const char *host_path, const struct copy_options *options, struct err *err);
/* A tar of it to a descriptor. */
int copy_out_tar(struct engine *engine, const char *reference, const char *container_path, int out,
		 const struct copy_options *options, struct err *err);
/* The tar on descriptor `in`, unpacked into an existing folder. Read by cloche-transfer, in its sandbox. */
int copy_into_tar(struct engine *engine, const char *reference, int in, const char *container_path,
		  const struct copy_options *options, struct err *err);

#endif
