/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of images beneath the data root, layers/ and blobs/sha256/, against the rows that say who needs them.
 *
 * Files come before their rows and go after them, so a kill between the two leaves files that no row names, never the other way
 * round. They are swept when nobody is at such work: whoever brings files holds a shared lock until its rows are committed. */
#ifndef CLOCHE_ENGINE_IMAGE_FILES_H
#define CLOCHE_ENGINE_IMAGE_FILES_H

#include <stdbool.h>

struct engine;
struct err;

/* A descriptor that keeps sweepers away while it is open; or -errno. */
int image_files_hold(struct engine *engine, struct err *err);
/* Find what no row names, as "layers/HEX" and "blobs/sha256/HEX" in *ret_found; remove: to the trash with it. Nothing is found
 * while somebody holds the files. */
int image_files_sweep(struct engine *engine, bool remove, char ***ret_found, struct err *err);

#endif
