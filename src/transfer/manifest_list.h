/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of the images of one name for several platforms, on its way to a registry: begun here (`manifest create`), corrected
 * (`annotate`), pushed as an OCI index or, when all of its images are Docker's, as Docker's manifest list. It is kept as
 * manifest-lists/HEX.json below the data root, HEX being the digest of its name:
 *
 *	{"name": "localhost:5000/me/web:1", "manifests": [{descriptor, "platform": {...}, "repository": "localhost:5000/me/web",
 *	 "image": "localhost:5000/me/web:arm"}]}
 */
#ifndef CLOCHE_TRANSFER_MANIFEST_LIST_H
#define CLOCHE_TRANSFER_MANIFEST_LIST_H

#include <stdbool.h>

struct err;

struct manifest_platform { /* what annotate changes; NULL: nothing */
	const char *os, *architecture, *variant, *os_version;
};

/* images: at their registries. -EEXIST: there is such a list, and amend is false. */
int manifest_list_create(int root, const char *name, char *const *images, bool amend,
			 char *const *insecure, struct err *err);
int manifest_list_annotate(int root, const char *name, const char *image,
			   const struct manifest_platform *platform, struct err *err);
/* To its registry; images of another repository of the same registry are made known to this one first. purge: and forget the list. */
int manifest_list_push(int root, const char *name, bool purge, char *const *insecure,
		       struct err *err);
/* The list as it would be pushed, to stdout. -ENOENT without words: there is none. */
int manifest_list_show(int root, const char *name, struct err *err);
int manifest_list_remove(int root, const char *name, struct err *err);

#endif
