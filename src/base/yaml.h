/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* YAML 1.1 as JSON, for files that may be written in either: one document, whose plain words are null, true, false and numbers as in
 * YAML's core schema, everything else text. libyaml is loaded for it and not before. Anchors, aliases and tags of one's own are
 * refused: no file that is meant for this has them, and they are how few bytes become many. */
#ifndef CLOCHE_BASE_YAML_H
#define CLOCHE_BASE_YAML_H

#include <jansson.h>
#include <stddef.h>

struct err;

/* NULL with the words, that name the line: not well formed, a key twice, deeper than 64 (-EBADMSG); no library (-ENOENT). */
json_t *yaml_load(const char *text, size_t length, struct err *err);

#endif
