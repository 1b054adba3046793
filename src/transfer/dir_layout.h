/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* skopeo's transport `dir:`: the manifest of one image as manifest.json, its config and layers as files named by their hex digits. */
#ifndef CLOCHE_TRANSFER_DIR_LAYOUT_H
#define CLOCHE_TRANSFER_DIR_LAYOUT_H

#include <stdbool.h>

struct bundle;
struct err;
struct load;

/* Docker's manifest.json is a list, this one's an object. */
bool dir_layout_is(const struct bundle *bundle);
int dir_layout_load(const struct load *load, struct err *err);

#endif
