/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Images that came from an archive or a folder, told in Docker's words. */
#ifndef CLOCHE_CLI_IMAGE_REPORT_H
#define CLOCHE_CLI_IMAGE_REPORT_H

#include <stdbool.h>

struct engine;
struct err;

/* input: a file, a folder, or a transport's place (transport.h); NULL: stdin. 0 or -errno. */
int images_load(struct engine *engine, const char *input, struct err *err);
/* Is it a transport's place? Then it is loaded, and *ret_status is the command's. */
bool images_from_transport(struct engine *engine, const char *text, int *ret_status,
			   struct err *err);

#endif
