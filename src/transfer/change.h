/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's `import --change`: one Dockerfile instruction, applied to the "config" object of an image's configuration.
 * CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR, in any case. */
#ifndef CLOCHE_TRANSFER_CHANGE_H
#define CLOCHE_TRANSFER_CHANGE_H

#include <jansson.h>

struct err;

/* -EINVAL with words; config may then be half changed. */
int change_apply(json_t *config, const char *instruction, struct err *err);

#endif
