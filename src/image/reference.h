/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of images, in Docker's grammar (distribution/reference, "reference.go"):
 *
 *	[domain/]path[:tag][@sha256:hex]
 *
 * A short name means Docker Hub: `web` is docker.io/library/web:latest, `me/web` is docker.io/me/web:latest. The
 * full form is what the database holds, the familiar form is what people read and type.
 *
 *	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
 *	reference_parse("web", &ref, err);
 *	full = reference_full(&ref);                      docker.io/library/web:latest
 */
#ifndef CLOCHE_IMAGE_REFERENCE_H
#define CLOCHE_IMAGE_REFERENCE_H

struct err;

struct reference {
	char *domain; /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *path;   /* "library/web" */
	char *tag; /* "latest" when the text had neither tag nor digest; NULL with a digest alone */
	char *digest; /* "sha256:..." or NULL */
};
#define REFERENCE_EMPTY ((struct reference){ 0 })

/* -EINVAL with Docker's words: `invalid reference format`, `... repository name (X) must be lowercase`, an id of 64 hex
 * digits as a name. On failure *ret_reference is untouched. */
int reference_parse(const char *text, struct reference *ret_reference, struct err *err);
void reference_clear(struct reference *reference);

/* domain/path[:tag][@digest]; the caller frees. */
char *reference_full(const struct reference *reference);
/* Docker's short repository as `docker images` shows it, without tag and digest: "web", "me/web", "quay.io/me/web". */
char *reference_familiar_name(const struct reference *reference);
/* The same with tag and digest. */
char *reference_familiar(const struct reference *reference);

/* Text to full form in one step. */
int reference_normalize(const char *text, char **ret_full, struct err *err);

#endif
