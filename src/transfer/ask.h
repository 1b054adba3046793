/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to registries that change nothing here; answers go to stdout, a line or a document each. */
#ifndef CLOCHE_TRANSFER_ASK_H
#define CLOCHE_TRANSFER_ASK_H

struct err;

/* The tags of a repository, a line each. */
int ask_tags(const char *reference, char *const *insecure, struct err *err);
/* The manifest or index that a name leads to, byte for byte. */
int ask_manifest(const char *reference, char *const *insecure, struct err *err);
/* "DIGEST<tab>TYPE<tab>SIZE" of what is attached to an image: signatures, lists of parts, whatever; by the registry's referrers, or the tag
 * that stands for them where it has none (distribution-spec, "Listing Referrers"). */
int ask_referrers(const char *reference, char *const *insecure, struct err *err);
/* "NAME<tab>DIGEST" of what each name leads to now, by one HEAD each; "NAME<tab><tab>WORDS" when that cannot be told. */
int ask_heads(char *const *references, char *const *insecure, struct err *err);
/* "NAME<tab>STARS<tab>official or nothing<tab>DESCRIPTION" of each repository that has text in its name. text: a word for Docker
 * Hub, which searches descriptions too, or HOST[:PORT]/WORD, whose catalog is asked for. */
int ask_search(const char *text, unsigned int limit, char *const *insecure, struct err *err);

#endif
