/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processor architectures in the words of images, which are GOARCH's (image-spec, config.md). */
#ifndef CLOCHE_IMAGE_ARCHITECTURE_H
#define CLOCHE_IMAGE_ARCHITECTURE_H

#include <stdbool.h>

/* That of this program, and so of the host. */
const char *architecture_here(void);
/* Whether programs of an image for it run here without binfmt_misc. */
bool architecture_runs(const char *wanted);

#endif
