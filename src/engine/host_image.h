/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The built-in image `host`: the host's programs (/usr, read-only) over a fresh, minimal root file system of ours.
 * Nothing else of the host is in it. The root file system is one layer, host/KEY below the data root, made anew when one of
 * the files that it copies (ld.so.cache, ...) has changed. */
#ifndef CLOCHE_ENGINE_HOST_IMAGE_H
#define CLOCHE_ENGINE_HOST_IMAGE_H

struct engine;
struct err;
struct spec;

/* The layer's path, to be freed. */
char *host_image_layer(struct engine *engine, struct err *err);
/* Add the binds of /usr and of what the host keeps beside it (/bin, /lib, ... where they are folders). */
int host_image_mounts(struct spec *spec, struct err *err);

#endif
