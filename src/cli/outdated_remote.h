/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `outdated --remote`: tags that lead to another manifest at their registry than the one that was pulled. */
#ifndef CLOCHE_CLI_OUTDATED_REMOTE_H
#define CLOCHE_CLI_OUTDATED_REMOTE_H

#include <stdbool.h>

struct engine;
struct err;

/* One HEAD for each tag that came by a pull or went by a push. What cannot be asked is warned of. */
int outdated_remote(struct engine *engine, bool json, char *const *insecure, struct err *err);
/* Names of the image's containers with commas between; to be freed. */
struct image_row;
struct store;
char *outdated_users(struct store *store, const struct image_row *image, struct err *err);

#endif
