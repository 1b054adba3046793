/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Images as the engine sees them: what a reference means, and the verbs of `image`. Unpacking is cloche-transfer's. */
#ifndef CLOCHE_ENGINE_IMAGE_H
#define CLOCHE_ENGINE_IMAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "state/store.h"

struct buf;
struct engine;
struct err;

/* By name (Docker's short names), id or prefix. `No such image: x` is of the kind ERR_NO_IMAGE, its exit status left to the caller. */
int image_resolve(struct engine *engine, const char *reference, struct image_row *ret_row,
		  struct err *err);
/* Run `cloche-transfer VERB --root ROOT ARGS...`, record what it reports in one transaction. *ret_report: its JSON, with "images". */
int image_transfer(struct engine *engine, const char *verb, char *const *args, int input,
		   json_t **ret_report, struct err *err);
enum image_pulled { IMAGE_UP_TO_DATE, IMAGE_NEWER };
/* From its registry. args: of cloche-transfer pull. *ret_full: the name's full form, *ret_digest: of what it led to. */
int image_pull(struct engine *engine, const char *name, char *const *args,
	       enum image_pulled *ret_what, char **ret_full, char **ret_digest, struct err *err);
/* Have it here before a container is made of it. when: "always", "missing" or "never"; args: as above. missing is told the
 * name that must be fetched. */
int image_ensure(struct engine *engine, const char *name, const char *when, char *const *args,
		 void (*missing)(const char *familiar), struct err *err);
/* "docker.io/library/web:latest" from "web" */
int image_name_full(const char *name, char **ret_full, struct err *err);
/* To stdout, as an archive, or where args, of cloche-transfer save, say. */
int image_save(struct engine *engine, char *const *names, char *const *args, struct err *err);
/* args: of cloche-transfer push. said: takes the line that it prints; NULL: that goes to stdout. */
int image_push(struct engine *engine, const char *name, char *const *args, struct buf *said,
	       struct err *err);
int image_tag_add(struct engine *engine, const char *reference, const char *new_tag,
		  struct err *err);
/* Docker's `rmi`: lines of what was done ("Untagged: ...", "Deleted: ...") in *ret_lines. */
int image_remove(struct engine *engine, const char *reference, bool force, char ***ret_lines,
		 struct err *err);
/* Docker's structure of `image inspect`: a new object. */
json_t *image_inspect(struct engine *engine, const struct image_row *row);
/* Is it a NAME@DIGEST, which a pull leaves beside the tag? */
bool image_name_is_digest(const char *full);
/* "web:1" from "docker.io/library/web:1" */
char *image_familiar(const char *full);

#endif
