/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts add, mounts remove: crun's commands for a running container. */
#include <errno.h>

#include "base/err.h"
#include "oci/oci.h"

static int mounts_run(void *cli, void *args, char **operands, struct err *err)
{
	(void)cli;
	(void)args;
	(void)operands;
	(void)err_set(err, EOPNOTSUPP,
		      "changing the mounts of a running container is not possible yet");
	return 1;
}

static const struct opt no_opts[] = { OPT_END };

const struct command oci_mounts = {
	.name = "mounts",
	.args = "[ARG...]",
	.summary = "refused: not possible yet",
	.opts = no_opts,
	.run = mounts_run,
};
