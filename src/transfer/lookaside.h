/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where "simple signing" signatures of a registry's images lie, beside the registry: containers-registries.d(5). Read are the *.yaml of
 * ~/.config/containers/registries.d or else /etc/containers/registries.d: `lookaside` (once `sigstore`) of the narrowest scope under
 * `docker`, or of `default-docker`; without one /var/lib/containers/sigstore. */
#ifndef CLOCHE_TRANSFER_LOOKASIDE_H
#define CLOCHE_TRANSFER_LOOKASIDE_H

#include <stddef.h>

struct buf;
struct err;
struct reference;

/* The URL for a name, to be freed: file:, http: or https:. */
int lookaside_find(const struct reference *name, char **ret_url, struct err *err);
/* One file's text: the best scope so far in *scope_length and *url. */
int lookaside_parse(const char *text, const char *file, const char *repository,
		    size_t *scope_length, char **url, struct err *err);
/* Signature number 1, 2, ... of a manifest. -ENOENT without words: there is none. */
int lookaside_get(const char *url, const struct reference *name, const char *digest,
		  unsigned int number, struct buf *ret_message, struct err *err);

#endif
